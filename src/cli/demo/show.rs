//! What the demo prints.

use std::path::Path;

use console::Style;
use serde_json::Value;

use faena::client::{Accepted, JobRequest};

use super::Sample;
use crate::cli::ending::{Ending, Trouble};
use crate::cli::{args, output};

/// Columns of text beyond which a smallest or largest value in the table is cut: the commonest says more.
const VALUE_COLUMNS: usize = 11;

pub fn started(url: &str, kept: Option<&Path>) -> Result<(), Trouble> {
    let kept = kept.map_or_else(|| "in memory".to_owned(), |path| format!("in {}", path.display()));
    output::line(format!("listening on {url}"))?;
    output::line(format!("jobs are kept {kept}\n"))
}

pub fn sample(sample: &Sample) -> Result<(), Trouble> {
    let mib = sample.bytes as f64 / (1024.0 * 1024.0);
    let how = if sample.fresh { "wrote a sample of orders" } else { "the sample of an earlier demo" };
    output::line(format!("{how}: {} ({mib:.1} MiB)\n", sample.path.display()))
}

pub fn request(request: &JobRequest) -> Result<(), Trouble> {
    heading("POST /jobs")?;
    let request = serde_json::to_value(request).map_err(anyhow::Error::from)?;
    output::line(format!("{}\n", pretty(&request)?))
}

pub fn accepted(accepted: &Accepted) -> Result<(), Trouble> {
    let reason = if accepted.status == 202 { "Accepted" } else { "" };
    heading(format!("HTTP/1.1 {} {reason}", accepted.status).trim_end())?;
    let headers = [("Location", &accepted.location), ("Retry-After", &accepted.retry_after)];
    for (name, value) in headers {
        if let Some(value) = value {
            output::line(format!("{name}: {value}"))?;
        }
    }
    output::line(format!("{}\n", pretty(&accepted.body)?))
}

/// The profile of each column, one a row.
pub fn report(report: &Value) -> Result<(), Trouble> {
    let rows = report.get("rows").and_then(Value::as_u64).unwrap_or(0);
    let columns = report.get("columns").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let errors = report.get("errorCount").and_then(Value::as_u64).unwrap_or(0);
    output::line("")?;
    heading(&format!("The result: {} rows, {} columns", output::grouped(rows), columns.len()))?;
    let mut table = output::table(&["COLUMN", "TYPE", "EMPTY", "DISTINCT", "MIN", "MAX", "MEAN", "COMMONEST"]);
    for column in columns {
        table.add_row(cells(column));
    }
    output::print_table(&mut table, &[2, 3, 4, 5, 6])?;
    if errors > 0 {
        output::line(format!("{} rows could not be read; the result names the first", output::grouped(errors)))?;
    }
    Ok(())
}

/// Where to go on from here.
pub fn addresses(url: &str, id: &str, ending: Ending, slow: Option<&str>) -> Result<(), Trouble> {
    output::line("")?;
    heading("Go on from here")?;
    let (faena, at) = (output::program(), args::server_flag(url));
    let place = |what: &str, how: String| output::line(format!("{what:<20}{how}"));
    if cfg!(feature = "dashboard") {
        place("the dashboard", format!("{url}/dashboard"))?;
        place("this job there", format!("{url}/dashboard/jobs/{id}"))?;
    }
    if let Some(slow) = slow {
        place("a bar that moves", format!("{url}/dashboard/jobs/{slow}"))?;
    }
    place("the API, to browse", format!("{url}/docs"))?;
    place("this job", format!("{url}/jobs/{id}"))?;
    if ending == Ending::Done {
        place("its result", format!("{url}/jobs/{id}/result"))?;
    }
    place("another job", format!("{faena} enqueue sleep '{{\"durationMs\": 5000}}' --watch{at}"))?;
    place("all jobs", format!("{faena} jobs{at}"))?;
    output::line("")
}

fn heading(text: &str) -> Result<(), Trouble> {
    output::line(output::styled(text, Style::new().bold()))
}

fn pretty(value: &impl serde::Serialize) -> Result<String, Trouble> {
    Ok(serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?)
}

fn cells(column: &Value) -> Vec<String> {
    let text = |name: &str| match (name, column.get(name)) {
        ("name" | "type", Some(Value::String(text))) => output::harmless(text),
        (_, value) => value.map_or_else(String::new, shown),
    };
    let top = column.pointer("/top/0").map_or_else(String::new, |top| {
        let count = top.get("count").and_then(Value::as_u64).unwrap_or(0);
        format!(
            "{} × {}",
            output::grouped(count),
            output::harmless(top.get("value").and_then(Value::as_str).unwrap_or_default())
        )
    });
    let mut cells: Vec<_> = ["name", "type", "empty", "distinct", "min", "max", "mean"].map(text).into();
    cells.push(top);
    cells
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => output::cut(&output::harmless(text), VALUE_COLUMNS),
        Value::Number(number) => match number.as_u64() {
            Some(whole) => output::grouped(whole),
            None => number.as_f64().map_or_else(|| number.to_string(), decimal),
        },
        other => other.to_string(),
    }
}

/// Two decimals, with the whole part in groups.
fn decimal(number: f64) -> String {
    let text = format!("{:.2}", number.abs());
    let sign = if number < 0.0 { "-" } else { "" };
    match text.split_once('.').map(|(whole, rest)| (whole.parse::<u64>(), rest)) {
        Some((Ok(whole), rest)) => format!("{sign}{}.{rest}", output::grouped(whole)),
        _ => format!("{sign}{text}"),
    }
}
