//! Forgets locks and shared states whose term is over, alerts that cleared long ago and workers that have long been silent,
//! chunk by chunk (rule 27). They bind nobody since then; this gives back the room that they take.

use super::Parts;
use crate::limits;
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
        let before = now.minus(limits::ALERT_RETENTION);
        let cleared = parts.store.alerts().prune_alerts(before, limits::ALERTS_CLEARED_MAX, CHUNK).await?;
        let silent_since = now.minus(limits::WORKER_FORGOTTEN_AFTER);
        let gone = parts.store.roster().forget_workers(silent_since, CHUNK).await?;
        forgotten += freed + dropped + cleared + gone;
        if freed.max(dropped).max(cleared).max(gone) < CHUNK as u64 {
            return Ok(forgotten);
        }
        // Between two chunks the queue goes on.
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::store::embedded::Embedded;
    use crate::store::results::Memory;
    use crate::store::{Expected, Grant, Locks, Put, Slug, States, Take};

    #[tokio::test]
    async fn rule_27_what_is_over_is_forgotten_to_the_last_chunk() {
        let (store, clock) = (Arc::new(Embedded::memory()), Clock::manual(Timestamp::from_millis(0)));
        let (now, ttl) = (clock.now(), Duration::from_secs(10));
        for number in 0..CHUNK + 1 {
            let name = Slug::new(format!("n{number}")).unwrap();
            let take =
                Take { name: name.clone(), owner: "ana".into(), ttl, grant: Grant::Any, in_process: number % 2 == 0 };
            store.acquire(take, now).await.unwrap();
            let put = Put { name, value: "1".into(), ttl: ttl * 2, expected: Expected::Anything };
            store.put_state(put, now).await.unwrap();
        }
        let parts = Parts {
            store,
            results: Arc::new(Memory::default()),
            clock: clock.clone(),
            ages: None,
            events: crate::limits::EVENTS_KEPT_FOR,
        };
        let mut forgotten = Vec::new();
        for _ in 0..4 {
            forgotten.push(expire(parts.clone()).await.unwrap());
            clock.advance(ttl);
        }
        let all = CHUNK as u64 + 1;
        assert_eq!(forgotten, [0, all, all, 0]);
    }
}
