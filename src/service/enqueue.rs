//! Accepting jobs. What is answered here is on disk (rule 8); what is refused has changed nothing.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::subscriptions::complaint_about_url;
use super::{Service, check};
use crate::clock::Timestamp;
use crate::error::{Error, FieldError};
use crate::job::{Job, JobId, Name, NewJob, Priority};
use crate::limits;
use crate::store::{Group, Idempotency, Insert, Inserted, Receipt};

/// A key under which the same request may come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    text: Box<str>,
    body: [u8; 32],
}

impl Key {
    /// A caller's `key`, within a `scope` of its own such as the route, for a request with this body.
    ///
    /// # Errors
    /// When the key is empty, too long, or not plain ASCII.
    pub fn new(scope: &str, key: &str, body: &[u8]) -> Result<Self, Error> {
        let plain = key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if key.is_empty() || key.len() > limits::KEY_BYTES_MAX || !plain {
            let message = format!("must be 1 to {} printable ASCII characters", limits::KEY_BYTES_MAX);
            return Err(Error::field("Idempotency-Key", message));
        }
        Ok(Self { text: format!("{scope}:{key}").into(), body: Sha256::digest(body).into() })
    }

    /// The job that this request asks for, with the usual window in which it may come again.
    pub fn on(self, job: NewJob) -> Insert {
        self.on_for(job, limits::IDEMPOTENCY_WINDOW)
    }

    fn on_for(self, job: NewJob, window: Duration) -> Insert {
        Insert { job, idempotency: Some(Idempotency { key: self.text, body: self.body, window }) }
    }

    /// The key of one job of a batch.
    fn at(&self, index: usize) -> Self {
        Self { text: format!("{}#{index}", self.text).into(), body: self.body }
    }
}

/// What a caller is told of a job that was accepted, now or by the same request before.
#[derive(Debug, Clone)]
pub enum Acceptance {
    /// It was accepted now.
    New(Arc<Job>),
    /// The same request came before; this is what it was told.
    Replayed(Arc<Receipt>),
}

impl Acceptance {
    /// Who the job is.
    pub fn id(&self) -> JobId {
        match self {
            Self::New(job) => job.id,
            Self::Replayed(receipt) => receipt.id,
        }
    }

    /// Who the job is, if it was accepted now.
    pub fn new_id(&self) -> Option<JobId> {
        match self {
            Self::New(job) => Some(job.id),
            Self::Replayed(_) => None,
        }
    }

    /// Key of its processor.
    pub fn sub_type(&self) -> &Name {
        match self {
            Self::New(job) => &job.spec.sub_type,
            Self::Replayed(receipt) => &receipt.sub_type,
        }
    }

    /// Its family.
    pub fn kind(&self) -> &Name {
        match self {
            Self::New(job) => &job.spec.kind,
            Self::Replayed(receipt) => &receipt.kind,
        }
    }

    /// How urgent it is.
    pub fn priority(&self) -> Priority {
        match self {
            Self::New(job) => job.spec.priority,
            Self::Replayed(receipt) => receipt.priority,
        }
    }

    /// When it was accepted.
    pub fn created_at(&self) -> Timestamp {
        match self {
            Self::New(job) => job.created_at,
            Self::Replayed(receipt) => receipt.created_at,
        }
    }

    /// What its caller says that it will take.
    pub fn estimated_duration(&self) -> Option<&str> {
        match self {
            Self::New(job) => job.spec.options()?.estimated_duration.as_deref(),
            Self::Replayed(receipt) => receipt.estimated_duration.as_deref(),
        }
    }
}

impl Service {
    /// Accepts a job. It is on disk when this answers.
    ///
    /// # Errors
    /// [`Error::Invalid`] for terms or a payload that break a rule, [`Error::UnknownProcessor`], [`Error::Conflict`]
    /// when its unique key is taken, [`Error::QueueFull`], [`Error::Unavailable`] when the store cannot commit now.
    pub async fn enqueue(&self, job: NewJob) -> Result<Arc<Job>, Error> {
        match self.accept(job, None).await? {
            Acceptance::New(job) => Ok(job),
            Acceptance::Replayed(receipt) => self.job(receipt.id).await,
        }
    }

    /// Accepts a job, or tells again what the same request was told before.
    ///
    /// # Errors
    /// Those of [`enqueue`](Self::enqueue), and [`Error::IdempotencyMismatch`].
    pub async fn accept(&self, job: NewJob, key: Option<Key>) -> Result<Acceptance, Error> {
        let now = self.now();
        let insert = self.prepare(job, key, now).await?;
        self.depth.admit(&**self.store(), 1, self.settings().queue_depth_max, now).await?;
        let answers = self.store().insert(vec![insert], Group::Each, now).await?;
        match answers.into_iter().next() {
            Some(Inserted::Accepted(job)) => Ok(Acceptance::New(job)),
            Some(Inserted::Replayed(receipt)) => Ok(Acceptance::Replayed(receipt)),
            Some(Inserted::Mismatch) => Err(Error::IdempotencyMismatch),
            Some(Inserted::Taken(holder)) => Err(taken(holder)),
            Some(Inserted::Withdrawn) | None => Err(Error::internal("the store did not answer for a job")),
        }
    }

    /// Accepts all jobs, or none; the answers come in order.
    ///
    /// # Errors
    /// Those of [`accept`](Self::accept); fields are named with the index of the job, as `[3].payload`.
    pub async fn accept_all(&self, jobs: Vec<NewJob>, key: Option<Key>) -> Result<Vec<Acceptance>, Error> {
        if jobs.is_empty() || jobs.len() > limits::BATCH_JOBS_MAX {
            let message = format!("a batch has 1 to {} jobs, this one has {}", limits::BATCH_JOBS_MAX, jobs.len());
            return Err(Error::invalid(message));
        }
        let now = self.now();
        let count = jobs.len() as u64;
        let mut inserts = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.into_iter().enumerate() {
            let key = key.as_ref().map(|key| key.at(index));
            inserts.push(self.prepare(job, key, now).await.map_err(|error| in_batch(index, error))?);
        }
        self.depth.admit(&**self.store(), count, self.settings().queue_depth_max, now).await?;
        let answers = self.store().insert(inserts, Group::Whole, now).await?;
        refused(&answers)?;
        answers
            .into_iter()
            .map(|answer| match answer {
                Inserted::Accepted(job) => Ok(Acceptance::New(job)),
                Inserted::Replayed(receipt) => Ok(Acceptance::Replayed(receipt)),
                _ => Err(Error::internal("the store withdrew a batch without a reason")),
            })
            .collect()
    }

    pub(super) async fn prepare(&self, job: NewJob, key: Option<Key>, now: Timestamp) -> Result<Insert, Error> {
        check::terms(&job, now)?;
        if let Some(url) = &job.options.callback_url
            && let Some(complaint) = complaint_about_url(url, &self.settings().webhook_policy)
        {
            return Err(Error::field("callbackUrl", complaint));
        }
        self.learn(&job.sub_type).await?;
        let job = self.registry().complete(job)?;
        let window = self.settings().idempotency_window;
        Ok(match key {
            Some(key) => key.on_for(job, window),
            None => job.into(),
        })
    }
}

/// Names the members of a batch that stood in the way of the others.
fn refused(answers: &[Inserted]) -> Result<(), Error> {
    if answers.iter().any(|answer| matches!(answer, Inserted::Mismatch)) {
        return Err(Error::IdempotencyMismatch);
    }
    let taken: Vec<_> = answers
        .iter()
        .enumerate()
        .filter_map(|(index, answer)| match answer {
            Inserted::Taken(holder) => Some(format!("[{index}].uniqueKey is taken by job {holder}")),
            _ => None,
        })
        .take(limits::PARTIAL_ERRORS_KEPT_MAX)
        .collect();
    if taken.is_empty() { Ok(()) } else { Err(Error::Conflict(format!("nothing was accepted: {}", taken.join(", ")))) }
}

fn taken(holder: JobId) -> Error {
    Error::Conflict(format!("uniqueKey is taken by job {holder}"))
}

/// Says which job of a batch an error is about.
pub fn in_batch(index: usize, error: Error) -> Error {
    match error {
        Error::Invalid { message, details } if details.is_empty() => Error::field(format!("[{index}]"), message),
        Error::Invalid { details, .. } => {
            let field =
                |field: String| if field.is_empty() { format!("[{index}]") } else { format!("[{index}].{field}") };
            Error::fields(
                details.into_iter().map(|one| FieldError { field: field(one.field), message: one.message }).collect(),
            )
        }
        Error::UnknownProcessor { sub_type, known } => {
            Error::UnknownProcessor { sub_type: format!("{sub_type} (in [{index}].subType)"), known }
        }
        other => other,
    }
}
