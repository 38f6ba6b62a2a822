//! How far the event log can be read, and the hint that there is more.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::store::events::Place;

/// How far the log can be read.
pub(super) struct News {
    end: AtomicU64,
    told: watch::Sender<()>,
    /// Up to where somebody is to be called back.
    called: watch::Sender<Place>,
}

impl From<Place> for News {
    fn from(end: Place) -> Self {
        // Who is called back by what a former process has told is not known.
        Self { end: end.into(), told: watch::Sender::new(()), called: watch::Sender::new(end) }
    }
}

impl News {
    /// Everything up to there can be read, and by some of it somebody is called back, or nobody.
    pub(super) fn tell(&self, end: Place, calls: bool) {
        if calls {
            // Before the end: whoever finds no call up to an end that it has seen need not look for one.
            self.called.send_replace(end);
        }
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

    /// Hears of calls.
    pub(super) fn called(&self) -> watch::Receiver<Place> {
        self.called.subscribe()
    }
}
