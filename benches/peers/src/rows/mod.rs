//! The rows of the table.

mod backlog;
mod latency;
mod rates;
mod soak;

use std::io::Write;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::support::cluster::Cluster;
use crate::support::contestant;
use crate::support::report::{self, Row};
use crate::support::settings::Settings;

/// How a group of rows is measured.
type Measure = fn(&Settings, &Cluster) -> Result<Vec<Row>>;

/// All groups, by the name that picks one, in the order of the table.
pub const ALL: &[(&str, Measure)] = &[
    ("post", rates::post),
    ("complete", rates::complete),
    ("drain", rates::drain),
    ("backlog", backlog::backlog),
    ("latency", latency::latency),
    ("soak", soak::soak),
];

/// Measures the rows that are asked for and prints them. A group that fails does not take the others with it.
pub fn print(mut settings: Settings) -> Result<()> {
    let cluster = Cluster::of_the_script()?;
    settings.contestants = contestant::available(&settings.contestants)?;
    let machine = format!("{}; {}", machine(), cluster.about()?);
    eprintln!("{machine}");
    let mut out = std::io::stdout();
    if settings.json {
        writeln!(out, "{}", json!({ "machine": machine }))?;
    }
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (name, measure) in ALL.iter().filter(|(name, _)| settings.rows.iter().any(|wanted| wanted == name)) {
        eprintln!("measuring {name}");
        match measure(&settings, &cluster) {
            // One that reads lines does not wait for the last row.
            Ok(measured) if settings.json => report::print(&measured, true, &mut out)?,
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                eprintln!("{name} was not measured: {error:#}");
                failed.push(*name);
            }
        }
    }
    if !settings.json {
        report::print(&rows, false, &mut out)?;
    }
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

/// What it was measured on.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = read("/proc/cpuinfo");
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    format!("{cores} cores ({}), Linux {}", model.unwrap_or("unknown"), read("/proc/sys/kernel/osrelease").trim())
}
