//! Inside an application: jobs handed over in batches by several tasks, counted when they are completed. No HTTP, so
//! the yardstick is a figure, not a ratio.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use faena::app::Faena;
use faena::app::settings::{Settings as FaenaSettings, StoreChoice};
use faena::job::{Name, NewJob};
use faena::processors::noop::Noop;
use faena::service::Service;
use faena::store::Tally;
use faena::work::Registry;

use crate::support::pairs::median;
use crate::support::report::{Goal, Row, Unit};
use crate::support::settings::Settings;
use crate::support::{disk, jobs};

/// Tasks that hand over jobs.
const TASKS: usize = 8;
/// Jobs that a task hands over at once.
const BATCH: usize = 100;
/// Jobs that may be under way: an application would not let the queue grow for ever either.
const UNDER_WAY_MAX: u64 = 20_000;
/// Jobs that run at once: an application whose jobs are this small would not leave it at 64.
const IO_SLOTS: usize = 256;
/// Time before figures count.
const WARM_UP: Duration = Duration::from_millis(500);

/// With a store on disk.
pub fn durable(settings: &Settings) -> Result<Vec<Row>> {
    let goal = Goal::at_least(60_000.0, 150_000.0);
    row(settings, "embedded", "embedded in process, durable, enqueue to completion", &StoreChoice::default(), goal)
}

/// With a store in memory.
pub fn memory(settings: &Settings) -> Result<Vec<Row>> {
    row(settings, "memory", "the same, memory", &StoreChoice::Memory, Goal::at_least(400_000.0, 1_000_000.0))
}

fn row(settings: &Settings, name: &'static str, what: &str, store: &StoreChoice, goal: Goal) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rates = Vec::new();
    for turn in 1..=settings.pairs {
        let folder = disk::folder()?;
        let rate = runtime.block_on(completions(settings.run, folder.path(), store.clone()))?;
        eprintln!("  turn {turn}: {rate:.0}");
        rates.push(rate);
    }
    Ok(vec![Row {
        name,
        what: what.to_owned(),
        measured: Ok(median(&rates)),
        unit: Unit::PerSecond,
        goal,
        beside: format!("{TASKS} tasks, batches of {BATCH}"),
        details: json!({ "jobsPerSecond": rates }),
    }])
}

/// Jobs completed a second, while as many come as are completed.
async fn completions(run: Duration, folder: &Path, store: StoreChoice) -> Result<f64> {
    let settings = FaenaSettings { store, io_slots: IO_SLOTS, ..FaenaSettings::in_folder(folder) };
    let faena = Faena::start(settings, Registry::new().asynchronous("noop", Noop)).await?;
    let shared = Arc::new(Shared::default());
    let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(hand_over(faena.service().clone(), shared.clone()))).collect();

    let mut counted_from = None;
    let began = Instant::now();
    let rate = loop {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let completed = completed(faena.service())?;
        shared.completed.store(completed, Ordering::Relaxed);
        let now = Instant::now();
        match counted_from {
            None if now >= began + WARM_UP => counted_from = Some((now, completed)),
            Some((from, before)) if now >= began + WARM_UP + run => {
                break (completed - before) as f64 / now.duration_since(from).as_secs_f64();
            }
            _ => {}
        }
        if let Some(ended_early) = tasks.iter().find(|task| task.is_finished()) {
            anyhow::bail!("a task ended before its time: {ended_early:?}");
        }
    };
    shared.enough.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    faena.stop().await?;
    Ok(rate)
}

#[derive(Default)]
struct Shared {
    accepted: AtomicU64,
    completed: AtomicU64,
    enough: AtomicBool,
}

/// Hands over batches until it is enough.
async fn hand_over(service: Arc<Service>, shared: Arc<Shared>) -> Result<()> {
    let name = Name::new("noop").map_err(anyhow::Error::msg)?;
    let payload = bytes::Bytes::from_static(jobs::PAYLOAD.as_bytes());
    while !shared.enough.load(Ordering::Relaxed) {
        let under_way = shared.accepted.load(Ordering::Relaxed) - shared.completed.load(Ordering::Relaxed);
        if under_way > UNDER_WAY_MAX {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let batch = (0..BATCH).map(|_| NewJob::new(name.clone(), payload.clone())).collect();
        // Before they are accepted: one may be completed before its acceptance is told.
        shared.accepted.fetch_add(BATCH as u64, Ordering::Relaxed);
        service.accept_all(batch, None).await?;
    }
    Ok(())
}

/// Jobs completed so far. The figures of the store itself are not asked for: counting must not be what is measured.
fn completed(service: &Service) -> Result<u64> {
    jobs::completed_in(&service.metrics().encode(&Tally::default(), service.now()))
}
