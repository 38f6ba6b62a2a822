//! What a server costs that nobody asks anything.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::support::disk;
use crate::support::report::{Goal, Row, Unit};
use crate::support::server::Server;
use crate::support::settings::Settings;

/// Time after the start that does not count.
const SETTLE: Duration = Duration::from_secs(2);
/// How long to look.
const LOOK: Duration = Duration::from_secs(10);

/// The two rows.
pub fn idle(_: &Settings) -> Result<Vec<Row>> {
    let folder = disk::folder()?;
    let server = Server::faena(folder.path(), &[])?;
    std::thread::sleep(SETTLE);
    let (began, before) = (Instant::now(), server.computed()?);
    std::thread::sleep(LOOK);
    let computed = server.computed()?.saturating_sub(before);
    let percent = 100.0 * computed.as_secs_f64() / began.elapsed().as_secs_f64();
    let mebibytes = server.memory()? as f64 / f64::from(1 << 20);
    let row = |what: &str, measured, unit, goal| Row {
        name: "idle",
        what: what.to_owned(),
        measured: Ok(measured),
        unit,
        goal,
        beside: format!("over {} s", LOOK.as_secs()),
        details: json!({ "computedMs": 1e3 * computed.as_secs_f64() }),
    };
    Ok(vec![
        row("idle server: time of one core", percent, Unit::Percent, Goal::at_most(0.2, 0.05)),
        row("idle server: memory", mebibytes, Unit::Mebibytes, Goal::at_most(25.0, 12.0)),
    ])
}
