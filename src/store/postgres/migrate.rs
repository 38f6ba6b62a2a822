//! The tables: numbered files, applied one after the other by whoever comes first.

use super::place::{Fault, Place};
use super::rows::json;
use super::session::Session;
use crate::alert::Rule;
use crate::store::StoreError;

/// What each version of the schema adds to the one before; the first makes it.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/0001_jobs.sql"),
    include_str!("../../../migrations/0002_events.sql"),
    include_str!("../../../migrations/0003_outbox.sql"),
    include_str!("../../../migrations/0004_claims.sql"),
];

/// A transaction that changes the schema, alone: the lock is the bytes of `faena`. It ends with the transaction, since a session
/// may be a pooler's and stay. Whoever waits for another one to finish, or for a large table to be changed, is no slow statement.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
     SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock(439772540513)";

/// What a migration found and left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version that was there; 0 when there was none.
    pub from: i32,
    /// The version that is there now.
    pub to: i32,
}

/// The version of the schema that this program reads and writes.
pub const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;

/// Brings the schema to the version of this program.
///
/// # Errors
/// When the database cannot be reached, does not let it, or has a newer schema.
pub(super) async fn migrate(place: &Place) -> Result<Migrated, StoreError> {
    let place = Place { patience: None, begin: BEGIN.into(), ..place.clone() };
    let session = Session::open(&place).await.map_err(|fault| unreachable(&place, fault))?;
    // Nobody waits who has nothing to change.
    let there = version(&session).await.map_err(Fault::told)?;
    let migrated = match there {
        SCHEMA_VERSION => Ok(Migrated { from: there, to: there }),
        _ => session.transaction(apply(&session)).await,
    };
    migrated.map_err(Fault::told)
}

/// The version that is there.
pub(super) async fn look(place: &Place) -> Result<i32, StoreError> {
    let session = Session::open(place).await.map_err(|fault| unreachable(place, fault))?;
    version(&session).await.map_err(Fault::told)
}

async fn apply(session: &Session) -> Result<Migrated, Fault> {
    // Somebody may have been faster while the lock was waited for.
    let from = version(session).await?;
    if from > SCHEMA_VERSION {
        return Err(Fault::broken(format!(
            "the database was made by a newer faena (schema {from}, this one reads {SCHEMA_VERSION}); \
             use that version, or another database"
        )));
    }
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(from.max(0) as usize) {
        let version = index + 1;
        let head = "CREATE SCHEMA IF NOT EXISTS faena; \
             CREATE TABLE IF NOT EXISTS faena.schema_version (version integer PRIMARY KEY, \
             applied_at timestamptz NOT NULL DEFAULT clock_timestamp());";
        let mut tail = format!("INSERT INTO faena.schema_version (version) VALUES ({version});");
        if index == 0 {
            // What is removed later stays so: a store is new only once.
            for rule in Rule::of_a_new_store() {
                let (name, rule) = (rule.name.clone(), json(&rule)?);
                tail += &format!(
                    "INSERT INTO faena.alert_rule VALUES ('{name}', $rule${rule}$rule$, nextval('faena.number'));"
                );
            }
        }
        session.run(&format!("{head} {sql} {tail}")).await?;
        tracing::info!(version, "the schema of the database was brought forward");
    }
    Ok(Migrated { from, to: SCHEMA_VERSION })
}

async fn version(session: &Session) -> Result<i32, Fault> {
    let there = session.one("SELECT to_regclass('faena.schema_version') IS NOT NULL", &[]).await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let row = session.one("SELECT coalesce(max(version), 0) FROM faena.schema_version", &[]).await?;
    Ok(row.try_get(0)?)
}

/// Why the database did not let us in, with what to do.
fn unreachable(place: &Place, fault: Fault) -> StoreError {
    let config = &place.config;
    let name = config.get_dbname().or(config.get_user()).unwrap_or("postgres");
    let hint = match &fault {
        Fault::Broken(text) | Fault::Lost(text) | Fault::Refused(text) if text.contains("28P01") => {
            "check the user and the password in the URL".to_owned()
        }
        Fault::Broken(text) if text.contains("3D000") => format!("make it first: CREATE DATABASE \"{name}\""),
        Fault::Lost(text) if text.contains("certificate") => {
            "is it signed by the authority that sslrootcert in the URL names, for the host of the URL?".to_owned()
        }
        Fault::Lost(_) => "is it running, and is the address right?".to_owned(),
        _ => return fault.told(),
    };
    match fault.told() {
        StoreError::Unavailable(text) => StoreError::Unavailable(format!("{text}; {hint}").into()),
        unreadable @ StoreError::Unreadable(_) => unreadable,
        StoreError::Broken(text) => StoreError::Broken(format!("{text}; {hint}").into()),
    }
}
