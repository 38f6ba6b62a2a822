//! `faena events`: what happened on a running server, by whom and why.

use std::collections::HashSet;
use std::time::Duration;

use clap::Args;
use comfy_table::Cell;
use serde_json::Value;

use faena::client::events::{EventPage, EventView, Followed};
use faena::client::wire::Moment;
use faena::client::{Client, FilterQuery};
use faena::clock::Clock;
use faena::limits;

use super::args::{self, Connection};
use super::ending::{Ending, Trouble};
use super::{output, span};

/// Columns of a type while one follows: the longest of the program's own.
const TYPE_COLUMNS: usize = 18;

/// List what happened, the latest first, or follow what happens
///
/// Every change of a job, a schedule, an alert or a key is an event, and so is what an application tells of itself: with the
/// moment, with who did it, and why. With --follow the command goes on until it is stopped, also while the server restarts;
/// what it shows first is what happened last.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena events
  faena events --type job.failed,job.dead --since 24h
  faena events --aggregate job:019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a --oldest-first
  faena events --type 'key.*' --json | jq -r '.data[].payload.by'
  faena events --follow --type 'alert.*'
  faena events --follow --json --count 1 --type order.paid      wait for one")]
pub struct Events {
    /// Of these types: job.failed, 'job.*'; separated by commas
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// About this sort of thing, or this one: job, schedule:ID, order:A-17
    #[arg(long, value_name = "SORT[:ID]")]
    aggregate: Option<String>,
    /// Of the jobs and schedules of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Since then: a time such as 2026-11-24T07:00:00Z, or so long ago, such as 90m or 7d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Moment>,
    /// Before then, in the same words
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Moment>,
    /// Events on a page, at most 500; with --follow, how many to begin with
    #[arg(long, value_name = "N", default_value_t = limits::PAGE_DEFAULT)]
    limit: usize,
    /// Go on from an earlier page's nextCursor
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
    /// Go on with what happens, one line each
    #[arg(long, conflicts_with_all = ["until", "cursor", "oldest_first"])]
    follow: bool,
    /// With --follow: begin with what is yet to come, and end after so many
    #[arg(long, value_name = "N", requires = "follow", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Events {
    pub fn run(self) -> Result<Ending, Trouble> {
        let filter = self.filter();
        self.connection.run(async |client| match self.follow {
            true => self.follow(&client, filter).await,
            false => self.list(&client, filter).await,
        })
    }

    fn filter(&self) -> FilterQuery {
        let (sort, id) = match self.aggregate.as_deref().map(|text| text.split_once(':').unwrap_or((text, ""))) {
            Some((sort, id)) => (Some(sort).filter(|sort| !sort.is_empty()), Some(id).filter(|id| !id.is_empty())),
            None => (None, None),
        };
        FilterQuery::default()
            .with("type", (!self.types.is_empty()).then(|| self.types.join(",")))
            .with("aggregateType", sort)
            .with("aggregateId", id)
            .with("userId", self.user.as_ref())
            .with("since", self.since)
            .with("until", self.until)
    }

    async fn list(&self, client: &Client, filter: FilterQuery) -> Result<Ending, Trouble> {
        let page = filter
            .with("limit", Some(self.limit))
            .with("cursor", self.cursor.as_ref())
            .with("sort", self.oldest_first.then_some("occurredAt"));
        let page = client.events(&page).await?;
        match self.connection.json {
            true => output::json(&page)?,
            false => print(&page)?,
        }
        Ok(Ending::Done)
    }

    async fn follow(&self, client: &Client, filter: FilterQuery) -> Result<Ending, Trouble> {
        // From before the first page, so that nothing falls between the two.
        let mut follow = client.follow_events(filter.clone()).from_now_on().await?;
        let mut shown = HashSet::new();
        if self.count.is_none() && self.limit > 0 {
            let mut page = client.events(&filter.with("limit", Some(self.limit))).await?;
            page.data.reverse();
            for event in &page.data {
                self.show(event)?;
                shown.insert(event.id.clone());
            }
        }
        let (mut left, mut is_away) = (self.count.unwrap_or(u64::MAX), false);
        loop {
            match follow.next().await? {
                Followed::Events(events) => {
                    if std::mem::take(&mut is_away) {
                        output::note("the server is back");
                    }
                    for event in events.iter().filter(|event| !shown.remove(&event.id)) {
                        self.show(event)?;
                        left -= 1;
                        if left == 0 {
                            return Ok(Ending::Done);
                        }
                    }
                }
                Followed::Away(reason) if !is_away => {
                    is_away = true;
                    output::note(format!("{reason}; waiting"));
                }
                Followed::Away(_) => {}
            }
        }
    }

    fn show(&self, event: &EventView) -> Result<(), Trouble> {
        if self.connection.json {
            return output::json_line(event);
        }
        let [at, kind, of, by, about] = cells(event);
        let by = if by.is_empty() { by } else { format!("  by {by}") };
        output::line(format!("{at}  {kind:TYPE_COLUMNS$}  {of}{by}  {about}").trim_end())
    }
}

/// The table, and on stderr what lies beyond it.
fn print(page: &EventPage) -> Result<(), Trouble> {
    if page.data.is_empty() && !page.pagination.has_more {
        output::note("no events");
        return Ok(());
    }
    let mut table = output::table(&["AT", "TYPE", "OF", "BY", "ABOUT"]);
    for event in &page.data {
        table.add_row(cells(event).map(Cell::new));
    }
    output::print_table(&mut table, &[])?;
    if let (true, Some(cursor)) = (page.pagination.has_more, &page.next_cursor) {
        output::note(format!("more with --cursor {cursor}"));
    }
    Ok(())
}

/// When, what, to whom, by whom, and what else there is to say of it.
fn cells(event: &EventView) -> [String; 5] {
    let text = |name: &str| event.payload.get(name).and_then(Value::as_str);
    let error = event.payload.pointer("/error/message").and_then(Value::as_str);
    let what = [text("subType"), text("name"), error.or(text("message")), text("reason")].into_iter().flatten();
    let about = what.collect::<Vec<_>>().join("  ");
    let of = format!("{} {}", event.aggregate_type, event.aggregate_id);
    let cells = [&event.occurred_at.to_string(), &event.kind, &of, text("by").unwrap_or_default(), &about];
    cells.map(output::harmless)
}

/// Reads a time for clap, or how long ago it was.
fn moment(text: &str) -> Result<Moment, String> {
    args::moment(text).or_else(|_| {
        let ago = |ago: Duration| Moment(Clock::System.now().minus(ago));
        span::parse(text).map(ago).map_err(|_| {
            format!("`{text}` is neither a time such as 2026-11-24T07:00:00Z nor so long ago, such as 90m or 7d")
        })
    })
}
