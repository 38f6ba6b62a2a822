//! What is kept of all shown schedules together, so that a dashboard need not look at each (rule 28).

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::job::{Outcome, Priority};
use crate::schedule::{Schedule, ScheduleId};

/// Sums and orders of the shown schedules.
#[derive(Default)]
pub(super) struct Roll {
    /// Those that are switched on, and those that are not, by priority in the order of [`Priority::ALL`].
    pub(super) enabled: [u64; 3],
    pub(super) disabled: [u64; 3],
    /// Jobs that ended, and those of them that failed.
    pub(super) executions: u64,
    pub(super) failures: u64,
    /// Those that somebody put on hold; whether the pause has ended by itself is asked when it is read.
    pub(super) on_hold: BTreeSet<ScheduleId>,
    /// By the moment they are due.
    pub(super) due: BTreeSet<(Timestamp, ScheduleId)>,
    /// Those whose latest execution failed, by the moment when it was made.
    pub(super) failing: BTreeSet<(Timestamp, ScheduleId)>,
    /// Those that have failed since their last success, by how often.
    pub(super) streaks: BTreeSet<(u32, ScheduleId)>,
}

impl Roll {
    /// Takes a schedule in.
    pub(super) fn enter(&mut self, schedule: &Schedule) {
        let (id, tally) = (schedule.id, &schedule.life.tally);
        *self.place(schedule) += 1;
        self.executions += tally.succeeded + tally.failed;
        self.failures += tally.failed;
        if schedule.life.pause.is_some() && schedule.life.enabled {
            self.on_hold.insert(id);
        }
        self.due.extend(schedule.due_at().map(|at| (at, id)));
        self.failing.extend(failed_at(schedule).map(|at| (at, id)));
        if tally.failures_in_a_row > 0 {
            self.streaks.insert((tally.failures_in_a_row, id));
        }
    }

    /// Takes a schedule out, as it was taken in.
    pub(super) fn leave(&mut self, schedule: &Schedule) {
        let (id, tally) = (schedule.id, &schedule.life.tally);
        let place = self.place(schedule);
        *place = place.saturating_sub(1);
        self.executions = self.executions.saturating_sub(tally.succeeded + tally.failed);
        self.failures = self.failures.saturating_sub(tally.failed);
        self.on_hold.remove(&id);
        schedule.due_at().map(|at| self.due.remove(&(at, id)));
        failed_at(schedule).map(|at| self.failing.remove(&(at, id)));
        self.streaks.remove(&(tally.failures_in_a_row, id));
    }

    fn place(&mut self, schedule: &Schedule) -> &mut u64 {
        let side = if schedule.life.enabled { &mut self.enabled } else { &mut self.disabled };
        &mut side[schedule.spec.priority as usize]
    }

    /// How many there are of each priority.
    pub(super) fn by_priority(&self) -> Vec<(Priority, u64)> {
        let sums = self.enabled.iter().zip(self.disabled).map(|(on, off)| on + off);
        Priority::ALL.iter().copied().zip(sums).collect()
    }
}

/// When the latest execution was made, if it has failed.
fn failed_at(schedule: &Schedule) -> Option<Timestamp> {
    let last = schedule.life.tally.last.as_ref()?;
    let failed = !matches!(last.outcome?, Outcome::Success | Outcome::Cancelled);
    failed.then_some(last.at)
}
