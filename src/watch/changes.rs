//! Watching all jobs: a numbered feed that remembers the latest changes, for readers that fall behind a little or
//! come back after a broken connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::job::Job;
use crate::limits;

/// A change of some job.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its place in the feed, from 1.
    pub number: u64,
    /// The job after it.
    pub job: Arc<Job>,
}

/// The reader is too far behind: changes that it has not seen are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("changes were missed")]
pub struct Lagged;

/// The feed. It records from its first reader on, so that a program without readers pays nothing.
pub(super) struct Feed {
    recording: AtomicBool,
    kept: Arc<Mutex<Kept>>,
    latest: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    changes: VecDeque<Change>,
    last: u64,
}

impl Default for Feed {
    fn default() -> Self {
        Self { recording: AtomicBool::new(false), kept: Arc::default(), latest: watch::Sender::new(0) }
    }
}

impl Feed {
    pub(super) fn publish(&self, job: &Arc<Job>) {
        if !self.recording.load(Ordering::Acquire) {
            return;
        }
        let mut kept = self.kept.lock();
        kept.last += 1;
        let change = Change { number: kept.last, job: job.clone() };
        if kept.changes.len() == limits::CHANGES_KEPT_MAX {
            kept.changes.pop_front();
        }
        kept.changes.push_back(change);
        self.latest.send_replace(kept.last);
    }

    pub(super) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Acquire)
    }

    pub(super) fn subscribe(&self, after: Option<u64>) -> Result<Changes, Lagged> {
        self.recording.store(true, Ordering::Release);
        let kept = self.kept.lock();
        let seen = after.unwrap_or(kept.last);
        let oldest = kept.changes.front().map_or(kept.last + 1, |change| change.number);
        if seen > kept.last || seen + 1 < oldest {
            return Err(Lagged);
        }
        Ok(Changes { kept: self.kept.clone(), latest: self.latest.subscribe(), seen })
    }
}

/// A reader of the feed.
pub struct Changes {
    kept: Arc<Mutex<Kept>>,
    latest: watch::Receiver<u64>,
    seen: u64,
}

impl Changes {
    /// Whether everything was taken that has been told.
    pub fn is_current(&self) -> bool {
        *self.latest.borrow() == self.seen
    }

    /// Waits for the next change.
    ///
    /// # Errors
    /// [`Lagged`] when it is already forgotten, or the feed is gone.
    pub async fn next(&mut self) -> Result<Change, Lagged> {
        let seen = self.seen;
        self.latest.wait_for(|last| *last > seen).await.map_err(|_| Lagged)?;
        let kept = self.kept.lock();
        let oldest = kept.changes.front().ok_or(Lagged)?.number;
        let index = (seen + 1).checked_sub(oldest).ok_or(Lagged)?;
        let change = kept.changes.get(index as usize).ok_or(Lagged)?.clone();
        self.seen = change.number;
        Ok(change)
    }
}
