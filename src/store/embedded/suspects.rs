//! Where to look for what breaks a rule. Nothing is kept for it on the way of a job: what runs is known by its slots, what
//! waits by its lanes, what fails by the roll of schedules, which endpoint is off by its course.

use std::sync::Arc;

use super::Embedded;
use super::core::{Core, lives};
use crate::clock::Timestamp;
use crate::job::{Job, Name};
use crate::store::alerts::{Ask, Queue, Suspects};

impl Embedded {
    pub(super) fn suspects_now(&self, ask: &Ask, now: Timestamp) -> Suspects {
        let failing = ask.failing.map(|times| self.agenda.failing(times, ask.limit));
        let silent = ask.silent_ms.map(|silent_ms| self.agenda.silent(silent_ms, now, ask.limit));
        let running = ask.running_since.map(|since| self.core(now).running_since(since, ask.limit));
        let queues = match ask.queues.as_slice() {
            [] => Vec::new(),
            queues => {
                let mut core = self.core(now);
                queues.iter().map(|sub_type| core.queue(sub_type.as_ref(), now)).collect()
            }
        };
        let (failing, silent) = (failing.unwrap_or_default(), silent.unwrap_or_default());
        let endpoints = if ask.endpoints { self.outgoing.suspects(ask.limit) } else { Vec::new() };
        Suspects { failing, silent, running: running.unwrap_or_default(), queues, endpoints }
    }
}

impl Core {
    /// Jobs that have been running since a moment, the longest running first.
    fn running_since(&self, since: Timestamp, limit: usize) -> Vec<Arc<Job>> {
        let began = |job: &Job| job.run().map(|run| run.started_at);
        let running = self.slots.running().filter_map(|seq| self.jobs.get(&seq));
        let mut running: Vec<_> =
            running.filter(|job| began(job).is_some_and(|began| began <= since)).cloned().collect();
        running.sort_by_key(|job| (began(job), job.seq));
        running.truncate(limit);
        running
    }

    /// How the queue of a subtype stands, or all of them together.
    fn queue(&mut self, sub_type: Option<&Name>, now: Timestamp) -> Queue {
        let Self { ready, jobs, .. } = self;
        let lives = |entry| lives(jobs, entry);
        let (ready, _, oldest) = match sub_type {
            Some(sub_type) => ready.depth_of(sub_type, now, lives),
            None => ready.depth(now, lives),
        };
        Queue { ready, oldest: oldest.map(|oldest| oldest.since) }
    }
}
