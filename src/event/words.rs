//! The types of events: those that this program tells, a closed vocabulary, and those of applications.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::job::words::words;
use crate::limits;

words! {
    /// What this program tells. Ids of events are made of the places of these words: new ones go to the end.
    Kind {
        /// A job waits for its turn: it was accepted, given back by a drain, or somebody wants it done again.
        JobQueued = "job.queued",
        /// Somebody works on it.
        JobStarted = "job.started",
        /// It ended well.
        JobCompleted = "job.completed",
        /// It ended badly.
        JobFailed = "job.failed",
        /// A try of it failed, and another one follows.
        JobRetrying = "job.retrying",
        /// It ended because somebody asked for it.
        JobCancelled = "job.cancelled",
        /// It ended badly and waits among the dead letters for somebody to decide.
        JobDead = "job.dead",
        /// A schedule was made.
        ScheduleCreated = "schedule.created",
        /// Its terms were changed, or it was switched, paused or resumed.
        ScheduleUpdated = "schedule.updated",
        /// It was removed.
        ScheduleDeleted = "schedule.deleted",
        /// It made jobs.
        ScheduleFired = "schedule.fired",
        /// Times of it passed without a job: nobody was there, or an earlier job had not ended.
        ScheduleMissed = "schedule.missed",
        /// A rule was broken.
        AlertFired = "alert.fired",
        /// It is not any more.
        AlertCleared = "alert.cleared",
        /// A key was made.
        KeyCreated = "key.created",
        /// It was revoked.
        KeyRevoked = "key.revoked",
    }
}

words! {
    /// The ways by which events are sent.
    Via {
        /// Lines on the standard output.
        Console = "console",
        /// A signed `POST` to a URL.
        Webhook = "webhook",
        /// A message to an exchange of a broker.
        Amqp = "amqp",
        /// A mail to an address.
        Email = "email",
    }
}

impl Kind {
    /// The families of these types. No application tells events of them.
    pub const FAMILIES: [&'static str; 4] = ["job", "schedule", "alert", "key"];
}

/// The type of an event: one of [`Kind`], or an application's own, such as `order.paid` or `PayoutCalculated`. Clones share one
/// allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventType(Arc<str>);

impl EventType {
    /// Checks and keeps a type.
    ///
    /// # Errors
    /// A sentence that names the alphabet, when `text` leaves it, or the words of a family, when it is none of them.
    pub fn new(text: &str) -> Result<Self, String> {
        if !is_spelled_well(text) {
            return Err(format!(
                "`{}` is no type of an event: a letter, then up to {} of letters, digits, `_`, `.`, `-`",
                text.escape_debug().take(80).collect::<String>(),
                limits::EVENT_TYPE_BYTES_MAX - 1
            ));
        }
        match family(text) {
            Some(_) => text.parse::<Kind>().map(Self::from),
            None => Ok(Self(text.into())),
        }
    }

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What this program means by it; none for an application's own.
    pub fn kind(&self) -> Option<Kind> {
        self.0.parse().ok()
    }
}

/// The family of this program that a type or a part of it belongs to.
pub(super) fn family(text: &str) -> Option<&'static str> {
    let head = text.split('.').next().unwrap_or_default();
    Kind::FAMILIES.into_iter().find(|family| *family == head)
}

pub(super) fn is_spelled_well(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        && text.len() <= limits::EVENT_TYPE_BYTES_MAX
}

impl From<Kind> for EventType {
    fn from(kind: Kind) -> Self {
        Self(kind.as_str().into())
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

impl TryFrom<String> for EventType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<EventType> for String {
    fn from(kind: EventType) -> Self {
        kind.0.as_ref().to_owned()
    }
}
