//! Handing jobs out under leases. A call that finds none is held until there is work; it is called by hints, and looks by
//! itself now and then (rule 25).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{give_back, no_worker};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::{Job, decide};
use crate::limits;
use crate::service::Service;
use crate::store::{Claim, Claimed, Store, Worker};
use crate::watch::Taker;

impl Service {
    /// Hands jobs to a worker, `max` at most; waits for them for so long if there are none. They are on disk as this worker's
    /// when this answers. None when the time is up or the program is about to stop.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Unavailable`] when the program is about to stop.
    pub async fn lease(&self, worker: &str, max: u32, at_most: Duration) -> Result<Vec<Arc<Job>>, Error> {
        if max == 0 || max > limits::LEASED_AT_ONCE_MAX {
            return Err(Error::field("max", format!("must be 1 to {}", limits::LEASED_AT_ONCE_MAX)));
        }
        self.is_open()?;
        let known = self.worker(worker).await?;
        let claimed = self.claim_for(&known, max).await?;
        if !claimed.jobs.is_empty() || at_most.is_zero() {
            return Ok(self.pass_on(&known, max, claimed));
        }
        let until = tokio::time::sleep(at_most.min(self.settings().wait_max));
        tokio::pin!(until);
        let taker = self.hub().taker(known.sub_types.clone());
        loop {
            // It may have left meanwhile, with another call. Asking for it says that it lives.
            let Ok(known) = self.worker(worker).await else {
                self.hub().call_taker(&known.sub_types);
                return Err(no_worker(worker));
            };
            let claimed = self.claim_for(&known, max).await?;
            if !claimed.jobs.is_empty() {
                return Ok(self.pass_on(&known, max, claimed));
            }
            tokio::select! {
                () = self.called(&taker, &claimed) => {}
                () = &mut until => return Ok(self.pass_on(&known, max, claimed)),
                () = self.closing().cancelled() => return Ok(Vec::new()),
            }
        }
    }

    /// Whether work is handed out at all.
    fn is_open(&self) -> Result<(), Error> {
        if self.closing().is_cancelled() {
            let reason = "the program is about to stop".to_owned();
            return Err(Error::Unavailable { reason, retry_after: Duration::from_secs(5) });
        }
        Ok(())
    }

    /// Claims for a worker. A caller that hangs up meanwhile gets nothing, and what was claimed for it goes back.
    async fn claim_for(&self, worker: &Arc<Worker>, max: u32) -> Result<Claimed, Error> {
        let claim = Claim {
            holder: worker.holder(),
            sub_types: worker.sub_types.clone(),
            max: max.min(worker.concurrency) as usize,
            lease: Some(worker.lease),
        };
        let (tell, told) = oneshot::channel();
        let (store, now, clock) = (self.store().clone(), self.now(), self.parts.clock.clone());
        tokio::spawn(async move {
            let claimed = match store.claim(claim, now).await {
                Ok(claimed) => Ok(readable(&*store, claimed, now).await),
                Err(error) => Err(error),
            };
            if let Err(Ok(claimed)) = tell.send(claimed)
                && let Err(error) = give_back(&*store, claimed.jobs, "its worker hung up", clock.now()).await
            {
                tracing::warn!(%error, "jobs for a worker that hung up wait for the end of their leases");
            }
        });
        Ok(told.await.map_err(Error::internal)??)
    }

    /// Whoever stops waiting lets another one wait in its place: for more jobs, or for the next that is due.
    fn pass_on(&self, worker: &Worker, max: u32, claimed: Claimed) -> Vec<Arc<Job>> {
        if claimed.jobs.len() >= max.min(worker.concurrency) as usize || claimed.next_due.is_some() {
            self.hub().call_taker(&worker.sub_types);
        }
        claimed.jobs
    }

    /// Waits until there may be work: a hint, the next delayed job, or a look by itself.
    async fn called(&self, taker: &Taker, claimed: &Claimed) {
        // Those who look together would also claim together.
        let jitter = Duration::from_millis(4 * u64::from(uuid::Uuid::now_v7().as_bytes()[15]));
        let look = limits::LEASE_LOOK_EVERY + jitter;
        let nap = claimed.next_due.map_or(look, |due| Duration::from_millis(due.millis_since(self.now())).min(look));
        tokio::select! {
            () = taker.called() => {}
            // Where no dispatcher hears of work and passes it on, those who wait do.
            () = self.hub().work(), if !self.settings().runs_jobs => {}
            () = tokio::time::sleep(nap) => {}
        }
    }
}

/// What of it somebody can work on. A job that is encrypted and cannot be read here waits for its key, or fails, and is nobody else's
/// problem (rule 31).
async fn readable(store: &dyn Store, claimed: Claimed, now: Timestamp) -> Claimed {
    let (mut unreadable, jobs): (Vec<_>, Vec<_>) = claimed.jobs.into_iter().partition(|job| job.unreadable().is_some());
    if !unreadable.is_empty() {
        // Batches touch rows in id order everywhere (rule 34).
        unreadable.sort_by_key(|job| job.id);
        let not_read = |job: &Arc<Job>| decide(job, job.not_read()?, now).ok();
        if let Err(error) = store.commit(unreadable.iter().filter_map(not_read).collect(), now).await {
            tracing::warn!(%error, "jobs that cannot be read here wait for the end of their leases");
        }
    }
    Claimed { jobs, ..claimed }
}
