//! The tables of the embedded store, and how a file is opened or refused.
//!
//! The live table stays small and is written in the order of its row ids. What has ended is appended to the history,
//! whose indexes begin with what rises or with few distinct values, so that appending stays cheap (`docs/decisions`).

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::counts::BLOCK_SEQS;
use super::disk::broken;
use crate::store::StoreError;

/// Whether an answer waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Every answer waits until its commit is on the disk itself.
    #[default]
    Full,
    /// An answer waits until its commit is with the operating system: a crash of faena loses nothing, a power cut
    /// may lose the last moments.
    Relaxed,
}

/// The form that this program reads and writes.
pub(super) const SCHEMA_VERSION: i64 = 5;
/// Bytes of the write-ahead log that are kept to be written over: four times what it usually grows to.
const LOG_BYTES_KEPT: i64 = 64 * 1024 * 1024;
/// Marks a file as faena's: the bytes of `faen`.
const APPLICATION_ID: i64 = 0x6661_656E;

const TABLES: &str = "
    CREATE TABLE live (
        seq INTEGER PRIMARY KEY, id BLOB NOT NULL, created_at INTEGER NOT NULL,
        spec TEXT NOT NULL, life TEXT NOT NULL, payload BLOB NOT NULL);
    CREATE TABLE history (
        seq INTEGER PRIMARY KEY, id BLOB NOT NULL, created_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,
        status TEXT NOT NULL, kind TEXT NOT NULL, sub_type TEXT NOT NULL, priority TEXT NOT NULL,
        user_id TEXT, schedule_id TEXT, dead INTEGER NOT NULL,
        spec TEXT NOT NULL, life TEXT NOT NULL, payload BLOB NOT NULL);
    CREATE UNIQUE INDEX history_id ON history (id);
    CREATE INDEX history_status ON history (status) WHERE status <> 'completed';
    CREATE INDEX history_ended ON history (status, ended_at);
    CREATE INDEX history_sub_type ON history (sub_type);
    CREATE INDEX history_user ON history (user_id) WHERE user_id IS NOT NULL;
    CREATE INDEX history_schedule ON history (schedule_id) WHERE schedule_id IS NOT NULL;
    CREATE INDEX history_dead ON history (dead) WHERE dead = 1;
    CREATE TABLE tag (tag TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (tag, seq)) WITHOUT ROWID;
    CREATE INDEX tag_seq ON tag (seq);
    CREATE TABLE log (
        seq INTEGER NOT NULL, line INTEGER NOT NULL, at INTEGER NOT NULL, epoch INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (seq, line)) WITHOUT ROWID;
    CREATE TABLE request (
        key TEXT PRIMARY KEY, body BLOB NOT NULL, until INTEGER NOT NULL, receipt TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX request_until ON request (until);
    CREATE TABLE unique_window (key TEXT PRIMARY KEY, id BLOB NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE paused (sub_type TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE pulse (beat INTEGER NOT NULL, last_seq INTEGER NOT NULL);
    INSERT INTO pulse VALUES (0, 0);
";

/// The kept counts of ended jobs: in all, and in each block of neighbouring sequence numbers.
const COUNTS: &str = "
    CREATE TABLE tally (
        sort INTEGER PRIMARY KEY, status TEXT NOT NULL, kind TEXT NOT NULL, sub_type TEXT NOT NULL,
        priority TEXT NOT NULL, jobs INTEGER NOT NULL, UNIQUE (status, kind, sub_type, priority));
    CREATE TABLE block (
        block INTEGER NOT NULL, sort INTEGER NOT NULL, jobs INTEGER NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (block, sort)) WITHOUT ROWID;
";

/// From the first form to the second: the counts are taken once, from what there is.
const COUNT_ANEW: &str = "
    INSERT INTO tally (status, kind, sub_type, priority, jobs)
        SELECT status, kind, sub_type, priority, count(*) FROM history GROUP BY 1, 2, 3, 4;
    INSERT INTO block SELECT h.seq / {BLOCK_SEQS}, t.sort, count(*), min(h.created_at), max(h.created_at)
        FROM history h JOIN tally t USING (status, kind, sub_type, priority) GROUP BY 1, 2;
";

/// What later forms have besides: tables that are made wherever they are missing.
const ADDED: [&str; 8] = [
    super::terms::TABLES,
    super::minutes::TABLES,
    super::plan_rows::TABLES,
    super::alert_rows::TABLES,
    super::roster_rows::TABLES,
    super::access_rows::TABLES,
    super::outbox_rows::TABLES,
    super::event_rows::TABLES,
];

/// Opens the file for the one who writes, makes its tables if it is new, and refuses what this program cannot read.
pub(super) fn open_to_write(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let conn = Connection::open(path).map_err(|error| cannot_open(path, &error))?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Relaxed => "NORMAL",
    };
    let set_up = || -> rusqlite::Result<(i64, i64)> {
        conn.busy_timeout(Duration::from_secs(5))?;
        let version = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let application = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
        Ok((version, application))
    };
    match set_up().map_err(|error| cannot_open(path, &error))? {
        (1..=SCHEMA_VERSION, APPLICATION_ID) => {}
        (0, 0) if is_empty(&conn) => {}
        (_, application) if application != APPLICATION_ID => {
            return Err(StoreError::Broken(
                format!("{} is a database of another program; choose another --store or --data", path.display()).into(),
            ));
        }
        (version, _) => {
            return Err(StoreError::Broken(
                format!(
                    "{} was written by a newer faena (schema {version}, this one reads {SCHEMA_VERSION}); \
                     use that version, or choose another --store or --data",
                    path.display()
                )
                .into(),
            ));
        }
    }
    let added = ADDED.concat();
    let prepare = || -> rusqlite::Result<()> {
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", synchronous)?;
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        // A log that grew under a long read gives the room back when it begins anew.
        conn.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
        conn.pragma_update(None, "cache_size", -65_536)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.set_prepared_statement_cache_capacity(64);
        if is_empty(&conn) {
            conn.execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES} {COUNTS} {added} PRAGMA application_id = {APPLICATION_ID}; \
                 PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            ))?;
        }
        if conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? == 1 {
            let anew = COUNT_ANEW.replace("{BLOCK_SEQS}", &BLOCK_SEQS.to_string());
            conn.execute_batch(&format!(
                "BEGIN IMMEDIATE; DROP TABLE tally; {COUNTS} {anew} PRAGMA user_version = 2; COMMIT;"
            ))?;
        }
        conn.execute_batch(&format!("BEGIN IMMEDIATE; {added} COMMIT;"))?;
        if conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? < SCHEMA_VERSION {
            conn.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        Ok(())
    };
    prepare().map_err(|error| cannot_open(path, &error))?;
    Ok(conn)
}

/// Opens the file for somebody who only reads.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(broken)?;
    conn.busy_timeout(Duration::from_secs(5)).map_err(broken)?;
    conn.pragma_update(None, "cache_size", -16_384).map_err(broken)?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}

/// What a database file says that it is.
pub(super) enum Mark {
    /// It has no tables yet.
    Empty,
    /// A store of this program, in a form of this version.
    Version(i64),
    /// Something of another program.
    Foreign,
}

/// Reads the mark of a file without changing it.
pub(super) fn mark(path: &Path) -> Result<Mark, StoreError> {
    let conn = open_to_read(path)?;
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(broken);
    Ok(match (pragma("user_version")?, pragma("application_id")?) {
        (version, APPLICATION_ID) => Mark::Version(version),
        (0, 0) if is_empty(&conn) => Mark::Empty,
        _ => Mark::Foreign,
    })
}

fn is_empty(conn: &Connection) -> bool {
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0)).is_ok_and(|tables| tables == 0)
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Broken(format!("cannot open the store {}: {error}", path.display()).into())
}
