//! What becomes of a delivery, and of an endpoint that does not take it. An endpoint may be away for days and loses nothing; one
//! that says it is gone, or that has taken nothing for too long, is switched off, so that nobody tries for ever.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::EventId;
use crate::clock::Timestamp;
use crate::job::words::words;
use crate::limits;

/// Pauses after the first, the second, … try that failed: over three days together. After the last try the delivery is dead.
pub const PAUSES: [Duration; 10] = {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    [
        Duration::from_secs(5),
        Duration::from_secs(MINUTE),
        Duration::from_secs(5 * MINUTE),
        Duration::from_secs(30 * MINUTE),
        Duration::from_secs(2 * HOUR),
        Duration::from_secs(5 * HOUR),
        Duration::from_secs(10 * HOUR),
        Duration::from_secs(14 * HOUR),
        Duration::from_secs(20 * HOUR),
        Duration::from_secs(24 * HOUR),
    ]
};

/// A delivery under way: an event and the endpoint that it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What is delivered.
    pub event: EventId,
    /// To whom: a stable name of the endpoint.
    pub to: Box<str>,
    /// Tries that have failed.
    pub failures: u32,
}

/// What is remembered of an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Tries that have failed since the last one that did not, of whatever delivery.
    pub failures_in_a_row: u32,
    /// When the first of them did.
    pub failing_since: Option<Timestamp>,
    /// Why it is switched off, if it is.
    pub off: Option<Off>,
}

words! {
    /// Why an endpoint was switched off.
    Off {
        /// It said that it is gone, with status 410.
        Gone = "gone",
        /// It has taken nothing for [`limits::WEBHOOK_FAILING_MAX`].
        Failing = "failing",
        /// Somebody did it.
        ByHand = "by_hand",
    }
}

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// An answer.
    Answer {
        /// Its status.
        status: u16,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// None that has a status, but that it was taken: a line was written, a broker has confirmed.
    Taken,
    /// None, or the address may not be called now.
    Nothing,
}

/// What is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it was taken.
    Delivered,
    /// Another try, not before then.
    Again(Timestamp),
    /// Nothing, until somebody replays it.
    Dead,
}

/// What follows from a try, for the delivery and for the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// For the delivery. Other deliveries to an endpoint that is switched off wait for it to be switched on.
    pub next: Next,
    /// The endpoint after it.
    pub endpoint: Endpoint,
}

impl Endpoint {
    /// Why it takes nothing any more, if it does not: because it is switched off, or because it would have to be.
    pub fn takes_nothing(self, now: Timestamp) -> Option<Off> {
        let lasts = now.millis_since(self.failing_since?) >= limits::WEBHOOK_FAILING_MAX.as_millis() as u64;
        let is_failing = lasts && self.failures_in_a_row >= limits::WEBHOOK_FAILURES_MIN;
        self.off.or(is_failing.then_some(Off::Failing))
    }
}

impl Heard {
    /// Whether the event was taken.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Taken | Self::Answer { status: 200..=299, .. })
    }
}

/// What `heard` at the moment `now` means for a delivery and its endpoint.
pub fn decide(delivery: &Delivery, endpoint: Endpoint, heard: Heard, now: Timestamp) -> Verdict {
    match heard {
        Heard::Taken | Heard::Answer { status: 200..=299, .. } => {
            let endpoint = Endpoint { failures_in_a_row: 0, failing_since: None, ..endpoint };
            Verdict { next: Next::Delivered, endpoint }
        }
        Heard::Answer { status: 410, .. } => {
            let endpoint = Endpoint { off: endpoint.off.or(Some(Off::Gone)), ..failed(endpoint, now) };
            Verdict { next: Next::Dead, endpoint }
        }
        // A redirect is not followed: it would lead where nobody has looked.
        Heard::Answer { retry_after, .. } => again(delivery, endpoint, retry_after, now),
        Heard::Nothing => again(delivery, endpoint, None, now),
    }
}

/// A try has failed. The endpoint is told from a single bad event by the time for which it took nothing at all.
fn again(delivery: &Delivery, endpoint: Endpoint, retry_after: Option<Duration>, now: Timestamp) -> Verdict {
    let endpoint = failed(endpoint, now);
    let endpoint = Endpoint { off: endpoint.takes_nothing(now), ..endpoint };
    let next = match pause(delivery, delivery.failures.saturating_add(1)) {
        Some(pause) => {
            let asked = retry_after.unwrap_or_default().min(limits::WEBHOOK_RETRY_AFTER_MAX);
            Next::Again(now.plus(pause.max(asked)))
        }
        None => Next::Dead,
    };
    Verdict { next, endpoint }
}

fn failed(endpoint: Endpoint, now: Timestamp) -> Endpoint {
    Endpoint {
        failures_in_a_row: endpoint.failures_in_a_row.saturating_add(1),
        failing_since: endpoint.failing_since.or(Some(now)),
        ..endpoint
    }
}

/// Pause after the `failures`-th failure (from 1); none when there is no further try. Up to a tenth of it is left to chance, so
/// that deliveries that failed together do not come back together; it never gets shorter.
fn pause(delivery: &Delivery, failures: u32) -> Option<Duration> {
    let full = *PAUSES.get(failures.checked_sub(1)? as usize)?;
    Some(full + full.mul_f64(chance(delivery, failures) / 10.0))
}

/// A number in 0..1 from a delivery and a try alone, so that the domain needs no source of chance.
fn chance(delivery: &Delivery, failures: u32) -> f64 {
    let digest =
        Sha256::new().chain_update(delivery.event.as_str()).chain_update([0]).chain_update(delivery.to.as_bytes());
    let digest = digest.chain_update(failures.to_be_bytes()).finalize();
    let mixed = digest.iter().take(8).fold(0u64, |mixed, byte| mixed << 8 | u64::from(*byte));
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}
