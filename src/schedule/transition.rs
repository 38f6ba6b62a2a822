//! The answer of [`decide`](fn@super::decide): one step of a schedule's life, for an engine to persist as it stands.

use std::sync::Arc;

use super::{Life, Schedule, ScheduleId, Spec, Tick};
use crate::clock::Timestamp;
use crate::job::{JobId, NewJob};

/// One step of a schedule's life. An engine applies it only if both the schedule's revision and its last tick are
/// still those named here, and writes everything in it in one atomic step, or nothing: the jobs of a tick are accepted
/// in the commit that leaves the tick behind (rule 21).
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Whose step.
    pub schedule: ScheduleId,
    /// The revision that the step was decided on.
    pub expects: u32,
    /// The last tick that the step was decided on. It follows from the revision; a store may make a constraint of it.
    pub expects_last_tick: Option<Timestamp>,
    /// The terms after it, if they change.
    pub spec: Option<Arc<Spec>>,
    /// The life after it.
    pub next: Life,
    /// Jobs accepted in the same commit. The id of a tick's job is made of the schedule and the tick, so that two
    /// nodes make the same one.
    pub jobs: Vec<NewJob>,
    /// Jobs that are to be asked to stop, once the step is committed.
    pub cancels: Vec<JobId>,
    /// What was decided of the ticks, to tell.
    pub firing: Firing,
    /// Who asked for it, if somebody did: what is told of it says so, and nothing keeps it.
    pub by: Option<Arc<str>>,
}

/// What was decided of the ticks that were due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Firing {
    /// Those that fire, in order. Each has a job, in the same order.
    pub ticks: Vec<Tick>,
    /// How many nobody was there for, those among them that are caught up with included.
    pub missed: u64,
    /// How many of `ticks` catch up with missed ones.
    pub caught_up: u64,
    /// How many would have fired, had an earlier job not been there.
    pub overlapped: u64,
}

impl Transition {
    /// The schedule after this step.
    pub fn apply(&self, schedule: &Schedule) -> Schedule {
        let spec = self.spec.as_ref().unwrap_or(&schedule.spec).clone();
        // New terms are whole again.
        let fault = schedule.fault.clone().filter(|_| self.spec.is_none());
        Schedule { spec, life: self.next.clone(), fault, ..schedule.clone() }
    }
}
