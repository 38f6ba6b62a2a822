//! The rows of the table, one file a group. Each measures itself beside its yardstick and says what it saw.

mod backlog;
mod embedded;
mod idle;
mod latency;
mod lookup;
mod pages;
mod posting;
mod schedules;
mod workers;

use std::io::Write;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::support::disk;
use crate::support::report::{self, Row};
use crate::support::settings::Settings;

/// How a group of rows is measured.
type Measure = fn(&Settings) -> Result<Vec<Row>>;

/// All groups, by the name that picks one, in the order of the table.
pub const ALL: &[(&str, Measure)] = &[
    ("post", posting::post),
    ("complete", posting::complete),
    ("embedded", embedded::durable),
    ("memory", embedded::memory),
    ("latency", latency::latency),
    ("get", lookup::get),
    ("backlog", backlog::backlog),
    ("pages", pages::pages),
    ("schedules", schedules::schedules),
    ("workers", workers::workers),
    ("lone", posting::lone),
    ("idle", idle::idle),
];

/// Measures the rows that are asked for and prints them. A group that fails does not take the others with it.
pub fn print(settings: &Settings) -> Result<()> {
    let machine = machine();
    eprintln!("{machine}");
    let mut out = std::io::stdout();
    if settings.json {
        writeln!(out, "{}", json!({ "machine": machine }))?;
    }
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (name, measure) in ALL.iter().filter(|(name, _)| settings.rows.iter().any(|wanted| wanted == name)) {
        eprintln!("measuring {name}");
        match measure(settings) {
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
    let system = read("/proc/sys/kernel/osrelease");
    let mut machine =
        format!("{cores} cores ({}), Linux {}, {}", model.unwrap_or("unknown"), system.trim(), disk::kind());
    if disk::kind() == "tmpfs" {
        machine.push_str(" (the folder of the build is in memory: nothing below is durable)");
    }
    machine
}
