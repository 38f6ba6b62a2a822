//! How often a key may ask, and how much it may have waiting: the quota that it was made with, and a bucket of requests that
//! fills evenly. Pure: the time is an argument, and whoever keeps the buckets is above.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// What a key may use up. What is none is not bounded here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Requests in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Jobs that it has asked for and that have not begun yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_max: Option<u32>,
}

impl Quota {
    /// Whether it bounds nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The same, with what it leaves out taken from another one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.or(other.requests_per_minute),
            queued_max: self.queued_max.or(other.queued_max),
        }
    }
}

/// A bucket of requests. It holds those of a minute, is full at first, and fills evenly: who has been quiet may ask for the
/// requests of a minute at once, and no more than that in the long run.
///
/// It is kept as the moment at which it will be full again, in microseconds: one number, and nothing to do while nobody
/// asks (the virtual scheduling of ITU-T I.371).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    full_at: i64,
}

const MINUTE_US: i64 = 60_000_000;

impl Bucket {
    /// A full one.
    pub const FULL: Self = Self { full_at: i64::MIN };

    /// Takes one request out of a bucket for so many in a minute.
    ///
    /// # Errors
    /// How long it is until there is one again. Nothing was taken.
    pub fn take(&mut self, per_minute: u32, now: Timestamp) -> Result<(), Duration> {
        let now = now.as_millis().saturating_mul(1_000);
        let each = MINUTE_US / i64::from(per_minute.max(1));
        // A clock that was set back makes nobody wait longer than an empty bucket does.
        let full_at = self.full_at.clamp(now, now.saturating_add(MINUTE_US));
        let after = full_at.saturating_add(each);
        let beyond = after.saturating_sub(now.saturating_add(MINUTE_US));
        if beyond > 0 {
            return Err(Duration::from_micros(beyond.unsigned_abs()));
        }
        self.full_at = after;
        Ok(())
    }

    /// Whether it is full: then it need not be kept.
    pub fn is_full(&self, now: Timestamp) -> bool {
        self.full_at <= now.as_millis().saturating_mul(1_000)
    }
}
