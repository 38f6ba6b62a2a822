//! The use cases that HTTP, the command line, a dashboard and embedding code share. No JSON and no status codes
//! here: those belong to the edges.
//!
//! | file | holds |
//! | --- | --- |
//! | [`enqueue`] | accepting jobs: one, a batch, under an idempotency key |
//! | [`within`] | the same within a transaction of the application; needs the feature `postgres` |
//! | `check` | the bounds that a job's terms keep to |
//! | `depth` | how deep the queue is, for little |
//! | [`look`] | reading jobs: one, a list, attempts, logs, results |
//! | [`wait`] | holding a request until a job changes or ends |
//! | [`act`] | cancel, retry, discard one job |
//! | [`bulk`] | the same for all jobs that a filter names |
//! | [`operate`] | processors, pause and resume, health |
//! | [`alerts`] | alert rules and alerts |
//! | [`subscriptions`], [`outbox`] | who hears of events, and what became of them |
//! | [`keys`] | keys, and who a request comes from |
//! | [`quotas`] | what each key uses up |
//! | [`events`] | what happened, and what somebody who watches has missed |
//! | [`locks`], [`states`] | doing something alone; values that outlive their jobs |
//! | [`workers`] | workers of other processes |
//! | [`explain`] | why a job is not running |
//! | [`figures`] | statistics |
//! | [`forecast`] | what a cron expression means and when it comes next |
//! | [`schedules`] | schedules: made, looked at, changed, fired by hand |
//!
//! ```no_run
//! # async fn example(service: faena::service::Service) -> Result<(), faena::error::Error> {
//! use faena::job::{Name, NewJob};
//!
//! let job = NewJob::new(Name::new("noop").map_err(faena::error::Error::invalid)?, "{}");
//! let accepted = service.enqueue(job).await?;
//! let finished = service.wait_for_end(accepted.id, std::time::Duration::from_secs(30)).await?;
//! println!("{}", finished.status());
//! # Ok(()) }
//! ```

pub mod act;
pub mod alerts;
pub mod bulk;
mod check;
mod depth;
pub mod enqueue;
pub mod events;
pub mod explain;
pub mod figures;
pub mod forecast;
pub mod keys;
pub mod locks;
pub mod look;
pub mod operate;
pub mod outbox;
pub mod quotas;
pub mod schedules;
pub mod states;
pub mod subscriptions;
pub mod wait;
#[cfg(feature = "postgres")]
pub mod within;
pub mod workers;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timestamp};
use crate::egress::Policy;
use crate::error::Error;
use crate::job::Holder;
use crate::key::{KeyId, Quota};
use crate::limits;
use crate::publish::Publishers;
use crate::store::observed::{Histories, Metrics};
use crate::store::results::Results;
use crate::store::{Schedules, Store, StoreError};
use crate::watch::Hub;
use crate::work::Registry;

/// What a service is made of.
#[derive(Clone)]
pub struct Parts {
    /// Where jobs are; [`Observed`](crate::store::observed::Observed), so that watchers hear of changes.
    pub store: Arc<dyn Store>,
    /// Where schedules are, in the same store; observed as well.
    pub schedules: Arc<dyn Schedules>,
    /// Where changes are told.
    pub hub: Arc<Hub>,
    /// What can be done.
    pub registry: Registry,
    /// Where large results are.
    pub results: Arc<dyn Results>,
    /// Where the time comes from.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How long jobs take.
    pub histories: Arc<Histories>,
    /// Who this process is: the identity of its boot, its machine and process id.
    pub node: Holder,
    /// Bounds that an operator may choose.
    pub settings: Settings,
}

/// Bounds that an operator may choose.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Waiting jobs, beyond which new ones are refused.
    pub queue_depth_max: u64,
    /// How long an idempotency key lives.
    pub idempotency_window: Duration,
    /// Longest time that a caller may be held.
    pub wait_max: Duration,
    /// Event streams open at once.
    pub streams_max: usize,
    /// Event streams of one key.
    pub key_streams_max: usize,
    /// What a key may use up that does not say so itself.
    pub quota: Quota,
    /// Whether processors run in this process or in another one on the same store.
    pub runs_jobs: bool,
    /// How long the leases of workers of other processes are that come from now on.
    pub lease: Duration,
    /// Names of the schedules that this program makes where they are missing: they are changed, and not removed.
    pub own_schedules: Vec<&'static str>,
    /// The ways to send events by, for whoever tries an endpoint out.
    pub publishers: Publishers,
    /// Whom webhooks may reach.
    pub webhook_policy: Policy,
    /// Whether the settings name a place to which every event goes.
    pub publishes: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue_depth_max: limits::QUEUE_DEPTH_MAX,
            idempotency_window: limits::IDEMPOTENCY_WINDOW,
            wait_max: limits::WAIT_MAX,
            streams_max: limits::STREAMS_MAX,
            key_streams_max: limits::KEY_STREAMS_MAX,
            quota: Quota::default(),
            runs_jobs: true,
            lease: limits::LEASE,
            own_schedules: Vec::new(),
            publishers: Publishers::default(),
            webhook_policy: Policy::public_and("webhook_allow", []),
            publishes: false,
        }
    }
}

/// The use cases.
pub struct Service {
    parts: Parts,
    depth: depth::Depth,
    streams: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    quotas: quotas::Quotas,
    closing: CancellationToken,
    /// When it was last noted of each key that it was used.
    key_uses: DashMap<KeyId, Timestamp>,
    /// There are keys, or were.
    keyed: AtomicBool,
    trail: events::Trail,
}

impl Service {
    /// The use cases on these parts.
    pub fn new(parts: Parts) -> Self {
        let streams = Arc::new(Semaphore::new(parts.settings.streams_max.min(Semaphore::MAX_PERMITS)));
        let uploads = Arc::new(Semaphore::new(limits::UPLOADS_MAX));
        Self {
            depth: depth::Depth::default(),
            streams,
            uploads,
            quotas: quotas::Quotas::default(),
            closing: CancellationToken::new(),
            key_uses: DashMap::new(),
            keyed: AtomicBool::new(false),
            trail: events::Trail::default(),
            parts,
        }
    }

    /// Where jobs are.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }

    /// Where changes are told.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.parts.hub
    }

    /// What can be done.
    pub fn registry(&self) -> &Registry {
        &self.parts.registry
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.parts.metrics
    }

    /// Who this process is.
    pub fn node(&self) -> &Holder {
        &self.parts.node
    }

    /// Bounds that an operator chose.
    pub fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Trips when the program is about to stop: streams and held requests end, and it is no longer ready.
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }
}

/// Why a time is not between a millisecond and a bound, if it is not.
fn out_of_bounds(span: Duration, max: Duration) -> Option<String> {
    if span.as_millis() == 0 {
        return Some("must be more than 0, by a millisecond at least".to_owned());
    }
    (span > max).then(|| format!("must be at most {} seconds", max.as_secs()))
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        /// When it is worth another try: a full disk is not emptied within a second, a hiccup is over by then.
        const RETRY_AFTER: Duration = Duration::from_secs(5);
        match error {
            StoreError::Unavailable(reason) => {
                Self::Unavailable { reason: reason.to_string(), retry_after: RETRY_AFTER }
            }
            StoreError::Unreadable(why) => Self::Unreadable(why.to_string()),
            StoreError::Broken(_) => Self::internal(error),
        }
    }
}
