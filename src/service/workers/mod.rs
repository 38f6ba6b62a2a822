//! Workers of other processes, in whatever language: who there is, what they take, what they report.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod` | coming, leaving, who lives |
//! | [`lease`] | handing jobs out under leases |
//! | [`report`] | what workers say of their jobs |
//! | [`upload`] | results that are too large for a report |
//! | [`token`] | the name of a lease |

pub mod lease;
pub mod report;
pub mod token;
pub mod upload;

use std::sync::Arc;
use std::time::Duration;

pub use report::{Answered, Given, Report, Said, Verdict};
pub use token::LeaseToken;

use super::Service;
use crate::clock::Timestamp;
use crate::error::{Error, FieldError};
use crate::job::{Event, Job, Name, Refusal, decide};
use crate::limits;
use crate::store::{Committed, Entered, Present, Store, Worker, WorkerId};

/// Signs of life that a worker gives within one lease, so that two may get lost.
pub const HEARTBEATS_A_LEASE: u32 = 3;

impl Service {
    /// Takes up a worker.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every field at fault, [`Error::Full`].
    pub async fn register_worker(
        &self,
        name: &str,
        sub_types: &[String],
        concurrency: u32,
    ) -> Result<Arc<Worker>, Error> {
        let now = self.now();
        let sub_types = checked(name, sub_types, concurrency)?;
        let worker = Worker {
            id: WorkerId::fresh(),
            name: name.into(),
            sub_types: sub_types.into(),
            concurrency,
            lease: self.settings().lease,
            registered_at: now,
        };
        match self.store().roster().enter(worker.clone(), now).await? {
            Entered::Done => {}
            Entered::Full => return Err(Error::Full { what: "workers or subtypes", max: limits::WORKERS_MAX }),
        }
        self.registry().learn(worker.sub_types.iter().cloned());
        Ok(Arc::new(worker))
    }

    /// Forgets a worker, and gives back at once what it holds; no try is burnt. The answer counts the jobs.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn leave(&self, worker: &str) -> Result<u64, Error> {
        let id: WorkerId = worker.parse().map_err(|_| no_worker(worker))?;
        // First of all, so that it takes nothing more.
        let was_there = self.store().roster().leave(id).await?;
        let mut given_back = 0;
        loop {
            let jobs = self.store().roster().leased(id, limits::BULK_CHUNK).await?;
            let count = self.give_back(jobs, "the worker left").await?;
            given_back += count;
            if count == 0 {
                break;
            }
        }
        if was_there { Ok(given_back) } else { Err(no_worker(worker)) }
    }

    /// All workers, in the order in which they came.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn workers(&self) -> Result<Vec<Present>, Error> {
        Ok(self.store().roster().workers().await?)
    }

    /// Whether something was heard of a worker lately.
    pub fn is_live(&self, present: &Present) -> bool {
        self.now().millis_since(present.heard_at) <= limits::WORKER_SILENT_MAX.as_millis() as u64
    }

    /// Workers of which something was heard lately.
    pub(super) async fn live_workers(&self) -> Result<Vec<Arc<Worker>>, Error> {
        let workers = self.workers().await?;
        Ok(workers.into_iter().filter(|present| self.is_live(present)).map(|present| present.worker).collect())
    }

    /// Asks the store about a subtype that the registry does not know: a worker may have brought it, to another node.
    pub(super) async fn learn(&self, sub_type: &Name) -> Result<(), Error> {
        if !self.registry().knows(sub_type.as_str()) && self.store().roster().knows(sub_type).await? {
            self.registry().learn([sub_type.clone()]);
        }
        Ok(())
    }

    /// The worker that speaks.
    async fn worker(&self, id: &str) -> Result<Arc<Worker>, Error> {
        let known = match id.parse() {
            Ok(id) => self.store().roster().heard(id, self.now()).await?,
            Err(_) => None,
        };
        known.ok_or_else(|| no_worker(id))
    }

    /// Gives back jobs that a worker holds. The answer counts those that were.
    async fn give_back(&self, jobs: Vec<Arc<Job>>, reason: &str) -> Result<u64, Error> {
        let (given_back, uploads) = give_back(&**self.store(), jobs, reason, self.now()).await?;
        self.parts.results.delete(&uploads).await?;
        Ok(given_back)
    }
}

/// Gives back jobs. The answer counts them, and names results that nobody refers to any more.
async fn give_back(
    store: &dyn Store,
    jobs: Vec<Arc<Job>>,
    reason: &str,
    now: Timestamp,
) -> Result<(u64, Vec<Arc<str>>), Error> {
    let (mut open, mut given_back, mut uploads) = (jobs, 0, Vec::new());
    while !open.is_empty() {
        // Batches touch rows in id order everywhere (rule 34).
        open.sort_by_key(|job| job.id);
        let released = |job: &Job| Event::Released { epoch: job.life.epoch, reason: reason.into() };
        open.retain(|job| decide(job, released(job), now).is_ok());
        let steps = open.iter().filter_map(|job| decide(job, released(job), now).ok()).collect();
        let answers = store.commit(steps, now).await?;
        let mut again = Vec::new();
        for (before, answer) in open.iter().zip(answers) {
            match answer {
                Committed::Applied { job, .. } => {
                    given_back += 1;
                    uploads.extend(before.left_behind(&job).cloned());
                }
                Committed::Stale(latest) if latest.life.epoch == before.life.epoch => again.push(latest),
                Committed::Stale(_) | Committed::Taken(_) | Committed::Missing => {}
            }
        }
        open = again;
    }
    Ok((given_back, uploads))
}

/// Whether the claim `epoch` of a job is under a lease that has not run out.
fn is_held(job: &Job, epoch: u32, now: Timestamp) -> bool {
    let renewed = Event::Renewed { epoch, lease_until: now };
    let is_leased = job.run().is_some_and(|run| run.lease_until.is_some());
    is_leased && decide(job, renewed, now) != Err(Refusal::Stale)
}

/// How long a worker may be silent before it should say that it lives.
pub fn heartbeat(lease: Duration) -> Duration {
    lease / HEARTBEATS_A_LEASE
}

fn no_worker(id: &str) -> Error {
    Error::NotFound { what: "worker", id: id.chars().take(100).collect() }
}

/// The subtypes in order, each once.
fn checked(name: &str, sub_types: &[String], concurrency: u32) -> Result<Vec<Name>, Error> {
    let mut faults = Vec::new();
    let mut fault = |field: String, message: String| faults.push(FieldError { field, message });
    if name.is_empty() || name.len() > limits::KEY_BYTES_MAX || name.contains('\0') {
        fault("name".into(), format!("must be a text of 1 to {} bytes", limits::KEY_BYTES_MAX));
    }
    if sub_types.is_empty() || sub_types.len() > limits::WORKER_SUB_TYPES_MAX {
        fault("subTypes".into(), format!("must be 1 to {} subtypes", limits::WORKER_SUB_TYPES_MAX));
    }
    if concurrency == 0 || concurrency > limits::WORKER_CONCURRENCY_MAX {
        fault("concurrency".into(), format!("must be 1 to {}", limits::WORKER_CONCURRENCY_MAX));
    }
    let mut names = Vec::new();
    for (index, sub_type) in sub_types.iter().take(limits::WORKER_SUB_TYPES_MAX).enumerate() {
        match Name::new(sub_type) {
            Ok(name) => names.push(name),
            Err(message) => fault(format!("subTypes[{index}]"), message),
        }
    }
    if !faults.is_empty() {
        return Err(Error::fields(faults));
    }
    names.sort();
    names.dedup();
    Ok(names)
}
