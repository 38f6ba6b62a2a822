//! Acting on one job: look, let the domain decide, commit; and decide anew when somebody else was faster (rule 15).

use std::sync::Arc;

use super::Service;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::{Event, Job, JobId, Refusal, decide};
use crate::store::Committed;

/// Times that a decision is made anew before it counts as a fault of ours. Only a job that changes faster than it can
/// be read gets there: progress does not count as a change.
const DECISIONS_MAX: usize = 100;

impl Service {
    /// Stops a job: at once if it waits, as soon as its processor listens if it runs. Asking twice is asking once.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyFinished`].
    pub async fn cancel(&self, id: JobId, by: &str) -> Result<Arc<Job>, Error> {
        let by: Arc<str> = by.into();
        self.act(id, |_| Ok(Event::CancelAsked { by: by.clone() })).await
    }

    /// Has a job done again that failed or was cancelled, or at once one that waits for its time.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyFinished`] for one that completed, [`Error::Conflict`] for one that runs.
    pub async fn retry(&self, id: JobId, by: &str) -> Result<Arc<Job>, Error> {
        let by: Arc<str> = by.into();
        self.act(id, |_| Ok(Event::RetryAsked { by: by.clone() })).await
    }

    /// Has a dead letter done again.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such dead letter.
    pub async fn retry_dead(&self, id: JobId, by: &str) -> Result<Arc<Job>, Error> {
        let by: Arc<str> = by.into();
        self.act(id, |job| dead(job).map(|()| Event::RetryAsked { by: by.clone() })).await
    }

    /// Takes a job from the dead letters; it stays failed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such dead letter.
    pub async fn discard(&self, id: JobId) -> Result<Arc<Job>, Error> {
        self.act(id, |job| dead(job).map(|()| Event::Discarded)).await
    }

    /// Decides and commits until nobody was faster. The event is asked for anew with each look at the job.
    async fn act(&self, id: JobId, event: impl Fn(&Job) -> Result<Event, Error>) -> Result<Arc<Job>, Error> {
        let mut job = self.job(id).await?;
        for _ in 0..DECISIONS_MAX {
            let now = self.now();
            let transition = match decide(&job, event(&job)?, now) {
                Ok(transition) => transition,
                Err(Refusal::NothingToDo) => return Ok(job),
                Err(refusal) => return Err(refused(&job, refusal)),
            };
            match self.store().commit(vec![transition], now).await?.into_iter().next() {
                Some(Committed::Applied { job, .. }) => return Ok(job),
                Some(Committed::Stale(latest)) => job = latest,
                Some(Committed::Taken(by)) => return Err(taken(id, by)),
                Some(Committed::Missing) => return Err(Error::no_job(id)),
                None => return Err(Error::internal("the store did not answer for a step")),
            }
        }
        Err(Error::Conflict(format!("job {id} changes too fast to be acted on; try again")))
    }

    /// Decides and commits for many jobs at once; a job that somebody else changed meanwhile is decided on once more.
    /// The answer counts those that changed.
    pub(super) async fn act_on_all(&self, jobs: Vec<Arc<Job>>, event: &Event, now: Timestamp) -> Result<u64, Error> {
        let mut changed = 0;
        let mut open = jobs;
        for _ in 0..DECISIONS_MAX {
            let mut steps: Vec<_> = open.iter().filter_map(|job| decide(job, event.clone(), now).ok()).collect();
            if steps.is_empty() {
                break;
            }
            // Batches touch rows in id order everywhere (rule 34).
            steps.sort_by_key(|step| step.job);
            open = Vec::new();
            for answer in self.store().commit(steps, now).await? {
                match answer {
                    Committed::Applied { .. } => changed += 1,
                    Committed::Stale(latest) => open.push(latest),
                    Committed::Taken(_) | Committed::Missing => {}
                }
            }
        }
        Ok(changed)
    }
}

fn taken(id: JobId, by: JobId) -> Error {
    Error::Conflict(format!("job {id} cannot be tried again: its unique key is taken by job {by}"))
}

fn dead(job: &Job) -> Result<(), Error> {
    if job.end().is_some_and(|end| end.dead) {
        return Ok(());
    }
    Err(Error::NotFound { what: "dead letter", id: job.id.to_string() })
}

fn refused(job: &Job, refusal: Refusal) -> Error {
    match refusal {
        Refusal::AlreadyFinished(status) => Error::AlreadyFinished { id: job.id, status: status.as_str() },
        Refusal::NotFinished => Error::Conflict(format!("job {} is still running; cancel it first", job.id)),
        other => Error::Conflict(format!("job {}: {other}", job.id)),
    }
}
