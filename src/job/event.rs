//! What may happen to a job, and why it may be refused.

use std::sync::Arc;
use std::time::Duration;

use super::{Holder, JobError, NewJob, ResultRef, Status};
use crate::clock::Timestamp;

/// Something that happened, or that somebody wants to happen.
///
/// Those that come from whoever works on the job carry the `epoch` of its claim, and are refused as
/// [`Refusal::Stale`] when another claim has been granted since (rule 1).
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A free slot took it.
    Claimed {
        /// Who works on it.
        holder: Holder,
        /// When the holder's sign of life runs out, if it needs one.
        lease_until: Option<Timestamp>,
    },
    /// The holder lives.
    Renewed {
        /// The claim's fencing token.
        epoch: u32,
        /// When its sign of life runs out now.
        lease_until: Timestamp,
    },
    /// The store was opened again, and the holder may live and could not say so meanwhile.
    Resumed {
        /// The claim's fencing token.
        epoch: u32,
        /// When its sign of life runs out now: a full new term (rule 7).
        lease_until: Timestamp,
    },
    /// The processor says how far it is.
    Progressed {
        /// The claim's fencing token.
        epoch: u32,
        /// 0 to 100; less than before is taken as before.
        percent: u8,
        /// What it is doing.
        message: Option<Arc<str>>,
    },
    /// The processor leaves something for the next try.
    StateSaved {
        /// The claim's fencing token.
        epoch: u32,
        /// JSON text; none forgets it.
        state: Option<Arc<str>>,
    },
    /// The processor has handed in its result before its end.
    Uploaded {
        /// The claim's fencing token.
        epoch: u32,
        /// Where the result is. It is the job's if the try succeeds without another one.
        result: ResultRef,
    },
    /// The processor is done.
    Succeeded {
        /// The claim's fencing token.
        epoch: u32,
        /// Where the result is, if there is one.
        result: Option<ResultRef>,
        /// Jobs that are accepted in the same commit.
        follow_ups: Vec<NewJob>,
    },
    /// The processor gave up.
    Failed {
        /// The claim's fencing token.
        epoch: u32,
        /// What went wrong.
        error: JobError,
        /// Whether another try makes sense.
        retryable: bool,
        /// What the failing service asked for, such as its Retry-After.
        retry_after: Option<Duration>,
    },
    /// The try took longer than it was allowed.
    TimedOut {
        /// The claim's fencing token.
        epoch: u32,
    },
    /// Somebody wants it stopped.
    CancelAsked {
        /// Who.
        by: Arc<str>,
    },
    /// It was asked to stop, and its try is over or given up.
    Stopped {
        /// The claim's fencing token.
        epoch: u32,
    },
    /// A drain gives it back.
    Released {
        /// The claim's fencing token.
        epoch: u32,
        /// Why.
        reason: Arc<str>,
    },
    /// What it needs is encrypted with a key that its holder does not have: it is given back for a while, since somebody may
    /// bring the key, and no try is burnt.
    KeyMissing {
        /// The claim's fencing token.
        epoch: u32,
        /// What is encrypted, and with which key.
        reason: Arc<str>,
    },
    /// Its holder gave no sign of life for too long.
    LeaseLost {
        /// The claim's fencing token.
        epoch: u32,
    },
    /// Its process died under it.
    Crashed {
        /// The claim's fencing token.
        epoch: u32,
    },
    /// It waited longer than it may.
    Expired,
    /// Somebody wants it done again.
    RetryAsked {
        /// Who.
        by: Arc<str>,
    },
    /// Somebody has seen the dead letter and wants nothing more of it.
    Discarded,
}

/// Why an event changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The job has ended.
    #[error("the job has already finished as {0}")]
    AlreadyFinished(Status),
    /// The job has not ended yet.
    #[error("the job has not finished")]
    NotFinished,
    /// Another claim has been granted since, or the try is over.
    #[error("the claim is stale")]
    Stale,
    /// It waited longer than it may.
    #[error("the job has expired")]
    Expired,
    /// The job's time has not come, or has not passed.
    #[error("it is not time yet")]
    NotDue,
    /// It is so already.
    #[error("nothing would change")]
    NothingToDo,
}
