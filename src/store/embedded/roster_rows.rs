//! Workers of other processes on disk: a row each, and a row for each subtype that any has ever done.

use rusqlite::{Connection, params};

use super::core::Core;
use super::disk::{DiskError, broken};
use super::roster::WorkerChange;
use super::rows::json;
use crate::clock::Timestamp;
use crate::job::Name;
use crate::store::StoreError;

/// Their tables.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS worker (id TEXT PRIMARY KEY, worker TEXT NOT NULL, heard_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS worker_sub_type (sub_type TEXT PRIMARY KEY) WITHOUT ROWID;
";

/// Writes what became of a worker.
pub(super) fn write(conn: &Connection, change: &WorkerChange) -> Result<(), DiskError> {
    let id = change.worker.id.to_string();
    let Some(heard_at) = change.heard_at else {
        conn.prepare_cached("DELETE FROM worker WHERE id = ?")?.execute([id])?;
        return Ok(());
    };
    let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO worker VALUES (?, ?, ?)")?;
    insert.execute(params![id, json(&*change.worker)?, heard_at.as_millis()])?;
    for sub_type in &*change.worker.sub_types {
        conn.prepare_cached("INSERT OR IGNORE INTO worker_sub_type VALUES (?)")?.execute([sub_type.as_str()])?;
    }
    Ok(())
}

/// Reads both at start.
pub(super) fn recover(conn: &Connection, core: &mut Core) -> Result<(), StoreError> {
    let mut select = conn.prepare("SELECT worker, heard_at FROM worker").map_err(broken)?;
    let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).map_err(broken)?;
    for row in rows {
        let (worker, heard_at) = row.map_err(broken)?;
        core.known.recall(serde_json::from_str(&worker).map_err(broken)?, Timestamp::from_millis(heard_at));
    }
    let mut select = conn.prepare("SELECT sub_type FROM worker_sub_type").map_err(broken)?;
    for name in select.query_map([], |row| row.get::<_, String>(0)).map_err(broken)? {
        core.known.recall_sub_type(Name::new(name.map_err(broken)?).map_err(broken)?);
    }
    Ok(())
}
