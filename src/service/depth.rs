//! How deep the queue is, for little. Asking the store for each job would cost more than the job; an estimate that
//! counts what was added since the last look is never too low by more than what came from retries meanwhile.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::Store;

/// How old an estimate may get, in milliseconds, before somebody looks.
const FRESH_MS: i64 = 1_000;
/// How old it may get before everybody does, since nobody's look came back.
const STALE_MS: i64 = 10_000;

/// An estimate of the waiting jobs.
pub(super) struct Depth {
    looked_at: AtomicI64,
    estimate: AtomicU64,
}

impl Default for Depth {
    fn default() -> Self {
        Self { looked_at: AtomicI64::new(i64::MIN), estimate: AtomicU64::new(0) }
    }
}

impl Depth {
    /// Makes room for `count` more jobs, or refuses them. Nobody is refused on a stale estimate.
    pub(super) async fn admit(&self, store: &dyn Store, count: u64, max: u64, now: Timestamp) -> Result<(), Error> {
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        let age = now.as_millis().saturating_sub(looked_at);
        let guess = self.estimate.fetch_add(count, Ordering::Relaxed);
        if guess.saturating_add(count) <= max {
            // One looks; who comes meanwhile goes by the estimate, or a crowd would ask a database the same at once.
            let is_looked_for = || {
                let mine =
                    self.looked_at.compare_exchange(looked_at, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed);
                mine.is_err()
            };
            if (0..FRESH_MS).contains(&age) || (0..STALE_MS).contains(&age) && is_looked_for() {
                return Ok(());
            }
        }
        let tally = store.tally(now).await?;
        let depth = tally.ready + tally.delayed;
        self.looked_at.store(now.as_millis(), Ordering::Relaxed);
        let fits = depth.saturating_add(count) <= max;
        self.estimate.store(if fits { depth + count } else { depth }, Ordering::Relaxed);
        if fits { Ok(()) } else { Err(Error::QueueFull { depth }) }
    }
}
