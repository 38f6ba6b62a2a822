//! What a deep queue costs: how much slower everything gets, memory for each job that waits, and the start.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use super::posting::{CONNECTIONS, beside, completions, post_for_a_while};
use crate::support::pairs::{Pairs, take_turns};
use crate::support::report::{Goal, Row, Unit};
use crate::support::server::Server;
use crate::support::settings::Settings;
use crate::support::{disk, jobs};

/// Time that the allocator has to give back what a burst needed.
const SETTLE: Duration = Duration::from_secs(3);

/// The rows.
pub fn backlog(settings: &Settings) -> Result<Vec<Row>> {
    let (deep, empty) = (disk::folder()?, disk::folder()?);
    let server = Server::faena(deep.path(), &[])?;
    jobs::hold(server.addr())?;
    std::thread::sleep(SETTLE);
    let at_first = server.memory()?;
    let filling = Instant::now();
    jobs::post_many(server.addr(), settings.backlog, |_| jobs::waiting())?;
    let filled = settings.backlog as f64 / filling.elapsed().as_secs_f64();
    std::thread::sleep(SETTLE);
    let bytes = |now: u64| now.saturating_sub(at_first) as f64 / settings.backlog as f64;
    let kept = bytes(server.memory()?);

    server.stop()?;
    let (server, after_stop) = timed_start(deep.path(), settings.backlog)?;
    let kept_after_start = bytes(server.memory()?);
    drop(server);
    let (server, after_kill) = timed_start(deep.path(), settings.backlog)?;

    let beginner = Server::faena(empty.path(), &[])?;
    jobs::hold(beginner.addr())?;
    let posts = |server: &Server| Ok(post_for_a_while(settings, server, CONNECTIONS, &jobs::waiting())?.rate());
    let accepting = take_turns(settings.pairs, || posts(&beginner), || posts(&server))?;
    let completing =
        take_turns(settings.pairs, || completions(settings, &beginner), || completions(settings, &server))?;

    let count = settings.backlog;
    let throughput = |what: &str, pairs: &Pairs| Row {
        name: "backlog",
        what: format!("{what} with {count} queued: against an empty queue"),
        measured: Ok(pairs.ratio()),
        unit: Unit::Ratio,
        goal: Goal::at_least(0.9, 1.0),
        beside: beside(pairs),
        details: json!({ "pairs": pairs }),
    };
    Ok(vec![
        throughput("`POST /jobs`", &accepting),
        throughput("through to completion", &completing),
        Row {
            name: "backlog",
            what: "memory for each queued job with a 150-byte payload".to_owned(),
            measured: Ok(kept),
            unit: Unit::Bytes,
            goal: Goal::at_most(600.0, 200.0),
            beside: format!("{kept_after_start:.0} B after a start; filled at {filled:.0}/s in batches of 10,000"),
            details: json!({ "afterStart": kept_after_start, "filledPerSecond": filled }),
        },
        Row {
            name: "backlog",
            what: format!("start with {count} queued jobs on disk"),
            measured: Ok(after_stop.max(after_kill)),
            unit: Unit::Seconds,
            goal: Goal::at_most(5.0, 1.0),
            beside: format!("{after_stop:.2} s after a stop, {after_kill:.2} s after a kill"),
            details: json!({ "afterStop": after_stop, "afterKill": after_kill }),
        },
    ])
}

/// Starts the program and says how long it took until it answered, with every job that was there.
fn timed_start(folder: &Path, count: u64) -> Result<(Server, f64)> {
    let began = Instant::now();
    let server = Server::faena(folder, &[])?;
    let took = began.elapsed().as_secs_f64();
    let found = jobs::total(server.addr(), "status=queued")?;
    ensure!(found >= count, "{found} jobs were found of {count}");
    Ok((server, took))
}
