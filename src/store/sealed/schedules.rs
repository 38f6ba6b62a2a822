//! Schedules whose payloads another store keeps, encrypted, and the jobs that they make.

use std::sync::Arc;

use super::Keyring;
use super::store::refused;
use crate::clock::Timestamp;
use crate::job::Job;
use crate::schedule::{NewSchedule, Schedule, ScheduleId, Transition};
use crate::store::schedules::{
    Added, Due, Removed, ScheduleFigures, ScheduleFilter, SchedulePage, Schedules, Stepped, Which,
};
use crate::store::{Answer, PageOf, StoreError};

/// Schedules that another store keeps.
pub struct SealedSchedules {
    inner: Arc<dyn Schedules>,
    keyring: Arc<Keyring>,
}

impl SealedSchedules {
    /// Encrypts what goes into `inner`, and decrypts what comes out.
    pub fn new(inner: Arc<dyn Schedules>, keyring: Arc<Keyring>) -> Self {
        Self { inner, keyring }
    }

    fn seal_step(&self, step: Transition) -> Result<Transition, StoreError> {
        let spec = match &step.spec {
            None => None,
            Some(spec) => {
                let sealed = self.keyring.seal_spec(step.schedule, spec)?;
                Some(sealed.map_or_else(|| spec.clone(), Arc::new))
            }
        };
        let jobs = step.jobs.into_iter().map(|job| self.keyring.seal_job(job)).collect::<Result<_, _>>()?;
        Ok(Transition { spec, jobs, ..step })
    }

    fn shown(&self, schedule: &Arc<Schedule>) -> Arc<Schedule> {
        self.keyring.open_schedule(schedule)
    }

    fn all_shown(&self, schedules: &[Arc<Schedule>]) -> Vec<Arc<Schedule>> {
        schedules.iter().map(|schedule| self.shown(schedule)).collect()
    }

    fn shown_jobs(&self, jobs: &[Arc<Job>]) -> Vec<Arc<Job>> {
        jobs.iter().map(|job| self.keyring.open_job(job, usize::MAX)).collect()
    }

    fn shown_step(&self, answer: Stepped) -> Stepped {
        match answer {
            Stepped::Applied { schedule, jobs, cancelled } => Stepped::Applied {
                schedule: self.shown(&schedule),
                jobs: self.shown_jobs(&jobs),
                cancelled: self.shown_jobs(&cancelled),
            },
            Stepped::Stale(schedule) => Stepped::Stale(self.shown(&schedule)),
            other => other,
        }
    }
}

impl Schedules for SealedSchedules {
    fn add_schedule(&self, schedule: NewSchedule, now: Timestamp) -> Answer<'_, Added> {
        let schedule = match self.keyring.seal_schedule(schedule) {
            Ok(schedule) => schedule,
            Err(error) => return refused(error),
        };
        let added = self.inner.add_schedule(schedule, now);
        Box::pin(async move {
            Ok(match added.await? {
                Added::Accepted(schedule) => Added::Accepted(self.shown(&schedule)),
                taken => taken,
            })
        })
    }

    fn step_schedules(&self, steps: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Stepped>> {
        let steps = match steps.into_iter().map(|step| self.seal_step(step)).collect() {
            Ok(steps) => steps,
            Err(error) => return refused(error),
        };
        let stepped = self.inner.step_schedules(steps, now);
        Box::pin(async move { Ok(stepped.await?.into_iter().map(|answer| self.shown_step(answer)).collect()) })
    }

    fn schedule(&self, which: Which) -> Answer<'_, Option<Arc<Schedule>>> {
        let schedule = self.inner.schedule(which);
        Box::pin(async move { Ok(schedule.await?.map(|schedule| self.shown(&schedule))) })
    }

    fn schedules(
        &self,
        filter: ScheduleFilter,
        page: SchedulePage,
        now: Timestamp,
    ) -> Answer<'_, PageOf<Arc<Schedule>>> {
        let found = self.inner.schedules(filter, page, now);
        Box::pin(async move {
            let mut found = found.await?;
            found.items = self.all_shown(&found.items);
            Ok(found)
        })
    }

    fn schedule_figures(&self, limit: usize, now: Timestamp) -> Answer<'_, ScheduleFigures> {
        let figures = self.inner.schedule_figures(limit, now);
        Box::pin(async move {
            let mut figures = figures.await?;
            figures.upcoming = self.all_shown(&figures.upcoming);
            figures.failed = self.all_shown(&figures.failed);
            Ok(figures)
        })
    }

    fn remove_schedule(&self, id: ScheduleId, revision: Option<u32>, by: Option<Arc<str>>) -> Answer<'_, Removed> {
        let removed = self.inner.remove_schedule(id, revision, by);
        Box::pin(async move {
            Ok(match removed.await? {
                Removed::Applied(schedule) => Removed::Applied(self.shown(&schedule)),
                Removed::Stale(schedule) => Removed::Stale(self.shown(&schedule)),
                Removed::Missing => Removed::Missing,
            })
        })
    }

    fn due_schedules(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Due>> {
        let due = self.inner.due_schedules(now, limit);
        Box::pin(async move {
            let mut due = due.await?;
            for one in &mut due {
                one.schedule = self.shown(&one.schedule);
            }
            Ok(due)
        })
    }

    fn next_due_schedule(&self) -> Answer<'_, Option<Timestamp>> {
        self.inner.next_due_schedule()
    }

    fn schedules_ahead(
        &self,
        now: Timestamp,
        after: Option<ScheduleId>,
        limit: usize,
    ) -> Answer<'_, Vec<Arc<Schedule>>> {
        let found = self.inner.schedules_ahead(now, after, limit);
        Box::pin(async move { Ok(self.all_shown(&found.await?)) })
    }
}
