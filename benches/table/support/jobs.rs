//! What is posted, and how the jobs that have ended are counted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::answer;
use super::bare::Sizes;
use super::disk;
use super::exchange::Exchange;
use super::server::Server;

/// The payload of every job: 150 bytes, as the figures of others were taken with.
pub const PAYLOAD: &str = concat!(
    r#"{"customer":"c-0017","document":"invoice","lines":[1,2,3,4,5,6],"#,
    r#""note":"to be printed and sent before the end of the month, with a copy for the file"}"#
);
const _: () = assert!(PAYLOAD.len() == 150);

/// How long to wait for the next job to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Jobs in one request when many are needed beforehand.
const BATCH: u64 = 10_000;

/// A job that is done at once.
pub fn noop() -> String {
    format!(r#"{{"subType":"noop","payload":{PAYLOAD}}}"#)
}

/// A job for a processor that is paused; blanks make its payload as long as the others.
pub fn waiting() -> String {
    format!(r#"{{"subType":"sleep","payload":{{"durationMs":1{}}}}}"#, " ".repeat(PAYLOAD.len() - 16))
}

/// Accepts many jobs; `job` is asked for each by its number.
pub fn post_many(addr: SocketAddr, count: u64, job: impl Fn(u64) -> String) -> Result<()> {
    let mut exchange = Exchange::new(addr)?;
    let mut body = String::new();
    for first in (0..count).step_by(BATCH as usize) {
        body.clear();
        for number in first..count.min(first + BATCH) {
            body.push(if number == first { '[' } else { ',' });
            body.push_str(&job(number));
        }
        body.push(']');
        exchange.json(&answer::post("/jobs/batch", &body), 202)?;
    }
    Ok(())
}

/// Keeps the jobs of [`waiting`] waiting.
pub fn hold(addr: SocketAddr) -> Result<()> {
    let mut exchange = Exchange::new(addr)?;
    let (status, body) = exchange.ask(&answer::post("/processors/sleep/pause", ""))?;
    ensure!((200..300).contains(&status), "status {status}: {}", String::from_utf8_lossy(body));
    Ok(())
}

/// Jobs that the server has completed since it began.
pub fn completed(exchange: &mut Exchange) -> Result<u64> {
    let (status, body) = exchange.ask(&answer::get("/metrics"))?;
    ensure!(status == 200, "/metrics answers {status}");
    completed_in(std::str::from_utf8(body)?)
}

/// The same, in the text of the metrics. The store forgets ended jobs beyond a bound; a counter forgets nothing.
pub fn completed_in(metrics: &str) -> Result<u64> {
    let successes = |line: &&str| line.starts_with("faena_jobs_ended_total{") && line.contains(r#"outcome="success""#);
    let counts = metrics.lines().filter(successes).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    Ok(counts.sum())
}

/// Waits until so many jobs are completed, and says how long that took.
pub fn wait_until_completed(server: &Server, count: u64) -> Result<Duration> {
    let mut exchange = Exchange::new(server.addr())?;
    let began = Instant::now();
    let (mut last, mut last_at) = (0, began);
    loop {
        let done = completed(&mut exchange)?;
        if done >= count {
            return Ok(began.elapsed());
        }
        if done > last {
            (last, last_at) = (done, Instant::now());
        }
        if last_at.elapsed() > PATIENCE {
            bail!("{done} of {count} jobs are completed, and nothing happens");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How long the answers of the program are: the bare server writes as much.
pub fn sizes() -> Result<Sizes> {
    let folder = disk::folder()?;
    let server = Server::faena(folder.path(), &["--store", "memory"])?;
    let mut exchange = Exchange::new(server.addr())?;
    let (status, body) = exchange.ask(&answer::post("/jobs", &noop()))?;
    ensure!(status == 202, "status {status}: {}", String::from_utf8_lossy(body));
    let post = body.len();
    let accepted: serde_json::Value = serde_json::from_slice(body)?;
    let id = accepted["data"]["jobId"].as_str().context("the answer has no jobId")?;
    wait_until_completed(&server, 1)?;
    let (status, body) = exchange.ask(&answer::get(&format!("/jobs/{id}")))?;
    ensure!(status == 200, "status {status}: {}", String::from_utf8_lossy(body));
    Ok(Sizes { post, get: body.len() })
}

/// How many jobs a list names in all.
pub fn total(addr: SocketAddr, query: &str) -> Result<u64> {
    let listed = Exchange::new(addr)?.json(&answer::get(&format!("/jobs?limit=1&{query}")), 200)?;
    listed["pagination"]["total"].as_u64().context("the list has no total")
}
