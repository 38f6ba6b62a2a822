//! How far the event log can be read, and the hint that there is more.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::store::events::Place;

/// How far the log can be read.
pub(super) struct News {
    end: AtomicU64,
    told: watch::Sender<()>,
}

impl From<Place> for News {
    fn from(end: Place) -> Self {
        Self { end: end.into(), told: watch::Sender::new(()) }
    }
}

impl News {
    /// Everything up to there can be read.
    pub(super) fn tell(&self, end: Place) {
        // What nobody waits for need not be told: whoever comes looks first.
        if self.end.swap(end, Ordering::AcqRel) != end && self.told.receiver_count() > 0 {
            self.told.send_replace(());
        }
    }

    pub(super) fn end(&self) -> Place {
        self.end.load(Ordering::Acquire)
    }

    /// Hears of more.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }
}
