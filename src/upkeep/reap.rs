//! Ends what waited too long, and takes back what nobody gives a sign of life for (rule 5).

use super::Parts;
use crate::job::{Event, decide};
use crate::store::StoreError;

/// Jobs decided on in one step.
const CHUNK: usize = 500;

/// Decides on every overdue job. The answer is how many there were.
pub(super) async fn reap(parts: Parts) -> Result<usize, StoreError> {
    let mut reaped = 0;
    loop {
        let now = parts.clock.now();
        let overdue = parts.store.overdue(now, CHUNK).await?;
        let found = overdue.len();
        let mut steps: Vec<_> = overdue
            .iter()
            .filter_map(|job| {
                let event = match job.run() {
                    Some(_) => Event::LeaseLost { epoch: job.life.epoch },
                    None => Event::Expired,
                };
                decide(job, event, now).ok()
            })
            .collect();
        // Batches touch rows in id order everywhere (rule 34).
        steps.sort_by_key(|step| step.job);
        let decided = steps.len();
        if decided > 0 {
            parts.store.commit(steps, now).await?;
            reaped += decided;
        }
        if found < CHUNK || decided == 0 {
            return Ok(reaped);
        }
    }
}
