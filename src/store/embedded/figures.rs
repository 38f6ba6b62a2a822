//! What a dashboard asks.

use std::sync::Arc;

use super::Embedded;
use super::core::{Core, lives};
use crate::clock::Timestamp;
use crate::job::Job;
use crate::store::{Activity, Answer, Figures, Tally};

impl Figures for Embedded {
    fn activity(&self, now: Timestamp) -> Answer<'_, Activity> {
        Box::pin(std::future::ready(Ok(self.minutes.read().activity(now))))
    }

    fn upcoming(&self, limit: usize, now: Timestamp) -> Answer<'_, Vec<Arc<Job>>> {
        let mut core = self.core(now);
        let Core { ready, jobs, .. } = &mut *core;
        let next = ready.upcoming(limit, now, |entry| lives(jobs, entry));
        let next = next.iter().filter_map(|seq| jobs.get(seq).cloned()).collect();
        Box::pin(std::future::ready(Ok(next)))
    }
}

impl Embedded {
    /// How many jobs there are of each sort, and what waits.
    pub(super) fn tally_now(&self, now: Timestamp) -> Tally {
        let mut core = self.core(now);
        let Core { ready, jobs, .. } = &mut *core;
        let (ready, delayed, first) = ready.depth(now, |entry| lives(jobs, entry));
        let oldest = first.and_then(|first| jobs.get(&first.seq).cloned());
        let mut rows: Vec<_> = core.tally.iter().collect();
        rows.sort();
        let ready = ready + core.gates.parked();
        Tally { rows, ready, delayed, dead: core.dead, oldest_ready: first.map(|first| first.since), oldest }
    }
}
