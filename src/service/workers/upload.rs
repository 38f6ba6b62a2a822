//! Results that are too large for a report: handed in first, and named by the report that ends the try.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::{LeaseToken, is_held};
use crate::error::Error;
use crate::job::{Event, Job, ResultRef, decide};
use crate::limits;
use crate::service::Service;
use crate::store::{Committed, results};

impl Service {
    /// Room for one more upload; it is given back when the answer is dropped.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when as many are under way as may be.
    pub fn room_for_upload(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.uploads.clone().try_acquire_owned().map_err(|_| Error::Unavailable {
            reason: format!("{} uploads are under way, which is the limit", limits::UPLOADS_MAX),
            retry_after: Duration::from_secs(1),
        })
    }

    /// Keeps a result for the try under way, in place of one that it handed in before. It is the job's if the try ends well
    /// without another one. An upload is a sign of life.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such lease, [`Error::Conflict`] when it is lost.
    pub async fn keep_result(&self, token: &str, content_type: &str, bytes: Bytes) -> Result<Arc<Job>, Error> {
        let no_lease = || Error::NotFound { what: "lease", id: token.chars().take(100).collect() };
        let lease: LeaseToken = token.parse().map_err(|_| no_lease())?;
        let job = self.store().get(lease.job).await?.ok_or_else(no_lease)?;
        if job.life.epoch < lease.epoch {
            return Err(no_lease());
        }
        // Before the bytes are kept: a late upload costs nothing.
        if !is_held(&job, lease.epoch, self.now()) {
            return Err(lost());
        }
        // A key of its own: what comes late must not write over what the job refers to.
        let key = format!("{}-{}", results::key(lease.job, lease.epoch), uuid::Uuid::now_v7().simple());
        let kept = results::keep(&*self.parts.results, key.as_str().into(), content_type, bytes).await?;
        let after = self.hand_in(job, &lease, &kept).await;
        if after.is_err() && matches!(kept, ResultRef::Stored { .. }) {
            self.parts.results.delete(&[key.into()]).await?;
        }
        after
    }

    async fn hand_in(&self, mut job: Arc<Job>, lease: &LeaseToken, kept: &ResultRef) -> Result<Arc<Job>, Error> {
        loop {
            let now = self.now();
            let uploaded = Event::Uploaded { epoch: lease.epoch, result: kept.clone() };
            let step = decide(&job, uploaded, now).map_err(|_| lost())?;
            match self.store().commit(vec![step], now).await?.pop() {
                Some(Committed::Applied { job: after, .. }) => {
                    let left_behind: Vec<_> = job.left_behind(&after).cloned().into_iter().collect();
                    self.parts.results.delete(&left_behind).await?;
                    return self.prolong(after).await;
                }
                Some(Committed::Stale(latest)) => job = latest,
                _ => return Err(lost()),
            }
        }
    }

    /// The holder of a job has given a sign of life.
    async fn prolong(&self, job: Arc<Job>) -> Result<Arc<Job>, Error> {
        let (now, holder) = (self.now(), job.run().and_then(|run| run.holder.node.parse().ok()));
        let Some(holder) = holder else { return Ok(job) };
        let Some(worker) = self.store().roster().heard(holder, now).await? else { return Ok(job) };
        let renewed = Event::Renewed { epoch: job.life.epoch, lease_until: now.plus(worker.lease) };
        let Ok(step) = decide(&job, renewed, now) else { return Ok(job) };
        match self.store().commit(vec![step], now).await?.pop() {
            Some(Committed::Applied { job, .. } | Committed::Stale(job)) => Ok(job),
            _ => Ok(job),
        }
    }
}

fn lost() -> Error {
    Error::Conflict("the lease is lost; stop working on the job".to_owned())
}
