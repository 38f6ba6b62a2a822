//! What was asked for. A [`NewJob`] is built by a caller; once accepted its terms are a [`Spec`], which never changes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Job, JobId, Life, Name, Priority, RetryPolicy};
use crate::clock::Timestamp;

/// The terms of an accepted job.
///
/// Half a million of these may wait in memory, so what few jobs use is boxed away in [`Options`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Family of work, `type` on the wire.
    pub kind: Name,
    /// Key of the processor.
    pub sub_type: Name,
    /// How urgent it is.
    pub priority: Priority,
    /// When and how often it is tried again.
    #[serde(default, skip_serializing_if = "RetryPolicy::is_default")]
    pub retry: RetryPolicy,
    /// Whose job it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Arc<str>>,
    /// Time one attempt may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What few jobs ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Box<Options>>,
}

/// Terms that few jobs ask for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// A job that has not started by then fails as `expired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What the caller says it will take, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_duration: Option<Box<str>>,
    /// At most one job of this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<Unique>,
    /// At most so many running jobs of this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Free marks to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Box<str>>,
    /// The schedule that fired it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<Box<str>>,
    /// The tick of the schedule that it stands for; none when somebody asked for it between ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
    /// Who is told of its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<Box<str>>,
}

/// At most one job of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    /// The key.
    pub key: Box<str>,
    /// How long it is taken.
    pub during: UniqueFor,
}

/// How long a unique key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UniqueFor {
    /// Until the job has ended.
    Active,
    /// For so many milliseconds from its acceptance, ended or not.
    WindowMs(u64),
}

/// At most so many running jobs of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// The key.
    pub key: Box<str>,
    /// How many of it may run at once.
    pub limit: u32,
}

/// The input of a job: JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// It is here.
    Inline(Bytes),
    /// It is on disk until the job is claimed: a deep backlog does not fill the memory.
    Stored,
    /// It was encrypted and cannot be read, for this reason: the job cannot be run.
    Unreadable(Arc<str>),
    /// It is encrypted with a key that is not here, as this says: the job cannot be run until somebody brings it.
    Locked(Arc<str>),
}

impl Payload {
    /// The JSON text, if it is here.
    pub fn text(&self) -> Option<&Bytes> {
        match self {
            Self::Inline(text) => Some(text),
            Self::Stored | Self::Unreadable(_) | Self::Locked(_) => None,
        }
    }
}

/// A job that somebody wants done.
///
/// ```
/// use faena::job::{Name, NewJob, Priority};
///
/// let job = NewJob::new(Name::new("process_data").unwrap(), r#"{"csv": "a,b\n1,2\n"}"#)
///     .priority(Priority::High)
///     .user("ana")
///     .tag("monthly");
/// assert_eq!(job.sub_type.as_str(), "process_data");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Identity, made here so that a caller knows it before the job is accepted.
    pub id: JobId,
    /// Key of the processor.
    pub sub_type: Name,
    /// Family of work; the processor's own when left out.
    pub kind: Option<Name>,
    /// JSON text.
    pub payload: Bytes,
    /// How urgent it is.
    pub priority: Priority,
    /// Whose job it is.
    pub user_id: Option<Arc<str>>,
    /// Not before then.
    pub run_at: Option<Timestamp>,
    /// Time one attempt may take; the processor's own when left out.
    pub timeout: Option<Duration>,
    /// When and how often to try again; the processor's own when left out.
    pub retry: Option<RetryPolicy>,
    /// Who asks for it, as events name them: `key:…`. It is told and not kept.
    pub by: Option<Arc<str>>,
    /// What few jobs ask for.
    pub options: Options,
}

impl NewJob {
    /// A job for the processor `sub_type` with a JSON payload.
    pub fn new(sub_type: Name, payload: impl Into<Bytes>) -> Self {
        Self {
            id: JobId::new(),
            sub_type,
            kind: None,
            payload: payload.into(),
            priority: Priority::Normal,
            user_id: None,
            run_at: None,
            timeout: None,
            retry: None,
            by: None,
            options: Options::default(),
        }
    }

    /// A job whose payload is made from a value.
    ///
    /// # Errors
    /// When `payload` cannot be written as JSON.
    pub fn json(sub_type: Name, payload: &impl Serialize) -> serde_json::Result<Self> {
        Ok(Self::new(sub_type, serde_json::to_vec(payload)?))
    }

    /// Sets how urgent it is.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets whose job it is.
    #[must_use]
    pub fn user(mut self, user_id: impl Into<Arc<str>>) -> Self {
        self.user_id = Some(user_id.into());
        self
    }

    /// Puts it off.
    #[must_use]
    pub fn run_at(mut self, at: Timestamp) -> Self {
        self.run_at = Some(at);
        self
    }

    /// Bounds each attempt.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets when and how often it is tried again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Drops it when it has not started by then.
    #[must_use]
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.options.expires_at = Some(at);
        self
    }

    /// At most one job of `key`, until this one has ended or for a window.
    #[must_use]
    pub fn unique(mut self, key: impl Into<Box<str>>, during: UniqueFor) -> Self {
        self.options.unique = Some(Unique { key: key.into(), during });
        self
    }

    /// At most `limit` running jobs of `key`.
    #[must_use]
    pub fn concurrency(mut self, key: impl Into<Box<str>>, limit: u32) -> Self {
        self.options.concurrency = Some(Concurrency { key: key.into(), limit });
        self
    }

    /// Adds a mark to find it by.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Box<str>>) -> Self {
        self.options.tags.push(tag.into());
        self
    }

    /// The accepted job: queued, with the store's sequence number. What was left out of the terms takes the
    /// domain's defaults; the service has filled in the processor's own before.
    pub fn accept(self, seq: u64, now: Timestamp) -> Job {
        let life = Life::accepted(self.run_at.map_or(now, |at| at.max(now)));
        let spec = Spec {
            kind: self.kind.unwrap_or_else(|| self.sub_type.clone()),
            sub_type: self.sub_type,
            priority: self.priority,
            retry: self.retry.unwrap_or_default(),
            user_id: self.user_id,
            timeout_ms: self.timeout.map(|span| span.as_millis() as u64),
            options: (self.options != Options::default()).then(|| Box::new(self.options)),
        };
        Job { id: self.id, seq, created_at: now, spec: Arc::new(spec), payload: Payload::Inline(self.payload), life }
    }
}

impl Spec {
    /// What few jobs ask for, if this one does.
    pub fn options(&self) -> Option<&Options> {
        self.options.as_deref()
    }

    /// The unique key, if it has one.
    pub fn unique(&self) -> Option<&Unique> {
        self.options()?.unique.as_ref()
    }

    /// The concurrency key, if it has one.
    pub fn concurrency(&self) -> Option<&Concurrency> {
        self.options()?.concurrency.as_ref()
    }

    /// The moment by which it must have started, if there is one.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.options()?.expires_at
    }

    /// Its marks.
    pub fn tags(&self) -> &[Box<str>] {
        self.options().map_or(&[], |options| &options.tags)
    }

    /// The schedule that fired it, if one did.
    pub fn schedule_id(&self) -> Option<&str> {
        self.options()?.schedule_id.as_deref()
    }

    /// Who is told of its end, if somebody is.
    pub fn callback_url(&self) -> Option<&str> {
        self.options()?.callback_url.as_deref()
    }

    /// The tick that it stands for, if it stands for one.
    pub fn scheduled_for(&self) -> Option<Timestamp> {
        self.options()?.scheduled_for
    }
}
