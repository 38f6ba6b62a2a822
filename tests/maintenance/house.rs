//! A faena on disk by a clock that a test moves, with maintenance and processors that do as they are told.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faena::app::settings::{Settings, StoreChoice};
use faena::app::{Faena, Maintenance};
use faena::clock::{Clock, Timestamp};
use faena::job::{Job, JobId, Name, NewJob, ResultRef, RetryPolicy, Status};
use faena::store::query::{Sort, Start};
use faena::store::{Filter, Page};
use faena::work::{Completion, Context, Failure, NoPayload, Processor, Registry};
use serde_json::Value;

/// Longer than anything takes that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const DAY: Duration = Duration::from_secs(24 * 3_600);
pub const HOUR: Duration = Duration::from_secs(3_600);

/// Completes, or fails for good.
struct Task(bool);

impl Processor for Task {
    type Payload = NoPayload;

    fn run(&self, _: NoPayload, _: &Context) -> Result<Completion, Failure> {
        if self.0 { Ok(Completion::Done) } else { Err(Failure::permanent("no luck")) }
    }
}

pub fn registry() -> Registry {
    Registry::new().blocking("work", Task(true)).blocking("fails", Task(false))
}

/// A store in a folder, and all of maintenance.
pub fn settings(folder: &Path) -> Settings {
    Settings {
        store: StoreChoice::Sqlite(None),
        maintenance: Maintenance::on(),
        threads: 1,
        grace: Duration::ZERO,
        ..Settings::in_folder(folder)
    }
}

/// Noon of a Tuesday.
pub fn clock() -> Clock {
    Clock::manual("2026-11-24T12:00:00Z".parse().unwrap())
}

pub async fn start(settings: Settings, clock: &Clock) -> Faena {
    Faena::start_at(settings, registry(), clock.clone()).await.unwrap()
}

pub fn job(sub_type: &str) -> NewJob {
    NewJob::new(Name::new(sub_type).unwrap(), "{}").retry(RetryPolicy::never())
}

/// Has a job done; what it is when it has ended.
pub async fn done(faena: &Faena, job: NewJob) -> Arc<Job> {
    let id = faena.service().enqueue(job).await.unwrap().id;
    ended(faena, id).await
}

pub async fn ended(faena: &Faena, id: JobId) -> Arc<Job> {
    let job = faena.service().wait_for_end(id, PATIENCE).await.unwrap();
    assert!(job.is_finished(), "it did not end: {job:?}");
    job
}

/// Runs a schedule out of turn to the end of its job.
pub async fn run(faena: &Faena, schedule: &str, payload: Option<&str>) -> Arc<Job> {
    let id = faena.service().run_schedule(schedule, payload.map(Into::into)).await.unwrap().id;
    ended(faena, id).await
}

/// The result of a job that must have completed.
pub fn result(job: &Job) -> Value {
    let end = job.end().unwrap();
    assert_eq!(job.status(), Status::Completed, "{:?}", end.error);
    let Some(ResultRef::Url(url)) = &end.result else { panic!("{:?}", end.result) };
    let encoded = url.strip_prefix("data:application/json;base64,").unwrap();
    serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap()
}

/// The kind and the message of a failure.
pub fn error(job: &Job) -> (String, String) {
    let error = job.end().unwrap().error.clone().unwrap_or_else(|| panic!("it did not fail: {job:?}"));
    (error.kind.to_string(), error.message.to_string())
}

pub async fn log(faena: &Faena, id: JobId) -> Vec<String> {
    faena.service().log(id).await.unwrap().into_iter().map(|line| line.text.into_string()).collect()
}

/// All jobs that a filter names, oldest first.
pub async fn jobs(faena: &Faena, filter: Filter) -> Vec<Arc<Job>> {
    let page = Page { sort: Sort::CreatedAscending, limit: 500, start: Start::Offset(0) };
    faena.service().jobs(filter, page).await.unwrap().items
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
