//! Statistics. They are those that the store keeps (rule 28); only the short list of upcoming jobs is looked up.

use std::sync::Arc;

use super::Service;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::{Job, Name, Priority, Status};
use crate::limits;
use crate::schedule::Schedule;
use crate::store::schedules::{ScheduleFigures, ScheduleFilter, SchedulePage, ScheduleSort};
use crate::store::{Activity, Tally};

/// Jobs shown as upcoming.
const UPCOMING_MAX: usize = 10;

/// How the whole stands.
#[derive(Debug, Clone)]
pub struct Overview {
    /// All jobs that are remembered.
    pub total: u64,
    /// Those among them whose subtype is handed out.
    pub enabled: u64,
    /// Those whose subtype is paused.
    pub disabled: u64,
    /// How many of each priority.
    pub by_priority: Vec<(Priority, u64)>,
    /// How many in each status.
    pub by_status: Vec<(Status, u64)>,
    /// Jobs that ran to an end, since the store was made.
    pub executions: u64,
    /// Those among them that failed.
    pub failures: u64,
    /// Jobs that wait, the next ones first.
    pub upcoming: Vec<Arc<Job>>,
    /// All schedules together.
    pub schedules: ScheduleFigures,
    /// When this was so.
    pub at: Timestamp,
}

/// The figures of a dashboard.
#[derive(Debug, Clone)]
pub struct Board {
    /// How many jobs there are of each sort, and what waits.
    pub tally: Tally,
    /// Jobs whose subtype is handed out.
    pub enabled: u64,
    /// The waiting job that is next.
    pub next: Option<Arc<Job>>,
    /// All schedules together.
    pub schedules: ScheduleFigures,
    /// What came to an end.
    pub activity: Activity,
    /// Alerts that fire.
    pub alerts_firing: u64,
    /// When this was so.
    pub at: Timestamp,
}

impl Service {
    /// How the whole stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn overview(&self) -> Result<Overview, Error> {
        let now = self.now();
        let tally = self.store().tally(now).await?;
        let ever = self.store().figures().activity(now).await?.ever;
        let total = tally.sum(|_| true);
        let enabled = self.enabled(&tally).await?;
        let of_priority = |priority: &Priority| (*priority, tally.sum(|sort| sort.priority == *priority));
        Ok(Overview {
            total,
            enabled,
            disabled: total - enabled,
            by_priority: Priority::ALL.iter().map(of_priority).collect(),
            by_status: Status::ALL.iter().map(|status| (*status, tally.of(*status))).collect(),
            executions: ever.completed + ever.failed,
            failures: ever.failed,
            upcoming: self.store().figures().upcoming(UPCOMING_MAX, now).await?,
            schedules: self.parts.schedules.schedule_figures(UPCOMING_MAX, now).await?,
            at: now,
        })
    }

    /// The figures of a dashboard.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn board(&self) -> Result<Board, Error> {
        let now = self.now();
        let tally = self.store().tally(now).await?;
        let enabled = self.enabled(&tally).await?;
        let next = self.store().figures().upcoming(1, now).await?.pop();
        let activity = self.store().figures().activity(now).await?;
        let schedules = self.parts.schedules.schedule_figures(1, now).await?;
        let alerts_firing = self.alerts_firing().await?;
        Ok(Board { tally, enabled, next, schedules, activity, alerts_firing, at: now })
    }

    /// The schedules by name, as many as are shown at once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn schedules_by_name(&self) -> Result<Vec<Arc<Schedule>>, Error> {
        let page = SchedulePage { sort: ScheduleSort::Name, limit: limits::STATUS_SCHEDULES_MAX, offset: 0 };
        Ok(self.parts.schedules.schedules(ScheduleFilter::default(), page, self.now()).await?.items)
    }

    /// Jobs whose subtype is handed out.
    async fn enabled(&self, tally: &Tally) -> Result<u64, Error> {
        let paused = self.store().paused().await?;
        let is_paused = |name: &Name| paused.contains(name);
        Ok(tally.sum(|sort| !is_paused(&sort.sub_type)))
    }
}
