//! Jobs a second: accepted, run to completion, and drained. The yardstick of a turn is the best of the others in it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::cluster::Cluster;
use crate::support::contestant::Contestant;
use crate::support::faena::Faena;
use crate::support::pairs::median;
use crate::support::report::{Goal, Row, Unit};
use crate::support::settings::Settings;

/// Jobs that a contestant drains which takes them one by one.
const FEW: u64 = 1_000;

/// What each contestant reached, turn by turn.
pub type Turns = BTreeMap<String, Vec<f64>>;

/// The name of the program among the contestants.
pub const FAENA: &str = "faena";

/// Accepting jobs that nobody runs.
pub fn post(settings: &Settings, cluster: &Cluster) -> Result<Vec<Row>> {
    let what = format!("post {}", settings.run.as_secs_f64());
    let faena = |url: &str| Ok(Faena::start(url, &["--no-jobs"])?.post(settings.run)?.rate());
    let turns = take_turns(settings, cluster, |_| what.clone(), faena)?;
    Ok(vec![row("post", "single jobs accepted, 64 producers; faena over HTTP from 64 connections", 4.0, turns)])
}

/// Accepting jobs and completing all of them.
pub fn complete(settings: &Settings, cluster: &Cluster) -> Result<Vec<Row>> {
    let what = format!("complete {}", settings.run.as_secs_f64());
    let faena = |url: &str| Faena::start(url, &[])?.complete(settings.run);
    let turns = take_turns(settings, cluster, |_| what.clone(), faena)?;
    Ok(vec![row("complete", "the same, through to completion", 3.0, turns)])
}

/// Completing jobs that were there before.
pub fn drain(settings: &Settings, cluster: &Cluster) -> Result<Vec<Row>> {
    let what = |name: &str| format!("drain {}", if name == "underway" { FEW } else { settings.drain });
    let faena = |url: &str| {
        let faena = Faena::start(url, &[])?;
        faena.hold(true)?;
        faena.fill(settings.drain)?;
        faena.drain(settings.drain)
    };
    let turns = take_turns(settings, cluster, what, faena)?;
    Ok(vec![row("drain", &format!("a backlog of {} drained", settings.drain), 1.2, turns)])
}

/// Each contestant and the program in turns, each on a database of its own.
pub fn take_turns(
    settings: &Settings,
    cluster: &Cluster,
    what: impl Fn(&str) -> String,
    faena: impl Fn(&str) -> Result<f64>,
) -> Result<Turns> {
    let mut turns = Turns::new();
    for turn in 1..=settings.turns {
        for name in &settings.contestants {
            let database = cluster.database()?;
            let mut contestant = Contestant::start(name, &database.url()).with_context(|| name.clone())?;
            let rate = contestant.rate(&what(name))?;
            drop(contestant);
            eprintln!("  turn {turn}: {name} {rate:.0}");
            turns.entry(name.clone()).or_default().push(rate);
        }
        let database = cluster.database()?;
        let rate = faena(&database.url()).context(FAENA)?;
        eprintln!("  turn {turn}: {FAENA} {rate:.0}");
        turns.entry(FAENA.to_owned()).or_default().push(rate);
    }
    Ok(turns)
}

fn row(name: &'static str, what: &str, reach: f64, turns: Turns) -> Row {
    let (ratio, best) = against_the_best(&turns, f64::max);
    let shown = turns.iter().map(|(name, figures)| format!("{name} {}", Unit::PerSecond.show(median(figures))));
    Row {
        name,
        what: format!("{what}: against the best of the others"),
        measured: ratio.ok_or("no others are there"),
        unit: Unit::Ratio,
        goal: Goal { reach: Some(reach), dream: None, less_is_better: false },
        beside: shown.collect::<Vec<_>>().join(", "),
        details: json!({ "turns": turns, "best": best }),
    }
}

/// The middle of the ratios of the program to the best of the others, turn by turn, and those best figures.
pub fn against_the_best(turns: &Turns, better: fn(f64, f64) -> f64) -> (Option<f64>, Vec<f64>) {
    let Some(faena) = turns.get(FAENA) else { return (None, Vec::new()) };
    let others = || turns.iter().filter(|(name, _)| *name != FAENA).map(|(_, figures)| figures);
    let best = |turn: usize| others().filter_map(|figures| figures.get(turn).copied()).reduce(better);
    let best: Vec<f64> = (0..faena.len()).filter_map(best).collect();
    let ratios: Vec<f64> = faena.iter().zip(&best).map(|(faena, best)| faena / best).collect();
    ((!ratios.is_empty()).then(|| median(&ratios)), best)
}
