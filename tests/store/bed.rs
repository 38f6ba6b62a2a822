//! A store to try a clause on, and short ways to bring a job where a test wants it. Every test has a store of its own;
//! time stands still until the test says otherwise.

use std::borrow::Borrow;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[cfg(all(unix, feature = "postgres"))]
use faena::clock::Clock;
use faena::clock::Timestamp;
use faena::job::{Event, Holder, Job, JobError, JobId, Name, NewJob, Outcome, RetryPolicy, decide};
use faena::store::embedded::{Durability, Embedded, Open};
use faena::store::query::{Sort, Start};
use faena::store::{
    Alerts, Claim, Committed, Filter, Group, Insert, Inserted, Keys, Locks, Outbox, Page, Prune, Schedules, States,
    Store, StoreError,
};

/// Which engine a clause is tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Memory,
    Sqlite,
    /// The one on disk, encrypted.
    #[cfg(feature = "encryption")]
    Sealed,
    #[cfg(all(unix, feature = "postgres"))]
    Postgres,
}

/// All that a store can do.
pub trait Whole: Store + Schedules + Locks + States + Alerts + Keys + Outbox {}

impl<T: Store + Schedules + Locks + States + Alerts + Keys + Outbox> Whole for T {}

/// A store of one engine, in a place of its own.
pub struct Bed {
    store: Option<Arc<dyn Whole>>,
    place: Place,
    is_sealed: bool,
}

/// Where a store keeps what it is told.
enum Place {
    Nowhere,
    Folder(tempfile::TempDir),
    #[cfg(all(unix, feature = "postgres"))]
    Database(Arc<crate::cluster::Database>),
}

/// Tries a clause on an engine.
pub fn run<F: Future<Output = ()>>(engine: Engine, clause: impl FnOnce(Bed) -> F) {
    if let Some(bed) = Bed::of(engine) {
        block_on(clause(bed));
    }
}

/// Waits for an answer on this thread.
pub fn block_on<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(answer)
}

impl Bed {
    /// A fresh store of an engine; none when this machine does not have what it needs.
    pub fn of(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Memory => Some(Self::holding(Arc::new(Embedded::memory()), Place::Nowhere)),
            Engine::Sqlite => Some(Self::on_disk()),
            #[cfg(feature = "encryption")]
            Engine::Sealed => Some(Self::in_folder(tempfile::tempdir().unwrap(), true, at(0))),
            #[cfg(all(unix, feature = "postgres"))]
            Engine::Postgres => Some(Self::in_database(Arc::new(crate::cluster::Database::fresh()?), at(0))),
        }
    }

    /// A fresh store on disk.
    pub fn on_disk() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), false, at(0))
    }

    fn in_folder(folder: tempfile::TempDir, is_sealed: bool, now: Timestamp) -> Self {
        let store = open(folder.path(), now).unwrap();
        #[cfg(feature = "encryption")]
        if is_sealed {
            let store = crate::encrypting::encrypting(store);
            return Self { is_sealed, ..Self::holding(store, Place::Folder(folder)) };
        }
        Self { is_sealed, ..Self::holding(Arc::new(store), Place::Folder(folder)) }
    }

    fn holding(store: Arc<dyn Whole>, place: Place) -> Self {
        Self { store: Some(store), place, is_sealed: false }
    }

    #[cfg(all(unix, feature = "postgres"))]
    fn in_database(database: Arc<crate::cluster::Database>, now: Timestamp) -> Self {
        use faena::store::postgres::{Open, Postgres};
        let open = Open { url: database.url.clone(), holder: holder(), clock: Clock::manual(now) };
        let store = block_on_new_thread(move || Postgres::open(open, Arc::default())).unwrap();
        Self::holding(Arc::new(store), Place::Database(database))
    }

    pub fn store(&self) -> Arc<dyn Whole> {
        self.store.clone().unwrap()
    }

    /// Where its database is.
    #[cfg(all(unix, feature = "postgres"))]
    pub fn url(&self) -> &str {
        match &self.place {
            Place::Database(database) => &database.url,
            _ => panic!("this store has no database"),
        }
    }

    /// Whether it survives its process.
    pub fn is_durable(&self) -> bool {
        !matches!(self.place, Place::Nowhere)
    }

    /// Whether it is kept in files of its own.
    pub fn is_on_disk(&self) -> bool {
        matches!(self.place, Place::Folder(_))
    }

    pub fn folder(&self) -> &Path {
        match &self.place {
            Place::Folder(folder) => folder.path(),
            _ => panic!("this store has no folder"),
        }
    }

    /// Closes the store and opens it again, as an orderly restart does. A store in memory stays as it is.
    pub fn reopened(mut self, now: Timestamp) -> Self {
        if !self.is_durable() {
            return self;
        }
        let store = self.store.take().unwrap();
        block_on_new_thread(move || block_on(store.close()).unwrap());
        match self.place {
            Place::Nowhere => unreachable!("a store in memory stays as it is"),
            Place::Folder(folder) => Self::in_folder(folder, self.is_sealed, now),
            #[cfg(all(unix, feature = "postgres"))]
            Place::Database(database) => Self::in_database(database, now),
        }
    }

    /// What another process would find if this one died at this moment: a copy of the files as they are; a database in which
    /// this process has been silent for too long.
    pub fn after_a_crash(&self, now: Timestamp) -> Self {
        #[cfg(all(unix, feature = "postgres"))]
        if let Place::Database(database) = &self.place {
            database.tell("DELETE FROM faena.node");
            return Self::in_database(database.clone(), now);
        }
        Self::in_folder(copied(self.folder()), self.is_sealed, now)
    }

    /// Accepts one job that nothing stands in the way of.
    pub async fn accept(&self, job: NewJob, now: Timestamp) -> Arc<Job> {
        match self.insert(job, now).await {
            Inserted::Accepted(job) => job,
            other => panic!("not accepted: {other:?}"),
        }
    }

    pub async fn insert(&self, job: impl Into<Insert>, now: Timestamp) -> Inserted {
        let mut answers = self.store().insert(vec![job.into()], Group::Each, now).await.unwrap();
        assert_eq!(answers.len(), 1, "one answer to one job");
        answers.remove(0)
    }

    /// Hands out at most `max` jobs of the subtype `work`.
    pub async fn claim(&self, max: usize, now: Timestamp) -> Vec<Arc<Job>> {
        self.store().claim(claim(max), now).await.unwrap().jobs
    }

    /// Hands out the one job that is there to be handed out.
    pub async fn claim_one(&self, now: Timestamp) -> Arc<Job> {
        let mut jobs = self.claim(2, now).await;
        assert_eq!(jobs.len(), 1, "one job was there to be claimed");
        jobs.remove(0)
    }

    /// Ids of the jobs that are handed out, in their order.
    pub async fn claimed_ids(&self, max: usize, now: Timestamp) -> Vec<JobId> {
        self.claim(max, now).await.iter().map(|job| job.id).collect()
    }

    /// Decides on the job as given and commits the step.
    pub async fn step(&self, job: &Job, event: Event, now: Timestamp) -> Committed {
        let transition = decide(job, event, now).unwrap();
        let mut answers = self.store().commit(vec![transition], now).await.unwrap();
        assert_eq!(answers.len(), 1, "one answer to one step");
        answers.remove(0)
    }

    /// A step that must apply; the job after it.
    pub async fn applied(&self, job: &Job, event: Event, now: Timestamp) -> Arc<Job> {
        match self.step(job, event, now).await {
            Committed::Applied { job, .. } => job,
            other => panic!("did not apply: {other:?}"),
        }
    }

    /// A job that has run and ended so.
    pub async fn ended(&self, new: NewJob, outcome: Outcome, now: Timestamp) -> Arc<Job> {
        let job = self.accept(new, now).await;
        if outcome == Outcome::Cancelled {
            return self.applied(&job, cancel_asked(), now).await;
        }
        let claim = Claim { sub_types: [job.spec.sub_type.clone()].into(), ..claim(usize::MAX) };
        let claimed = self.store().claim(claim, now).await.unwrap().jobs;
        let job = claimed.into_iter().find(|claimed| claimed.id == job.id).expect("the job was claimed");
        let event = match outcome {
            Outcome::Success => succeeded(job.life.epoch),
            _ => failed_for_good(job.life.epoch),
        };
        self.applied(&job, event, now).await
    }

    /// The job, which must be there.
    pub async fn get(&self, id: JobId) -> Arc<Job> {
        self.store().get(id).await.unwrap().expect("the job is there")
    }

    /// Everything that a filter names, oldest first.
    pub async fn all(&self, filter: Filter, now: Timestamp) -> Vec<Arc<Job>> {
        let page = Page { sort: Sort::CreatedAscending, limit: 100_000, start: Start::Offset(0) };
        self.store().list(filter, page, now).await.unwrap().items
    }
}

/// Opens the store in a folder.
pub fn open(folder: &Path, now: Timestamp) -> Result<Embedded, StoreError> {
    let open = Open { path: database(folder), durability: Durability::Full };
    block_on_new_thread(move || Embedded::open(&open, now))
}

/// The database in a folder.
pub fn database(folder: &Path) -> PathBuf {
    folder.join("faena.db")
}

/// A copy of a folder.
pub fn copied(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

/// Opening and closing wait for the disk, which the thread of a runtime must not.
fn block_on_new_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// Milliseconds since some epoch; tests count from zero.
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub fn after(span: Duration) -> Timestamp {
    at(0).plus(span)
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A job of the subtype `work` with two retries after exactly one and two seconds.
pub fn new_job() -> NewJob {
    job_of("work")
}

pub fn job_of(sub_type: &str) -> NewJob {
    let retry = RetryPolicy { max_retries: 2, delay_ms: 1_000, max_delay_ms: 60_000, jitter: 0.0, exponential: true };
    NewJob::new(name(sub_type), r#"{"n":1}"#).retry(retry)
}

pub fn holder() -> Holder {
    Holder { node: "node-1".into(), machine: "shed".into(), process: 42 }
}

pub fn claim(max: usize) -> Claim {
    Claim { holder: holder(), sub_types: [name("work")].into(), max, lease: None }
}

pub fn prune(before: Timestamp) -> Prune {
    Prune { ended_before: before, failed_before: before, limit: 1_000 }
}

pub fn succeeded(epoch: u32) -> Event {
    Event::Succeeded { epoch, result: None, follow_ups: Vec::new() }
}

pub fn failed(epoch: u32) -> Event {
    Event::Failed { epoch, error: JobError::new("error", "no luck"), retryable: true, retry_after: None }
}

pub fn failed_for_good(epoch: u32) -> Event {
    Event::Failed { epoch, error: JobError::new("error", "no luck"), retryable: false, retry_after: None }
}

pub fn released(epoch: u32) -> Event {
    Event::Released { epoch, reason: "shutdown".into() }
}

pub fn progressed(epoch: u32, percent: u8) -> Event {
    Event::Progressed { epoch, percent, message: None }
}

pub fn cancel_asked() -> Event {
    Event::CancelAsked { by: "ana".into() }
}

pub fn retry_asked() -> Event {
    Event::RetryAsked { by: "ana".into() }
}

/// Two jobs in everything but where their payload is kept.
#[track_caller]
pub fn assert_same(left: &impl Borrow<Job>, right: &impl Borrow<Job>) {
    let bare = |job: &Job| (job.id, job.seq, job.created_at, job.spec.clone(), job.life.clone());
    assert_eq!(bare(left.borrow()), bare(right.borrow()));
}
