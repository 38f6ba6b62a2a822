//! Subscriptions and sendings: this engine does not keep them yet.

use std::sync::Arc;

use super::Postgres;
use crate::clock::Timestamp;
use crate::event::{Course, Progress, Sending, Subscription, SubscriptionId};
use crate::store::outbox::{Anew, Outbox, Relayed, Resubscribed, SendingFilter, Subscribed};
use crate::store::{Answer, PageOf, StoreError};

fn not_yet<'a, T: Send + 'a>() -> Answer<'a, T> {
    let why = "subscriptions are not there on PostgreSQL yet; use the embedded store for them";
    Box::pin(std::future::ready(Err(StoreError::Unavailable(why.into()))))
}

impl Outbox for Postgres {
    fn subscribe(&self, _: Subscription, _: u64) -> Answer<'_, Subscribed> {
        not_yet()
    }

    fn subscriptions(&self) -> Answer<'_, Vec<Arc<Subscription>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn subscription(&self, _: SubscriptionId) -> Answer<'_, Option<Arc<Subscription>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn resubscribe(&self, _: Subscription, _: Anew, _: Timestamp) -> Answer<'_, Resubscribed> {
        not_yet()
    }

    fn unsubscribe(&self, _: SubscriptionId) -> Answer<'_, bool> {
        not_yet()
    }

    fn course(&self, _: SubscriptionId) -> Answer<'_, Option<Course>> {
        not_yet()
    }

    fn relay(&self, _: SubscriptionId, _: Progress) -> Answer<'_, Relayed> {
        not_yet()
    }

    fn pending(&self, _: SubscriptionId) -> Answer<'_, Vec<Sending>> {
        not_yet()
    }

    fn sendings(&self, _: SendingFilter, _: usize, _: usize) -> Answer<'_, PageOf<Arc<Sending>>> {
        not_yet()
    }

    fn replay(&self, _: SendingFilter, _: usize, _: Timestamp) -> Answer<'_, u64> {
        not_yet()
    }

    fn forget_sendings(&self, _: Timestamp, _: usize) -> Answer<'_, u64> {
        Box::pin(std::future::ready(Ok(0)))
    }

    fn sending_counts(&self, _: SubscriptionId) -> Answer<'_, [u64; 3]> {
        not_yet()
    }
}
