//! Workers of other processes: each connection takes a job and completes it, again and again. Both answers wait for the
//! disk.

use anyhow::{Context, Result};
use serde_json::json;

use super::posting::CONNECTIONS;
use crate::support::exchange::Exchange;
use crate::support::jobs::{self, PAYLOAD};
use crate::support::load::Load;
use crate::support::pairs::median;
use crate::support::report::{Goal, Row, Unit};
use crate::support::server::Server;
use crate::support::settings::Settings;
use crate::support::{answer, disk};

/// Jobs for each second of a run: more than are done.
const JOBS_A_SECOND: u64 = 40_000;

/// One lease and one completion a job.
pub fn workers(settings: &Settings) -> Result<Vec<Row>> {
    let (mut rates, mut outcomes) = (Vec::new(), Vec::new());
    for _ in 0..settings.pairs {
        let folder = disk::folder()?;
        let server = Server::faena(folder.path(), &[])?;
        let new = json!({ "name": "bench", "subTypes": ["elsewhere"], "concurrency": CONNECTIONS }).to_string();
        let registered = Exchange::new(server.addr())?.json(&answer::post("/workers", &new), 201)?;
        let worker = registered["data"]["workerId"].as_str().context("the answer has no workerId")?.to_owned();
        let jobs = JOBS_A_SECOND * (settings.run.as_secs() + 1);
        jobs::post_many(server.addr(), jobs, |_| format!(r#"{{"subType":"elsewhere","payload":{PAYLOAD}}}"#))?;
        let load = Load {
            addr: server.addr(),
            connections: CONNECTIONS,
            run: settings.run,
            requests: vec![answer::post(&format!("/workers/{worker}/lease"), r#"{"max":1,"waitSeconds":5}"#)],
            status: 200,
            worker: Some(worker),
        };
        let outcome = load.run()?;
        rates.push(outcome.rate());
        outcomes.push(outcome);
    }
    let rate = median(&rates);
    Ok(vec![Row {
        name: "workers",
        what: "remote worker over HTTP, durable, one lease and one completion a job, 64 connections".to_owned(),
        measured: Ok(rate),
        unit: Unit::PerSecond,
        goal: Goal::at_least(10_000.0, 20_000.0),
        beside: format!("{} requests", Unit::PerSecond.show(2.0 * rate)),
        details: json!({ "runs": outcomes }),
    }])
}
