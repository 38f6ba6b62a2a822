//! `Outbox`: of all who decide the same step one does it, whole; what is on its way is there after a restart; what is settled is
//! remembered within bounds.

use std::sync::Arc;

use faena::event::delivery::Off;
use faena::event::{
    Aggregate, Course, Endpoint, Event, EventType, Progress, Secret, Sending, SendingState, Subscription,
    SubscriptionId, Via,
};
use faena::limits;
use faena::store::outbox::{Anew, Relayed, Resubscribed, SendingFilter, Subscribed};
use serde_json::json;

use crate::bed::*;

pub fn subscription(now: i64) -> Subscription {
    let subscription = Subscription {
        id: SubscriptionId::new(),
        via: Via::Webhook,
        to: "https://hooks.example/ñ?a=1".into(),
        events: vec!["job.*".parse().unwrap(), "order.paid".parse().unwrap()],
        user_id: Some("ana".into()),
        secrets: Vec::new(),
        description: Some("for \"accounts\"".into()),
        enabled: true,
        created_at: at(now),
        revision: 0,
    };
    subscription.rotated(Secret::generate().unwrap(), limits::SECRET_OVERLAP_MAX, at(now))
}

pub async fn subscribed(bed: &Bed, subscription: Subscription, cursor: u64) -> Arc<Subscription> {
    match bed.store().subscribe(subscription, cursor).await.unwrap() {
        Subscribed::Added(subscription) => subscription,
        Subscribed::Full => panic!("full"),
    }
}

/// A sending of an event that happened at a moment which is its place.
pub fn sending(place: u64, state: SendingState) -> Sending {
    let aggregate = Aggregate { sort: "Order".into(), id: place.to_string().into() };
    let moment = at(place as i64);
    let event = Event::own(EventType::new("order.paid").unwrap(), aggregate, &json!({ "to": "año" }), moment).unwrap();
    Sending { state, ..Sending::new(place, event, "".into(), moment) }
}

pub fn progress(expected: u64, cursor: u64, sendings: Vec<Sending>) -> Progress {
    let course = Course { cursor, revision: expected + 1, ..Course::default() };
    Progress { expected, course, sendings }
}

async fn places(bed: &Bed, filter: SendingFilter) -> Vec<u64> {
    let page = bed.store().sendings(filter, 5_000, 0).await.unwrap();
    assert_eq!(page.total as usize, page.items.len());
    page.items.iter().map(|sending| sending.place).collect()
}

pub async fn a_subscription_is_there_as_it_was_made(bed: Bed) {
    assert_eq!(bed.store().subscriptions().await.unwrap(), []);
    let (late, early) = (subscription(9), subscription(5));
    let made = subscribed(&bed, late.clone(), 70).await;
    assert_eq!(*made, late);
    let earlier = subscribed(&bed, early, 0).await;
    let bed = bed.reopened(at(10));
    let store = bed.store();
    assert_eq!(store.subscriptions().await.unwrap(), [earlier, made.clone()]);
    assert_eq!(store.subscription(made.id).await.unwrap(), Some(made.clone()));
    let course = Course { cursor: 70, ..Course::default() };
    assert_eq!(store.course(made.id).await.unwrap(), Some(course));
    assert_eq!(store.subscription(SubscriptionId::new()).await.unwrap(), None);
    assert_eq!(store.course(SubscriptionId::new()).await.unwrap(), None);
}

pub async fn those_of_the_program_have_a_course_and_no_terms(bed: Bed) {
    let id = SubscriptionId::OUTBOX;
    assert_eq!(bed.store().course(id).await.unwrap(), Some(Course::default()));
    let step = progress(0, 5, vec![sending(4, SendingState::Pending)]);
    assert_eq!(bed.store().relay(id, step.clone()).await.unwrap(), Relayed::Applied);
    let bed = bed.reopened(at(10));
    assert_eq!(bed.store().course(id).await.unwrap(), Some(step.course));
    assert_eq!(bed.store().pending(id).await.unwrap(), step.sendings);
    assert_eq!(bed.store().subscriptions().await.unwrap(), []);
    assert_eq!(bed.store().course(SubscriptionId::CALLBACKS).await.unwrap(), Some(Course::default()));
}

pub async fn terms_are_replaced_by_who_knows_the_latest(bed: Bed) {
    let made = subscribed(&bed, subscription(5), 0).await;
    let store = bed.store();
    let changed = |events: &str, revision| Subscription {
        events: vec![events.parse().unwrap()],
        revision,
        ..Subscription::clone(&made)
    };
    let first = changed("job.failed", made.revision + 1);
    let done = store.resubscribe(first.clone(), Anew::No, at(6)).await.unwrap();
    assert_eq!(done, Resubscribed::Done(Arc::new(first.clone())));
    let second = changed("job.dead", made.revision + 1);
    let stale = store.resubscribe(second, Anew::No, at(6)).await.unwrap();
    assert_eq!(stale, Resubscribed::Stale(Arc::new(first.clone())));
    let other = store.resubscribe(subscription(7), Anew::No, at(6)).await.unwrap();
    assert_eq!(other, Resubscribed::Absent);
    let bed = bed.reopened(at(10));
    assert_eq!(bed.store().subscription(made.id).await.unwrap().as_deref(), Some(&first));
}

pub async fn a_new_beginning_is_a_step_and_makes_sendings_due(bed: Bed) {
    let made = subscribed(&bed, subscription(5), 0).await;
    let waits = Sending { next_at: Some(at(99_999)), failures: 3, ..sending(3, SendingState::Pending) };
    let off = Endpoint { failures_in_a_row: 9, failing_since: Some(at(1)), off: Some(Off::Gone) };
    let step = progress(0, 5, vec![waits.clone()]);
    let step = Progress { course: Course { endpoint: off, ..step.course }, ..step };
    assert_eq!(bed.store().relay(made.id, step.clone()).await.unwrap(), Relayed::Applied);
    assert_eq!(bed.store().course(made.id).await.unwrap(), Some(step.course));
    let again = Subscription { revision: made.revision + 1, ..Subscription::clone(&made) };
    assert!(matches!(bed.store().resubscribe(again, Anew::Yes, at(6)).await.unwrap(), Resubscribed::Done(_)));
    let course = Course { endpoint: Endpoint::default(), revision: 2, ..step.course };
    assert_eq!(bed.store().course(made.id).await.unwrap(), Some(course));
    let pending = bed.store().pending(made.id).await.unwrap();
    assert_eq!(pending.len(), 1);
    assert!(pending[0].is_due(at(6)) && pending[0].failures == 3, "{pending:?}");
}

pub async fn of_two_who_decide_the_same_step_one_does_it_whole(bed: Bed) {
    let made = subscribed(&bed, subscription(5), 0).await;
    let store = bed.store();
    let one = progress(0, 5, vec![sending(2, SendingState::Pending), sending(4, SendingState::Delivered)]);
    let other = progress(0, 9, vec![sending(2, SendingState::Dead), sending(7, SendingState::Pending)]);
    assert_eq!(store.relay(made.id, one.clone()).await.unwrap(), Relayed::Applied);
    assert_eq!(store.relay(made.id, other).await.unwrap(), Relayed::Stale);
    let bed = bed.reopened(at(10));
    let store = bed.store();
    assert_eq!(store.course(made.id).await.unwrap(), Some(one.course));
    assert_eq!(store.pending(made.id).await.unwrap(), one.sendings[..1]);
    assert_eq!(places(&bed, SendingFilter::of(made.id)).await, [4, 2]);
    assert_eq!(store.sending_counts(made.id).await.unwrap(), [1, 1, 0]);
    let settled = Sending { attempts: 2, ..sending(2, SendingState::Delivered) };
    assert_eq!(store.relay(made.id, progress(1, 9, vec![settled.clone()])).await.unwrap(), Relayed::Applied);
    let page = store.sendings(SendingFilter::of(made.id), 1, 1).await.unwrap();
    assert_eq!((page.items, page.total, page.more), (vec![Arc::new(settled)], 2, false));
    assert_eq!(store.pending(made.id).await.unwrap(), []);
    assert_eq!(store.relay(SubscriptionId::new(), progress(0, 1, Vec::new())).await.unwrap(), Relayed::Absent);
}

pub async fn who_sees_a_step_sees_its_sendings(bed: Bed) {
    const STEPS: u64 = 50;
    const EACH: u64 = 20;
    let made = subscribed(&bed, subscription(5), 0).await;
    let (id, store) = (made.id, bed.store());
    let reader = std::thread::spawn(move || {
        block_on(async {
            loop {
                let course = store.course(id).await.unwrap().unwrap();
                let pending = store.pending(id).await.unwrap().len() as u64;
                assert!(pending >= EACH * course.revision, "{pending} after {} steps", course.revision);
                if course.revision == STEPS {
                    break;
                }
            }
        });
    });
    for step in 0..STEPS {
        let sendings = (1..=EACH).map(|index| sending(step * EACH + index, SendingState::Pending)).collect();
        let relayed = bed.store().relay(id, progress(step, (step + 1) * EACH, sendings)).await.unwrap();
        assert_eq!(relayed, Relayed::Applied);
    }
    reader.join().unwrap();
}

pub async fn an_end_leaves_nothing_behind(bed: Bed) {
    let (made, stays) = (subscribed(&bed, subscription(5), 0).await, subscribed(&bed, subscription(6), 0).await);
    for id in [made.id, stays.id] {
        let step = progress(0, 5, vec![sending(2, SendingState::Pending)]);
        assert_eq!(bed.store().relay(id, step).await.unwrap(), Relayed::Applied);
    }
    assert!(bed.store().unsubscribe(made.id).await.unwrap());
    assert!(!bed.store().unsubscribe(made.id).await.unwrap());
    let bed = bed.reopened(at(10));
    let store = bed.store();
    assert_eq!(store.course(made.id).await.unwrap(), None);
    assert_eq!(store.pending(made.id).await.unwrap(), []);
    assert_eq!(store.relay(made.id, progress(1, 9, Vec::new())).await.unwrap(), Relayed::Absent);
    assert_eq!(store.subscriptions().await.unwrap(), std::slice::from_ref(&stays));
    assert_eq!(places(&bed, SendingFilter::of(stays.id)).await, [2]);
}

pub async fn of_what_is_settled_the_latest_are_kept(bed: Bed) {
    let made = subscribed(&bed, subscription(5), 0).await;
    let store = bed.store();
    let kept = limits::SENDINGS_DELIVERED_KEPT as u64;
    let mut all: Vec<_> = (1..=kept + 20).map(|place| sending(place, SendingState::Delivered)).collect();
    all[0].state = SendingState::Pending;
    all[1].state = SendingState::Dead;
    assert_eq!(store.relay(made.id, progress(0, 500, all)).await.unwrap(), Relayed::Applied);
    assert_eq!(store.sending_counts(made.id).await.unwrap(), [1, kept, 1]);
    let state = Some(SendingState::Delivered);
    let delivered = places(&bed, SendingFilter { state, ..SendingFilter::of(made.id) }).await;
    assert_eq!((delivered.first(), delivered.last()), (Some(&(kept + 20)), Some(&21)));
}

pub async fn what_is_settled_is_replayed_one_by_one_or_by_time(bed: Bed) {
    let made = subscribed(&bed, subscription(5), 0).await;
    let store = bed.store();
    let all = [
        Sending { failures: 9, next_at: None, ..sending(10, SendingState::Dead) },
        sending(20, SendingState::Dead),
        Sending { next_at: Some(at(777)), ..sending(25, SendingState::Pending) },
        sending(30, SendingState::Dead),
        sending(40, SendingState::Delivered),
    ];
    assert_eq!(store.relay(made.id, progress(0, 50, all.to_vec())).await.unwrap(), Relayed::Applied);
    let of = SendingFilter::of(made.id);
    let dead = SendingFilter { state: Some(SendingState::Dead), ..of.clone() };
    let early = SendingFilter { since: Some(at(10)), until: Some(at(30)), ..dead.clone() };
    assert_eq!(store.replay(early.clone(), 1, at(60)).await.unwrap(), 1, "the earliest first");
    assert_eq!(store.course(made.id).await.unwrap().unwrap().revision, 2);
    let again = &store.pending(made.id).await.unwrap()[0];
    assert_eq!((again.place, again.failures, again.is_due(at(60))), (10, 0, true));
    assert_eq!(store.replay(early.clone(), 10, at(60)).await.unwrap(), 1);
    assert_eq!(store.replay(early, 10, at(60)).await.unwrap(), 0, "what is pending stays so");
    let one = SendingFilter { event: Some(all[4].event.id.clone()), ..of.clone() };
    assert_eq!(store.replay(one, 10, at(61)).await.unwrap(), 1, "what was taken, too, if somebody names it");
    assert_eq!(places(&bed, dead).await, [30]);
    let pending = store.pending(made.id).await.unwrap();
    assert_eq!(pending.iter().map(|sending| sending.place).collect::<Vec<_>>(), [10, 20, 25, 40]);
    assert_eq!(pending[2].next_at, Some(at(777)));
    assert_eq!(store.relay(made.id, progress(1, 60, Vec::new())).await.unwrap(), Relayed::Stale);
}

pub async fn what_was_settled_long_ago_is_forgotten(bed: Bed) {
    let made = subscribed(&bed, subscription(5), 0).await;
    let store = bed.store();
    let all = vec![
        sending(10, SendingState::Dead),
        sending(11, SendingState::Pending),
        sending(12, SendingState::Delivered),
        sending(20, SendingState::Delivered),
    ];
    assert_eq!(store.relay(made.id, progress(0, 50, all)).await.unwrap(), Relayed::Applied);
    assert_eq!(store.forget_sendings(at(20), 1).await.unwrap(), 1);
    assert_eq!(store.forget_sendings(at(20), 10).await.unwrap(), 1);
    assert_eq!(store.forget_sendings(at(20), 10).await.unwrap(), 0);
    let bed = bed.reopened(at(60));
    assert_eq!(places(&bed, SendingFilter::of(made.id)).await, [20, 11]);
}
