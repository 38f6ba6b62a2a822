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
    /// By the moment of their end. They come almost in that order.
    ended: VecDeque<(Timestamp, u64)>,
    pub(super) logs: HashMap<JobId, Vec<LogLine>>,
}

/// Ended jobs that are kept; older ones are forgotten first.
const JOBS_MAX: usize = 100_000;

impl Archive {
    /// Notes a job that has ended.
    fn add(&mut self, at: Timestamp, seq: u64) {
        let place = match self.ended.back() {
            Some((last, _)) if *last > at => self.ended.partition_point(|(moment, _)| *moment <= at),
            _ => self.ended.len(),
        };
        self.ended.insert(place, (at, seq));
    }

    /// Notes that it is not there any more, or lives again.
    pub(super) fn leave(&mut self, at: Timestamp, seq: u64) {
        let first = self.ended.partition_point(|(moment, _)| *moment < at);
        let place =
            self.ended.range(first..).take_while(|(moment, _)| *moment == at).position(|(_, other)| *other == seq);
        place.map(|place| self.ended.remove(first + place));
    }

    /// Those that ended before a moment, the oldest first.
    pub(super) fn before(&self, horizon: Timestamp) -> impl Iterator<Item = u64> {
        self.ended.iter().take_while(move |(at, _)| *at < horizon).map(|(_, seq)| *seq)
    }

    /// Takes the oldest one out, if there are too many.
    fn take_surplus(&mut self) -> Option<u64> {
        if self.ended.len() <= JOBS_MAX {
            return None;
        }
        self.ended.pop_front().map(|(_, seq)| seq)
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
        if let Some(oldest) = archive.take_surplus() {
            let forgotten = self.forget_ended(oldest, shown);
            self.fallen.extend(forgotten);
        }
    }

    /// Forgets an ended job of the archive.
    pub(super) fn forget_archived(&mut self, seq: u64, shown: &Shown) -> Option<Arc<Job>> {
        let job = self.forget_ended(seq, shown)?;
        if let (Some(archive), Some(end)) = (&mut self.archive, job.end()) {
            archive.leave(end.at, seq);
        }
        Some(job)
    }

    fn forget_ended(&mut self, seq: u64, shown: &Shown) -> Option<Arc<Job>> {
        self.jobs.get(&seq).filter(|job| job.is_finished())?;
        let job = self.jobs.remove(&seq)?;
        shown.hide(job.id);
        self.tally.leave(job.status(), &job.spec);
        self.dead -= dead(&job);
        if let Some(archive) = self.archive.as_mut().filter(|archive| !archive.logs.is_empty()) {
            archive.logs.remove(&job.id);
        }
        Some(job)
    }
}
