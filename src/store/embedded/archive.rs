//! Ended jobs where no disk stands behind them: the latest stay in memory, with their logs.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::core::{Core, dead};
use super::shown::Shown;
use crate::clock::Timestamp;
use crate::job::{Job, JobId};
use crate::store::LogLine;

/// What is kept of ended jobs besides themselves.
#[derive(Default)]
pub(super) struct Archive {
    /// By the moment of their end, and by number. They come almost in that order.
    ended: VecDeque<(Timestamp, u64)>,
    pub(super) logs: HashMap<JobId, Vec<LogLine>>,
}

/// Ended jobs that are kept; older ones are forgotten first.
const JOBS_MAX: usize = 100_000;

impl Archive {
    /// Notes a job that has ended.
    fn add(&mut self, at: Timestamp, seq: u64) {
        match self.ended.back() {
            Some(last) if *last >= (at, seq) => {
                if let Err(place) = self.ended.binary_search(&(at, seq)) {
                    self.ended.insert(place, (at, seq));
                }
            }
            _ => self.ended.push_back((at, seq)),
        }
    }

    /// Notes that it is not there any more, or lives again.
    pub(super) fn leave(&mut self, at: Timestamp, seq: u64) {
        if self.ended.front() == Some(&(at, seq)) {
            self.ended.pop_front();
        } else if let Ok(place) = self.ended.binary_search(&(at, seq)) {
            self.ended.remove(place);
        }
    }

    /// Those that ended before a moment, the oldest first.
    pub(super) fn before(&self, horizon: Timestamp) -> impl Iterator<Item = u64> {
        self.ended.iter().take_while(move |(at, _)| *at < horizon).map(|(_, seq)| *seq)
    }

    /// The oldest one, if there are too many.
    fn surplus(&self) -> Option<u64> {
        self.ended.front().filter(|_| self.ended.len() > JOBS_MAX).map(|(_, seq)| *seq)
    }
}

impl Core {
    /// Lets a job that has ended go from the decided state, or into the archive.
    pub(super) fn put_away(&mut self, job: &Arc<Job>, shown: &Shown) {
        let Some(archive) = &mut self.archive else {
            self.jobs.remove(&job.seq);
            self.recent.add(job, shown);
            return;
        };
        if let Some(end) = job.end() {
            archive.add(end.at, job.seq);
        }
        if let Some(oldest) = archive.surplus() {
            let forgotten = self.forget_archived(oldest, shown);
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
            if let Some(end) = job.end() {
                archive.leave(end.at, seq);
            }
        }
        Some(job)
    }
}
