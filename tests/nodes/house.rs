//! Nodes on one database, in one process, each with a runtime of its own.

use std::sync::Arc;
use std::time::Duration;

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::clock::Clock;
use faena::job::{Event, Holder, Job, JobId, Name, NewJob, RetryPolicy, Transition, decide};
use faena::store::Claim;
use faena::store::postgres::{Open, Postgres};
use faena::watch::Hub;
use faena::work::{Completion, Context, Failure, Processor, Registry};
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::cluster::Database;

/// Longer than anything takes that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A database with nodes on it.
pub struct House {
    pub database: Database,
    folder: tempfile::TempDir,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Work of a closure.
pub struct Does<F>(pub F);

impl<F: Fn(&Context) -> Result<Completion, Failure> + Send + Sync + 'static> Processor for Does<F> {
    type Payload = Nothing;

    fn run(&self, _: Nothing, ctx: &Context) -> Result<Completion, Failure> {
        (self.0)(ctx)
    }
}

impl House {
    /// None when there is no PostgreSQL here.
    pub fn new() -> Option<Self> {
        Some(Self { database: Database::fresh()?, folder: tempfile::tempdir().unwrap() })
    }

    /// A node that does `task` so.
    pub async fn node(&self, work: impl Fn(&Context) -> Result<Completion, Failure> + Send + Sync + 'static) -> Faena {
        let registry = Registry::new().blocking("task", Does(work));
        Faena::start(self.settings(), registry).await.unwrap()
    }

    /// A node that is asked, and runs nothing.
    pub async fn desk(&self) -> Faena {
        let registry = Registry::new().blocking("task", Does(|_: &Context| Ok(().into())));
        Faena::start(Settings { no_jobs: true, ..self.settings() }, registry).await.unwrap()
    }

    /// What a node starts with.
    pub fn settings(&self) -> Settings {
        Settings {
            store: StoreChoice::Postgres(self.database.url.as_str().into()),
            data: self.folder.path().to_owned(),
            threads: 2,
            io_slots: 2,
            grace: Duration::ZERO,
            ..Settings::default()
        }
    }
}

pub fn task() -> NewJob {
    NewJob::new(Name::new("task").unwrap(), "{}").retry(RetryPolicy::never())
}

/// A job as soon as `enough` says so, asked of one node.
pub async fn until(node: &Faena, id: JobId, enough: impl Fn(&Job) -> bool) -> Arc<Job> {
    let job = node.service().wait_until(id, PATIENCE, &enough).await.unwrap();
    assert!(enough(&job), "it did not come to that: {job:?}");
    job
}

/// A store, as one process among others.
pub async fn store_at(url: &str, hub: Arc<Hub>) -> Arc<Postgres> {
    let holder = Holder { node: JobId::new().to_string().into(), machine: "shed".into(), process: 1 };
    let open = Open { url: url.to_owned(), holder, clock: Clock::System };
    tokio::task::spawn_blocking(move || Arc::new(Postgres::open(open, hub).unwrap())).await.unwrap()
}

pub fn claim(max: usize) -> Claim {
    let holder = Holder { node: "n".into(), machine: "shed".into(), process: 1 };
    Claim { holder, sub_types: [Name::new("task").unwrap()].into(), max, lease: None }
}

pub fn succeeded(job: &Job, store: &Postgres) -> Transition {
    let event = Event::Succeeded { epoch: job.life.epoch, result: None, follow_ups: Vec::new() };
    decide(job, event, store.clock().now()).unwrap()
}
