//! Schedules as decided, whether or not the disk has confirmed it, with the indexes that deciding needs: names, the
//! moments when they are due, and the jobs of each that have not ended.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use super::agenda::Agenda;
use crate::clock::Timestamp;
use crate::event::{Event as Told, tell};
use crate::job::{Job, JobId};
use crate::limits;
use crate::schedule::{Event, NewSchedule, Schedule, ScheduleId, Transition, decide};
use crate::store::schedules::{Due, Removed, Stepped};

/// All schedules.
#[derive(Default)]
pub(super) struct Plans {
    kept: BTreeMap<ScheduleId, Arc<Schedule>>,
    names: HashMap<Arc<str>, ScheduleId>,
    /// Accepted and not yet on disk: nobody may see them, and they do not fire.
    unconfirmed: HashSet<ScheduleId>,
    /// By the moment they are due.
    due: BTreeSet<(Timestamp, ScheduleId)>,
    /// Jobs that have not ended, with their sequence numbers.
    live: HashMap<ScheduleId, BTreeMap<JobId, u64>>,
    /// What readers see.
    pub(super) agenda: Arc<Agenda>,
}

/// One decided change of a schedule, to be written.
pub(super) enum PlanChange {
    /// It is new, and somebody has asked for it.
    Add(Arc<Schedule>, Option<Arc<str>>),
    /// It moved on.
    Put {
        /// As it was.
        before: Arc<Schedule>,
        /// As it is.
        after: Arc<Schedule>,
        /// What that tells.
        told: Vec<Told>,
    },
    /// It is forgotten, at that moment, by somebody.
    Remove(Arc<Schedule>, Timestamp, Option<Arc<str>>),
}

impl Plans {
    /// Accepts a schedule, or says whose its name is.
    pub(super) fn admit(&mut self, new: NewSchedule, now: Timestamp) -> Result<Arc<Schedule>, ScheduleId> {
        if let Some(holder) = self.names.get(&new.spec.name) {
            return Err(*holder);
        }
        let schedule = Arc::new(new.accept(now));
        self.names.insert(schedule.spec.name.clone(), schedule.id);
        self.unconfirmed.insert(schedule.id);
        self.kept.insert(schedule.id, schedule.clone());
        Ok(schedule)
    }

    /// Takes back a schedule that could not be made durable.
    pub(super) fn withdraw(&mut self, change: &PlanChange) {
        let PlanChange::Add(schedule, _) = change else { return };
        self.kept.remove(&schedule.id);
        self.unconfirmed.remove(&schedule.id);
        self.names.remove(&schedule.spec.name);
    }

    /// Takes in a schedule that the disk knows.
    pub(super) fn restore(&mut self, schedule: Schedule) {
        let schedule = Arc::new(schedule);
        self.names.insert(schedule.spec.name.clone(), schedule.id);
        self.due.extend(schedule.due_at().map(|at| (at, schedule.id)));
        self.agenda.show(schedule.clone());
        self.kept.insert(schedule.id, schedule);
    }

    /// Applies a step, if the schedule is still as the step expects.
    pub(super) fn apply(&mut self, step: &Transition, now: Timestamp) -> Result<PlanChange, Stepped> {
        let before = self.committed(step.schedule).cloned().ok_or(Stepped::Missing)?;
        if (before.life.revision, before.life.last_tick) != (step.expects, step.expects_last_tick) {
            return Err(Stepped::Stale(before));
        }
        if let Some(spec) = step.spec.as_ref().filter(|spec| spec.name != before.spec.name) {
            if let Some(holder) = self.names.get(&spec.name) {
                return Err(Stepped::Taken(*holder));
            }
            self.names.remove(&before.spec.name);
            self.names.insert(spec.name.clone(), before.id);
        }
        let told = tell::of_schedule(&before, step, now);
        Ok(self.put(before, step, told))
    }

    fn put(&mut self, before: Arc<Schedule>, step: &Transition, told: Vec<Told>) -> PlanChange {
        let after = Arc::new(step.apply(&before));
        before.due_at().map(|at| self.due.remove(&(at, before.id)));
        self.due.extend(after.due_at().map(|at| (at, after.id)));
        self.kept.insert(after.id, after.clone());
        PlanChange::Put { before, after, told }
    }

    /// Forgets a schedule, if it is of the revision that is named.
    pub(super) fn remove(&mut self, id: ScheduleId, revision: Option<u32>) -> Removed {
        let Some(schedule) = self.committed(id).cloned() else { return Removed::Missing };
        if revision.is_some_and(|revision| revision != schedule.life.revision) {
            return Removed::Stale(schedule);
        }
        self.kept.remove(&id);
        self.names.remove(&schedule.spec.name);
        schedule.due_at().map(|at| self.due.remove(&(at, id)));
        Removed::Applied(schedule)
    }

    /// A schedule that may be acted on: it was on disk once.
    pub(super) fn committed(&self, id: ScheduleId) -> Option<&Arc<Schedule>> {
        self.kept.get(&id).filter(|_| !self.unconfirmed.contains(&id))
    }

    /// Makes a change that is on disk visible.
    pub(super) fn confirm(&mut self, change: &PlanChange) {
        match change {
            PlanChange::Add(schedule, _) => {
                self.unconfirmed.remove(&schedule.id);
                self.due.extend(schedule.due_at().map(|at| (at, schedule.id)));
                self.agenda.show(schedule.clone());
            }
            PlanChange::Put { after, .. } => self.agenda.show(after.clone()),
            PlanChange::Remove(schedule, ..) => self.agenda.hide(schedule.id),
        }
    }

    /// Notes that a job waits or runs, if a schedule made it.
    pub(super) fn begin(&mut self, job: &Job) {
        if let Some(id) = maker(job) {
            self.live.entry(id).or_default().insert(job.id, job.seq);
        }
    }

    /// Notes that a job is none any more.
    pub(super) fn forget(&mut self, job: &Job) {
        let Some(id) = maker(job) else { return };
        if let Some(live) = self.live.get_mut(&id) {
            live.remove(&job.id);
            if live.is_empty() {
                self.live.remove(&id);
            }
        }
    }

    /// Notes what a step made of a job. An ending goes into the sums of its schedule, in the same commit.
    pub(super) fn follow(&mut self, job: &Job, was_finished: bool, now: Timestamp) -> Option<PlanChange> {
        let id = maker(job)?;
        match (was_finished, job.is_finished()) {
            (true, false) => self.begin(job),
            (false, true) => {
                self.forget(job);
                let before = self.committed(id).cloned()?;
                let step = decide(&before, Event::ended(job)?, now).ok()?;
                // An ending changes nothing that people set; its job tells of it.
                return Some(self.put(before, &step, Vec::new()));
            }
            _ => {}
        }
        None
    }

    /// The sequence number of a job that has not ended.
    pub(super) fn seq_of(&self, id: ScheduleId, job: JobId) -> Option<u64> {
        self.live.get(&id)?.get(&job).copied()
    }

    /// Schedules whose time has come.
    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Vec<Due> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).take(limit);
        let live = |id| self.live.get(id).into_iter().flat_map(BTreeMap::keys).take(limits::OVERLAP_MAX).copied();
        due.filter_map(|(_, id)| Some(Due { schedule: self.kept.get(id)?.clone(), live: live(id).collect() })).collect()
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Schedules that were planned by a clock that ran ahead.
    pub(super) fn ahead(&self, now: Timestamp, after: Option<ScheduleId>, limit: usize) -> Vec<Arc<Schedule>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.kept.range((from, Bound::Unbounded)).map(|(_, schedule)| schedule);
        let ahead = later.filter(|schedule| schedule.life.planned_at > now && !self.unconfirmed.contains(&schedule.id));
        ahead.take(limit).cloned().collect()
    }

    /// How many there are, how many of them are due at a moment, and how many cannot be read.
    pub(super) fn figures(&self, now: Timestamp) -> (u64, u64, u64) {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).count() as u64;
        let faulty = self.kept.values().filter(|schedule| schedule.fault.is_some()).count() as u64;
        (self.kept.len() as u64, due, faulty)
    }
}

/// The schedule that made a job.
fn maker(job: &Job) -> Option<ScheduleId> {
    job.spec.schedule_id()?.parse().ok()
}
