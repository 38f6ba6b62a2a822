//! What a processor answers: a [`Completion`] with or without a result, or a [`Failure`].

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::job::JobError;

/// Work well done, with its result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Completion {
    /// There is nothing to show.
    #[default]
    Done,
    /// Bytes of a media type. Small ones become a `data:` URL, large ones go to the result store.
    Bytes {
        /// Media type, such as `text/csv; charset=utf-8`.
        content_type: String,
        /// The result itself.
        bytes: Bytes,
    },
    /// The result is elsewhere.
    Url(String),
}

impl Completion {
    /// A result in JSON.
    ///
    /// # Errors
    /// When `value` cannot be written as JSON.
    pub fn json(value: &impl serde::Serialize) -> Result<Self, Failure> {
        let bytes =
            serde_json::to_vec(value).map_err(|error| Failure::permanent(format!("result is not JSON: {error}")))?;
        Ok(Self::bytes("application/json", bytes))
    }

    /// A result in bytes of a media type.
    pub fn bytes(content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self::Bytes { content_type: content_type.into(), bytes: bytes.into() }
    }
}

impl From<()> for Completion {
    fn from((): ()) -> Self {
        Self::Done
    }
}

/// Work that could not be done.
///
/// Any error turns into one with `?`, and may then be tried again. [`Failure::permanent`] may not.
/// Like `anyhow::Error`, it is no [`std::error::Error`] itself, which is what makes that conversion possible.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) error: JobError,
    pub(crate) retryable: bool,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) stopped: bool,
}

impl Failure {
    /// A failure that another try may mend.
    pub fn new(message: impl fmt::Display) -> Self {
        let error = JobError::new("error", message.to_string());
        Self { error, retryable: true, retry_after: None, stopped: false }
    }

    /// A failure that will happen again.
    pub fn permanent(message: impl fmt::Display) -> Self {
        Self { retryable: false, ..Self::new(message) }
    }

    /// The processor stopped because it was asked to.
    pub fn stopped() -> Self {
        Self {
            error: JobError::new("cancelled", "stopped on request"),
            retryable: true,
            retry_after: None,
            stopped: true,
        }
    }

    /// Gives the error a stable word of the processor's own, such as `bad_gateway`.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        self.error.kind = kind.into();
        self
    }

    /// Says where it happened.
    #[must_use]
    pub fn stack_trace(mut self, trace: impl Into<Box<str>>) -> Self {
        self.error.stack_trace = Some(trace.into());
        self
    }

    /// Asks for the next try not to come before then.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// What went wrong, for a person.
    pub fn message(&self) -> &str {
        &self.error.message
    }

    /// Where it happened, if that is known.
    pub fn trace(&self) -> Option<&str> {
        self.error.stack_trace.as_deref()
    }

    /// How long the next try must wait at least, if it must.
    pub fn pause(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether another try makes sense.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// Whether the processor stopped because it was asked to.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }
}

impl<E: std::error::Error> From<E> for Failure {
    /// The message is the error's own, followed by its sources.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(message)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error.kind, self.error.message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.message)
    }
}
