//! Why a job is not running.

use std::sync::Arc;

use super::Service;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::{Job, JobId, Name};
use crate::store::Standing;

/// Why a job is not running, or that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It has ended.
    Finished,
    /// It runs, and was asked to stop.
    Stopping,
    /// It runs.
    Running,
    /// Its time has not come.
    NotDue(Timestamp),
    /// Its subtype is paused.
    Paused,
    /// Its concurrency key is taken by these jobs.
    ConcurrencyKeyTaken {
        /// The key.
        key: Box<str>,
        /// Some of the jobs that run under it.
        by: Vec<JobId>,
    },
    /// Nobody here can do it.
    NoWorker,
    /// So many jobs of its subtype are before it.
    Behind(u64),
    /// It is the next of its subtype, and starts with the next free slot.
    Next,
}

impl Service {
    /// The job, and why it is not running.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn explain(&self, id: JobId) -> Result<(Arc<Job>, Reason), Error> {
        let job = self.job(id).await?;
        let reason = if job.is_finished() {
            Reason::Finished
        } else if let Some(run) = job.run() {
            if run.cancel.is_some() { Reason::Stopping } else { Reason::Running }
        } else {
            let standing = self.store().standing(id, self.now()).await?.ok_or_else(|| Error::no_job(id))?;
            self.reason(&job, standing).await?
        };
        Ok((job, reason))
    }

    async fn reason(&self, job: &Job, standing: Standing) -> Result<Reason, Error> {
        Ok(match standing {
            Standing::NotDue(at) => Reason::NotDue(at),
            Standing::Paused => Reason::Paused,
            Standing::Gated { key, by } => Reason::ConcurrencyKeyTaken { key, by },
            Standing::Behind(_) if !self.is_done_by_somebody(&job.spec.sub_type).await? => Reason::NoWorker,
            Standing::Behind(0) => Reason::Next,
            Standing::Behind(count) => Reason::Behind(count),
            // It was claimed between the two looks.
            Standing::NotWaiting => Reason::Running,
        })
    }

    /// Whether somebody lives who does a subtype, here or elsewhere.
    async fn is_done_by_somebody(&self, sub_type: &Name) -> Result<bool, Error> {
        let here = self.settings().runs_jobs && self.registry().get(sub_type.as_str()).is_some();
        Ok(here || self.live_workers().await?.iter().any(|worker| worker.does(sub_type)))
    }
}

impl Reason {
    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopping => "stopping",
            Self::Running => "running",
            Self::NotDue(_) => "not_due",
            Self::Paused => "paused",
            Self::ConcurrencyKeyTaken { .. } => "concurrency_key_taken",
            Self::NoWorker => "no_worker",
            Self::Behind(_) => "behind",
            Self::Next => "next",
        }
    }

    /// A sentence about a job that is so.
    pub fn sentence(&self, job: &Job) -> String {
        let sub_type = &job.spec.sub_type;
        match self {
            Self::Finished => format!("It has finished as {}.", job.status()),
            Self::Stopping => "It was asked to stop, and its processor has not stopped yet.".to_owned(),
            Self::Running => "It is running.".to_owned(),
            Self::NotDue(at) if job.life.failures > 0 => format!("Its next try is due at {at}."),
            Self::NotDue(at) => format!("Its time has not come: it may run from {at} on."),
            Self::Paused => format!("The subtype {sub_type} is paused."),
            Self::ConcurrencyKeyTaken { key, by } => {
                let by: Vec<_> = by.iter().map(ToString::to_string).collect();
                format!("Its concurrency key {key} is taken by {}.", by.join(", "))
            }
            Self::NoWorker => format!("No live worker does the subtype {sub_type}."),
            Self::Behind(1) => format!("One job of the subtype {sub_type} is before it."),
            Self::Behind(count) => format!("{count} jobs of the subtype {sub_type} are before it."),
            Self::Next => "It is the next of its subtype, and starts with the next free slot.".to_owned(),
        }
    }
}
