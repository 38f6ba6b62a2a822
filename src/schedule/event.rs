//! What may happen to a schedule, and why it may be refused.

use std::sync::Arc;

use super::{Spec, TooMany};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Outcome};

/// Something that happened, or that somebody wants to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Its time may have come.
    Due {
        /// Its jobs that have not ended.
        live: Vec<JobId>,
    },
    /// Somebody wants a job of it now.
    RunAsked {
        /// JSON text for this one job, in place of the schedule's own.
        payload: Option<Arc<str>>,
    },
    /// Somebody wants a job for each tick of a time that has passed.
    Backfilled {
        /// Its beginning; a tick there counts.
        from: Timestamp,
        /// Its end; a tick there counts.
        until: Timestamp,
    },
    /// Its terms are others now.
    Edited {
        /// All of them.
        spec: Arc<Spec>,
    },
    /// Somebody wants it to fire.
    Enabled,
    /// Somebody wants it not to fire.
    Disabled,
    /// Somebody puts it on hold.
    Paused {
        /// When the pause ends by itself; none when it must be resumed.
        until: Option<Timestamp>,
    },
    /// Somebody ends its pause.
    Resumed,
    /// The machine's clock may have been set back.
    ClockSet,
    /// A job of it has ended.
    Ended {
        /// Which.
        job: JobId,
        /// How.
        outcome: Outcome,
        /// What its last try took, in milliseconds; none when it never ran.
        took_ms: Option<u64>,
        /// What went wrong.
        error: Option<Arc<str>>,
    },
}

impl Event {
    /// That a job has ended; none when it has not.
    pub fn ended(job: &Job) -> Option<Self> {
        let end = job.end()?;
        Some(Self::Ended {
            job: job.id,
            outcome: end.outcome,
            took_ms: end.started_at.map(|started| end.at.millis_since(started)),
            error: end.error.as_ref().map(|error| error.message.as_ref().into()),
        })
    }
}

/// Why an event changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No tick of it is due.
    #[error("no tick is due yet")]
    NotDue,
    /// It is so already.
    #[error("nothing would change")]
    NothingToDo,
    /// A pause that ends in the past is none.
    #[error("the pause must end in the future")]
    EndsInThePast,
    /// A window that is not over, or that ends before it begins.
    #[error("the window must lie in the past, and begin before it ends")]
    NotPast,
    /// Nobody knows when it ticks.
    #[error("its terms cannot be read any more; give it new ones first")]
    Faulty,
    /// A window of more ticks than one request may fire.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}
