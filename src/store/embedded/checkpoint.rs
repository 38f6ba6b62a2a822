//! Folding the write-ahead log into the database, away from whoever waits for a commit. A thread of its own does so in
//! passing while the writer goes on; only a log that grew too long, because the writer never paused, is folded by the
//! writer itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::disk::DiskError;
use super::safekeeping::Snapshots;

/// Commits between two passing checkpoints.
const COMMITS_BETWEEN: u32 = 64;
/// Pages of 4 KiB in the log beyond which the writer starts it anew: 16 MiB. A log that is written over in place syncs
/// faster than one that grows, and most of it has been folded in passing by then.
const LOG_PAGES_MAX: i64 = 4_096;

/// The thread, and what it found.
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    too_long: Arc<AtomicBool>,
    snapshots: Arc<Snapshots>,
    thread: Option<JoinHandle<()>>,
    commits: u32,
}

impl Checkpointer {
    /// Starts the thread.
    pub(super) fn start(path: &Path, snapshots: Arc<Snapshots>) -> std::io::Result<Self> {
        let conn = Connection::open(path).map_err(std::io::Error::other)?;
        let (wake, woken) = sync_channel::<()>(1);
        let too_long = Arc::new(AtomicBool::new(false));
        let found = too_long.clone();
        let thread = std::thread::Builder::new().name("faena-checkpoint".into()).spawn(move || {
            while woken.recv().is_ok() {
                if let Some(pages) = fold(&conn, "PASSIVE") {
                    found.store(pages > LOG_PAGES_MAX, Ordering::Release);
                }
            }
        })?;
        Ok(Self { wake: Some(wake), too_long, snapshots, thread: Some(thread), commits: 0 })
    }

    /// Counts a commit.
    pub(super) fn count(&mut self) {
        self.commits += 1;
    }

    /// Wakes the thread now and then.
    pub(super) fn after_commit(&mut self, conn: &Connection) {
        // Beginning the log anew waits for whoever reads a snapshot, and a copy takes its time: it grows meanwhile.
        if self.too_long.load(Ordering::Acquire) && !self.snapshots.are_held() {
            self.too_long.store(false, Ordering::Release);
            fold(conn, "RESTART");
            self.commits = 0;
        }
        if self.commits < COMMITS_BETWEEN {
            return;
        }
        self.commits = 0;
        if let Some(wake) = &self.wake {
            // A full channel means that it is awake already.
            let _ = wake.try_send(());
        }
    }

    /// Ends the thread.
    pub(super) fn close(mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // It holds nothing that a panic could leave half done.
            let _ = thread.join();
        }
    }
}

/// Folds the log as far as the mode says, and gives its length in pages. A sync that failed ends the process: the log
/// must not be reused as if the database had what it holds (rule 9).
pub(super) fn fold(conn: &Connection, mode: &str) -> Option<i64> {
    let pages = conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(1));
    match pages.map_err(DiskError::from) {
        Ok(pages) => Some(pages),
        Err(DiskError::Refused(reason)) => {
            tracing::warn!(%reason, "a checkpoint did not happen; the next one tries again");
            None
        }
        Err(DiskError::Lost(reason)) => super::journal::end_process(&reason),
    }
}
