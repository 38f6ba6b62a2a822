//! Reading schedules and their executions: what is shown is what is committed (rule 8).

use std::sync::Arc;

use crate::error::Error;
use crate::job::{Job, JobId, Outcome, Status};
use crate::limits;
use crate::schedule::Schedule;
use crate::service::Service;
use crate::store::schedules::{ScheduleFilter, SchedulePage, Which};
use crate::store::{Filter, Page, PageOf};

impl Service {
    /// The schedule with this id or name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn schedule(&self, which: &str) -> Result<Arc<Schedule>, Error> {
        self.parts.schedules.schedule(Which::of(which)).await?.ok_or_else(|| Error::no_schedule(which))
    }

    /// A page of the schedules that a filter names, with their total.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the page is larger or deeper than the bounds allow.
    pub async fn schedules(&self, filter: ScheduleFilter, page: SchedulePage) -> Result<PageOf<Arc<Schedule>>, Error> {
        if !(1..=limits::PAGE_MAX).contains(&page.limit) {
            return Err(Error::field("limit", format!("must be between 1 and {}", limits::PAGE_MAX)));
        }
        if page.offset > limits::OFFSET_MAX {
            return Err(Error::field("offset", format!("must be at most {}", limits::OFFSET_MAX)));
        }
        Ok(self.parts.schedules.schedules(filter, page, self.now()).await?)
    }

    /// Where the latest job of a schedule stands; none when there was none, or it is no longer remembered and nobody knows
    /// how it ended.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn latest_status(&self, schedule: &Schedule) -> Result<Option<Status>, Error> {
        let Some(last) = &schedule.life.tally.last else { return Ok(None) };
        Ok(match last.outcome {
            Some(Outcome::Success) => Some(Status::Completed),
            Some(Outcome::Cancelled) => Some(Status::Cancelled),
            Some(Outcome::Failed | Outcome::Timeout | Outcome::Crashed | Outcome::Lost) => Some(Status::Failed),
            Some(Outcome::Released) | None => self.store().get(last.job).await?.map(|job| job.status()),
        })
    }

    /// A page of the jobs that a schedule made, or that any schedule made when none is named.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such schedule, and those of [`jobs`](Self::jobs).
    pub async fn executions(&self, which: Option<&str>, filter: Filter, page: Page) -> Result<PageOf<Arc<Job>>, Error> {
        let filter = match which {
            Some(which) => {
                let schedule = self.schedule(which).await?;
                Filter { schedule_id: Some(schedule.id.to_string().into()), ..filter }
            }
            None => Filter { fired: true, ..filter },
        };
        self.jobs(filter, page).await
    }

    /// A job that a schedule made.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such job, or no schedule made it.
    pub async fn execution(&self, id: JobId) -> Result<Arc<Job>, Error> {
        let job = self.store().get(id).await?.filter(|job| job.spec.schedule_id().is_some());
        job.ok_or_else(|| Error::NotFound { what: "execution", id: id.to_string() })
    }
}
