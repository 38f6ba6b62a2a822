//! How long a failed job waits before its next try: exponential, jittered, capped, safe at any attempt (rule 24).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::JobId;
use crate::limits;

/// How often, and how far apart, a failed job is tried again.
///
/// The words are those of the wire: `maxRetries`, `retryDelay`, `exponentialBackoff`, `maxDelay`, `jitter`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Tries after the first one; 0 means that the first failure is final.
    pub max_retries: u32,
    /// Pause before the first retry, in milliseconds.
    pub delay_ms: u32,
    /// Longest pause, in milliseconds.
    pub max_delay_ms: u32,
    /// Share of the pause that is left to chance, 0 to 1, so that jobs that failed together do not come back together.
    pub jitter: f32,
    /// Whether each pause is twice the one before.
    pub exponential: bool,
}

impl Default for RetryPolicy {
    /// Three retries after about 1, 2 and 4 seconds.
    fn default() -> Self {
        Self { max_retries: 3, delay_ms: 1_000, max_delay_ms: 3_600_000, jitter: 0.1, exponential: true }
    }
}

impl RetryPolicy {
    /// Whether it is what a job gets that asks for nothing.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// No second try.
    pub const fn never() -> Self {
        Self { max_retries: 0, delay_ms: 0, max_delay_ms: 0, jitter: 0.0, exponential: false }
    }

    /// Pause after the `failures`-th failure (from 1) of job `id`.
    ///
    /// The exponential form is `delay · 2^(failures-1)`, capped at `max_delay`; of that, the share `jitter` is
    /// scaled by a number in 0..1 that depends on the job and the try alone, so the domain needs no source of chance.
    pub fn pause(&self, id: JobId, failures: u32) -> Duration {
        let doublings = if self.exponential { failures.saturating_sub(1).min(40) } else { 0 };
        let cap = u64::from(self.max_delay_ms).min(limits::RETRY_DELAY_MAX.as_millis() as u64);
        let full = (u64::from(self.delay_ms) << doublings).min(cap);
        let free = full as f64 * f64::from(self.jitter.clamp(0.0, 1.0));
        Duration::from_millis((full as f64 - free * chance(id, failures)).round() as u64)
    }
}

/// A number in 0..1 from a job and a try: the finaliser of SplitMix64 (Steele, Lea, Flood 2014) over both.
fn chance(id: JobId, failures: u32) -> f64 {
    let (high, low) = uuid::Uuid::from_bytes(*id.as_bytes()).as_u64_pair();
    let mut mixed = (high ^ low.rotate_left(32)).wrapping_add(u64::from(failures).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady() -> RetryPolicy {
        RetryPolicy { max_retries: 3, delay_ms: 300_000, max_delay_ms: 3_600_000, jitter: 0.0, exponential: true }
    }

    #[test]
    fn doubles_up_to_its_cap() {
        let minutes: Vec<_> = (1..=6).map(|n| steady().pause(JobId::new(), n).as_secs() / 60).collect();
        assert_eq!(minutes, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn stays_the_same_without_exponent() {
        let policy = RetryPolicy { exponential: false, ..steady() };
        assert_eq!(policy.pause(JobId::new(), 1), policy.pause(JobId::new(), 9));
    }

    #[test]
    fn rule_24_any_attempt_is_safe_and_jitter_only_shortens() {
        let policy = RetryPolicy { delay_ms: u32::MAX, max_delay_ms: u32::MAX, jitter: 0.5, ..steady() };
        for failures in [0, 1, 2, 31, 63, 64, 65, u32::MAX] {
            let pause = policy.pause(JobId::new(), failures);
            assert!(pause <= limits::RETRY_DELAY_MAX && pause >= limits::RETRY_DELAY_MAX / 2, "{failures}: {pause:?}");
        }
    }

    #[test]
    fn chance_differs_between_jobs_and_tries() {
        let id = JobId::new();
        assert_ne!(chance(id, 1), chance(id, 2));
        assert_ne!(chance(id, 1), chance(JobId::new(), 1));
        let mean = (0..1_000).map(|n| chance(id, n)).sum::<f64>() / 1_000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
