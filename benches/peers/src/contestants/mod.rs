//! A queue that stands beside the program, as a process that is told what to do line by line. All of them do the same: many
//! producers that wait for each acknowledgement, workers whose jobs do nothing, and a count of the jobs that have run.

mod apalis;
mod riverqueue;
mod underway;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::Notify;

/// The argument that makes this executable one of them.
pub const ROLE: &str = "contestant";

/// Producers at once.
const PRODUCERS: usize = 64;
/// Time at the start of a run that does not count.
const WARM_UP: Duration = Duration::from_millis(500);
/// Jobs in one statement when many are needed beforehand.
const BATCH: u64 = 5_000;
/// Rest before each measurement of a queue at rest.
const REST: Duration = Duration::from_millis(5);
/// How long to wait for the next job to run.
const PATIENCE: Duration = Duration::from_secs(60);

/// Jobs that have run.
static SEEN: AtomicU64 = AtomicU64::new(0);
/// Told of each.
static RAN: Notify = Notify::const_new();

/// What a handler does.
fn ran() {
    SEEN.fetch_add(1, Ordering::Relaxed);
    RAN.notify_one();
}

/// A queue.
trait Queue: Clone + Send + Sync + 'static {
    /// Makes its tables and connects.
    fn open(url: &str) -> impl Future<Output = Result<Self>> + Send;

    /// Accepts a job, durably.
    fn enqueue(&self) -> impl Future<Output = Result<()>> + Send;

    /// Accepts many, in the quickest way that there is.
    fn enqueue_many(&self, count: u64) -> impl Future<Output = Result<()>> + Send;

    /// Works from now on.
    fn work(&self) -> impl Future<Output = Result<()>> + Send;
}

/// Plays the one with this name on the database at `url`.
pub fn play(arguments: &[String]) -> Result<()> {
    let [name, url] = arguments else { bail!("a contestant is played by its name and a URL") };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match name.as_str() {
            "riverqueue" => obey(riverqueue::River::open(url).await?).await,
            "underway" => obey(underway::Underway::open(url).await?).await,
            "apalis" => obey(apalis::Apalis::open(url).await?).await,
            _ => bail!("`{name}` is no contestant"),
        }
    })
}

/// Does what stdin says, and answers each line with one on stdout.
async fn obey(queue: impl Queue) -> Result<()> {
    println!("{}", json!({ "ready": true }));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<_> = line.split(' ').collect();
        let answer = match words[..] {
            ["post", seconds] => post(&queue, Duration::from_secs_f64(seconds.parse()?)).await?.0,
            ["complete", seconds] => complete(&queue, Duration::from_secs_f64(seconds.parse()?)).await?,
            ["drain", count] => drain(&queue, count.parse()?).await?,
            ["latency", rounds] => latency(&queue, rounds.parse()?).await?,
            _ => bail!("`{line}` is not understood"),
        };
        println!("{answer}");
    }
    Ok(())
}

/// Single jobs from many producers, each of which waits for the acknowledgement of the last.
async fn post(queue: &impl Queue, run: Duration) -> Result<(Value, u64, Instant)> {
    let began = Instant::now();
    let (from, until) = (began + WARM_UP, began + WARM_UP + run);
    let producers = (0..PRODUCERS).map(|_| {
        let queue = queue.clone();
        tokio::spawn(async move {
            let (mut all, mut counted) = (0_u64, 0_u64);
            while Instant::now() < until {
                queue.enqueue().await?;
                all += 1;
                counted += u64::from(Instant::now() >= from && Instant::now() < until);
            }
            anyhow::Ok((all, counted))
        })
    });
    let (mut all, mut counted) = (0, 0);
    for producer in producers.collect::<Vec<_>>() {
        let done = producer.await??;
        all += done.0;
        counted += done.1;
    }
    Ok((json!({ "jobs": counted, "seconds": run.as_secs_f64() }), all, began))
}

/// The same with workers: until the last one has run.
async fn complete(queue: &impl Queue, run: Duration) -> Result<Value> {
    let before = SEEN.load(Ordering::Relaxed);
    queue.work().await?;
    let (_, jobs, began) = post(queue, run).await?;
    wait_for(before + jobs).await?;
    Ok(json!({ "jobs": jobs, "seconds": began.elapsed().as_secs_f64() }))
}

/// Jobs that are there before anybody works: from the start of the workers until the last one has run.
async fn drain(queue: &impl Queue, count: u64) -> Result<Value> {
    for first in (0..count).step_by(BATCH as usize) {
        queue.enqueue_many(BATCH.min(count - first)).await?;
    }
    let before = SEEN.load(Ordering::Relaxed);
    let began = Instant::now();
    queue.work().await?;
    wait_for(before + count).await?;
    Ok(json!({ "jobs": count, "seconds": began.elapsed().as_secs_f64() }))
}

/// From the call that enqueues until the handler's first line, one job at a time after a rest.
async fn latency(queue: &impl Queue, rounds: usize) -> Result<Value> {
    queue.work().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut micros = Vec::new();
    for round in 0..rounds + 10 {
        tokio::time::sleep(REST).await;
        let before = SEEN.load(Ordering::Relaxed);
        let began = Instant::now();
        let (enqueued, took) =
            tokio::join!(queue.enqueue(), async { wait_for(before + 1).await.map(|()| began.elapsed()) });
        enqueued?;
        let took = took?;
        if round >= 10 {
            micros.push(took.as_micros() as u64);
        }
    }
    Ok(json!({ "micros": micros }))
}

async fn wait_for(count: u64) -> Result<()> {
    loop {
        let told = RAN.notified();
        let seen = SEEN.load(Ordering::Relaxed);
        if seen >= count {
            return Ok(());
        }
        let stuck = || format!("{seen} of {count} jobs have run, and nothing happens");
        tokio::time::timeout(PATIENCE, told).await.with_context(stuck)?;
    }
}

/// The payload of every job, as a document.
fn payload() -> Result<Value> {
    let payload = serde_json::from_str(crate::support::jobs::PAYLOAD)?;
    ensure!(crate::support::jobs::PAYLOAD.len() == 150, "the payload of others has 150 bytes");
    Ok(payload)
}
