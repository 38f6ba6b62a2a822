//! Checks and copies of the database. Each reads one snapshot through a connection and a thread of its own, so neither the
//! writer nor a reader waits for it; only the write-ahead log grows meanwhile, since it may not be begun anew under a
//! snapshot.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::copy::copy;
use super::disk::broken;
use super::schema::open_to_read;
use crate::store::safekeeping::{Checked, Copied, Hear, Phase, Safekeeping, Step};
use crate::store::{Answer, StoreError};

/// Instructions of SQLite's machine between two questions whether a check goes on: a fraction of a millisecond.
const ASK_EVERY: i32 = 10_000;

/// Who looks after the database.
pub(super) struct Keeper {
    path: PathBuf,
    snapshots: Arc<Snapshots>,
    closing: Arc<AtomicBool>,
}

/// How many snapshots are being read.
#[derive(Default)]
pub(super) struct Snapshots {
    held: Mutex<usize>,
    none: Condvar,
}

/// A snapshot that is being read.
pub(super) struct Snapshot {
    pub(super) conn: Connection,
    snapshots: Arc<Snapshots>,
}

impl Snapshots {
    /// Whether somebody reads one.
    pub(super) fn are_held(&self) -> bool {
        *self.held.lock() > 0
    }
}

impl Snapshot {
    /// The database as it is now.
    fn open(path: &Path, snapshots: &Arc<Snapshots>) -> Result<Self, StoreError> {
        let conn = open_to_read(path)?;
        *snapshots.held.lock() += 1;
        let snapshot = Self { conn, snapshots: snapshots.clone() };
        // A transaction begins with what it first reads.
        snapshot.conn.execute_batch("BEGIN; SELECT count(*) FROM pulse;").map_err(broken)?;
        Ok(snapshot)
    }

    /// How large it is: bytes of a page, and pages.
    pub(super) fn size(&self) -> Result<(u64, u64), StoreError> {
        let pragma = |name| self.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(broken);
        Ok((pragma("page_size")? as u64, pragma("page_count")? as u64))
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Whoever is told that there is none left must find none.
        drop(self.conn.execute_batch("ROLLBACK"));
        *self.snapshots.held.lock() -= 1;
        self.snapshots.none.notify_all();
    }
}

impl Keeper {
    pub(super) fn new(path: PathBuf, snapshots: Arc<Snapshots>) -> Self {
        Self { path, snapshots, closing: Arc::default() }
    }

    /// Ends what is under way: a log cannot be folded under a snapshot.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        let mut held = self.snapshots.held.lock();
        while *held > 0 {
            self.snapshots.none.wait(&mut held);
        }
    }

    /// Does something with a snapshot on a thread of its own.
    fn apart<T: Send + 'static>(
        &self,
        hear: Hear,
        work: impl FnOnce(Snapshot, Hear) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'static, T> {
        if self.closing.load(Ordering::Acquire) {
            let closed = StoreError::Unavailable("the store is closed".into());
            return Box::pin(std::future::ready(Err(closed)));
        }
        let (path, snapshots, closing) = (self.path.clone(), self.snapshots.clone(), self.closing.clone());
        let (answer, answered) = oneshot::channel();
        let begun = std::thread::Builder::new().name("faena-keeper".into()).spawn(move || {
            let hear: Hear = Arc::new(move |step| !closing.load(Ordering::Acquire) && hear(step));
            let done = Snapshot::open(&path, &snapshots).and_then(|snapshot| work(snapshot, hear));
            // It was done whether or not anybody still waits to hear of it.
            let _ = answer.send(done);
        });
        Box::pin(async move {
            begun.map_err(|error| StoreError::Unavailable(format!("cannot start a thread: {error}").into()))?;
            answered.await.map_err(|_| StoreError::Broken("the keeper's thread panicked".into()))?
        })
    }
}

impl Safekeeping for Keeper {
    fn check(&self, hear: Hear) -> Answer<'_, Option<Checked>> {
        self.apart(hear, |mut snapshot, hear| {
            let (page_bytes, pages) = snapshot.size()?;
            let Some(mut faults) = faults(&mut snapshot.conn, pages, &hear)? else { return Ok(None) };
            faults.extend(miscounted(&snapshot.conn)?);
            Ok(Some(Checked { bytes: page_bytes * pages, pages, faults }))
        })
    }

    fn back_up(&self, to: PathBuf, hear: Hear) -> Answer<'_, Option<Copied>> {
        self.apart(hear, move |snapshot, hear| copy(snapshot, &to, &hear))
    }
}

/// What is wrong with a database; none when it was not to be read to its end.
pub(super) fn faults(conn: &mut Connection, pages: u64, hear: &Hear) -> Result<Option<Vec<String>>, StoreError> {
    let step = Step { phase: Phase::Checking, pages: 0, of: pages };
    if !hear(step) {
        return Ok(None);
    }
    let hear = hear.clone();
    conn.progress_handler(ASK_EVERY, Some(move || !hear(step))).map_err(broken)?;
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut check = conn.prepare("PRAGMA integrity_check(100)")?;
        check.query_map([], |row| row.get(0))?.collect()
    };
    let said = read();
    conn.progress_handler(ASK_EVERY, None::<fn() -> bool>).map_err(broken)?;
    match said {
        Ok(said) => Ok(Some(said.into_iter().filter(|line| line != "ok").collect())),
        Err(rusqlite::Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::OperationInterrupted => Ok(None),
        // Where not even reading it works, that is what is wrong.
        Err(rusqlite::Error::SqliteFailure(failure, reason)) if failure.code == ErrorCode::DatabaseCorrupt => {
            Ok(Some(vec![reason.unwrap_or_else(|| failure.to_string())]))
        }
        Err(error) => Err(broken(error)),
    }
}

/// Kept counts that are not the counts of what is there (rule 28).
fn miscounted(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut select = conn.prepare(
            "SELECT status, sub_type, priority, sum(found), sum(kept) FROM (
                SELECT status, kind, sub_type, priority, count(*) AS found, 0 AS kept FROM history GROUP BY 1, 2, 3, 4
                UNION ALL SELECT status, kind, sub_type, priority, 0, jobs FROM tally)
             GROUP BY status, kind, sub_type, priority HAVING sum(found) <> sum(kept) LIMIT 100",
        )?;
        let rows = select.query_map([], |row| {
            let (status, sub_type, priority): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (found, kept): (i64, i64) = (row.get(3)?, row.get(4)?);
            Ok(format!("there are {found} {status} jobs of {sub_type} ({priority}), and {kept} are counted"))
        })?;
        rows.collect()
    };
    read().map_err(broken)
}
