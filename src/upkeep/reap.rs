//! Ends what waited too long, and takes back what nobody gives a sign of life for (rule 5).

use std::collections::HashMap;
use std::sync::Arc;

use super::Parts;
use crate::job::{Event, Job, JobId, decide};
use crate::store::{Committed, StoreError};

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
            let answers = parts.store.commit(steps, now).await?;
            parts.results.delete(&left_behind(&overdue, answers)).await?;
            reaped += decided;
        }
        if found < CHUNK || decided == 0 {
            return Ok(reaped);
        }
    }
}

/// Results that lost workers had handed in already, and that nobody refers to any more.
fn left_behind(overdue: &[Arc<Job>], answers: Vec<Committed>) -> Vec<Arc<str>> {
    let before: HashMap<JobId, &Arc<Job>> = overdue.iter().map(|job| (job.id, job)).collect();
    let applied = answers.into_iter().filter_map(|answer| match answer {
        Committed::Applied { job, .. } => Some(job),
        _ => None,
    });
    applied.filter_map(|job| before.get(&job.id)?.left_behind(&job).cloned()).collect()
}
