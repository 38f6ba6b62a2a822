//! `faena stats`: the figures of the queue.

use clap::Args;
use serde_json::Value;

use super::args::Connection;
use super::ending::{Ending, Trouble};
use super::output;

/// Show the figures of the queue
///
/// How many jobs and schedules there are of each sort, what was done and what comes next; or, with `--day`, what ended in
/// the last 24 hours and how long it took.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena stats
  faena stats --day
  faena stats --json | jq .byPriority")]
pub struct Stats {
    /// What ended in the last 24 hours, and how long it took
    #[arg(long)]
    pub day: bool,
    #[command(flatten)]
    pub connection: Connection,
}

impl Stats {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let answer = if self.day { client.board().await? } else { client.statistics().await? };
            if self.connection.json {
                output::json(&answer)?;
            } else {
                print(answer.get("data").unwrap_or(&answer), 0)?;
            }
            Ok(Ending::Done)
        })
    }
}

/// Names and figures, one a line, deeper ones indented.
pub fn print(value: &Value, depth: usize) -> Result<(), Trouble> {
    let Some(fields) = value.as_object() else { return output::line(plain(value)) };
    let width = fields.keys().map(|name| name.len()).max().unwrap_or(0);
    for (name, value) in fields {
        let indent = "  ".repeat(depth);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                output::line(format!("{indent}{name}"))?;
                print(value, depth + 1)?;
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                output::line(format!("{indent}{name}"))?;
                for item in items {
                    output::line(format!("{indent}  {}", brief(item)))?;
                }
            }
            Value::Object(_) => output::line(format!("{indent}{name:width$}  none"))?,
            value => output::line(format!("{indent}{name:width$}  {}", plain(value)))?,
        }
    }
    Ok(())
}

/// A job or a schedule in one line.
fn brief(item: &Value) -> String {
    let fields = ["jobId", "subType", "name", "priority", "runAt", "nextExecutionAt", "lastExecutionError"].into_iter();
    let texts: Vec<_> = fields.filter_map(|name| item.get(name)?.as_str().map(output::harmless)).collect();
    if texts.is_empty() { item.to_string() } else { texts.join("  ") }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => output::harmless(text),
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), output::grouped),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        // A number for each minute is for programs.
        Value::Array(items) if items.iter().all(Value::is_u64) => {
            let sum: u64 = items.iter().filter_map(Value::as_u64).sum();
            format!("{} in {} steps", output::grouped(sum), output::grouped(items.len() as u64))
        }
        other => other.to_string(),
    }
}
