//! Accepting jobs within a transaction of the application's own: an order and its job commit together or not at all.

use std::sync::Arc;

use super::enqueue::Key;
use super::{Service, check};
use crate::error::Error;
use crate::event::Event;
use crate::job::{Job, JobId, NewJob};
use crate::store::postgres::Within;
use crate::store::postgres::tokio_postgres::Transaction;
use crate::store::{Insert, Inserted, Receipt};
use crate::work::Registry;

/// What became of a job that was handed to a transaction.
#[derive(Debug, Clone)]
pub enum Enqueued {
    /// It is in the transaction: it waits once that commits, and never was if it does not.
    New(Arc<Job>),
    /// The same request was accepted before; this is what it was told.
    Replayed(Arc<Receipt>),
    /// Its unique key is taken by that job, and nothing was added.
    Taken(JobId),
}

impl Enqueued {
    /// The job that does the work: this one, or the earlier one that stands for it.
    pub fn id(&self) -> JobId {
        match self {
            Self::New(job) => job.id,
            Self::Replayed(receipt) => receipt.id,
            Self::Taken(holder) => *holder,
        }
    }

    /// Whether the transaction has a job more.
    pub fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }
}

/// Adds a job to a transaction of the application. Nothing else of this library need be there: no server in this process, and no
/// processor.
///
/// What its processor would fill in is not known here. A job that does not say has its subtype as its family, the usual retries
/// and no time-out, and its payload is checked to be a JSON object; [`Registry::complete`] does more where there is a registry. Nor
/// is it known how many jobs may wait, so none is refused for that.
///
/// Whoever wants a key that this transaction has taken waits for its end, so it should not stay open for long. A refused job
/// leaves the transaction as it was, and it may go on.
///
/// # Errors
/// [`Error::Invalid`] for terms that break a rule, [`Error::IdempotencyMismatch`]; [`Error::Unavailable`] when others were in the
/// way, and then the whole transaction is to be begun anew; [`Error::Internal`] when the database has no tables of this version, or
/// its user may not write to them.
pub async fn enqueue_in(transaction: &mut Transaction<'_>, job: impl Into<Insert>) -> Result<Enqueued, Error> {
    one(enqueue_all_in(transaction, vec![job.into()]).await?)
}

/// The same with its payload encrypted by the first of these keys, as the servers on this database do that have them as their
/// `encryption_keys`. One that lacks the key does not run the job.
///
/// # Errors
/// Those of [`enqueue_in`]; [`Error::Internal`] when it cannot be encrypted.
#[cfg(feature = "encryption")]
pub async fn enqueue_encrypted_in(
    transaction: &mut Transaction<'_>,
    keys: &crate::store::sealed::Keyring,
    job: impl Into<Insert>,
) -> Result<Enqueued, Error> {
    let insert = job.into();
    let within = Within::begin(transaction).await?;
    check::terms(&insert.job, within.now())?;
    let insert = complete(insert)?;
    let insert = Insert { job: keys.seal_job(insert.job)?, ..insert };
    one(self::insert(within, vec![insert]).await?)
}

/// Adds several jobs at once; the answers come in order. Each is new or not for itself.
///
/// # Errors
/// Those of [`enqueue_in`]; then none was added. Fields are named with the index of the job, as `[3].payload`.
pub async fn enqueue_all_in(transaction: &mut Transaction<'_>, jobs: Vec<Insert>) -> Result<Vec<Enqueued>, Error> {
    let within = Within::begin(transaction).await?;
    let (now, alone) = (within.now(), jobs.len() == 1);
    let prepare = |(index, insert): (usize, Insert)| {
        let done = check::terms(&insert.job, now).and_then(|()| complete(insert));
        done.map_err(|error| if alone { error } else { super::enqueue::in_batch(index, error) })
    };
    let jobs = jobs.into_iter().enumerate().map(prepare).collect::<Result<Vec<_>, _>>()?;
    insert(within, jobs).await
}

/// Tells an application's own event in a transaction of the application: it is in the log once that commits, and subscribers
/// hear of it; if it does not commit nobody ever does. Events of one aggregate are told in the order in which they were handed over by
/// transactions that wait for each other, for instance because they have changed the same row before.
///
/// # Errors
/// [`Error::Unavailable`] when the database does not take it now, and then the whole transaction is to be begun anew;
/// [`Error::Internal`] when the database has no tables of this version, or its user may not write to them.
pub async fn emit_in(transaction: &mut Transaction<'_>, event: Event) -> Result<(), Error> {
    Ok(Within::begin(transaction).await?.emit(&[event]).await?)
}

impl Service {
    /// Adds a job to a transaction of the application, on the database that this service has its store in: with all that
    /// [`accept`](Self::accept) sees to, and with another moment of truth.
    ///
    /// # Errors
    /// Those of [`accept`](Self::accept) and of [`enqueue_in`]. A unique key that is taken is none.
    pub async fn accept_in(
        &self,
        transaction: &mut Transaction<'_>,
        job: NewJob,
        key: Option<Key>,
    ) -> Result<Enqueued, Error> {
        let now = self.now();
        let mut job = self.prepare(job, key, now).await?;
        job.job = self.store().as_written(job.job)?;
        self.depth.admit(&**self.store(), 1, self.settings().queue_depth_max, now).await?;
        one(insert(Within::begin(transaction).await?, vec![job]).await?)
    }
}

/// What nobody here does is treated as what others do.
fn complete(insert: Insert) -> Result<Insert, Error> {
    let elsewhere = Registry::new();
    elsewhere.learn([insert.job.sub_type.clone()]);
    Ok(Insert { job: elsewhere.complete(insert.job)?, ..insert })
}

async fn insert(within: Within<'_, '_>, jobs: Vec<Insert>) -> Result<Vec<Enqueued>, Error> {
    let answers = within.insert(&jobs).await?;
    let told = answers.into_iter().map(|answer| match answer {
        Inserted::Accepted(job) => Ok(Enqueued::New(job)),
        Inserted::Replayed(receipt) => Ok(Enqueued::Replayed(receipt)),
        Inserted::Taken(holder) => Ok(Enqueued::Taken(holder)),
        Inserted::Mismatch => Err(Error::IdempotencyMismatch),
        Inserted::Withdrawn => Err(Error::internal("a job stands for itself and was withdrawn")),
    });
    told.collect()
}

fn one(answers: Vec<Enqueued>) -> Result<Enqueued, Error> {
    answers.into_iter().next().ok_or_else(|| Error::internal("the store did not answer for a job"))
}
