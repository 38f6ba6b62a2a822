//! The port: what the rest of the program asks of a store, and what every engine promises. Traits and their
//! contract, nothing else; `tests/store` proves the contract clause by clause on every engine.
//!
//! Every call is one atomic step, takes `now` as an argument, and answers each input in input order. A future
//! resolves when its effect is durable, unless the clause says otherwise; an effect takes hold even if the
//! future is dropped.

pub mod activity;
pub mod alerts;
pub mod embedded;
pub mod events;
pub mod hold;
pub mod keys;
pub mod locks;
pub mod nodes;
pub mod observed;
pub mod outbox;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod query;
pub mod results;
pub mod roster;
pub mod safekeeping;
pub mod schedules;
pub mod sealed;
pub mod shared;
mod slug;
pub mod states;
mod wait;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::job::{Holder, Job, JobId, Name, NewJob, Payload, Transition};
pub use activity::{Activity, Figures};
pub use alerts::Alerts;
pub use events::Events;
pub use hold::Hold;
pub use keys::Keys;
pub use locks::{Acquired, Grant, Lock, Locks, Proof, Released, Take};
pub use nodes::Nodes;
pub use outbox::Outbox;
pub use query::{Filter, Page, PageOf, Sort, Tally};
pub use roster::{Entered, Present, Roster, Worker, WorkerId};
pub use safekeeping::Safekeeping;
pub use schedules::Schedules;
pub use shared::SharedState;
pub use slug::Slug;
pub use states::{Deleted, Expected, Kept, Put, State, States};
pub use wait::wait;

/// A store's answer, when it comes.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store could not do its part.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It cannot commit now, for instance because the disk is full. Nothing was accepted; it may work again later.
    #[error("{0}")]
    Unavailable(Arc<str>),
    /// What was asked for is encrypted and cannot be read with the keys that are here; nothing else is amiss.
    #[error("{0}")]
    Unreadable(Arc<str>),
    /// Something is broken: unreadable data, a bug.
    #[error("{0}")]
    Broken(Arc<str>),
}

/// A durable set of jobs.
pub trait Store: Send + Sync + 'static {
    /// Accepts jobs.
    ///
    /// - Once answered `Accepted`, no crash loses the job; before it is durable nobody sees or claims it.
    /// - An idempotency key gives one job in its window, however many ask at once (rule 12); uniqueness holds
    ///   by constraint (rule 13).
    /// - With [`Group::Whole`] either all jobs are accepted, or none and the answers say which ones stood in the way;
    ///   those that did not are answered [`Inserted::Withdrawn`].
    /// - The sequence numbers rise in input order.
    fn insert(&self, jobs: Vec<Insert>, group: Group, now: Timestamp) -> Answer<'_, Vec<Inserted>>;

    /// Hands out jobs that may run now, most urgent first: by priority with ageing, first in first out within one.
    ///
    /// - Each claim counts an attempt and raises the epoch (rules 1 and 3). Without a lease the answer does not wait for
    ///   the disk; a crash of the process still finds the claim counted. With one it is durable: its holder may outlive
    ///   the store's process, and finds its lease there with a full new term (rule 7).
    /// - No job is handed out before its time, after its expiry, from a paused subtype, or above its concurrency limit.
    /// - No job is handed out twice unless its try has ended.
    fn claim(&self, claim: Claim, now: Timestamp) -> Answer<'_, Claimed>;

    /// Applies steps that [`decide`](crate::job::decide) made.
    ///
    /// - A step applies only if the job's revision is the one it expects, and then whole: life and follow-ups in one
    ///   commit. Otherwise nothing of it applies and the answer is [`Committed::Stale`] with the job as it is.
    /// - A stale answer waits until what it was stale against is durable.
    /// - One stale step does not touch its neighbours (rule 10).
    /// - Fleeting steps leave the revision alone, so a step may meet a job that is ahead of what it was decided on. It keeps
    ///   what they brought: progress and leases never go back ([`Transition::onto`]).
    /// - A follow-up whose unique key is taken is left out.
    fn commit(&self, transitions: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Committed>>;

    /// Jobs whose lease has run out or whose expiry has passed, at most `limit`, for somebody to decide on.
    fn overdue(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Arc<Job>>>;

    /// The job as committed, or none. Its payload may be [`Payload::Stored`].
    fn get(&self, id: JobId) -> Answer<'_, Option<Arc<Job>>>;

    /// The job's payload, or none when there is no such job.
    fn payload(&self, id: JobId) -> Answer<'_, Option<Bytes>>;

    /// A page of the jobs that a filter names, as committed, with their total.
    ///
    /// - It takes milliseconds, however many jobs there are. A search that finds little is given up for the moment: then
    ///   the page is shorter than was asked for, and [`PageOf::next`] says where it goes on. A walk from page to page
    ///   misses nothing.
    /// - Counters are kept by sort and date of acceptance: however many ended jobs an offset leaves out, it is as fast.
    fn list(&self, filter: Filter, page: Page, now: Timestamp) -> Answer<'_, PageOf<Arc<Job>>>;

    /// How many jobs there are of each sort. Kept, not counted (rule 28).
    fn tally(&self, now: Timestamp) -> Answer<'_, Tally>;

    /// Why a waiting job is not running.
    fn standing(&self, id: JobId, now: Timestamp) -> Answer<'_, Option<Standing>>;

    /// Stops or starts handing out a subtype. The setting survives restarts.
    fn pause(&self, sub_type: Name, paused: bool) -> Answer<'_, ()>;

    /// Subtypes that are not handed out.
    fn paused(&self) -> Answer<'_, Vec<Name>>;

    /// Appends lines to the log of a job; the oldest are forgotten beyond the bound of [`limits`](crate::limits).
    /// Lines for a job that does not exist are dropped.
    fn append_log(&self, lines: Vec<(JobId, LogLine)>) -> Answer<'_, ()>;

    /// The lines that are kept of a job's log, oldest first.
    fn log(&self, id: JobId) -> Answer<'_, Vec<LogLine>>;

    /// Forgets jobs that ended before a moment, at most `limit`, oldest first, with their logs; and idempotency and
    /// unique keys whose window has passed. An engine that keeps the jobs of a day apart may forget a whole day besides, once all
    /// of it is past. The answer names the stored results that nothing refers to any more.
    fn prune(&self, prune: Prune, now: Timestamp) -> Answer<'_, Pruned>;

    /// A job as it is to be written by whoever writes it beside this store, into the same place: encrypted, where this store
    /// encrypts.
    ///
    /// # Errors
    /// When it cannot be encrypted.
    fn as_written(&self, job: NewJob) -> Result<NewJob, StoreError> {
        Ok(job)
    }

    /// Its figures.
    fn figures(&self) -> &dyn Figures;

    /// Its locks.
    fn locks(&self) -> &dyn Locks;

    /// Its states.
    fn states(&self) -> &dyn States;

    /// Who checks and copies what it has on disk; none where there is nothing of the kind, or others look after it.
    fn safekeeping(&self) -> Option<&dyn Safekeeping> {
        None
    }

    /// Who has it open; none where that is this process alone.
    fn nodes(&self) -> Option<&dyn Nodes> {
        None
    }

    /// Its alert rules and alerts.
    fn alerts(&self) -> &dyn Alerts;

    /// Its event log.
    fn events(&self) -> &dyn Events;

    /// Its keys.
    fn keys(&self) -> &dyn Keys;

    /// Its subscriptions, and what is on its way to them.
    fn outbox(&self) -> &dyn Outbox;

    /// Its workers of other processes.
    fn roster(&self) -> &dyn Roster;

    /// Whether it can commit, and what it is.
    fn health(&self) -> Health;

    /// Waits for what is under way, writes it and closes. Nothing is accepted after it.
    fn close(&self) -> Answer<'_, ()>;
}

/// A job to accept.
#[derive(Debug, Clone)]
pub struct Insert {
    /// What is asked for.
    pub job: NewJob,
    /// The key under which the same request may come again, if it has one.
    pub idempotency: Option<Idempotency>,
}

impl From<NewJob> for Insert {
    fn from(job: NewJob) -> Self {
        Self { job, idempotency: None }
    }
}

/// The key under which the same request may come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key, with whatever scopes it.
    pub key: Box<str>,
    /// SHA-256 of the request's body, to tell the same request from another.
    pub body: [u8; 32],
    /// How long the key lives.
    pub window: Duration,
}

/// Whether the jobs of one insert stand for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Each job is accepted or refused for itself.
    Each,
    /// All or none.
    Whole,
}

/// What became of a job to accept.
#[derive(Debug, Clone)]
pub enum Inserted {
    /// It is on disk.
    Accepted(Arc<Job>),
    /// The same request came before: this was the answer.
    Replayed(Arc<Receipt>),
    /// The idempotency key belongs to a request with another body.
    Mismatch,
    /// Its unique key is taken by that job.
    Taken(JobId),
    /// Another one of its group stood in the way.
    Withdrawn,
}

/// What the first request with an idempotency key was told; it outlives the job (rule 12).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Receipt {
    /// The job.
    pub id: JobId,
    /// Its family.
    pub kind: Name,
    /// Its processor's key.
    pub sub_type: Name,
    /// Its priority.
    pub priority: crate::job::Priority,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// What its caller said that it would take.
    pub estimated_duration: Option<Box<str>>,
}

/// A request for work.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who asks.
    pub holder: Holder,
    /// What it can do.
    pub sub_types: Arc<[Name]>,
    /// How many it has room for.
    pub max: usize,
    /// How long its sign of life holds; none for a holder that shares the store's process.
    pub lease: Option<Duration>,
}

/// Work to do.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// Jobs, each running and with its payload inline.
    pub jobs: Vec<Arc<Job>>,
    /// When the next job of these subtypes may be claimed, if that is known to be later than now.
    pub next_due: Option<Timestamp>,
}

/// What became of a step.
#[derive(Debug, Clone)]
pub enum Committed {
    /// It applied; this is the job after it, and the follow-up jobs that came with it.
    Applied {
        /// The job after the step.
        job: Arc<Job>,
        /// Jobs accepted in the same commit.
        follow_ups: Vec<Arc<Job>>,
    },
    /// Something else happened first; this is the job as it is.
    Stale(Arc<Job>),
    /// It would bring back a job whose unique key has been taken since by that one.
    Taken(JobId),
    /// There is no such job any more.
    Missing,
}

/// Why a waiting job is not running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its time has not come.
    NotDue(Timestamp),
    /// Its subtype is not handed out.
    Paused,
    /// Its concurrency key is taken by these jobs.
    Gated {
        /// The key.
        key: Box<str>,
        /// Some of the jobs that run under it.
        by: Vec<JobId>,
    },
    /// So many jobs of its subtype are before it.
    Behind(u64),
    /// It does not wait.
    NotWaiting,
}

/// A line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// During which claim.
    pub epoch: u32,
    /// What.
    pub text: Box<str>,
}

/// What to forget.
#[derive(Debug, Clone, Copy)]
pub struct Prune {
    /// Completed and cancelled jobs that ended before.
    pub ended_before: Timestamp,
    /// Failed jobs that ended before: dead letters wait longer for somebody to look at them.
    pub failed_before: Timestamp,
    /// At most so many jobs.
    pub limit: usize,
}

/// What was forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// So many jobs.
    pub jobs: u64,
    /// So many keys.
    pub keys: u64,
    /// Names in the result store that nothing refers to any more.
    pub results: Vec<Arc<str>>,
}

/// The state of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What it is: `memory`, `sqlite`.
    pub engine: &'static str,
    /// Why it cannot commit, if it cannot.
    pub degraded: Option<Arc<str>>,
    /// What it found at start.
    pub recovered: Recovered,
}

/// What a store found at start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Jobs that wait.
    pub waiting: u64,
    /// Jobs that were running when the process died, and wait again.
    pub crashed: u64,
    /// Jobs among them that were quarantined.
    pub quarantined: u64,
    /// Locks that the process which died had taken for itself; they are free.
    pub orphans: u64,
    /// Schedules.
    pub schedules: u64,
    /// Schedules among them whose time came while nobody was there.
    pub schedules_due: u64,
    /// Schedules among them that cannot be read any more, and do not fire.
    pub schedules_faulty: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Job {
    /// The same job with its payload inline, or left on disk.
    pub(crate) fn with_payload(&self, payload: Payload) -> Self {
        Self { payload, ..self.clone() }
    }
}
