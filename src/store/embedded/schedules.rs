//! The engine's side of schedules: steps are applied in one lock with the jobs that they bring, and are in one
//! transaction with them.

use std::sync::Arc;

use super::change::Change;
use super::commit::Was;
use super::core::{Core, Step};
use super::plans::PlanChange;
use super::{Embedded, Ticket, settled};
use crate::clock::Timestamp;
use crate::job::{self, Job, JobId};
use crate::schedule::{NewSchedule, Schedule, ScheduleId, Transition};
use crate::store::schedules::{
    Added, Due, Removed, ScheduleFigures, ScheduleFilter, SchedulePage, Schedules, Stepped, Which,
};
use crate::store::{Answer, PageOf};

impl Embedded {
    fn add_now(&self, schedule: NewSchedule, now: Timestamp) -> (Added, Option<Ticket>) {
        let by = schedule.by.clone();
        let mut core = self.core(now);
        match core.plans.admit(schedule, now) {
            Ok(schedule) => {
                let change = Change::Plan(PlanChange::Add(schedule.clone(), by));
                (Added::Accepted(schedule), self.record(&mut core, vec![change]))
            }
            // The other one may not be on disk yet: then this waits for it.
            Err(holder) => (Added::Taken(holder), self.record(&mut core, Vec::new())),
        }
    }

    fn step_now(&self, steps: Vec<Transition>, now: Timestamp) -> (Vec<Stepped>, Option<Ticket>) {
        let mut core = self.core(now);
        let mut changes = Vec::with_capacity(2 * steps.len());
        let answers = steps.into_iter().map(|step| self.step_one(&mut core, step, now, &mut changes)).collect();
        if std::mem::take(&mut core.has_new_work) {
            // Somebody has left a gate, and who stood before it need not wait for the disk to know that.
            self.new_work.notify_one();
        }
        (answers, self.record(&mut core, changes))
    }

    fn step_one(&self, core: &mut Core, step: Transition, now: Timestamp, changes: &mut Vec<Change>) -> Stepped {
        match core.plans.apply(&step, now) {
            Ok(change) => changes.push(Change::Plan(change)),
            Err(refused) => return refused,
        }
        let jobs = self.follow(core, step.jobs, now, changes);
        let mut cancelled = Vec::new();
        for job in step.cancels {
            cancelled.extend(self.cancel_one(core, step.schedule, job, now, changes));
        }
        match core.plans.committed(step.schedule).cloned() {
            Some(schedule) => Stepped::Applied { schedule, jobs, cancelled },
            None => Stepped::Missing,
        }
    }

    /// Asks a job of a schedule to stop, unless it has ended or is not on disk yet.
    fn cancel_one(
        &self,
        core: &mut Core,
        schedule: ScheduleId,
        id: JobId,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Option<Arc<Job>> {
        self.shown.get(id)?;
        let job = core.jobs.get(&core.plans.seq_of(schedule, id)?).cloned()?;
        let by = format!("schedule {schedule}").into();
        let step = job::decide(&job, job::Event::CancelAsked { by }, now).ok()?;
        let was = Was::of(Some(&job));
        match core.apply(step, now, &self.shown, |_| None) {
            Step::Applied(job) => {
                self.note(core, &job, was, None, now, changes);
                Some(job)
            }
            Step::Stale(_) | Step::Taken(_) | Step::Missing => None,
        }
    }
}

impl Schedules for Embedded {
    fn add_schedule(&self, schedule: NewSchedule, now: Timestamp) -> Answer<'_, Added> {
        let added = self.refuses().map_or_else(|| Ok(self.add_now(schedule, now)), Err);
        Box::pin(async move {
            let (answer, ticket) = added?;
            settled(ticket).await?;
            Ok(answer)
        })
    }

    fn step_schedules(&self, steps: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Stepped>> {
        let stepped = self.refuses().map_or_else(|| Ok(self.step_now(steps, now)), Err);
        Box::pin(async move {
            let (answers, ticket) = stepped?;
            settled(ticket).await?;
            Ok(answers)
        })
    }

    fn schedule(&self, which: Which) -> Answer<'_, Option<Arc<Schedule>>> {
        Box::pin(std::future::ready(Ok(self.agenda.find(&which))))
    }

    fn schedules(
        &self,
        filter: ScheduleFilter,
        page: SchedulePage,
        now: Timestamp,
    ) -> Answer<'_, PageOf<Arc<Schedule>>> {
        Box::pin(async move { Ok(self.agenda.page(&filter, page, now)) })
    }

    fn remove_schedule(&self, id: ScheduleId, revision: Option<u32>, by: Option<Arc<str>>) -> Answer<'_, Removed> {
        let removed = self.refuses().map_or_else(
            || {
                let mut core = self.core.lock();
                let removed = core.plans.remove(id, revision);
                let change = match &removed {
                    Removed::Applied(schedule) => Some(PlanChange::Remove(schedule.clone(), core.latest, by)),
                    _ => None,
                };
                let change = change.map(Change::Plan);
                // A stale answer too waits until what it was stale against is durable.
                Ok((removed, self.record(&mut core, change.into_iter().collect())))
            },
            Err,
        );
        Box::pin(async move {
            let (removed, ticket) = removed?;
            settled(ticket).await?;
            Ok(removed)
        })
    }

    fn schedule_figures(&self, limit: usize, now: Timestamp) -> Answer<'_, ScheduleFigures> {
        Box::pin(std::future::ready(Ok(self.agenda.figures(limit, now))))
    }

    fn due_schedules(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Due>> {
        let due = self.core(now).plans.due(now, limit);
        Box::pin(std::future::ready(Ok(due)))
    }

    fn next_due_schedule(&self) -> Answer<'_, Option<Timestamp>> {
        Box::pin(std::future::ready(Ok(self.core.lock().plans.next_due())))
    }

    fn schedules_ahead(
        &self,
        now: Timestamp,
        after: Option<ScheduleId>,
        limit: usize,
    ) -> Answer<'_, Vec<Arc<Schedule>>> {
        Box::pin(std::future::ready(Ok(self.core.lock().plans.ahead(now, after, limit))))
    }
}
