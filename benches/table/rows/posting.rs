//! `POST /jobs`: accepted, run to completion, and one at a time. The yardstick is a bare server that parses the same
//! body and writes as many bytes back.

use anyhow::Result;
use serde_json::json;

use crate::support::answer;
use crate::support::disk::{self, Journal};
use crate::support::exchange::Exchange;
use crate::support::jobs;
use crate::support::load::{Load, Outcome};
use crate::support::pairs::{Pairs, median, take_turns};
use crate::support::report::{Goal, Row, Unit};
use crate::support::server::Server;
use crate::support::settings::Settings;

/// Connections at once, unless one is enough.
pub const CONNECTIONS: usize = 64;
/// Appends that show what the disk needs.
const APPENDS: usize = 500;

/// Accepting jobs that nobody runs.
pub fn post(settings: &Settings) -> Result<Vec<Row>> {
    let (pairs, outcomes) = against_bare(settings, CONNECTIONS, |server| {
        let outcome = posts(settings, server, CONNECTIONS)?;
        Ok((outcome.rate(), outcome))
    })?;
    Ok(vec![Row {
        name: "post",
        what: "`POST /jobs`, one a request, durable, 64 connections: against bare actix-web".to_owned(),
        measured: Ok(pairs.ratio()),
        unit: Unit::Ratio,
        goal: Goal::at_least(0.50, 0.75),
        beside: beside(&pairs),
        details: json!({ "pairs": pairs, "runs": outcomes }),
    }])
}

/// Accepting jobs and completing all of them.
pub fn complete(settings: &Settings) -> Result<Vec<Row>> {
    let yardstick = Server::bare(jobs::sizes()?)?;
    let pairs = take_turns(
        settings.pairs,
        || Ok(posts(settings, &yardstick, CONNECTIONS)?.rate()),
        || {
            let folder = disk::folder()?;
            completions(settings, &Server::faena(folder.path(), &[])?)
        },
    )?;
    Ok(vec![Row {
        name: "complete",
        what: "the same, with each job run to completion by `noop`: against bare actix-web".to_owned(),
        measured: Ok(pairs.ratio()),
        unit: Unit::Ratio,
        goal: Goal::at_least(0.35, 0.60),
        beside: beside(&pairs),
        details: json!({ "pairs": pairs }),
    }])
}

/// One client that waits for each answer. The best that there could be is one `fdatasync` and one bare request.
pub fn lone(settings: &Settings) -> Result<Vec<Row>> {
    let folder = disk::folder()?;
    let mut journal = Journal::new(folder.path())?;
    let mut appends = Vec::new();
    let (pairs, outcomes) = against_bare(settings, 1, |server| {
        for _ in 0..APPENDS {
            appends.push(journal.append()?.as_secs_f64());
        }
        let outcome = posts(settings, server, 1)?;
        Ok((outcome.rate(), outcome))
    })?;
    let append = median(&appends);
    let dream = 1.0 / (append + 1.0 / median(&pairs.yardstick));
    let beside = format!("{}; `fdatasync` {:.3} ms", beside(&pairs), 1e3 * append);
    Ok(vec![Row {
        name: "lone",
        what: "a lone client, one request at a time, durable".to_owned(),
        measured: Ok(median(&pairs.faena)),
        unit: Unit::PerSecond,
        goal: Goal::at_least(3_500.0, dream),
        beside,
        details: json!({ "pairs": pairs, "runs": outcomes, "fdatasyncMs": 1e3 * append }),
    }])
}

/// Turns of the bare server and of the program in a new folder each time, with nobody to run its jobs.
fn against_bare(
    settings: &Settings,
    connections: usize,
    mut measure: impl FnMut(&Server) -> Result<(f64, Outcome)>,
) -> Result<(Pairs, Vec<Outcome>)> {
    let yardstick = Server::bare(jobs::sizes()?)?;
    let mut outcomes = Vec::new();
    let pairs = take_turns(
        settings.pairs,
        || Ok(posts(settings, &yardstick, connections)?.rate()),
        || {
            let folder = disk::folder()?;
            let (rate, outcome) = measure(&Server::faena(folder.path(), &["--no-jobs"])?)?;
            outcomes.push(outcome);
            Ok(rate)
        },
    )?;
    Ok((pairs, outcomes))
}

fn posts(settings: &Settings, server: &Server, connections: usize) -> Result<Outcome> {
    post_for_a_while(settings, server, connections, &jobs::noop())
}

/// Posts one job after another on each connection.
pub fn post_for_a_while(settings: &Settings, server: &Server, connections: usize, job: &str) -> Result<Outcome> {
    let load = Load {
        addr: server.addr(),
        connections,
        run: settings.run,
        requests: vec![answer::post("/jobs", job)],
        status: 202,
        worker: None,
    };
    load.run()
}

/// Posts jobs for a while, waits for the last of them, and says how many were completed a second from the first
/// request on.
pub fn completions(settings: &Settings, server: &Server) -> Result<f64> {
    let before = jobs::completed(&mut Exchange::new(server.addr())?)?;
    let outcome = posts(settings, server, CONNECTIONS)?;
    let drained = jobs::wait_until_completed(server, before + outcome.answers_in_all)?;
    Ok(outcome.answers_in_all as f64 / (outcome.seconds_in_all + drained.as_secs_f64()))
}

/// Both figures of a comparison, for people.
pub fn beside(pairs: &Pairs) -> String {
    let rate = |figures: &[f64]| Unit::PerSecond.show(median(figures));
    format!("{} of {}", rate(&pairs.faena), rate(&pairs.yardstick))
}
