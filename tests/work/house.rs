//! A faena in memory, processors made of closures, and things to wait for.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::clock::Clock;
use faena::job::{Job, JobId, Name, NewJob, RetryPolicy};
use faena::work::{AsyncProcessor, Completion, Context, Failure, Processor, Registry};
use parking_lot::{Condvar, Mutex};
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

/// Longer than anything takes that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a closure gets to know.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Input {
    #[serde(default)]
    pub number: u64,
}

pub type Answer = Result<Completion, Failure>;

/// Work that computes.
pub struct Computes<F>(pub F);

impl<F: Fn(u64, &Context) -> Answer + Send + Sync + 'static> Processor for Computes<F> {
    type Payload = Input;

    fn run(&self, input: Input, ctx: &Context) -> Answer {
        (self.0)(input.number, ctx)
    }
}

/// Work that waits.
pub struct Waits<F>(pub F);

impl<F, W> AsyncProcessor for Waits<F>
where
    F: Fn(u64, Context) -> W + Send + Sync + 'static,
    W: Future<Output = Answer> + Send,
{
    type Payload = Input;

    async fn run(&self, input: Input, ctx: Context) -> Answer {
        (self.0)(input.number, ctx).await
    }
}

/// A registry with one processor that computes, under `task`.
pub fn computes(work: impl Fn(u64, &Context) -> Answer + Send + Sync + 'static) -> Registry {
    Registry::new().blocking("task", Computes(work))
}

/// A registry with one processor that waits, under `task`.
pub fn waits<W: Future<Output = Answer> + Send + 'static>(
    work: impl Fn(u64, Context) -> W + Send + Sync + 'static,
) -> Registry {
    Registry::new().asynchronous("task", Waits(work))
}

/// In memory, with one blocking slot.
pub fn settings() -> Settings {
    Settings { store: StoreChoice::Memory, threads: 1, io_slots: 16, grace: Duration::ZERO, ..Settings::default() }
}

pub async fn start(registry: Registry) -> Faena {
    start_at(registry, Clock::System).await
}

pub async fn start_at(registry: Registry, clock: Clock) -> Faena {
    Faena::start_at(settings(), registry, clock).await.unwrap()
}

pub fn job(sub_type: &str) -> NewJob {
    NewJob::new(Name::new(sub_type).unwrap(), "{}").retry(RetryPolicy::never())
}

/// A `task` that knows its number.
pub fn numbered(number: u64) -> NewJob {
    NewJob { payload: format!("{{\"number\": {number}}}").into(), ..job("task") }
}

/// So many retries, at once.
pub fn retries(max_retries: u32) -> RetryPolicy {
    RetryPolicy { max_retries, ..RetryPolicy::never() }
}

/// Has a job done; what it is when it has ended.
pub async fn done(faena: &Faena, job: NewJob) -> Arc<Job> {
    let id = faena.service().enqueue(job).await.unwrap().id;
    ended(faena, id).await
}

/// A job once it has ended.
pub async fn ended(faena: &Faena, id: JobId) -> Arc<Job> {
    until(faena, id, Job::is_finished).await
}

/// A job as soon as `enough` says so.
pub async fn until(faena: &Faena, id: JobId, enough: impl Fn(&Job) -> bool) -> Arc<Job> {
    let job = faena.service().wait_until(id, PATIENCE, &enough).await.unwrap();
    assert!(enough(&job), "it did not come to that: {job:?}");
    job
}

/// A job of `task` that is running.
pub async fn running(faena: &Faena) -> JobId {
    let id = faena.service().enqueue(job("task")).await.unwrap().id;
    until(faena, id, |job| job.run().is_some()).await;
    id
}

/// Lets others go on until something holds that nobody tells of.
pub async fn sooner_or_later(holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "it never held");
        tokio::task::yield_now().await;
    }
}

/// A door that threads wait at until somebody opens it.
#[derive(Clone, Default)]
pub struct Door {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Door {
    pub fn open(&self) {
        *self.shared.0.lock() = true;
        self.shared.1.notify_all();
    }

    pub fn wait(&self) {
        let mut open = self.shared.0.lock();
        while !*open {
            let late = self.shared.1.wait_for(&mut open, PATIENCE).timed_out();
            assert!(!late, "nobody opened the door");
        }
    }
}
