//! Subscriptions, how far each is, and what is on its way to them: deciding what is kept, and what is seen of it. There are few of
//! each, by their bounds, so all of them are in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::RwLock;

use super::change::Change;
use super::core::Core;
use super::{Embedded, settled};
use crate::clock::Timestamp;
use crate::event::{Course, Endpoint, Progress, Sending, SendingState, Subscription, SubscriptionId};
use crate::limits;
use crate::store::alerts::Suspect;
use crate::store::outbox::{Anew, Outbox, Relayed, Resubscribed, SendingFilter, Subscribed};
use crate::store::{Answer, PageOf};

/// All of it as decided, and as shown.
#[derive(Default)]
pub(super) struct Outgoing {
    decided: Items,
    pub(super) shown: Arc<ShownOutgoing>,
}

/// All of it as committed.
#[derive(Default)]
pub(super) struct ShownOutgoing(RwLock<Items>);

/// What is kept, by whose it is.
#[derive(Default)]
struct Items(BTreeMap<Key, Item>);

/// Whose, and what of it.
pub(super) type Key = (SubscriptionId, Part);

/// What there is of a subscription, in the order in which it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Terms,
    Course,
    Sending(u64),
}

/// One thing that is kept.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Terms(Arc<Subscription>),
    Course(Arc<Course>),
    Sending(Arc<Sending>),
}

/// One decided change.
pub(super) struct OutgoingChange {
    pub(super) key: Key,
    before: Option<Item>,
    pub(super) after: Option<Item>,
}

impl Items {
    fn terms(&self, id: SubscriptionId) -> Option<&Arc<Subscription>> {
        match self.0.get(&(id, Part::Terms)) {
            Some(Item::Terms(terms)) => Some(terms),
            _ => None,
        }
    }

    /// The course of a subscription. Those of the program itself always have one.
    fn course(&self, id: SubscriptionId) -> Option<Course> {
        match self.0.get(&(id, Part::Course)) {
            Some(Item::Course(course)) => Some(**course),
            _ => id.own_name().map(|_| Course::default()),
        }
    }

    /// The sendings of a subscription, the earliest place first.
    fn sendings(&self, id: SubscriptionId) -> impl DoubleEndedIterator<Item = &Arc<Sending>> {
        let all = self.0.range((id, Part::Sending(0))..=(id, Part::Sending(u64::MAX)));
        all.filter_map(|(_, item)| match item {
            Item::Sending(sending) => Some(sending),
            _ => None,
        })
    }

    /// The endpoints that may take nothing any more. What is on its way to them is passed over.
    fn suspects(&self) -> Vec<Suspect> {
        let of_settings = self.course(SubscriptionId::OUTBOX).and_then(|course| Suspect::of_settings(course.endpoint));
        let mut found: Vec<_> = of_settings.into_iter().collect();
        let mut from = Bound::Unbounded;
        while let Some((key, item)) = self.0.range((from, Bound::Unbounded)).next() {
            from = Bound::Excluded((key.0, Part::Sending(u64::MAX)));
            if let (Item::Terms(terms), Some(course)) = (item, self.course(key.0)) {
                found.extend(Suspect::of(terms, course.endpoint));
            }
        }
        found
    }

    fn all_terms(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.0.values().filter_map(|item| match item {
            Item::Terms(terms) => Some(terms),
            _ => None,
        })
    }
}

impl ShownOutgoing {
    /// The endpoints that may take nothing any more, at most `limit`.
    pub(super) fn suspects(&self, limit: usize) -> Vec<Suspect> {
        let mut found = self.0.read().suspects();
        found.truncate(limit);
        found
    }
}

impl Outgoing {
    fn subscribe(&mut self, subscription: Subscription, cursor: u64) -> (Subscribed, Vec<OutgoingChange>) {
        if self.decided.all_terms().count() >= limits::SUBSCRIPTIONS_MAX {
            return (Subscribed::Full, Vec::new());
        }
        let subscription = Arc::new(subscription);
        let course = Course { cursor, ..Course::default() };
        let changes =
            vec![self.move_on(subscription.id, course), self.put(subscription.id, Item::Terms(subscription.clone()))];
        (Subscribed::Added(subscription), changes)
    }

    fn resubscribe(&mut self, terms: Subscription, anew: Anew, now: Timestamp) -> (Resubscribed, Vec<OutgoingChange>) {
        let Some(there) = self.decided.terms(terms.id).cloned() else { return (Resubscribed::Absent, Vec::new()) };
        if there.revision.wrapping_add(1) != terms.revision {
            return (Resubscribed::Stale(there), Vec::new());
        }
        let (id, terms) = (terms.id, Arc::new(terms));
        let mut changes = vec![self.put(id, Item::Terms(terms.clone()))];
        if anew == Anew::Yes {
            let course = self.decided.course(id).unwrap_or_default();
            let course = Course { endpoint: Endpoint::default(), revision: course.revision + 1, ..course };
            let waiting = self.decided.sendings(id).filter(|sending| sending.next_at.is_some_and(|at| at > now));
            let hurried: Vec<_> = waiting.map(|one| Sending { next_at: None, ..Sending::clone(one) }).collect();
            changes.extend(hurried.into_iter().map(|sending| self.put(id, Item::Sending(Arc::new(sending)))));
            changes.push(self.move_on(id, course));
        }
        (Resubscribed::Done(terms), changes)
    }

    fn unsubscribe(&mut self, id: SubscriptionId) -> (bool, Vec<OutgoingChange>) {
        let all = self.decided.0.range((id, Part::Terms)..=(id, Part::Sending(u64::MAX)));
        let parts: Vec<_> = all.map(|(key, _)| key.1).collect();
        let is_there = parts.contains(&Part::Terms);
        (is_there, parts.into_iter().map(|part| self.decide((id, part), None)).collect())
    }

    fn relay(&mut self, id: SubscriptionId, progress: Progress) -> (Relayed, Vec<OutgoingChange>) {
        let Some(course) = self.decided.course(id) else { return (Relayed::Absent, Vec::new()) };
        if course.revision != progress.expected {
            return (Relayed::Stale, Vec::new());
        }
        let mut changes = Vec::with_capacity(progress.sendings.len() + 1);
        let settles = progress.sendings.iter().any(|sending| sending.state != SendingState::Pending);
        let sendings = progress.sendings.into_iter().map(|sending| Item::Sending(Arc::new(sending)));
        changes.extend(sendings.map(|sending| self.put(id, sending)));
        if settles {
            changes.extend(self.trim(id, SendingState::Delivered, limits::SENDINGS_DELIVERED_KEPT));
            changes.extend(self.trim(id, SendingState::Dead, limits::SENDINGS_DEAD_KEPT));
        }
        changes.push(self.move_on(id, progress.course));
        (Relayed::Applied, changes)
    }

    /// Forgets what is too many of a state, the earliest places first.
    fn trim(&mut self, id: SubscriptionId, state: SendingState, keep: usize) -> Vec<OutgoingChange> {
        let of_state = self.decided.sendings(id).rev().filter(|sending| sending.state == state);
        let beyond: Vec<_> = of_state.skip(keep).map(|sending| sending.place).collect();
        beyond.into_iter().map(|place| self.decide((id, Part::Sending(place)), None)).collect()
    }

    fn replay(&mut self, filter: &SendingFilter, limit: usize, now: Timestamp) -> (u64, Vec<OutgoingChange>) {
        let id = filter.subscription;
        let settled = self.decided.sendings(id).filter(|one| one.state != SendingState::Pending && filter.matches(one));
        let anew: Vec<_> = settled.take(limit).map(|sending| sending.replayed(now)).collect();
        let Some(course) = self.decided.course(id).filter(|_| !anew.is_empty()) else { return (0, Vec::new()) };
        let count = anew.len() as u64;
        let sendings = anew.into_iter().map(|sending| Item::Sending(Arc::new(sending)));
        let mut changes: Vec<_> = sendings.map(|sending| self.put(id, sending)).collect();
        changes.push(self.move_on(id, Course { revision: course.revision + 1, ..course }));
        (count, changes)
    }

    fn forget(&mut self, before: Timestamp, limit: usize) -> (u64, Vec<OutgoingChange>) {
        let is_old = |item: &Item| match item {
            Item::Sending(sending) => sending.state != SendingState::Pending && sending.changed_at < before,
            _ => false,
        };
        let old: Vec<_> =
            self.decided.0.iter().filter(|(_, item)| is_old(item)).map(|(key, _)| *key).take(limit).collect();
        (old.len() as u64, old.into_iter().map(|key| self.decide(key, None)).collect())
    }

    /// The last change of a step, since they are shown one by one: whoever sees the course then sees what belongs to it.
    fn move_on(&mut self, id: SubscriptionId, course: Course) -> OutgoingChange {
        self.put(id, Item::Course(Arc::new(course)))
    }

    fn put(&mut self, id: SubscriptionId, item: Item) -> OutgoingChange {
        let part = match &item {
            Item::Terms(_) => Part::Terms,
            Item::Course(_) => Part::Course,
            Item::Sending(sending) => Part::Sending(sending.place),
        };
        self.decide((id, part), Some(item))
    }

    fn decide(&mut self, key: Key, after: Option<Item>) -> OutgoingChange {
        let before = set(&mut self.decided, key, after.clone());
        OutgoingChange { key, before, after }
    }

    /// A change is on disk: readers see it.
    pub(super) fn confirm(&self, change: &OutgoingChange) {
        set(&mut self.shown.0.write(), change.key, change.after.clone());
    }

    /// A change could not be made durable. Changes are taken back the last first, each to what it was decided on.
    pub(super) fn withdraw(&mut self, change: &OutgoingChange) {
        set(&mut self.decided, change.key, change.before.clone());
    }

    /// Takes up what the disk knows.
    pub(super) fn recall(&mut self, id: SubscriptionId, item: Item) {
        let change = self.put(id, item);
        self.confirm(&change);
    }
}

fn set(items: &mut Items, key: Key, after: Option<Item>) -> Option<Item> {
    match after {
        Some(item) => items.0.insert(key, item),
        None => items.0.remove(&key),
    }
}

impl Embedded {
    fn decide_outgoing<A: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Outgoing) -> (A, Vec<OutgoingChange>),
    ) -> Answer<'_, A> {
        if let Some(refusal) = self.refuses() {
            return Box::pin(std::future::ready(Err(refusal)));
        }
        let mut core: parking_lot::MutexGuard<'_, Core> = self.core.lock();
        let (answer, changes) = decide(&mut core.outgoing);
        // What somebody else did may not be on disk yet: then an answer without changes waits for it.
        let ticket = self.record(&mut core, changes.into_iter().map(Change::Outgoing).collect());
        Box::pin(async move {
            settled(ticket).await?;
            Ok(answer)
        })
    }

    fn look_outgoing<A: Send + 'static>(&self, look: impl FnOnce(&Items) -> A) -> Answer<'_, A> {
        Box::pin(std::future::ready(Ok(look(&self.outgoing.0.read()))))
    }
}

impl Outbox for Embedded {
    fn subscribe(&self, subscription: Subscription, cursor: u64) -> Answer<'_, Subscribed> {
        self.decide_outgoing(|outgoing| outgoing.subscribe(subscription, cursor))
    }

    fn subscriptions(&self) -> Answer<'_, Vec<Arc<Subscription>>> {
        self.look_outgoing(|shown| {
            let mut all: Vec<_> = shown.all_terms().cloned().collect();
            all.sort_by_key(|subscription| (subscription.created_at, subscription.id));
            all
        })
    }

    fn subscription(&self, id: SubscriptionId) -> Answer<'_, Option<Arc<Subscription>>> {
        self.look_outgoing(|shown| shown.terms(id).cloned())
    }

    fn resubscribe(&self, subscription: Subscription, anew: Anew, now: Timestamp) -> Answer<'_, Resubscribed> {
        self.decide_outgoing(|outgoing| outgoing.resubscribe(subscription, anew, now))
    }

    fn unsubscribe(&self, id: SubscriptionId) -> Answer<'_, bool> {
        self.decide_outgoing(|outgoing| outgoing.unsubscribe(id))
    }

    fn course(&self, id: SubscriptionId) -> Answer<'_, Option<Course>> {
        self.look_outgoing(|shown| shown.course(id))
    }

    fn relay(&self, id: SubscriptionId, progress: Progress) -> Answer<'_, Relayed> {
        self.decide_outgoing(|outgoing| outgoing.relay(id, progress))
    }

    fn pending(&self, id: SubscriptionId) -> Answer<'_, Vec<Sending>> {
        self.look_outgoing(|shown| {
            let pending = shown.sendings(id).filter(|sending| sending.state == SendingState::Pending);
            pending.map(|sending| Sending::clone(sending)).collect()
        })
    }

    fn sendings(&self, filter: SendingFilter, limit: usize, offset: usize) -> Answer<'_, PageOf<Arc<Sending>>> {
        self.look_outgoing(|shown| {
            let named = shown.sendings(filter.subscription).rev().filter(|sending| filter.matches(sending));
            let all: Vec<_> = named.cloned().collect();
            let total = all.len();
            let items: Vec<_> = all.into_iter().skip(offset).take(limit).collect();
            let more = offset.saturating_add(items.len()) < total;
            PageOf { items, total: total as u64, exact: true, more, reached: None }
        })
    }

    fn replay(&self, filter: SendingFilter, limit: usize, now: Timestamp) -> Answer<'_, u64> {
        self.decide_outgoing(|outgoing| outgoing.replay(&filter, limit, now))
    }

    fn forget_sendings(&self, before: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.decide_outgoing(|outgoing| outgoing.forget(before, limit))
    }

    fn sending_counts(&self, id: SubscriptionId) -> Answer<'_, [u64; 3]> {
        self.look_outgoing(|shown| {
            let mut counts = [0; 3];
            for sending in shown.sendings(id) {
                counts[sending.state as usize] += 1;
            }
            counts
        })
    }
}
