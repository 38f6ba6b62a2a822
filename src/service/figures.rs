//! Statistics. Counts are those that the store keeps (rule 28); only the short list of upcoming jobs is looked up.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::{Job, Name, Priority, Status};
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page};

/// Jobs shown as upcoming.
const UPCOMING_MAX: usize = 10;
/// How far back a failure counts as recent.
const RECENT: Duration = Duration::from_secs(24 * 3600);

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
    /// Jobs that ran to an end.
    pub executions: u64,
    /// Those among them that failed.
    pub failures: u64,
    /// Jobs that wait, the next ones first.
    pub upcoming: Vec<Arc<Job>>,
    /// When this was so.
    pub at: Timestamp,
}

/// The figures of a dashboard.
#[derive(Debug, Clone)]
pub struct Board {
    /// All jobs that are remembered.
    pub total: u64,
    /// Those among them whose subtype is handed out.
    pub enabled: u64,
    /// Jobs that run.
    pub running: u64,
    /// The waiting job that is next.
    pub next: Option<Arc<Job>>,
    /// Jobs of the last day that failed.
    pub recent_failures: u64,
    /// How long jobs take, over all subtypes.
    pub average: Option<Duration>,
}

impl Service {
    /// How the whole stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn overview(&self) -> Result<Overview, Error> {
        let tally = self.store().tally(self.now()).await?;
        let paused = self.store().paused().await?;
        let is_paused = |name: &Name| paused.contains(name);
        let total = tally.sum(|_| true);
        let disabled = tally.sum(|sort| is_paused(&sort.sub_type));
        let failures = tally.of(Status::Failed);
        let of_priority = |priority: &Priority| (*priority, tally.sum(|sort| sort.priority == *priority));
        Ok(Overview {
            total,
            enabled: total - disabled,
            disabled,
            by_priority: Priority::ALL.iter().map(of_priority).collect(),
            by_status: Status::ALL.iter().map(|status| (*status, tally.of(*status))).collect(),
            executions: tally.of(Status::Completed) + failures,
            failures,
            upcoming: self.upcoming().await?,
            at: self.now(),
        })
    }

    /// The figures of a dashboard.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn board(&self) -> Result<Board, Error> {
        let overview = self.overview().await?;
        let now = self.now();
        let failed =
            Filter { status: vec![Status::Failed], created_after: Some(now.minus(RECENT)), ..Filter::default() };
        let page = Page { sort: Sort::default(), limit: 1, start: Start::Offset(0) };
        let recent_failures = self.store().list(failed, page, now).await?.total;
        let of =
            |wanted| overview.by_status.iter().find(|(status, _)| *status == wanted).map_or(0, |(_, count)| *count);
        Ok(Board {
            total: overview.total,
            enabled: overview.enabled,
            running: of(Status::Started) + of(Status::Progress),
            next: overview.upcoming.first().cloned(),
            recent_failures,
            average: self.parts.histories.mean(),
        })
    }

    /// The oldest jobs that wait, by the moment from which they may run.
    async fn upcoming(&self) -> Result<Vec<Arc<Job>>, Error> {
        let filter = Filter { status: vec![Status::Queued], ..Filter::default() };
        let page = Page { sort: Sort::CreatedAscending, limit: UPCOMING_MAX, start: Start::Offset(0) };
        let mut jobs = self.store().list(filter, page, self.now()).await?.items;
        jobs.sort_by_key(|job| (job.run_at(), job.seq));
        Ok(jobs)
    }
}
