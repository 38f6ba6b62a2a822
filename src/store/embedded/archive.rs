//! Ended jobs where no disk stands behind them: the latest stay in memory, with their logs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::core::{Core, dead};
use super::shown::Shown;
use crate::clock::Timestamp;
use crate::job::{Job, JobId};
use crate::store::LogLine;

/// Ended jobs in memory, for the engine without a journal.
#[derive(Default)]
pub(super) struct Archive {
    pub(super) ended: BTreeSet<(Timestamp, u64)>,
    pub(super) logs: HashMap<JobId, Vec<LogLine>>,
}

/// Ended jobs that the engine without a journal keeps; older ones are forgotten first.
const ARCHIVED_JOBS_MAX: usize = 100_000;

impl Core {
    /// Lets a job that has ended go from the decided state, or into the archive.
    pub(super) fn put_away(&mut self, job: &Arc<Job>, shown: &Shown) {
        let Some(archive) = &mut self.archive else {
            self.jobs.remove(&job.seq);
            self.recent.add(job, shown);
            return;
        };
        archive.ended.extend(job.end().map(|end| (end.at, job.seq)));
        if archive.ended.len() > ARCHIVED_JOBS_MAX {
            let oldest = archive.ended.first().map(|(_, seq)| *seq);
            let forgotten = oldest.and_then(|seq| self.forget_archived(seq, shown));
            self.fallen.extend(forgotten);
        }
    }

    /// Forgets an ended job of the archive.
    pub(super) fn forget_archived(&mut self, seq: u64, shown: &Shown) -> Option<Arc<Job>> {
        let job = self.jobs.get(&seq).filter(|job| job.is_finished()).cloned()?;
        self.jobs.remove(&seq);
        shown.hide(job.id);
        self.tally.leave(job.status(), &job.spec);
        self.dead -= dead(&job);
        if let Some(archive) = &mut self.archive {
            if !archive.logs.is_empty() {
                archive.logs.remove(&job.id);
            }
            job.end().map(|end| archive.ended.remove(&(end.at, seq)));
        }
        Some(job)
    }
}
