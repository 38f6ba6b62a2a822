//! What came to an end lately: counts by minute, and how long jobs took. They are kept as jobs end and never counted
//! (rule 28), so reading them takes as long with five million executions as with fifty.
//!
//! A duration falls into a bucket: up to [`EXACT_MS`] each millisecond has its own, above that each doubling is cut into
//! sixteen. A percentile is the upper end of its bucket, so it is never below the true one, and above it by less than a
//! sixteenth.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use super::Answer;
use crate::clock::Timestamp;
use crate::job::Job;

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;
/// Minutes that are told: a day, the one under way included.
pub const MINUTES: usize = 24 * 60;
/// Durations below it are told apart to the millisecond.
pub const EXACT_MS: u64 = 16;

/// The side of the port that answers what a dashboard asks.
pub trait Figures: Send + Sync + 'static {
    /// What came to an end in the last day and ever. Kept, not counted (rule 28), in the commit that ends it: it survives
    /// a restart, and what is forgotten later has counted all the same.
    fn activity(&self, now: Timestamp) -> Answer<'_, Activity>;

    /// At most `limit` of the waiting jobs: those whose time has come in the order in which they run, then the others in
    /// that of their times. Jobs that wait for their concurrency key are left out.
    fn upcoming(&self, limit: usize, now: Timestamp) -> Answer<'_, Vec<Arc<Job>>>;
}

/// What came to an end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Jobs that completed.
    pub completed: u64,
    /// Jobs that failed for good.
    pub failed: u64,
    /// Jobs that were cancelled.
    pub cancelled: u64,
    /// Tries that went wrong and are followed by another one.
    pub retried: u64,
    /// What the last tries of those took that completed, in milliseconds.
    pub took_ms: u64,
}

/// How long jobs took: how many fell into each bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    /// Number of a bucket, and how many fell into it; in order.
    buckets: Vec<(u16, u32)>,
}

/// What came to an end lately, and ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Since the store was made; what has been forgotten since counts too.
    pub ever: Ended,
    /// When the first of the minutes begins.
    pub since: Timestamp,
    /// Each of [`MINUTES`] minutes, oldest first; the last one is under way. They begin with the minutes of UTC.
    pub minutes: Vec<Ended>,
    /// What the jobs took that completed in these minutes.
    pub durations: Durations,
}

impl AddAssign for Ended {
    fn add_assign(&mut self, other: Self) {
        self.completed += other.completed;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.retried += other.retried;
        self.took_ms = self.took_ms.saturating_add(other.took_ms);
    }
}

impl Ended {
    /// The mean duration of those that completed, if any did.
    pub fn mean(&self) -> Option<Duration> {
        self.took_ms.checked_div(self.completed).map(Duration::from_millis)
    }
}

impl Activity {
    /// All minutes together.
    pub fn day(&self) -> Ended {
        self.minutes.iter().fold(Ended::default(), |mut sum, minute| {
            sum += *minute;
            sum
        })
    }
}

impl Durations {
    /// Takes a duration in.
    pub fn note(&mut self, took_ms: u64) {
        self.add(bucket_of(took_ms), 1);
    }

    /// Takes in what others have.
    pub fn merge(&mut self, other: &Self) {
        other.buckets.iter().for_each(|(bucket, count)| self.add(*bucket, *count));
    }

    /// The duration that so many of a hundred do not exceed, if there are any; within a sixteenth, see the module.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        let all: u64 = self.buckets.iter().map(|(_, count)| u64::from(*count)).sum();
        let rank = (all * u64::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().find(|(_, count)| {
            seen += u64::from(*count);
            seen >= rank
        });
        bucket.map(|(bucket, _)| Duration::from_millis(top_of(*bucket)))
    }

    /// As it is kept: two bytes for each bucket and four for its count.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(6 * self.buckets.len());
        for (bucket, count) in &self.buckets {
            bytes.extend(bucket.to_le_bytes());
            bytes.extend(count.to_le_bytes());
        }
        bytes
    }

    /// As it was kept.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let mut durations = Self::default();
        let (pairs, _) = bytes.as_chunks::<6>();
        for [low, high, count @ ..] in pairs {
            durations.add(u16::from_le_bytes([*low, *high]), u32::from_le_bytes(*count));
        }
        durations
    }

    /// Adds to a bucket.
    fn add(&mut self, bucket: u16, count: u32) {
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => self.buckets[place].1 = self.buckets[place].1.saturating_add(count),
            Err(place) => self.buckets.insert(place, (bucket, count)),
        }
    }
}

/// The bucket of a duration. Above the exact ones it is the place of the highest bit and the four bits behind it.
fn bucket_of(took_ms: u64) -> u16 {
    if took_ms < EXACT_MS {
        return took_ms as u16;
    }
    let doublings = took_ms.ilog2() - EXACT_MS.ilog2();
    (doublings as u16 + 1) * EXACT_MS as u16 + (took_ms >> doublings) as u16 - EXACT_MS as u16
}

/// The longest duration that falls into a bucket.
fn top_of(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < EXACT_MS {
        return bucket;
    }
    let doublings = (bucket / EXACT_MS - 1).min(59);
    let next = u128::from(EXACT_MS + bucket % EXACT_MS + 1) << doublings;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_narrow_and_in_order() {
        let mut before = 0;
        for took in (0..5_000).chain((13..63).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + (1 << (bit - 1))]))
        {
            let bucket = bucket_of(took);
            let top = top_of(bucket);
            assert!(bucket >= before && top >= took && top - took <= took / 16, "{took}: {bucket} up to {top}");
            assert_eq!(bucket_of(top), bucket);
            before = bucket;
        }
        assert_eq!(top_of(bucket_of(u64::MAX)), u64::MAX);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_durations() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(50), None);
        (1..=100).for_each(|n| durations.note(n % 10));
        let percentile = |percent| durations.percentile(percent).unwrap().as_millis();
        assert_eq!([0, 1, 10, 11, 50, 90, 95, 99, 100].map(percentile), [0, 0, 0, 1, 4, 8, 9, 9, 9]);
        assert_eq!(Durations::of_bytes(&durations.to_bytes()), durations);
    }
}
