//! A false store for tests: the real one in all that a test does not say. What it may say is what some test has said so far.

use std::sync::Arc;

use bytes::Bytes;
use faena::clock::Timestamp;
use faena::event::{Course, Event, EventId, Progress, Sending, Subscription, SubscriptionId};
use faena::job::{Job, JobId, Name, Transition};
use faena::store::events::{EventFilter, EventPage, Place, Told};
use faena::store::outbox::{Anew, Relayed, Resubscribed, SendingFilter, Subscribed};
use faena::store::{
    Alerts, Answer, Claim, Claimed, Committed, Events, Figures, Filter, Group, Health, Insert, Inserted, Keys, Locks,
    LogLine, Nodes, Outbox, Page, PageOf, Prune, Pruned, Roster, Safekeeping, Standing, States, Store, Tally,
};
use tokio::sync::watch;

/// What is false about a store.
pub trait Veil: Send + Sync + 'static {
    /// The real one.
    fn real(&self) -> &dyn Store;

    fn insert(&self, jobs: Vec<Insert>, group: Group, now: Timestamp) -> Answer<'_, Vec<Inserted>> {
        self.real().insert(jobs, group, now)
    }

    fn after(&self, after: Place, limit: usize) -> Answer<'_, Vec<Told>> {
        self.real().events().after(after, limit)
    }

    fn course(&self, id: SubscriptionId) -> Answer<'_, Option<Course>> {
        self.real().outbox().course(id)
    }

    fn relay(&self, id: SubscriptionId, progress: Progress) -> Answer<'_, Relayed> {
        self.real().outbox().relay(id, progress)
    }

    fn health(&self) -> Health {
        self.real().health()
    }
}

/// The store that is seen through a veil.
pub struct Veiled<V>(pub V);

impl<V: Veil> Store for Veiled<V> {
    fn insert(&self, jobs: Vec<Insert>, group: Group, now: Timestamp) -> Answer<'_, Vec<Inserted>> {
        self.0.insert(jobs, group, now)
    }

    fn claim(&self, claim: Claim, now: Timestamp) -> Answer<'_, Claimed> {
        self.0.real().claim(claim, now)
    }

    fn commit(&self, transitions: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Committed>> {
        self.0.real().commit(transitions, now)
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Arc<Job>>> {
        self.0.real().overdue(now, limit)
    }

    fn get(&self, id: JobId) -> Answer<'_, Option<Arc<Job>>> {
        self.0.real().get(id)
    }

    fn payload(&self, id: JobId) -> Answer<'_, Option<Bytes>> {
        self.0.real().payload(id)
    }

    fn list(&self, filter: Filter, page: Page, now: Timestamp) -> Answer<'_, PageOf<Arc<Job>>> {
        self.0.real().list(filter, page, now)
    }

    fn tally(&self, now: Timestamp) -> Answer<'_, Tally> {
        self.0.real().tally(now)
    }

    fn standing(&self, id: JobId, now: Timestamp) -> Answer<'_, Option<Standing>> {
        self.0.real().standing(id, now)
    }

    fn pause(&self, sub_type: Name, paused: bool) -> Answer<'_, ()> {
        self.0.real().pause(sub_type, paused)
    }

    fn paused(&self) -> Answer<'_, Vec<Name>> {
        self.0.real().paused()
    }

    fn append_log(&self, lines: Vec<(JobId, LogLine)>) -> Answer<'_, ()> {
        self.0.real().append_log(lines)
    }

    fn log(&self, id: JobId) -> Answer<'_, Vec<LogLine>> {
        self.0.real().log(id)
    }

    fn prune(&self, prune: Prune, now: Timestamp) -> Answer<'_, Pruned> {
        self.0.real().prune(prune, now)
    }

    fn events(&self) -> &dyn Events {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn figures(&self) -> &dyn Figures {
        self.0.real().figures()
    }

    fn locks(&self) -> &dyn Locks {
        self.0.real().locks()
    }

    fn states(&self) -> &dyn States {
        self.0.real().states()
    }

    fn safekeeping(&self) -> Option<&dyn Safekeeping> {
        self.0.real().safekeeping()
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        self.0.real().nodes()
    }

    fn alerts(&self) -> &dyn Alerts {
        self.0.real().alerts()
    }

    fn keys(&self) -> &dyn Keys {
        self.0.real().keys()
    }

    fn roster(&self) -> &dyn Roster {
        self.0.real().roster()
    }

    fn health(&self) -> Health {
        self.0.health()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.0.real().close()
    }
}

impl<V: Veil> Events for Veiled<V> {
    fn after(&self, after: Place, limit: usize) -> Answer<'_, Vec<Told>> {
        self.0.after(after, limit)
    }

    fn end(&self) -> Answer<'_, Place> {
        self.0.real().events().end()
    }

    fn start(&self) -> Answer<'_, Place> {
        self.0.real().events().start()
    }

    fn place_of(&self, id: EventId) -> Answer<'_, Option<Place>> {
        self.0.real().events().place_of(id)
    }

    fn list_events(&self, filter: EventFilter, page: EventPage) -> Answer<'_, PageOf<Told>> {
        self.0.real().events().list_events(filter, page)
    }

    fn emit(&self, events: Vec<Event>) -> Answer<'_, ()> {
        self.0.real().events().emit(events)
    }

    fn forget(&self, before: Timestamp, up_to: Option<Place>, limit: usize) -> Answer<'_, u64> {
        self.0.real().events().forget(before, up_to, limit)
    }

    fn news(&self) -> watch::Receiver<()> {
        self.0.real().events().news()
    }

    fn called(&self) -> watch::Receiver<Place> {
        self.0.real().events().called()
    }
}

impl<V: Veil> Outbox for Veiled<V> {
    fn subscribe(&self, subscription: Subscription, cursor: u64) -> Answer<'_, Subscribed> {
        self.0.real().outbox().subscribe(subscription, cursor)
    }

    fn subscriptions(&self) -> Answer<'_, Vec<Arc<Subscription>>> {
        self.0.real().outbox().subscriptions()
    }

    fn subscription(&self, id: SubscriptionId) -> Answer<'_, Option<Arc<Subscription>>> {
        self.0.real().outbox().subscription(id)
    }

    fn resubscribe(&self, subscription: Subscription, anew: Anew, now: Timestamp) -> Answer<'_, Resubscribed> {
        self.0.real().outbox().resubscribe(subscription, anew, now)
    }

    fn unsubscribe(&self, id: SubscriptionId) -> Answer<'_, bool> {
        self.0.real().outbox().unsubscribe(id)
    }

    fn course(&self, id: SubscriptionId) -> Answer<'_, Option<Course>> {
        self.0.course(id)
    }

    fn relay(&self, id: SubscriptionId, progress: Progress) -> Answer<'_, Relayed> {
        self.0.relay(id, progress)
    }

    fn pending(&self, id: SubscriptionId) -> Answer<'_, Vec<Sending>> {
        self.0.real().outbox().pending(id)
    }

    fn sendings(&self, filter: SendingFilter, limit: usize, offset: usize) -> Answer<'_, PageOf<Arc<Sending>>> {
        self.0.real().outbox().sendings(filter, limit, offset)
    }

    fn replay(&self, filter: SendingFilter, limit: usize, now: Timestamp) -> Answer<'_, u64> {
        self.0.real().outbox().replay(filter, limit, now)
    }

    fn forget_sendings(&self, before: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.0.real().outbox().forget_sendings(before, limit)
    }

    fn sending_counts(&self, id: SubscriptionId) -> Answer<'_, [u64; 3]> {
        self.0.real().outbox().sending_counts(id)
    }
}
