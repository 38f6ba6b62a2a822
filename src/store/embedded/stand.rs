//! Why a job is not running.

use super::core::{Core, lives, place};
use crate::clock::Timestamp;
use crate::job::{Job, State};
use crate::store::Standing;

impl Core {
    /// Why a job is not running.
    pub(super) fn standing(&self, job: &Job, now: Timestamp) -> Standing {
        let State::Waiting { run_at } = job.life.state else { return Standing::NotWaiting };
        let (sub_type, entry) = place(job);
        if run_at > now {
            return Standing::NotDue(run_at);
        }
        if self.ready.is_paused(sub_type) {
            return Standing::Paused;
        }
        let urgency = entry.urgency(job.spec.priority);
        if let Some(key) = job.spec.concurrency()
            && let Some(holders) = self.gates.holders(key, sub_type, urgency)
        {
            let by = holders.iter().filter_map(|seq| self.jobs.get(seq)).map(|job| job.id).collect();
            return Standing::Gated { key: key.key.clone(), by };
        }
        Standing::Behind(self.ready.ahead(sub_type, job.spec.priority, entry, |entry| lives(&self.jobs, entry)))
    }
}
