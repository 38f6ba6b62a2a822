//! What can go wrong, in two tiers. Expected refusals carry a stable code that a client may rely on; an internal
//! failure carries its source and shows the world only that it happened.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::job::JobId;

/// A refusal or a failure of an operation, as the service layer tells it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request breaks a rule; each field's complaint is in `details`.
    #[error("{message}")]
    Invalid {
        /// One sentence that says what to do.
        message: String,
        /// The fields at fault, if it was a matter of fields.
        details: Vec<FieldError>,
    },
    /// There is no such thing, or it is not the caller's.
    #[error("no {what} with the id `{id}`")]
    NotFound {
        /// The sort of thing: `job`, `processor`.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// Nobody knows who asks, and this needs to be known.
    #[error("{0}")]
    Unauthorized(String),
    /// Whoever asks may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The job has ended, so it can no longer change.
    #[error("job {id} has already finished as {status}")]
    AlreadyFinished {
        /// The job.
        id: JobId,
        /// How it ended.
        status: &'static str,
    },
    /// Something of the request must be its own, and somebody else has it.
    #[error("{field}: {message}")]
    Taken {
        /// The field at fault.
        field: &'static str,
        /// Who has it.
        message: String,
    },
    /// Somebody else holds what the request needs.
    #[error("{0}")]
    Conflict(String),
    /// Somebody else has the lock.
    #[error("lock `{name}` is held by `{owner}` until {until}")]
    Held {
        /// The lock.
        name: String,
        /// Who.
        owner: String,
        /// Until when, unless it is renewed.
        until: Timestamp,
        /// How long that is from now.
        retry_after: Duration,
    },
    /// What is there is not what the request expects to be there, or has seen there.
    #[error("{0}")]
    Unmatched(String),
    /// There are as many of something as there may be.
    #[error("there are as many {what} as there may be, which is {max}, or they are too large together")]
    Full {
        /// Of what: `locks`.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// It was there, and its retention has passed.
    #[error("{0}")]
    Gone(String),
    /// No processor of this subtype was ever registered.
    #[error("no processor is registered for subType `{sub_type}`; there are: {known}")]
    UnknownProcessor {
        /// The subtype that was asked for.
        sub_type: String,
        /// Those that exist, separated by commas.
        known: String,
    },
    /// An idempotency key was used again with another body.
    #[error("this Idempotency-Key was already used with a different request body")]
    IdempotencyMismatch,
    /// The queue is as deep as it may be.
    #[error("the queue holds {depth} waiting jobs, which is its limit")]
    QueueFull {
        /// Jobs that wait.
        depth: u64,
    },
    /// It is encrypted, and cannot be read with the keys that this server has.
    #[error("{0}")]
    Unreadable(String),
    /// A key asks more often than it may.
    #[error("this key may make {per_minute} requests a minute, and has made them; slow down")]
    TooOften {
        /// How often it may.
        per_minute: u32,
        /// When there is room for the next one.
        retry_after: Duration,
    },
    /// A key has as much of something as it may have.
    #[error("this key may have {max} {what}, and has them; wait until there are fewer")]
    OverQuota {
        /// Of what: `open event streams`.
        what: &'static str,
        /// How many it may have.
        max: u64,
        /// When it is worth another try.
        retry_after: Duration,
    },
    /// The store cannot commit now; nothing was accepted.
    #[error("the store cannot commit at the moment: {reason}")]
    Unavailable {
        /// Why, in words for an operator.
        reason: String,
        /// When it is worth another try.
        retry_after: Duration,
    },
    /// A fault of ours or of the machine.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One field's complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, such as `retryPolicy.maxRetries`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Error {
    /// A request that breaks a rule, without a field to blame.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), details: Vec::new() }
    }

    /// A request with one field at fault.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// A request with several fields at fault; the sentence is made from the first.
    pub fn fields(details: Vec<FieldError>) -> Self {
        let message = match details.as_slice() {
            [] => "the request is not valid".to_owned(),
            [one] => format!("{}: {}", one.field, one.message),
            [first, rest @ ..] => format!("{}: {} (and {} more)", first.field, first.message, rest.len()),
        };
        Self::Invalid { message, details }
    }

    /// No job with this id.
    pub fn no_job(id: impl ToString) -> Self {
        Self::NotFound { what: "job", id: id.to_string() }
    }

    /// No schedule with this id or name.
    pub fn no_schedule(which: impl ToString) -> Self {
        Self::NotFound { what: "schedule", id: which.to_string() }
    }

    /// What the caller has seen has been replaced by another edition.
    pub fn changed(edition: u32) -> Self {
        Self::Unmatched(format!(
            "it has been changed since: it is of edition {edition} now; look again and decide anew"
        ))
    }

    /// A fault of ours or of the machine.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// The stable code that clients may rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid_request",
            Self::NotFound { .. } => "not_found",
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::AlreadyFinished { .. } => "already_finished",
            Self::Unmatched(_) => "precondition_failed",
            Self::Taken { .. } | Self::Held { .. } | Self::Conflict(_) => "conflict",
            Self::Full { .. } => "limit_reached",
            Self::Gone(_) => "gone",
            Self::UnknownProcessor { .. } => "unknown_processor",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::QueueFull { .. } => "queue_full",
            Self::Unreadable(_) => "unreadable",
            Self::TooOften { .. } => "rate_limited",
            Self::OverQuota { .. } => "quota_reached",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

/// The result of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;
