//! `faena jobs`: the list of jobs as a table.

use std::time::Duration;

use clap::Args;
use comfy_table::{Cell, ColumnConstraint, Width};

use faena::client::{JobPage, JobView};
use faena::clock::{Clock, Timestamp};
use faena::limits;

use super::args::{Connection, Filter};
use super::ending::{Ending, Trouble};
use super::{output, span};

/// Columns of an id, which is always shown whole, for it is there to be copied.
const ID_COLUMNS: u16 = 36;

/// List jobs, newest first
///
/// The table fits the terminal: when it is narrow, columns are left out, and a long message is cut. All conditions
/// given must hold.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena jobs
  faena jobs --status failed,cancelled --limit 50
  faena jobs --subtype process_data --user ana --created-after 2026-11-24T00:00:00Z
  faena jobs --json | jq -r '.data[].jobId'")]
pub struct Jobs {
    #[command(flatten)]
    filter: Filter,
    /// Jobs on a page, at most 500
    #[arg(long, value_name = "N", default_value_t = limits::PAGE_DEFAULT)]
    limit: usize,
    /// Leave out so many first
    #[arg(long, value_name = "N")]
    offset: Option<usize>,
    /// Go on from an earlier page's nextCursor
    #[arg(long, value_name = "CURSOR", conflicts_with = "offset")]
    cursor: Option<String>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
    #[command(flatten)]
    pub connection: Connection,
}

impl Jobs {
    pub fn run(self) -> Result<Ending, Trouble> {
        let query = self
            .filter
            .query()
            .with("limit", Some(self.limit))
            .with("offset", self.offset)
            .with("cursor", self.cursor.as_ref())
            .with("sort", self.oldest_first.then_some("createdAt"));
        self.connection.run(async |client| {
            let page = client.jobs(&query).await?;
            if self.connection.json {
                output::json(&page)?
            } else {
                print(&page, Clock::System.now())?
            }
            Ok(Ending::Done)
        })
    }
}

/// The table, and on stderr what lies beyond it.
fn print(page: &JobPage, now: Timestamp) -> Result<(), Trouble> {
    match (page.data.is_empty(), page.pagination.has_more) {
        (true, false) => output::note("no jobs"),
        (true, true) => output::note(format!("no jobs so far; the search goes on with {}", next(page))),
        (false, _) => show(&page.data, now)?,
    }
    if !page.data.is_empty() && page.pagination.has_more {
        let least = if page.pagination.total_is_exact { "" } else { "at least " };
        let (shown, total) = (output::grouped(shown(page)), output::grouped(page.pagination.total));
        output::note(format!("{shown} of {least}{total}; more with {}", next(page)));
    }
    Ok(())
}

/// Jobs until the end of this page.
fn shown(page: &JobPage) -> u64 {
    page.data.len() as u64 + page.pagination.offset.unwrap_or(0)
}

/// The flag that asks for the next page.
fn next(page: &JobPage) -> String {
    let cursor = page.next_cursor.as_deref().map(|cursor| format!("--cursor {cursor}"));
    cursor.unwrap_or_else(|| format!("--offset {}", shown(page)))
}

/// A column: its head, its least width for the terminal it appears in, and what it says of a job.
struct Column {
    head: &'static str,
    /// It appears in terminals of at least this width.
    from: u16,
    right: bool,
    cell: fn(&JobView, Timestamp) -> String,
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", from: 0, right: false, cell: |job, _| job.job_id.clone() },
    Column { head: "STATUS", from: 0, right: false, cell: |job, _| job.status.to_string() },
    Column { head: "%", from: 56, right: true, cell: |job, _| job.progress.to_string() },
    Column { head: "SUBTYPE", from: 72, right: false, cell: |job, _| job.sub_type.clone() },
    Column { head: "PRIORITY", from: 110, right: false, cell: |job, _| job.priority.to_string() },
    Column { head: "AGE", from: 84, right: true, cell: age },
    Column { head: "TOOK", from: 96, right: true, cell: |job, _| took(job) },
    Column { head: "MESSAGE", from: 120, right: false, cell: |job, _| message(job) },
];

/// The table for the terminal, or all columns in full for a pipe.
fn show(jobs: &[JobView], now: Timestamp) -> Result<(), Trouble> {
    let width = if output::is_terminal() { output::width() } else { u16::MAX };
    let columns: Vec<_> = COLUMNS.iter().filter(|column| column.from <= width).collect();
    let mut table = output::table(&columns.iter().map(|column| column.head).collect::<Vec<_>>());
    for job in jobs {
        table.add_row(columns.iter().map(|column| {
            let cell = Cell::new((column.cell)(job, now));
            if column.head == "STATUS" { cell.fg(output::colour(job.status)) } else { cell }
        }));
    }
    for (index, column) in columns.iter().enumerate().filter(|(_, column)| column.head != "MESSAGE") {
        let constraint = match column.head {
            // It is there to be copied, so it is never cut.
            "ID" => ColumnConstraint::Absolute(Width::Fixed(ID_COLUMNS + 2)),
            _ => ColumnConstraint::ContentWidth,
        };
        table.column_mut(index).map(|column| column.set_constraint(constraint));
    }
    let right: Vec<_> = (0..columns.len()).filter(|index| columns[*index].right).collect();
    output::print_table(&mut table, &right)
}

/// How long ago it was accepted, in one unit.
fn age(job: &JobView, now: Timestamp) -> String {
    let seconds = now.millis_since(job.created_at.0) / 1_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn took(job: &JobView) -> String {
    job.duration_ms.map_or_else(String::new, |ms| span::show(Duration::from_millis(ms)))
}

fn message(job: &JobView) -> String {
    let error = job.error.as_ref().map(|error| error.message.as_str());
    output::harmless(error.or(job.message.as_deref()).unwrap_or_default())
}
