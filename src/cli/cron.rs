//! `faena cron`: what a cron expression means and when it comes next. It asks no server.

use clap::Args;
use comfy_table::{Cell, Color, ColumnConstraint};
use serde_json::{Value, json};

use faena::clock::{Clock, Timestamp};
use faena::limits;
use faena::schedule::{ClockChange, Fold, Tick, Timetable};
use faena::service::forecast::{Forecast, Question, forecast};

use super::args;
use super::ending::{Ending, Trouble};
use super::output;

/// Say what a cron expression means and when it comes next
///
/// One sentence in English, then the next times: what the clocks of the zone show, and in UTC. A time that a clock
/// change has to do with is marked. There are five fields (minute hour day-of-month month day-of-week) or six with
/// seconds before them; names, L, W, # and macros such as @daily are known. No server is asked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena cron '*/15 9-17 * * MON-FRI'
  faena cron '30 2 * * *' --timezone Europe/Berlin --count 10
  faena cron '0 0 L * *' --after 2027-01-01T00:00:00Z
  faena cron @hourly --json | jq -r '.nextExecutions[].at'")]
pub struct Cron {
    /// The expression, in quotes
    #[arg(value_name = "EXPRESSION")]
    expression: String,
    /// An IANA time zone
    #[arg(long = "timezone", visible_alias = "tz", value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// How many times, at most 1000
    #[arg(long, value_name = "N", default_value_t = limits::FORECAST_DEFAULT)]
    count: usize,
    /// Times after this moment, such as 2026-11-24T07:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = args::moment)]
    after: Option<faena::client::wire::Moment>,
    /// Print JSON instead of text for people
    #[arg(long)]
    pub json: bool,
}

impl Cron {
    pub fn run(self) -> Result<Ending, Trouble> {
        let after = self.after.map(|after| after.to_string());
        let question = Question {
            expression: &self.expression,
            timezone: Some(&self.timezone),
            after: after.as_deref(),
            count: Some(self.count),
        };
        let forecast = forecast(&question, Clock::System.now())?;
        match self.json {
            true => output::json(&as_json(&forecast))?,
            false => print(&forecast)?,
        }
        Ok(Ending::Done)
    }
}

/// What `POST /schedules/validate/cron` answers as `data`, and what it is about.
fn as_json(forecast: &Forecast) -> Value {
    let tick =
        |tick: &Tick| json!({ "at": tick.at.to_string(), "local": tick.local(), "clockChange": tick.clock_change });
    json!({
        "valid": true,
        "cronExpression": forecast.timetable.cron.as_str(),
        "timezone": forecast.timetable.zone.as_str(),
        "description": forecast.description,
        "nextExecutions": forecast.ticks.iter().map(tick).collect::<Vec<_>>(),
    })
}

fn print(forecast: &Forecast) -> Result<(), Trouble> {
    output::paragraph(&forecast.description)?;
    if forecast.ticks.is_empty() {
        output::note("it does not come again");
        return Ok(());
    }
    output::line("")?;
    times(&forecast.timetable, &forecast.ticks)
}

/// The times of a timetable as a table, with what its marks mean.
pub fn times(timetable: &Timetable, ticks: &[Tick]) -> Result<(), Trouble> {
    table(timetable, ticks)?;
    for change in ClockChange::ALL {
        if ticks.iter().any(|tick| tick.clock_change == Some(*change)) {
            output::line("")?;
            output::paragraph(&format!("{change}: {}", meaning(*change, timetable)))?;
        }
    }
    Ok(())
}

/// A column: its head, its least width for the terminal it appears in, and what it says of a time.
struct Column {
    head: &'static str,
    /// It appears in terminals of at least this width.
    from: u16,
    cell: fn(&Tick) -> String,
}

const COLUMNS: &[Column] = &[
    Column { head: "DAY", from: 64, cell: weekday },
    Column { head: ZONE, from: 0, cell: Tick::local },
    Column { head: "UTC", from: 56, cell: |tick| utc(tick.at) },
    Column {
        head: MARK,
        from: 0,
        cell: |tick| tick.clock_change.map_or_else(String::new, |change| change.to_string()),
    },
];

/// The column whose head is the zone's own name.
const ZONE: &str = "";
/// The column that is coloured.
const MARK: &str = "CLOCK";

/// The table for the terminal, or all columns for a pipe.
fn table(timetable: &Timetable, ticks: &[Tick]) -> Result<(), Trouble> {
    let width = if output::is_terminal() { output::width() } else { u16::MAX };
    let columns: Vec<_> = COLUMNS.iter().filter(|column| column.from <= width).collect();
    let zone = timetable.zone.as_str().to_uppercase();
    let heads: Vec<&str> = columns.iter().map(|column| if column.head == ZONE { &zone } else { column.head }).collect();
    let mut table = output::table(&heads);
    for tick in ticks {
        table.add_row(columns.iter().map(|column| {
            let cell = Cell::new((column.cell)(tick));
            if column.head == MARK { cell.fg(Color::Yellow) } else { cell }
        }));
    }
    for column in table.column_iter_mut() {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    output::print_table(&mut table, &[])
}

/// The moment to the second: an expression names none that is finer.
fn utc(at: Timestamp) -> String {
    at.to_string().replace(".000Z", "Z")
}

fn weekday(tick: &Tick) -> String {
    const SECONDS_PER_DAY: i64 = 86_400;
    let local = tick.at.as_millis().div_euclid(1_000) + i64::from(tick.offset_seconds);
    // The first of January 1970 was a Thursday.
    let name = match local.div_euclid(SECONDS_PER_DAY).rem_euclid(7) {
        0 => "Thu",
        1 => "Fri",
        2 => "Sat",
        3 => "Sun",
        4 => "Mon",
        5 => "Tue",
        _ => "Wed",
    };
    name.to_owned()
}

/// What a mark says.
fn meaning(change: ClockChange, timetable: &Timetable) -> &'static str {
    match (change, timetable.dst.fold) {
        (ClockChange::Gap, _) => {
            "the clock leaps over the time that was meant; it comes at the first instant after the leap instead"
        }
        (ClockChange::Fold, _) if timetable.cron.is_rhythm() => {
            "the clock shows this time twice; an expression for every hour comes both times"
        }
        (ClockChange::Fold, Fold::First) => "the clock shows this time twice; it comes the first time alone",
        (ClockChange::Fold, Fold::Second) => "the clock shows this time twice; it comes the second time alone",
        (ClockChange::Fold, Fold::Both) => "the clock shows this time twice; it comes both times",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_zones_own() {
        let of =
            |at: &str, offset_seconds| weekday(&Tick { at: at.parse().unwrap(), offset_seconds, clock_change: None });
        assert_eq!(of("2026-11-24T12:00:00Z", 0), "Tue");
        assert_eq!(of("2026-11-24T23:30:00Z", 3_600), "Wed");
        assert_eq!(of("1969-12-31T23:59:59Z", 0), "Wed");
        assert_eq!(of("1970-01-01T00:30:00Z", -3_600), "Wed");
    }
}
