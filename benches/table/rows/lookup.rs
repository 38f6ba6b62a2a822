//! `GET /jobs/{id}` of jobs that are in memory, against a bare server that shows a struct of the same size.

use anyhow::{Context, Result};
use serde_json::json;

use super::posting::{CONNECTIONS, beside};
use crate::support::exchange::Exchange;
use crate::support::load::Load;
use crate::support::pairs::take_turns;
use crate::support::report::{Goal, Row, Unit};
use crate::support::server::Server;
use crate::support::settings::Settings;
use crate::support::{answer, disk, jobs};

/// Jobs that are looked at in turns; a page of a list names them all.
const LOOKED_AT: u64 = 500;

/// The row.
pub fn get(settings: &Settings) -> Result<Vec<Row>> {
    let folder = disk::folder()?;
    let server = Server::faena(folder.path(), &[])?;
    jobs::post_many(server.addr(), LOOKED_AT, |_| jobs::noop())?;
    jobs::wait_until_completed(&server, LOOKED_AT)?;
    let listed = Exchange::new(server.addr())?.json(&answer::get(&format!("/jobs?limit={LOOKED_AT}")), 200)?;
    let ids = listed["data"].as_array().context("the list has no data")?.iter();
    let requests: Vec<_> =
        ids.filter_map(|job| Some(answer::get(&format!("/jobs/{}", job["jobId"].as_str()?)))).collect();
    let bare = Server::bare(jobs::sizes()?)?;
    let gets = |server: &Server| {
        let requests = requests.clone();
        let load = Load {
            addr: server.addr(),
            connections: CONNECTIONS,
            run: settings.run,
            requests,
            status: 200,
            worker: None,
        };
        Ok(load.run()?.rate())
    };
    let pairs = take_turns(settings.pairs, || gets(&bare), || gets(&server))?;
    Ok(vec![Row {
        name: "get",
        what: "`GET /jobs/{id}` of a hot job: against bare actix-web".to_owned(),
        measured: Ok(pairs.ratio()),
        unit: Unit::Ratio,
        goal: Goal::at_least(0.85, 0.95),
        beside: beside(&pairs),
        details: json!({ "pairs": pairs }),
    }])
}
