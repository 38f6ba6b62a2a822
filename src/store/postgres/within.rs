//! Accepting jobs, and telling events, within the transaction of an application: they are there once that commits, together with whatever else it
//! wrote, and never were if it does not. The keys, the rows and the counts are those of every other way in; what differs is that
//! nothing may be left behind when a job is refused, and that nobody here knows when the commit comes.
//!
//! Nodes hint to each other after their commits, because commits that notify wait for each other. An application is not asked
//! again after its commit, so here the hint goes with it: the server gives it to the nodes at that moment, or drops it with the
//! rest. One for each business transaction costs little; an application that commits thousands of them a second says
//! `SET LOCAL faena.hints = off`, and its jobs are found by the nodes that look every second.

use futures_util::future;
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

use super::admit::{Admission, Admitted};
use super::hints::{self, Hint};
use super::kept::Kept;
use super::migrate::SCHEMA_VERSION;
use super::place::Fault;
use super::session::{Asks, Param};
use super::told::Told;
use crate::clock::Timestamp;
use crate::event::Event;
use crate::store::{Group, Insert, Inserted, StoreError};

/// The transaction of an application whose database was found fit to take jobs.
pub struct Within<'a, 't> {
    transaction: &'a mut Transaction<'t>,
    now: Timestamp,
}

/// Which tables there are, and what time it is there.
const LOOK: &str = "SELECT coalesce(max(version), 0), (extract(epoch FROM clock_timestamp()) * 1000)::bigint \
     FROM faena.schema_version";
const NOTIFY: &str = "SELECT pg_notify($1, t) FROM unnest($2::text[]) AS t \
     WHERE coalesce(current_setting('faena.hints', true), '') <> 'off'";

/// What everything of ours is done under, so that the transaction is as it was when a job is refused.
const SAVEPOINT: &str = "faena";
/// Times that it is begun anew because others were in the way.
const TRIES_MAX: usize = 4;

impl<'a, 't> Within<'a, 't> {
    /// Looks whether this program can write to the tables that are there.
    ///
    /// # Errors
    /// When there are none, those of another version, or ones that this user may not read. The transaction goes on as it was.
    pub async fn begin(transaction: &'a mut Transaction<'t>) -> Result<Self, StoreError> {
        let now = look(transaction).await.map_err(Fault::told)?;
        Ok(Self { transaction, now })
    }

    /// The time by the clock of the database.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Accepts jobs, each for itself, as far as this transaction can say: they are on disk when it commits. Unless one is accepted
    /// nothing is written, and no lock is kept; so it is when one has the idempotency key of another request.
    ///
    /// # Errors
    /// When the database does not take them. The transaction goes on as it was.
    pub async fn insert(self, jobs: &[Insert]) -> Result<Vec<Inserted>, StoreError> {
        for tries in 1.. {
            match try_to_insert(self.transaction, jobs, self.now).await {
                Err(Fault::Again(_)) if tries < TRIES_MAX => {}
                done => return done.map_err(Fault::told),
            }
        }
        Ok(Vec::new())
    }
}

impl Within<'_, '_> {
    /// Tells events as far as this transaction can say: they are in the log when it commits.
    ///
    /// # Errors
    /// When the database does not take them. The transaction goes on as it was.
    pub async fn emit(self, events: &[Event]) -> Result<(), StoreError> {
        emit(self.transaction, events).await.map_err(Fault::told)
    }
}

async fn emit(transaction: &mut Transaction<'_>, events: &[Event]) -> Result<(), Fault> {
    let savepoint = transaction.savepoint(SAVEPOINT).await?;
    let mut told = Told::default();
    events.iter().for_each(|event| told.event(event, None));
    let hint = Hint { told: true, ..Hint::default() };
    let (told, hinted) = future::join(told.write(&savepoint), notify(&savepoint, hint)).await;
    match told.and(hinted) {
        Ok(()) => savepoint.commit().await?,
        Err(fault) => {
            savepoint.rollback().await?;
            return Err(fault);
        }
    }
    Ok(())
}

/// Has the server tell the nodes when the transaction commits. No node has the number that is named, so each of them hears it.
async fn notify(savepoint: &Transaction<'_>, hint: Hint) -> Result<(), Fault> {
    let texts = hints::notifications([hint].into_iter(), 0);
    let params = [(&hints::CHANNEL as _, Type::TEXT), (&texts as _, Type::TEXT_ARRAY)];
    Asks::query(savepoint, NOTIFY, &params).await.map(drop)
}

async fn look(transaction: &mut Transaction<'_>) -> Result<Timestamp, Fault> {
    let savepoint = transaction.savepoint(SAVEPOINT).await?;
    let (there, now) = match savepoint.query_typed_one(LOOK, &[]).await {
        Ok(row) => (row.try_get::<_, i32>(0)?, Timestamp::from_millis(row.try_get(1)?)),
        // Neither the schema nor a table in it.
        Err(error) if error.code().is_some_and(|code| ["3F000", "42P01"].contains(&code.code())) => {
            (0, Timestamp::default())
        }
        Err(error) => {
            savepoint.rollback().await?;
            return Err(error.into());
        }
    };
    let advice = match there {
        SCHEMA_VERSION => {
            savepoint.commit().await?;
            return Ok(now);
        }
        0 => "it has no tables for jobs; `faena migrate` makes them, or a server does when it starts",
        older if older < SCHEMA_VERSION => "it is older; `faena migrate` brings it forward",
        _ => "it is newer; use the library of that version",
    };
    savepoint.rollback().await?;
    Err(Fault::broken(format!(
        "jobs cannot be handed to this database: its schema is {there}, this library writes {SCHEMA_VERSION}: {advice}"
    )))
}

async fn try_to_insert(
    transaction: &mut Transaction<'_>,
    jobs: &[Insert],
    now: Timestamp,
) -> Result<Vec<Inserted>, Fault> {
    let savepoint = transaction.savepoint(SAVEPOINT).await?;
    match write(&savepoint, jobs, now).await {
        Ok(answers) if is_to_stay(&answers) => {
            savepoint.commit().await?;
            Ok(answers)
        }
        // Nothing was written; this gives the locks of the keys back.
        done => {
            savepoint.rollback().await?;
            done
        }
    }
}

fn is_to_stay(answers: &[Inserted]) -> bool {
    answers.iter().any(|answer| matches!(answer, Inserted::Accepted(_)))
        && !answers.iter().any(|answer| matches!(answer, Inserted::Mismatch))
}

async fn write(savepoint: &Transaction<'_>, jobs: &[Insert], now: Timestamp) -> Result<Vec<Inserted>, Fault> {
    let mut admission = Admission::begin(savepoint, jobs.iter().map(|insert| (insert, now))).await?;
    let admitted = admission.admit_all(jobs, Group::Each, now);
    if !admitted.iter().any(|one| matches!(one, Admitted::Draft(_))) {
        return Ok(admitted.into_iter().map(|one| one.told(&[])).collect());
    }
    let (mut kept, mut told) = (Kept::default(), Told::default());
    let written = admission.write(savepoint, &mut kept, |job, by| told.accepted(job, by)).await?;
    let ids = written.iter().flatten().map(|job| job.id).collect();
    let hinted = notify(savepoint, Hint { work: true, jobs: ids, ..Hint::default() });
    let (counted, told, hinted) = future::join3(kept.write(savepoint), told.write(savepoint), hinted).await;
    counted.and(told).and(hinted)?;
    Ok(admitted.into_iter().map(|one| one.told(&written)).collect())
}

impl Asks for Transaction<'_> {
    /// Nothing is prepared by name: there may be a pooler in between, and the statements are few.
    async fn query(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
        Ok(self.query_typed(sql, params).await?)
    }

    /// How long it waits is the application's affair.
    async fn lock(&self, sql: &'static str, names: &[Param<'_>]) -> Result<(), Fault> {
        Ok(self.query_typed(sql, names).await.map(drop)?)
    }
}
