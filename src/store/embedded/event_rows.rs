//! The event log as rows: one for a commit. Things that are no jobs are found by an index of their own, since they are few; jobs by
//! the range of numbers that a row says it is about.

use rusqlite::{Connection, OptionalExtension, params};

use super::change::{Change, Forget};
use super::disk::DiskError;
use super::telling::Tells;
use crate::event::{Batch, tell};
use crate::store::events::{Place, START, commit_of, place};

/// Their tables.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS event (
        n INTEGER PRIMARY KEY, told INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
        first_seq INTEGER, last_seq INTEGER, events BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS event_of (aggregate INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (aggregate, n)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS event_of_n ON event_of (n);
";

/// The events of a transaction, on their way into its rows.
pub(super) struct Telling {
    batch: Batch,
    end: Place,
    /// Whether any of them calls somebody back.
    calls: bool,
}

impl Telling {
    /// Those of a transaction after this place.
    pub(super) fn after(end: Place) -> Self {
        Self { batch: Batch::default(), end, calls: false }
    }

    /// Tells what a change tells.
    pub(super) fn add(&mut self, conn: &Connection, change: &Change) -> Result<(), DiskError> {
        match change.tells() {
            Tells::Nothing => return Ok(()),
            Tells::Job { kinds, before, job, by } => {
                self.calls |= tell::calls_back(kinds, job);
                self.batch.add_job(kinds, job, tell::moment(before, job), by.map(|by| &**by));
            }
            Tells::Others(events, user) => {
                for event in &events {
                    self.batch.add(event, user.as_deref());
                    self.write_if_full(conn)?;
                }
            }
            Tells::Own(events, user) => {
                for event in events {
                    self.batch.add(event, user.map(|user| &**user));
                    self.write_if_full(conn)?;
                }
            }
        }
        self.write_if_full(conn)
    }

    /// Writes what is left. The answer is the place of the last event, and whether any calls somebody back.
    pub(super) fn end(mut self, conn: &Connection) -> Result<(Place, bool), DiskError> {
        self.write(conn)?;
        Ok((self.end, self.calls))
    }

    fn write_if_full(&mut self, conn: &Connection) -> Result<(), DiskError> {
        if self.batch.is_full() { self.write(conn) } else { Ok(()) }
    }

    fn write(&mut self, conn: &Connection) -> Result<(), DiskError> {
        let Some(written) = std::mem::take(&mut self.batch).written() else { return Ok(()) };
        // One writer: numbers rise in the order of commits.
        let n = commit_of(self.end) + 1;
        let (first_seq, last_seq) = written.seqs.map(|seqs| (*seqs.start() as i64, *seqs.end() as i64)).unzip();
        let (first_at, last_at) = (written.first_at.as_millis(), written.last_at.as_millis());
        conn.prepare_cached("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
            n as i64,
            written.told as i64,
            first_at,
            last_at,
            first_seq,
            last_seq,
            written.events
        ])?;
        for aggregate in written.others {
            let mut insert = conn.prepare_cached("INSERT INTO event_of VALUES (?, ?)")?;
            insert.execute(params![aggregate as i64, n as i64])?;
        }
        self.end = last_of(n, written.told);
        Ok(())
    }
}

/// The place of the last of so many events of a commit.
fn last_of(n: u64, told: usize) -> Place {
    place(n, told.saturating_sub(1).min(usize::from(u16::MAX)) as u16)
}

/// The place of the last event. The latest row is never forgotten, so no number comes twice.
pub(super) fn end(conn: &Connection) -> rusqlite::Result<Place> {
    let mut select = conn.prepare("SELECT n, told FROM event ORDER BY n DESC LIMIT 1")?;
    let last = select.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).optional()?;
    Ok(last.map_or(START, |(n, told)| last_of(n as u64, told as usize)))
}

/// Forgets old rows but for the latest, within the transaction of the caller.
pub(super) fn forget(conn: &Connection, forget: &Forget) -> Result<u64, DiskError> {
    let mut select = conn
        .prepare_cached("SELECT n, told, last_at FROM event WHERE n < (SELECT max(n) FROM event) ORDER BY n LIMIT ?")?;
    let limit = i64::try_from(forget.limit).unwrap_or(i64::MAX);
    let rows =
        select.query_map([limit], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))?;
    let (mut last, mut count) = (None, 0);
    for row in rows {
        let (n, told, last_at) = row?;
        let is_settled = forget.up_to.is_none_or(|up_to| last_of(n as u64, told as usize) <= up_to);
        if last_at >= forget.before.as_millis() || !is_settled {
            break;
        }
        last = Some(n);
        count += 1;
    }
    if let Some(last) = last {
        conn.prepare_cached("DELETE FROM event WHERE n <= ?")?.execute([last])?;
        conn.prepare_cached("DELETE FROM event_of WHERE n <= ?")?.execute([last])?;
    }
    Ok(count)
}
