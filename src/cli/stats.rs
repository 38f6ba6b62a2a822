//! `faena stats`: the figures of the queue.

use clap::Args;
use serde_json::Value;

use super::args::Connection;
use super::ending::{Ending, Trouble};
use super::output;

/// Show the figures of the queue
///
/// How many jobs there are of each sort, what was done, and how long it took.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena stats
  faena stats --json | jq .data.byPriority")]
pub struct Stats {
    #[command(flatten)]
    pub connection: Connection,
}

impl Stats {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let answer = client.statistics().await?;
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
fn print(value: &Value, depth: usize) -> Result<(), Trouble> {
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

/// A job in one line.
fn brief(item: &Value) -> String {
    let fields = ["jobId", "subType", "priority", "runAt"].into_iter();
    let texts: Vec<_> = fields.filter_map(|name| item.get(name)?.as_str().map(output::harmless)).collect();
    if texts.is_empty() { item.to_string() } else { texts.join("  ") }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => output::harmless(text),
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), output::grouped),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        other => other.to_string(),
    }
}
