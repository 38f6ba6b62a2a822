//! The outbox as an operator sees it: how much waits, have it sent now, forget what was sent long ago.

use std::time::Duration;

use super::Service;
use crate::error::Error;
use crate::event::{Course, SubscriptionId};
use crate::watch::Sent;

/// How the outbox stands.
#[derive(Debug, Clone, Default)]
pub struct OutboxFigures {
    /// Subscriptions, those of the program itself among them.
    pub subscriptions: u64,
    /// Sendings that wait for another try.
    pub pending: u64,
    /// Sendings that nobody took.
    pub dead: u64,
    /// Events that were taken, ever.
    pub delivered: u64,
    /// Tries that failed, ever.
    pub failed: u64,
    /// Events of the log that some subscription has not looked at yet, as far as they were counted.
    pub unread: u64,
    /// Whether that is all of them.
    pub unread_is_exact: bool,
}

/// Events that are counted at most.
const UNREAD_MAX: usize = 10_000;

impl Service {
    /// How the outbox stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn outbox_figures(&self) -> Result<OutboxFigures, Error> {
        let (outbox, events) = (self.store().outbox(), self.store().events());
        let all = outbox.subscriptions().await?;
        let enabled = all.iter().filter(|terms| terms.enabled).map(|terms| terms.id);
        let mut ids: Vec<_> = enabled.chain([SubscriptionId::CALLBACKS]).collect();
        ids.extend(self.settings().publishes.then_some(SubscriptionId::OUTBOX));
        let mut figures = OutboxFigures { subscriptions: ids.len() as u64, ..OutboxFigures::default() };
        let mut least = events.end().await?;
        for id in ids {
            let Some(course) = outbox.course(id).await? else { continue };
            let Course { cursor, delivered, failed, .. } = course;
            let [pending, _, dead] = outbox.sending_counts(id).await?;
            figures.pending += pending;
            figures.dead += dead;
            figures.delivered += delivered;
            figures.failed += failed;
            least = least.min(cursor);
        }
        let unread = events.after(least, UNREAD_MAX).await?.len();
        figures.unread = unread as u64;
        figures.unread_is_exact = unread < UNREAD_MAX;
        Ok(figures)
    }

    /// Has everything that is to be sent tried now, and waits for it, for half a minute at most.
    ///
    /// # Errors
    /// [`Error::Conflict`] where another process sends.
    pub async fn process_outbox(&self) -> Result<Sent, Error> {
        let sent = self.hub().passes().ask().await;
        sent.ok_or_else(|| Error::Conflict("this process sends no events; ask one that runs jobs".to_owned()))
    }

    /// Forgets what was sent, or given up, longer ago than so. The answer counts it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clean_outbox(&self, older_than: Duration) -> Result<u64, Error> {
        const CHUNK: usize = 500;
        let before = self.now().minus(older_than);
        let mut forgotten = 0;
        loop {
            let chunk = self.store().outbox().forget_sendings(before, CHUNK).await?;
            forgotten += chunk;
            if chunk < CHUNK as u64 {
                tracing::info!(events = forgotten, "[Job:Cleanup] forgot {forgotten} events");
                return Ok(forgotten);
            }
        }
    }
}
