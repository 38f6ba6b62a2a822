//! The side of a store that keeps who wants to hear of events, how far each of them is, and what is on its way to them. What is
//! tried when is decided by [`Relay`](crate::event::Relay) and never by an engine; an engine sees to it that of all who
//! decide the same step, one does it.

use std::sync::Arc;

use super::{Answer, PageOf};
use crate::clock::Timestamp;
use crate::event::{Course, EventId, Progress, Sending, SendingState, Subscription, SubscriptionId};

/// Subscriptions and sendings.
pub trait Outbox: Send + Sync + 'static {
    /// Keeps a subscription that is new. Its course begins behind this place of the log.
    ///
    /// - Once answered `Added`, no crash loses it.
    /// - Beyond [`limits::SUBSCRIPTIONS_MAX`](crate::limits::SUBSCRIPTIONS_MAX) the answer is [`Subscribed::Full`].
    fn subscribe(&self, subscription: Subscription, cursor: u64) -> Answer<'_, Subscribed>;

    /// All subscriptions as committed, in the order in which they were made. Those of the program itself are not among them: they
    /// have a course and sendings, and their terms are the settings.
    fn subscriptions(&self) -> Answer<'_, Vec<Arc<Subscription>>>;

    /// A subscription as committed, or none.
    fn subscription(&self, id: SubscriptionId) -> Answer<'_, Option<Arc<Subscription>>>;

    /// Puts new terms in place of a subscription's, if those have the revision before the new one's.
    ///
    /// - With [`Anew::Yes`] the endpoint is as one that has not failed yet: it is on again, and its sendings are due. That is a
    ///   step of the course.
    fn resubscribe(&self, subscription: Subscription, anew: Anew, now: Timestamp) -> Answer<'_, Resubscribed>;

    /// Forgets a subscription with its course and its sendings. The answer says whether there was one.
    fn unsubscribe(&self, id: SubscriptionId) -> Answer<'_, bool>;

    /// How far a subscription is, as committed; none when there is no such subscription. Those of the program itself begin at the
    /// beginning of the log.
    ///
    /// Who has seen the course of a step finds the sendings of it by [`pending`](Self::pending) from then on.
    fn course(&self, id: SubscriptionId) -> Answer<'_, Option<Course>>;

    /// Applies a step that a relay decided.
    ///
    /// - It applies only if the course has the revision on which it was decided, and then whole: course and sendings in one
    ///   commit. Otherwise nothing of it applies.
    /// - Of the sendings of a subscription that were taken, the [`limits::SENDINGS_DELIVERED_KEPT`](crate::limits) latest by
    ///   place are kept, and of those that are dead the [`limits::SENDINGS_DEAD_KEPT`](crate::limits) latest.
    fn relay(&self, id: SubscriptionId, progress: Progress) -> Answer<'_, Relayed>;

    /// The sendings of a subscription that are pending, as committed, in the order of their places.
    fn pending(&self, id: SubscriptionId) -> Answer<'_, Vec<Sending>>;

    /// A page of the sendings that a filter names, as committed, the latest place first, with their exact total.
    fn sendings(&self, filter: SendingFilter, limit: usize, offset: usize) -> Answer<'_, PageOf<Arc<Sending>>>;

    /// Has sendings tried anew, at once: at most `limit` of those that a filter names, the earliest place first. Those that are
    /// pending stay as they are. It is a step of the course. The answer counts them.
    fn replay(&self, filter: SendingFilter, limit: usize, now: Timestamp) -> Answer<'_, u64>;

    /// Forgets at most `limit` sendings that were taken or given up before a moment. The answer counts them.
    fn forget_sendings(&self, before: Timestamp, limit: usize) -> Answer<'_, u64>;

    /// How many sendings a subscription has of each state, in the order of [`SendingState::ALL`]. Kept, not counted (rule 28).
    fn sending_counts(&self, id: SubscriptionId) -> Answer<'_, [u64; 3]>;
}

/// What became of a subscription to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscribed {
    /// It is kept.
    Added(Arc<Subscription>),
    /// There are as many as there may be.
    Full,
}

/// Whether an endpoint is given a new beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anew {
    /// It is.
    Yes,
    /// It stays as it is.
    No,
}

/// What became of new terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resubscribed {
    /// They hold.
    Done(Arc<Subscription>),
    /// Somebody else changed it first: this is how it is.
    Stale(Arc<Subscription>),
    /// There is none.
    Absent,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relayed {
    /// It applied.
    Applied,
    /// Something else happened first: the relay is to begin anew from what is kept.
    Stale,
    /// There is no such subscription any more.
    Absent,
}

/// Which sendings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingFilter {
    /// To this subscription.
    pub subscription: SubscriptionId,
    /// In this state.
    pub state: Option<SendingState>,
    /// Of this event.
    pub event: Option<EventId>,
    /// Of events that happened at that moment or later.
    pub since: Option<Timestamp>,
    /// Of events that happened before.
    pub until: Option<Timestamp>,
}

impl SendingFilter {
    /// All of a subscription.
    pub fn of(subscription: SubscriptionId) -> Self {
        Self { subscription, state: None, event: None, since: None, until: None }
    }

    /// Whether it names this sending of its subscription.
    pub fn matches(&self, sending: &Sending) -> bool {
        self.state.is_none_or(|state| state == sending.state)
            && self.event.as_ref().is_none_or(|event| *event == sending.event.id)
            && self.since.is_none_or(|since| sending.event.occurred_at >= since)
            && self.until.is_none_or(|until| sending.event.occurred_at < until)
    }
}
