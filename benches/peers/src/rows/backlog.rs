//! What a deep queue costs: the same jobs are drained from a queue that has only them, and from the front of one in which a
//! million wait.

use anyhow::Result;
use serde_json::json;

use crate::support::cluster::Cluster;
use crate::support::faena::Faena;
use crate::support::pairs::take_turns;
use crate::support::report::{Goal, Row, Unit};
use crate::support::settings::Settings;

/// The row.
pub fn backlog(settings: &Settings, cluster: &Cluster) -> Result<Vec<Row>> {
    let (empty, deep) = (cluster.database()?, cluster.database()?);
    let (beginner, veteran) = (Faena::start(&empty.url(), &[])?, Faena::start(&deep.url(), &[])?);
    beginner.hold(true)?;
    veteran.hold(true)?;
    let filling = std::time::Instant::now();
    veteran.fill(settings.backlog)?;
    let filled = settings.backlog as f64 / filling.elapsed().as_secs_f64();
    let drain = |faena: &Faena| {
        faena.fill(settings.drain)?;
        let rate = faena.drain(settings.drain)?;
        faena.hold(true)?;
        Ok(rate)
    };
    let pairs = take_turns(settings.turns, || drain(&beginner), || drain(&veteran))?;
    let shown = |figures: &[f64]| Unit::PerSecond.show(crate::support::pairs::median(figures));
    Ok(vec![Row {
        name: "backlog",
        what: format!("{} drained with {} queued: against an empty queue", settings.drain, settings.backlog),
        measured: Ok(pairs.ratio()),
        unit: Unit::Ratio,
        goal: Goal::at_least(0.9, 1.0),
        beside: format!("{} of {}; filled at {filled:.0}/s in batches", shown(&pairs.faena), shown(&pairs.yardstick)),
        details: json!({ "pairs": pairs, "filledPerSecond": filled }),
    }])
}
