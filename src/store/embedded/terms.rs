//! Locks and states on disk: one row each, and the last number of each, which outlives them.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::change::Change;
use super::core::Core;
use super::disk::{DiskError, broken};
use super::named::Step;
use crate::clock::Timestamp;
use crate::store::{Lock, Slug, State, StoreError};

/// Their tables.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS lock (
        name TEXT PRIMARY KEY, owner TEXT NOT NULL, token INTEGER NOT NULL, acquired_at INTEGER NOT NULL,
        until INTEGER NOT NULL, in_process INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS state (
        name TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        until INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS last_number (of TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
";

/// Writes what became of a lock.
pub(super) fn write_lock(conn: &Connection, step: &Step<Lock>) -> Result<(), DiskError> {
    let Some(lock) = &step.after else {
        conn.prepare_cached("DELETE FROM lock WHERE name = ?")?.execute([step.name.as_str()])?;
        return Ok(());
    };
    let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO lock VALUES (?, ?, ?, ?, ?, ?)")?;
    insert.execute(params![
        lock.name.as_str(),
        &*lock.owner,
        lock.token as i64,
        lock.acquired_at.as_millis(),
        lock.until.as_millis(),
        lock.in_process
    ])?;
    write_number(conn, "lock", lock.token)
}

/// Writes what became of a state.
pub(super) fn write_state(conn: &Connection, step: &Step<State>) -> Result<(), DiskError> {
    let Some(state) = &step.after else {
        conn.prepare_cached("DELETE FROM state WHERE name = ?")?.execute([step.name.as_str()])?;
        return Ok(());
    };
    let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?)")?;
    insert.execute(params![
        state.name.as_str(),
        &*state.value,
        state.revision as i64,
        state.updated_at.as_millis(),
        state.until.as_millis()
    ])?;
    write_number(conn, "state", state.revision)
}

pub(super) fn write_number(conn: &Connection, of: &str, number: u64) -> Result<(), DiskError> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO last_number VALUES (?1, ?2) ON CONFLICT (of) DO UPDATE SET number = max(number, ?2)",
    )?;
    insert.execute(params![of, number as i64])?;
    Ok(())
}

/// Reads both at start. Locks that the process which died had taken for itself are freed; the answer holds these changes.
pub(super) fn recover(conn: &Connection, core: &mut Core) -> Result<Vec<Change>, StoreError> {
    let mut select = conn.prepare("SELECT of, number FROM last_number").map_err(broken)?;
    let numbers = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).map_err(broken)?;
    for row in numbers {
        match row.map_err(broken)? {
            (of, number) if of == "lock" => core.locks.number_after(number as u64),
            (of, number) if of == super::alert_rows::NUMBER_OF_RULES => core.watch.rules.number_after(number as u64),
            (_, number) => core.states.number_after(number as u64),
        }
    }
    for state in read_states(conn)? {
        core.states.recall(Arc::new(state));
    }
    let mut changes = Vec::new();
    for lock in read_locks(conn)? {
        let (name, in_process) = (lock.name.clone(), lock.in_process);
        core.locks.recall(Arc::new(lock));
        if in_process {
            changes.push(Change::Lock(core.locks.decide(name, None)));
        }
    }
    Ok(changes)
}

fn read_locks(conn: &Connection) -> Result<Vec<Lock>, StoreError> {
    let sql = "SELECT name, owner, token, acquired_at, until, in_process FROM lock ORDER BY name";
    let mut select = conn.prepare(sql).map_err(broken)?;
    let rows = select.query_map([], |row| {
        let name: String = row.get(0)?;
        let owner: String = row.get(1)?;
        Ok((name, owner, row.get::<_, i64>(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    });
    rows.map_err(broken)?
        .map(|row| {
            let (name, owner, token, acquired_at, until, in_process) = row.map_err(broken)?;
            Ok(Lock {
                name: slug(&name)?,
                owner: owner.into(),
                token: token as u64,
                acquired_at: Timestamp::from_millis(acquired_at),
                until: Timestamp::from_millis(until),
                in_process,
            })
        })
        .collect()
}

fn read_states(conn: &Connection) -> Result<Vec<State>, StoreError> {
    let sql = "SELECT name, value, revision, updated_at, until FROM state ORDER BY name";
    let mut select = conn.prepare(sql).map_err(broken)?;
    let rows = select.query_map([], |row| {
        let name: String = row.get(0)?;
        let value: String = row.get(1)?;
        Ok((name, value, row.get::<_, i64>(2)?, row.get(3)?, row.get(4)?))
    });
    rows.map_err(broken)?
        .map(|row| {
            let (name, value, revision, updated_at, until) = row.map_err(broken)?;
            Ok(State {
                name: slug(&name)?,
                value: value.into(),
                revision: revision as u64,
                updated_at: Timestamp::from_millis(updated_at),
                until: Timestamp::from_millis(until),
            })
        })
        .collect()
}

fn slug(text: &str) -> Result<Slug, StoreError> {
    Slug::new(text).map_err(|error| StoreError::Broken(error.into()))
}
