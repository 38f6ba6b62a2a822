//! From a decided change to the answer that it is on disk.

use tokio::sync::oneshot;

use super::Embedded;
use super::change::Change;
use super::core::Core;
use super::journal::Bundle;
use super::lead::Lead;
use crate::store::StoreError;

/// What a caller waits for, and perhaps the right to see to it itself.
pub(super) struct Ticket {
    confirmed: oneshot::Receiver<Result<(), StoreError>>,
    lead: Option<Lead>,
}

impl Embedded {
    /// Hands decided changes to the journal, or confirms them here when there is none. Called under the lock, so that
    /// the order on disk is the order of deciding. Without changes the ticket waits for everything before it.
    pub(super) fn record(&self, core: &mut Core, changes: Vec<Change>) -> Option<Ticket> {
        self.hand_over(core, changes, false)
    }

    /// The same, and the caller may have to write them itself when it settles the ticket: for those with time to do so.
    pub(super) fn record_or_lead(&self, core: &mut Core, changes: Vec<Change>) -> Option<Ticket> {
        self.hand_over(core, changes, true)
    }

    fn hand_over(&self, core: &mut Core, changes: Vec<Change>, may_lead: bool) -> Option<Ticket> {
        let Some(journalled) = &self.journalled else {
            changes.iter().for_each(|change| core.confirm(change, &self.shown));
            core.tell(changes.iter());
            self.minutes.write().note(&changes);
            if std::mem::take(&mut core.has_new_work) {
                self.new_work.notify_one();
            }
            return None;
        };
        let (waiter, confirmed) = oneshot::channel();
        let lead = journalled.journal.push(Bundle { changes, waiter: Some(waiter) }, may_lead);
        Some(Ticket { confirmed, lead })
    }

    /// Hands changes to the journal that nobody waits for.
    pub(super) fn record_in_passing(&self, changes: Vec<Change>) {
        if let Some(journalled) = self.journalled.as_ref().filter(|_| !changes.is_empty()) {
            journalled.journal.push(Bundle { changes, waiter: None }, false);
        }
    }
}

/// Waits until what a ticket stands for is on disk.
pub(super) async fn settled(ticket: Option<Ticket>) -> Result<(), StoreError> {
    let Some(Ticket { confirmed, lead }) = ticket else { return Ok(()) };
    if lead.is_some_and(Lead::write) {
        return Ok(());
    }
    confirmed.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".into())))
}
