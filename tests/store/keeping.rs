//! How long the event log is kept: until everybody has read it who is served, within a bound; and what a store that cannot say who
//! has read it keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use faena::clock::Clock;
use faena::event::delivery::Off;
use faena::event::{Aggregate, Course, Endpoint, Event, EventType, Subscription, SubscriptionId};
use faena::job::Outcome;
use faena::limits;
use faena::store::events::{Place, START, Told};
use faena::store::outbox::{Anew, Relayed, Resubscribed};
use faena::store::results::Memory;
use faena::store::{Answer, Store, StoreError};
use faena::upkeep::{Ages, Parts, forget_events, prune_now};

use crate::bed::*;
use crate::outbox::{progress, subscribed, subscription};
use crate::veil::{Veil, Veiled};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// How long the log is kept in these tests for whoever reads it.
const AGE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Tells one event in a commit of its own.
async fn tell(bed: &Bed, day: u32) {
    let aggregate = Aggregate { sort: "Order".into(), id: "17".into() };
    let kind = EventType::new("order.paid").unwrap();
    let event = Event::own(kind, aggregate, &day, after(DAY * day)).unwrap();
    bed.store().events().emit(vec![event]).await.unwrap();
}

async fn told(bed: &Bed) -> Vec<Told> {
    bed.store().events().after(START, 100).await.unwrap()
}

/// Events of the first days, and one of the day on which the log is forgotten: some engines keep the latest in any case.
async fn three_and_one(bed: &Bed) -> (Vec<Place>, Clock) {
    for day in [1, 2, 3, 20] {
        tell(bed, day).await;
    }
    let places: Vec<_> = told(bed).await.iter().map(|told| told.place).collect();
    assert_eq!(places.len(), 4);
    (places, Clock::manual(after(20 * DAY)))
}

async fn forgotten(bed: &Bed, clock: &Clock) -> u64 {
    forget_events(&*bed.store(), clock, AGE).await.unwrap()
}

async fn move_to(bed: &Bed, id: SubscriptionId, change: impl FnOnce(Course) -> Course) {
    let before = bed.store().course(id).await.unwrap().unwrap();
    let course = Course { revision: before.revision + 1, ..change(before) };
    let step = faena::event::Progress { course, ..progress(before.revision, course.cursor, Vec::new()) };
    assert_eq!(bed.store().relay(id, step).await.unwrap(), Relayed::Applied);
}

async fn read_to(bed: &Bed, id: SubscriptionId, place: Place) {
    move_to(bed, id, |course| Course { cursor: place, ..course }).await;
}

pub async fn the_log_is_kept_for_who_has_not_read_it_and_no_longer(bed: Bed) {
    let (slow, fast) = (subscribed(&bed, subscription(1), 0).await.id, subscribed(&bed, subscription(2), 0).await.id);
    let (places, clock) = three_and_one(&bed).await;
    read_to(&bed, fast, places[3]).await;
    assert_eq!(forgotten(&bed, &clock).await, 0, "one has read nothing");
    assert_eq!(told(&bed).await.len(), 4);
    read_to(&bed, slow, places[1]).await;
    assert_eq!(forgotten(&bed, &clock).await, 2);
    assert_eq!(told(&bed).await.iter().map(|told| told.place).collect::<Vec<_>>(), places[2..]);
    read_to(&bed, slow, places[3]).await;
    assert_eq!(forgotten(&bed, &clock).await, 1, "what is old");
    assert_eq!(told(&bed).await.iter().map(|told| told.place).collect::<Vec<_>>(), places[3..]);
}

pub async fn who_is_not_served_holds_nothing_up(bed: Bed) {
    let (off, paused) = (subscribed(&bed, subscription(1), 0).await, subscribed(&bed, subscription(2), 0).await);
    let gone = subscribed(&bed, subscription(3), 0).await;
    let (places, clock) = three_and_one(&bed).await;
    let own = SubscriptionId::OUTBOX;
    assert_eq!(forgotten(&bed, &clock).await, 0);
    let endpoint = Endpoint { failures_in_a_row: 9, failing_since: Some(at(1)), off: Some(Off::Gone) };
    move_to(&bed, off.id, |course| Course { endpoint, ..course }).await;
    assert_eq!(forgotten(&bed, &clock).await, 0);
    let terms = Subscription { enabled: false, revision: paused.revision + 1, ..Subscription::clone(&paused) };
    assert!(matches!(bed.store().resubscribe(terms, Anew::No, at(6)).await.unwrap(), Resubscribed::Done(_)));
    assert_eq!(forgotten(&bed, &clock).await, 0);
    // That of the settings holds the log from the moment at which it is served.
    read_to(&bed, own, places[0]).await;
    assert!(bed.store().unsubscribe(gone.id).await.unwrap());
    assert_eq!(forgotten(&bed, &clock).await, 1, "what the one of the settings has read");
    read_to(&bed, own, places[2]).await;
    assert_eq!(forgotten(&bed, &clock).await, 2);
}

pub async fn where_nobody_reads_it_its_age_alone_counts(bed: Bed) {
    let (_, clock) = three_and_one(&bed).await;
    assert_eq!(forgotten(&bed, &Clock::manual(after(9 * DAY))).await, 1, "older than seven days");
    assert_eq!(forgotten(&bed, &clock).await, 2);
    assert_eq!(told(&bed).await.len(), 1);
}

pub async fn nobody_holds_the_log_for_ever(bed: Bed) {
    subscribed(&bed, subscription(1), 0).await;
    three_and_one(&bed).await;
    let late = |days: u32| Clock::manual(after(limits::SENDING_RETENTION + DAY * days));
    assert_eq!(forgotten(&bed, &late(1)).await, 0, "the first is as old as it may be");
    assert_eq!(forgotten(&bed, &late(3)).await, 2);
    assert_eq!(told(&bed).await.len(), 2);
}

/// A store that cannot say how far anybody is while it is ill.
struct Forgetful {
    real: Arc<dyn Whole>,
    ill: AtomicBool,
}

impl Veil for Forgetful {
    fn real(&self) -> &dyn Store {
        &*self.real
    }

    fn course(&self, id: SubscriptionId) -> Answer<'_, Option<Course>> {
        if self.ill.load(Ordering::Relaxed) {
            return Box::pin(std::future::ready(Err(StoreError::Broken("the course cannot be read".into()))));
        }
        self.real.course(id)
    }
}

pub async fn while_nobody_can_say_who_has_read_it_it_is_kept_and_the_rest_goes_on(bed: Bed) {
    let id = subscribed(&bed, subscription(1), 0).await.id;
    let (places, _) = three_and_one(&bed).await;
    read_to(&bed, id, places[3]).await;
    let job = bed.ended(new_job(), Outcome::Success, at(5)).await;
    let before = told(&bed).await.len();
    let store = Arc::new(Veiled(Forgetful { real: bed.store(), ill: AtomicBool::new(true) }));
    let parts = Parts {
        store: store.clone(),
        results: Arc::new(Memory::default()),
        clock: Clock::manual(after(20 * DAY)),
        ages: Some(Ages { ended: DAY, failed: DAY }),
        events: AGE,
    };
    let error = prune_now(&parts).await.unwrap_err();
    assert_eq!(error.to_string(), "the course cannot be read");
    assert_eq!(told(&bed).await.len(), before, "the log is as it was");
    assert_eq!(bed.store().get(job.id).await.unwrap(), None, "and old jobs are forgotten all the same");
    store.0.ill.store(false, Ordering::Relaxed);
    assert_eq!(prune_now(&parts).await.unwrap().jobs, 0);
    assert!(told(&bed).await.len() < before, "once it can, what was read is forgotten");
}
