//! `faena subscriptions deliveries|replay`.

use clap::Args;
use comfy_table::Cell;
use serde_json::{Map, Value, json};

use faena::client::wire::Moment;
use faena::client::{Client, FilterQuery};
use faena::event::SendingState;
use faena::limits;

use crate::cli::args::{self, Connection};
use crate::cli::ending::{Ending, Trouble};
use crate::cli::{cancel, output};

/// List what is on its way to a subscription, and what came of the latest
///
/// Those that wait for a try, the latest hundred that were taken, and the latest thousand that nobody took. `outbox` and
/// `callbacks` name what the server's settings and the callbackUrl of jobs ask for.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions deliveries 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a
  faena subscriptions deliveries outbox --state dead --since 2026-11-24T07:00:00Z
  faena subscriptions deliveries callbacks --json | jq -r '.data[].answer'")]
pub struct Deliveries {
    /// The subscription
    #[arg(value_name = "ID")]
    id: String,
    /// pending, delivered or dead
    #[arg(long, value_name = "STATE")]
    state: Option<SendingState>,
    /// Of events that happened then or later, such as 2026-11-24T07:00:00Z
    #[arg(long, value_name = "TIME", value_parser = args::moment)]
    since: Option<Moment>,
    /// Of events that happened before
    #[arg(long, value_name = "TIME", value_parser = args::moment)]
    until: Option<Moment>,
    /// Deliveries on a page, at most 500
    #[arg(long, value_name = "N", default_value_t = limits::PAGE_DEFAULT)]
    limit: usize,
    /// Leave out so many first
    #[arg(long, value_name = "N")]
    offset: Option<usize>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Deliveries {
    pub fn run(self) -> Result<Ending, Trouble> {
        let query = FilterQuery::default()
            .with("state", self.state)
            .with("since", self.since)
            .with("until", self.until)
            .with("limit", Some(self.limit))
            .with("offset", self.offset);
        self.connection.run(async |client| {
            let answer = client.deliveries(&self.id, &query).await?;
            match self.connection.json {
                true => output::json(&answer)?,
                false => print(&answer, self.offset.unwrap_or(0))?,
            }
            Ok(Ending::Done)
        })
    }
}

/// The table, and on stderr what lies beyond it.
fn print(answer: &Value, offset: usize) -> Result<(), Trouble> {
    let found = answer.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if found.is_empty() {
        output::note("no deliveries");
        return Ok(());
    }
    let mut table = output::table(&["EVENT", "TYPE", "STATE", "TRIES", "STATUS", "NEXT", "ANSWER"]);
    for one in found {
        let text = |path: &str| one.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let figure = |path: &str| one.pointer(path).and_then(Value::as_u64).map_or_else(String::new, output::grouped);
        let cells = [
            text("/eventId"),
            text("/event/type"),
            text("/state"),
            figure("/attempts"),
            figure("/status"),
            text("/nextAt"),
            text("/answer"),
        ];
        table.add_row(cells.map(|text| Cell::new(output::harmless(&text))));
    }
    output::print_table(&mut table, &[3, 4])?;
    if answer.pointer("/pagination/hasMore").and_then(Value::as_bool) == Some(true) {
        let total = answer.pointer("/pagination/total").and_then(Value::as_u64).unwrap_or_default();
        let shown = (offset + found.len()) as u64;
        let (until, total) = (output::grouped(shown), output::grouped(total));
        output::note(format!("{until} of {total}; more with --offset {shown}"));
    }
    Ok(())
}

/// Try deliveries anew that nobody took, or those of the events that are named
///
/// Without events: everything that is dead, or what is dead of a range of time. An event that is named is sent again whatever
/// came of it, unless it is on its way anyway.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions replay 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a
  faena subscriptions replay outbox --since 2026-11-24T07:00:00Z --until 2026-11-25T00:00:00Z
  faena subscriptions replay 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a evt_01hq3f5x")]
pub struct Replay {
    /// The subscription
    #[arg(value_name = "ID")]
    id: String,
    /// The events, by their ids
    #[arg(value_name = "EVENT", conflicts_with_all = ["since", "until"])]
    events: Vec<String>,
    /// Of events that happened then or later, such as 2026-11-24T07:00:00Z
    #[arg(long, value_name = "TIME", value_parser = args::moment)]
    since: Option<Moment>,
    /// Of events that happened before
    #[arg(long, value_name = "TIME", value_parser = args::moment)]
    until: Option<Moment>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Replay {
    pub fn run(self) -> Result<Ending, Trouble> {
        let mut range = Map::new();
        range.extend(self.since.map(|since| ("since".to_owned(), json!(since.to_string()))));
        range.extend(self.until.map(|until| ("until".to_owned(), json!(until.to_string()))));
        self.connection.run(async |client| {
            if self.events.is_empty() {
                let answer = client.replay_deliveries(&self.id, &Value::Object(range)).await?;
                return cancel::tell(&answer, self.connection.json);
            }
            let one = async |client: Client, event: String| client.replay_delivery(&self.id, &event).await;
            cancel::each(&client, &self.events, self.connection.json, "replayed", one).await
        })
    }
}
