//! What readers see: the committed state of the live jobs and of those that ended lately. Reading takes no lock but
//! that of one shard, and never waits for a decision or for the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::job::{Job, JobId, JobMap, ResultRef};

/// The status store.
#[derive(Default)]
pub(super) struct Shown {
    jobs: JobMap<Arc<Job>>,
}

impl Shown {
    /// The job as committed.
    pub(super) fn get(&self, id: JobId) -> Option<Arc<Job>> {
        self.jobs.get(&id).map(|job| job.clone())
    }

    /// Shows a job, and gives what was shown before.
    pub(super) fn show(&self, job: Arc<Job>) -> Option<Arc<Job>> {
        self.jobs.insert(job.id, job)
    }

    /// Shows a job no more.
    pub(super) fn hide(&self, id: JobId) -> Option<Arc<Job>> {
        self.jobs.remove(&id).map(|(_, job)| job)
    }

    /// Shows a job no more if it has ended.
    pub(super) fn hide_finished(&self, id: JobId) {
        self.jobs.remove_if(&id, |_, job| job.is_finished());
    }
}

/// Ended jobs that are still shown from memory, oldest first, bounded by number and by the size of their results.
#[derive(Default)]
pub(super) struct Recent {
    jobs: VecDeque<(JobId, usize)>,
    bytes: usize,
}

/// Ended jobs shown from memory.
const RECENT_JOBS_MAX: usize = 10_000;
/// Bytes of their results.
const RECENT_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Recent {
    /// Adds a job that has ended; the oldest leave.
    pub(super) fn add(&mut self, job: &Job, shown: &Shown) {
        let bytes = match job.end().and_then(|end| end.result.as_ref()) {
            Some(ResultRef::Url(url) | ResultRef::Sealed(url)) => url.len(),
            _ => 0,
        };
        self.jobs.push_back((job.id, bytes));
        self.bytes += bytes;
        while self.jobs.len() > RECENT_JOBS_MAX || (self.bytes > RECENT_BYTES_MAX && self.jobs.len() > 1) {
            let Some((id, bytes)) = self.jobs.pop_front() else { break };
            self.bytes -= bytes;
            shown.hide_finished(id);
        }
    }
}
