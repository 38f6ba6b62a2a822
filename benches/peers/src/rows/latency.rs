//! How soon a queue at rest begins with a job. The others are measured within their process, from the call that enqueues to
//! the handler's first line; the program from before its request is written until a reader of its feed has the start.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::rates::{FAENA, Turns, against_the_best};
use crate::support::cluster::Cluster;
use crate::support::contestant::Contestant;
use crate::support::faena::Faena;
use crate::support::pairs::{median, quantile};
use crate::support::report::{Goal, Row, Unit};
use crate::support::settings::Settings;

/// Rest before each measurement.
const REST: Duration = Duration::from_millis(5);
/// Rounds for each second of a run.
const ROUNDS_PER_SECOND: f64 = 50.0;
/// Rounds that do not count.
const WARM_UP_ROUNDS: usize = 10;

/// The row.
pub fn latency(settings: &Settings, cluster: &Cluster) -> Result<Vec<Row>> {
    let rounds = (ROUNDS_PER_SECOND * settings.run.as_secs_f64()).ceil() as usize;
    let (mut medians, mut slowest) = (Turns::new(), Turns::new());
    let mut answered = Vec::new();
    for turn in 1..=settings.turns {
        let mut note = |name: &str, millis: &[f64]| {
            let (p50, p99) = (median(millis), quantile(millis, 0.99));
            eprintln!("  turn {turn}: {name} {p50:.3} / {p99:.3} ms");
            medians.entry(name.to_owned()).or_default().push(p50);
            slowest.entry(name.to_owned()).or_default().push(p99);
        };
        for name in &settings.contestants {
            let database = cluster.database()?;
            let told = Contestant::start(name, &database.url())?.tell(&format!("latency {rounds}"))?;
            let micros = told["micros"].as_array().context("no figures")?;
            note(name, &micros.iter().filter_map(|it| Some(it.as_f64()? / 1e3)).collect::<Vec<_>>());
        }
        let database = cluster.database()?;
        let faena = Faena::start(&database.url(), &[])?;
        let mut starts = faena.starts()?;
        let mut millis = Vec::new();
        for round in 0..rounds + WARM_UP_ROUNDS {
            std::thread::sleep(REST);
            let (started, acknowledged) = starts.post()?;
            if round >= WARM_UP_ROUNDS {
                millis.push(1e3 * started.as_secs_f64());
                answered.push(1e3 * acknowledged.as_secs_f64());
            }
        }
        note(FAENA, &millis);
    }
    let (ratio, best) = against_the_best(&medians, f64::min);
    let shown = medians.iter().map(|(name, figures)| {
        format!("{name} {:.2} / {:.2}", median(figures), slowest.get(name).map_or(f64::NAN, |it| median(it)))
    });
    Ok(vec![Row {
        name: "latency",
        what: "idle: enqueued → started, p50: against the best of the others".to_owned(),
        measured: ratio.ok_or("no others are there"),
        unit: Unit::Ratio,
        goal: Goal { reach: Some(1.0), dream: None, less_is_better: true },
        beside: format!("p50 / p99, ms: {}; its 202 {:.2}", shown.collect::<Vec<_>>().join(", "), median(&answered)),
        details: json!({ "p50": medians, "p99": slowest, "best": best, "answered": median(&answered) }),
    }])
}
