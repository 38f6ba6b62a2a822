//! The side of a store that knows the workers of other processes: who there is, what they can do, what they hold.
//!
//! What they hold are leases of jobs, which the store itself looks after: a worker that is forgotten or falls silent loses
//! nothing by that, but by the end of its leases.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Answer;
use crate::clock::Timestamp;
use crate::job::{Holder, Job, Name};

/// The workers of other processes.
pub trait Roster: Send + Sync + 'static {
    /// Takes a worker up.
    ///
    /// - It is durable when answered; until then nobody sees it. Its subtypes are known from then on, for good.
    /// - Beyond [`limits::WORKERS_MAX`](crate::limits::WORKERS_MAX) workers those are forgotten that have been silent for
    ///   [`limits::WORKER_SILENT_MAX`](crate::limits::WORKER_SILENT_MAX); when there are none of them, or beyond
    ///   [`limits::SUB_TYPES_KNOWN_MAX`](crate::limits::SUB_TYPES_KNOWN_MAX) subtypes, the answer is [`Entered::Full`].
    fn enter(&self, worker: Worker, now: Timestamp) -> Answer<'_, Entered>;

    /// The worker, of whom was heard just now; none when there is no such worker. That need not be on disk each time: a
    /// crash may take back some minutes of it.
    fn heard(&self, id: WorkerId, now: Timestamp) -> Answer<'_, Option<Arc<Worker>>>;

    /// Forgets a worker. False when there was none. What it holds is left to it, for somebody to give back.
    fn leave(&self, id: WorkerId) -> Answer<'_, bool>;

    /// All workers, in the order in which they came.
    fn workers(&self) -> Answer<'_, Vec<Present>>;

    /// Jobs that a worker holds, be it there or not, at most `limit`, those first whose lease ends first.
    fn leased(&self, id: WorkerId, limit: usize) -> Answer<'_, Vec<Arc<Job>>>;

    /// Whether a worker that does this subtype has ever been there.
    fn knows(&self, sub_type: &Name) -> Answer<'_, bool>;

    /// All subtypes that a worker has ever done, in order.
    fn known(&self) -> Answer<'_, Vec<Name>>;

    /// Forgets at most `limit` workers of whom nothing was heard since a moment. The answer counts them.
    fn forget_workers(&self, heard_before: Timestamp, limit: usize) -> Answer<'_, u64>;
}

/// The identity of a worker: a UUIDv7, random enough never to come back (rule 21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(Uuid);

impl WorkerId {
    /// A fresh id.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }

    /// Whether this worker is that holder.
    pub fn is(self, holder: &Holder) -> bool {
        holder.node.parse() == Ok(self)
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for WorkerId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// A worker of another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Who it is.
    pub id: WorkerId,
    /// What it calls itself, to show.
    pub name: Arc<str>,
    /// What it can do, in order and each once.
    pub sub_types: Arc<[Name]>,
    /// How many jobs it works on at once.
    pub concurrency: u32,
    /// How long its leases are.
    pub lease: Duration,
    /// When it came.
    pub registered_at: Timestamp,
}

impl Worker {
    /// It, as whoever works on a job. The process is its own business, so none is named.
    pub fn holder(&self) -> Holder {
        Holder { node: self.id.to_string().into(), machine: self.name.clone(), process: 0 }
    }

    /// Whether it does a subtype.
    pub fn does(&self, sub_type: &Name) -> bool {
        self.sub_types.contains(sub_type)
    }
}

/// A worker as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Who.
    pub worker: Arc<Worker>,
    /// When something was heard of it.
    pub heard_at: Timestamp,
    /// Jobs that it holds.
    pub held: u64,
}

/// What became of a worker to take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It is there.
    Done,
    /// There are as many workers, or subtypes, as there may be.
    Full,
}
