//! Forgets locks and shared states whose term is over, chunk by chunk (rule 27). They bind nobody since then; this gives
//! back the room that they take.

use super::Parts;
use crate::store::StoreError;

/// How many are forgotten in one commit.
const CHUNK: usize = 500;

/// Forgets everything whose term is over. The answer is how many there were.
pub(super) async fn expire(parts: Parts) -> Result<u64, StoreError> {
    let (locks, states) = (parts.store.locks(), parts.store.states());
    let mut forgotten = 0;
    loop {
        let now = parts.clock.now();
        let (freed, dropped) = (locks.prune_locks(now, CHUNK).await?, states.prune_states(now, CHUNK).await?);
        forgotten += freed + dropped;
        if freed.max(dropped) < CHUNK as u64 {
            return Ok(forgotten);
        }
        // Between two chunks the queue goes on.
        tokio::task::yield_now().await;
    }
}
