//! An event on its way to somebody. There is a record of it only while it is under way, when it has failed, and for a while
//! afterwards, for whoever wonders what came of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Event, Heard};
use crate::clock::Timestamp;
use crate::job::words::words;

words! {
    /// How far a sending is.
    SendingState {
        /// It waits for its first or next try.
        Pending = "pending",
        /// It was taken.
        Delivered = "delivered",
        /// It was tried often enough, or the endpoint said that it is gone. Somebody may replay it.
        Dead = "dead",
    }
}

/// An event on its way to a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// The place of the event in the log, by which it is known within its subscription.
    pub place: u64,
    /// The event itself: the log may forget it earlier.
    pub event: Event,
    /// Where to, where that is not the subscription's own address.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub to: Box<str>,
    /// How far it is.
    pub state: SendingState,
    /// Tries so far.
    pub attempts: u32,
    /// Tries that failed, since the start or since it was replayed.
    pub failures: u32,
    /// Not before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// The latest try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastTry>,
    /// When its state was reached.
    pub changed_at: Timestamp,
}

/// What came of the latest try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTry {
    /// When it ended.
    pub at: Timestamp,
    /// The status of the answer, where there was one that has a status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The first bytes of the answer, or why there was none.
    pub said: Box<str>,
}

impl LastTry {
    /// A try that ended `now`.
    pub fn new(heard: Heard, duration_ms: u64, said: &str, now: Timestamp) -> Self {
        let status = match heard {
            Heard::Answer { status, .. } => Some(status),
            Heard::Taken | Heard::Nothing => None,
        };
        Self { at: now, status, duration_ms, said: said.into() }
    }
}

impl Sending {
    /// An event that was not tried yet.
    pub fn new(place: u64, event: Event, to: Box<str>, now: Timestamp) -> Self {
        let state = SendingState::Pending;
        Self { place, event, to, state, attempts: 0, failures: 0, next_at: None, last: None, changed_at: now }
    }

    /// The same, to be tried anew: at once, and as often as an event that is new.
    #[must_use]
    pub fn replayed(&self, now: Timestamp) -> Self {
        Self { state: SendingState::Pending, failures: 0, next_at: None, changed_at: now, ..self.clone() }
    }

    /// Whether it may be tried at that moment, for all that it knows of itself.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next_at.is_none_or(|at| at <= now)
    }
}
