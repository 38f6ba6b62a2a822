//! What was decided: a list of changes, on their way to the disk and to what readers see.

use std::sync::Arc;

use parking_lot::Mutex;

use super::access::KeyChange;
use super::alerts::{AlertChange, RuleItem};
use super::keys::Remembered;
use super::named::Step;
use super::outbox::OutgoingChange;
use super::plans::PlanChange;
use super::roster::WorkerChange;
use crate::clock::Timestamp;
use crate::event::Event;
use crate::job::{Job, Name};
use crate::store::events::Place;
use crate::store::{Lock, LogLine, Prune, Pruned, State};

/// Who asked for a change, if that is known: it is told and not kept.
pub(super) type By = Option<Arc<str>>;

/// What of the event log is to be forgotten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forget {
    /// What happened before.
    pub(super) before: Timestamp,
    /// Nothing after this place.
    pub(super) up_to: Option<Place>,
    /// At most so many commits.
    pub(super) limit: usize,
}

/// One decided change, to be written.
pub(super) enum Change {
    /// A new job, its payload inline, with the request that it answers, and who asks for it.
    Insert { job: Arc<Job>, request: Option<Remembered>, by: By },
    /// A live job was handed out.
    Start(Arc<Job>),
    /// A live job has changed otherwise, and who asked for that.
    Put(Arc<Job>, By),
    /// A try of a live job has ended, and it waits for the next one.
    Again(Arc<Job>),
    /// A live job has ended.
    Finish(Arc<Job>),
    /// An ended job waits again, and who asked for that.
    Reopen(Arc<Job>, By),
    /// An ended job has changed and is still ended.
    Amend(Arc<Job>),
    /// Lines for the log of a job.
    Log(u64, Vec<LogLine>),
    /// A subtype is handed out no more, or again.
    Pause(Name, bool),
    /// A lock is granted, renewed or given up.
    Lock(Step<Lock>),
    /// A state is kept or forgotten.
    State(Step<State>),
    /// An alert rule is kept or forgotten.
    Rule(Step<RuleItem>),
    /// An alert fires, has cleared or is forgotten.
    Alert(AlertChange),
    /// A key is made, revoked, used or forgotten.
    Key(KeyChange),
    /// A subscription, its course or a sending has changed.
    Outgoing(OutgoingChange),
    /// A worker of another process is there, or is forgotten.
    Worker(WorkerChange),
    /// A schedule has changed.
    Plan(PlanChange),
    /// An application tells something, about things of this user.
    Tell(Vec<Event>, By),
    /// Ended jobs are to be forgotten; the answer goes to whoever asked.
    Prune(Prune, Timestamp, Arc<Mutex<Pruned>>),
    /// What was told long ago is to be forgotten; the answer goes to whoever asked.
    Forget(Forget, Arc<Mutex<u64>>),
}

impl Change {
    /// The job that is new or has changed.
    pub(super) fn job(&self) -> Option<&Arc<Job>> {
        match self {
            Self::Insert { job, .. }
            | Self::Start(job)
            | Self::Put(job, _)
            | Self::Again(job)
            | Self::Reopen(job, _)
            | Self::Finish(job)
            | Self::Amend(job) => Some(job),
            _ => None,
        }
    }
}

impl Change {
    /// Whether its caller may be told that nothing was accepted.
    pub(super) fn may_be_refused(&self) -> bool {
        matches!(
            self,
            Self::Insert { .. }
                | Self::Prune(..)
                | Self::Forget(..)
                | Self::Tell(..)
                | Self::Lock(_)
                | Self::State(_)
                | Self::Rule(_)
                | Self::Alert(_)
                | Self::Key(_)
                | Self::Outgoing(_)
                | Self::Worker(_)
                | Self::Plan(PlanChange::Add(..))
        )
    }
}
