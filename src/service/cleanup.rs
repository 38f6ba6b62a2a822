//! Forgetting what ended long ago, before its retention does it.

use std::time::Duration;

use super::Service;
use crate::error::Error;
use crate::limits;
use crate::store::Prune;

impl Service {
    /// Forgets jobs that ended longer ago than `age`, with their logs and results, and says how many there were.
    /// It goes in chunks, so that it stalls nobody (rule 27).
    ///
    /// # Errors
    /// When the store fails; what is forgotten by then stays so.
    pub async fn forget_older_than(&self, age: Duration) -> Result<u64, Error> {
        let now = self.now();
        let before = now.minus(age);
        let chunk = Prune { ended_before: before, failed_before: before, limit: limits::BULK_CHUNK };
        let mut forgotten = 0;
        loop {
            let pruned = self.store().prune(chunk, now).await?;
            self.parts.results.delete(&pruned.results).await?;
            forgotten += pruned.jobs;
            if pruned.jobs < limits::BULK_CHUNK as u64 {
                return Ok(forgotten);
            }
        }
    }
}
