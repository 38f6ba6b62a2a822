//! The schedules of a store that is watched: the jobs that they make and stop are told and counted like all others.

use std::sync::Arc;

use super::Observed;
use super::decorator::Shared;
use super::metrics::Counted;
use super::surely::Surely;
use crate::clock::Timestamp;
use crate::schedule::{NewSchedule, Schedule, ScheduleId, Transition};
use crate::store::schedules::{
    Added, Due, Removed, ScheduleFigures, ScheduleFilter, SchedulePage, Schedules, Stepped, Which,
};
use crate::store::{Answer, PageOf};

/// Schedules that tell of what others do: of jobs that were made or stopped to whoever watches jobs, and of new times to
/// the scheduler. They tell even if the caller has left meanwhile.
#[derive(Clone)]
pub struct ObservedSchedules {
    shared: Arc<Shared>,
    inner: Arc<dyn Schedules>,
}

impl Observed {
    /// Watches the schedules of the same store as well.
    pub fn schedules(&self, inner: Arc<dyn Schedules>) -> ObservedSchedules {
        ObservedSchedules { shared: self.shared.clone(), inner }
    }
}

impl Schedules for ObservedSchedules {
    fn add_schedule(&self, schedule: NewSchedule, now: Timestamp) -> Answer<'_, Added> {
        let Self { shared, inner } = self.clone();
        Surely::boxed(async move {
            let added = shared.timed("add_schedule", inner.add_schedule(schedule, now)).await?;
            shared.hub.planned().notify_one();
            Ok(added)
        })
    }

    fn step_schedules(&self, steps: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Stepped>> {
        let Self { shared, inner } = self.clone();
        Surely::boxed(async move {
            let answers = shared.timed("step_schedules", inner.step_schedules(steps, now)).await?;
            let applied = answers.iter().filter_map(|answer| match answer {
                Stepped::Applied { jobs, cancelled, .. } => Some((jobs, cancelled)),
                _ => None,
            });
            shared.tell(applied.clone().flat_map(|(jobs, _)| jobs), |counted, _| counted.accepted());
            shared.tell(applied.flat_map(|(_, cancelled)| cancelled), Counted::stepped);
            shared.hub.planned().notify_one();
            shared.hub.doubted().notify_one();
            Ok(answers)
        })
    }

    /// Not timed: reading a schedule in memory takes less than looking at the clock twice.
    fn schedule(&self, which: Which) -> Answer<'_, Option<Arc<Schedule>>> {
        self.inner.schedule(which)
    }

    fn schedules(
        &self,
        filter: ScheduleFilter,
        page: SchedulePage,
        now: Timestamp,
    ) -> Answer<'_, PageOf<Arc<Schedule>>> {
        Box::pin(self.shared.timed("schedules", self.inner.schedules(filter, page, now)))
    }

    fn remove_schedule(&self, id: ScheduleId, revision: Option<u32>, by: Option<Arc<str>>) -> Answer<'_, Removed> {
        let Self { shared, inner } = self.clone();
        Surely::boxed(async move {
            let removed = shared.timed("remove_schedule", inner.remove_schedule(id, revision, by)).await?;
            shared.hub.doubted().notify_one();
            Ok(removed)
        })
    }

    fn schedule_figures(&self, limit: usize, now: Timestamp) -> Answer<'_, ScheduleFigures> {
        self.inner.schedule_figures(limit, now)
    }

    fn due_schedules(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Due>> {
        self.inner.due_schedules(now, limit)
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
        self.inner.schedules_ahead(now, after, limit)
    }
}
