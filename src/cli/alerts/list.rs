//! `faena alerts list`.

use clap::Args;
use comfy_table::Cell;

use faena::alert::AlertStatus;
use faena::client::FilterQuery;
use faena::client::alerts::AlertPage;
use faena::client::wire::Moment;
use faena::job::Name;
use faena::limits;

use crate::cli::args::Connection;
use crate::cli::ending::{Ending, Trouble};
use crate::cli::output;

/// List alerts, those that fired last first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena alerts list
  faena alerts list --status firing
  faena alerts list --schedule nightly --json | jq -r '.data[].message'")]
pub struct List {
    /// firing or cleared
    #[arg(long, value_name = "STATUS")]
    status: Option<AlertStatus>,
    /// Of this rule
    #[arg(long, value_name = "RULE")]
    rule: Option<Name>,
    /// About this schedule, by its name or its id
    #[arg(long, value_name = "NAME")]
    schedule: Option<String>,
    /// About jobs of this subtype
    #[arg(long = "subtype", visible_alias = "sub-type", value_name = "SUBTYPE")]
    sub_type: Option<Name>,
    /// Alerts on a page, at most 500
    #[arg(long, value_name = "N", default_value_t = limits::PAGE_DEFAULT)]
    limit: usize,
    /// Leave out so many first
    #[arg(long, value_name = "N")]
    offset: Option<usize>,
    #[command(flatten)]
    pub connection: Connection,
}

impl List {
    pub fn run(self) -> Result<Ending, Trouble> {
        let query = FilterQuery::default()
            .with("status", self.status)
            .with("rule", self.rule.as_ref())
            .with("schedule", self.schedule.as_ref())
            .with("subType", self.sub_type.as_ref())
            .with("limit", Some(self.limit))
            .with("offset", self.offset);
        self.connection.run(async |client| {
            let page = client.alerts(&query).await?;
            match self.connection.json {
                true => output::json(&page)?,
                false => print(&page)?,
            }
            Ok(Ending::Done)
        })
    }
}

/// The table, and on stderr what lies beyond it.
fn print(page: &AlertPage) -> Result<(), Trouble> {
    if page.data.is_empty() {
        output::note("no alerts");
        return Ok(());
    }
    let mut table = output::table(&["STATUS", "FIRED", "RULE", "MESSAGE"]);
    for alert in &page.data {
        let (status, fired) = (alert.status.to_string(), second(alert.fired_at));
        table.add_row(
            [status, fired, alert.rule.clone(), alert.message.clone()].map(|text| Cell::new(output::harmless(&text))),
        );
    }
    output::print_table(&mut table, &[])?;
    if page.pagination.has_more {
        let shown = page.data.len() as u64 + page.pagination.offset.unwrap_or(0);
        let (until, total) = (output::grouped(shown), output::grouped(page.pagination.total));
        output::note(format!("{until} of {total}; more with --offset {shown}"));
    }
    Ok(())
}

/// A moment to the second, in UTC.
fn second(at: Moment) -> String {
    format!("{}Z", &at.to_string()[..19])
}
