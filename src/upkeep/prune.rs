//! Forgets what ended long ago, chunk by chunk (rule 27), and then the stored results that went with it.

use super::Parts;
use crate::store::{Prune, StoreError};

/// Jobs forgotten in one commit; it shrinks when the store does not get through (rule 27).
const CHUNK: usize = 500;

/// Forgets everything whose retention has passed. The answer is the number of jobs.
pub(super) async fn prune(parts: Parts) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    let mut limit = CHUNK;
    loop {
        let now = parts.clock.now();
        let what =
            Prune { ended_before: now.minus(parts.ended_for), failed_before: now.minus(parts.failed_for), limit };
        let pruned = match parts.store.prune(what, now).await {
            Ok(pruned) => pruned,
            Err(_) if limit > 1 => {
                limit /= 2;
                continue;
            }
            Err(error) => return Err(error),
        };
        // The job is forgotten first: a result without a job is only waste, a job without its result would be a lie.
        parts.results.delete(&pruned.results).await?;
        forgotten += pruned.jobs;
        if pruned.jobs < limit as u64 {
            if forgotten > 0 {
                tracing::info!(jobs = forgotten, "forgot jobs whose retention has passed");
            }
            return Ok(forgotten);
        }
        // Between two chunks the queue goes on.
        tokio::task::yield_now().await;
    }
}
