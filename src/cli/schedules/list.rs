//! `faena schedules list`.

use clap::Args;
use comfy_table::{Cell, ColumnConstraint};

use faena::client::FilterQuery;
use faena::client::schedules::{SchedulePage, ScheduleView};
use faena::client::wire::Moment;
use faena::job::Name;
use faena::limits;
use faena::schedule::Standing;

use crate::cli::args::Connection;
use crate::cli::ending::{Ending, Trouble};
use crate::cli::output;

/// List schedules, the one that fires next first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena schedules list
  faena schedules list --status paused,disabled
  faena schedules list --json | jq -r '.data[].name'")]
pub struct List {
    /// In one of these: enabled, disabled, paused
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<Standing>,
    /// Of jobs of this subtype
    #[arg(long = "subtype", visible_alias = "sub-type", value_name = "SUBTYPE")]
    sub_type: Option<Name>,
    /// With this text in its id, name, description, subtype, expression or zone
    #[arg(short = 'q', long = "search", value_name = "TEXT")]
    text: Option<String>,
    /// Schedules on a page, at most 500
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
        let statuses: Vec<_> = self.status.iter().map(|status| status.as_str()).collect();
        let query = FilterQuery::default()
            .with("status", (!statuses.is_empty()).then(|| statuses.join(",")))
            .with("subType", self.sub_type.as_ref())
            .with("q", self.text.as_ref())
            .with("sort", Some("nextExecutionAt"))
            .with("limit", Some(self.limit))
            .with("offset", self.offset);
        self.connection.run(async |client| {
            let page = client.schedules(&query).await?;
            match self.connection.json {
                true => output::json(&page)?,
                false => print(&page)?,
            }
            Ok(Ending::Done)
        })
    }
}

/// The table, and on stderr what lies beyond it.
fn print(page: &SchedulePage) -> Result<(), Trouble> {
    if page.data.is_empty() {
        output::note("no schedules");
        return Ok(());
    }
    table(&page.data)?;
    if page.pagination.has_more {
        let shown = page.data.len() as u64 + page.pagination.offset.unwrap_or(0);
        let (until, total) = (output::grouped(shown), output::grouped(page.pagination.total));
        output::note(format!("{until} of {total}; more with --offset {shown}"));
    }
    Ok(())
}

/// A column: its head, its least width for the terminal it appears in, and what it says of a schedule.
type Column = (&'static str, u16, fn(&ScheduleView) -> String);

const COLUMNS: &[Column] = &[
    ("NAME", 0, |schedule| output::harmless(&schedule.name)),
    ("STATUS", 0, |schedule| schedule.status.to_string()),
    ("NEXT", 56, |schedule| second(schedule.next_execution_at)),
    ("CRON", 80, |schedule| output::harmless(&schedule.cron_expression)),
    ("ZONE", 100, |schedule| output::harmless(&schedule.timezone)),
    ("LAST", 116, |schedule| schedule.last_execution_status.map_or_else(String::new, |status| status.to_string())),
    ("SUBTYPE", 130, |schedule| output::harmless(&schedule.sub_type)),
];

fn table(schedules: &[ScheduleView]) -> Result<(), Trouble> {
    let width = if output::is_terminal() { output::width() } else { u16::MAX };
    let columns: Vec<_> = COLUMNS.iter().filter(|(_, from, _)| *from <= width).collect();
    let mut table = output::table(&columns.iter().map(|(head, ..)| *head).collect::<Vec<_>>());
    for schedule in schedules {
        table.add_row(columns.iter().map(|(_, _, cell)| Cell::new(cell(schedule))));
    }
    // A long name gives way, the rest is short.
    for column in table.column_iter_mut().skip(1) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    output::print_table(&mut table, &[])
}

/// A moment to the second, in UTC.
fn second(at: Option<Moment>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| format!("{}Z", &at.to_string()[..19]))
}
