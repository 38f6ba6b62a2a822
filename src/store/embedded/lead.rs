//! A caller that nobody else is beside writes its own changes, on its own thread.

use std::sync::Arc;

use super::disk::DiskError;
use super::journal::{Bundle, Journal, end_process};

/// The right and the duty to write a bundle oneself. Dropped without having done so, it leaves that to the thread.
pub(super) struct Lead {
    journal: Arc<Journal>,
    bundle: Option<Bundle>,
}

impl Lead {
    pub(super) fn new(journal: Arc<Journal>, bundle: Bundle) -> Self {
        Self { journal, bundle: Some(bundle) }
    }

    /// Writes the bundle on this thread. Whether it is on disk; if not, the thread sees to it, and whoever waits for it
    /// is told by its channel.
    pub(super) fn write(mut self) -> bool {
        let Some(bundle) = self.bundle.take() else { return false };
        let bundles = [bundle];
        // A journal is not closed before its leads have come to an end.
        let written = self.journal.writer.lock().as_mut().map(|writer| self.journal.commit(writer, &bundles));
        match written {
            Some(Ok(())) => return true,
            Some(Err(DiskError::Lost(reason))) => end_process(&reason),
            Some(Err(DiskError::Refused(_))) | None => {}
        }
        let [bundle] = bundles;
        self.bundle = Some(bundle);
        false
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.journal.led(self.bundle.take());
    }
}
