//! Holding a request until a job changes or ends. The watch is taken before the job is read, so that no change falls
//! between the two.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::error::Error;
use crate::job::{Job, JobId};

impl Service {
    /// The job once it has ended, or as it is when the time is up.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn wait_for_end(&self, id: JobId, at_most: Duration) -> Result<Arc<Job>, Error> {
        self.wait_until(id, at_most, Job::is_finished).await
    }

    /// The job once it is no longer as `seen`, or as it is when the time is up.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn wait_for_change(&self, id: JobId, at_most: Duration, seen: Version) -> Result<Arc<Job>, Error> {
        self.wait_until(id, at_most, |job| job.is_finished() || Version::of(job) != seen).await
    }

    /// The job once `enough` says so, or as it is when the time is up or the program is about to stop.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn wait_until(
        &self,
        id: JobId,
        at_most: Duration,
        enough: impl Fn(&Job) -> bool,
    ) -> Result<Arc<Job>, Error> {
        let mut watch = self.hub().watch(id);
        let mut job = self.job(id).await?;
        let until = tokio::time::sleep(at_most.min(self.settings().wait_max));
        tokio::pin!(until);
        while !enough(&job) {
            tokio::select! {
                changed = watch.changed() => match changed {
                    Some(changed) => job = changed,
                    None => break,
                },
                () = &mut until => break,
                () = self.closing().cancelled() => break,
            }
        }
        Ok(job)
    }
}

/// What tells one state of a job from another: equal versions show the same job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Rises with every claim.
    pub epoch: u32,
    /// Rises with every step but progress.
    pub revision: u32,
    /// How far the try is.
    pub percent: u8,
    /// When the latest progress came in, in milliseconds since 1970; 0 for none.
    pub progress_at: i64,
}

impl Version {
    /// The version of a job.
    pub fn of(job: &Job) -> Self {
        let life = &job.life;
        Self {
            epoch: life.epoch,
            revision: life.revision,
            percent: life.progress.percent,
            progress_at: life.progress.at().map_or(0, |at| at.as_millis()),
        }
    }
}
