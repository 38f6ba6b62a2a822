//! What a relay does next: order within an aggregate, bounds, an endpoint that takes nothing, and the cursor, from which a
//! crash goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use faena::clock::Timestamp;
use faena::event::relay::Bounds;
use faena::event::{
    Aggregate, Course, Event, EventType, Heard, Next, Pattern, Progress, Relay, Secret, Sending, SendingState,
    Subscription, SubscriptionId, Via,
};
use faena::limits;
use serde_json::json;

use crate::at;

fn event(aggregate: u64, number: u64) -> Event {
    let aggregate = Aggregate { sort: "Order".into(), id: aggregate.to_string().into() };
    Event::own(EventType::new("order.paid").unwrap(), aggregate, &json!({ "number": number }), at(0)).unwrap()
}

fn relay() -> Relay {
    Relay::new("hook", Bounds::ONE, Course::default(), [])
}

/// Events at the places 1, 2, …, of these aggregates.
fn offer(relay: &mut Relay, aggregates: &[u64], now: Timestamp) {
    let events = aggregates.iter().zip(1..).map(|(aggregate, place)| (place, event(*aggregate, place), "".into()));
    relay.offer(events, aggregates.len() as u64, now);
}

fn answer(status: u16) -> Heard {
    Heard::Answer { status, retry_after: None }
}

fn hear(relay: &mut Relay, place: u64, status: u16, now: Timestamp) -> Next {
    relay.heard(place, answer(status), 7, "said", now).unwrap()
}

fn places(progress: &Progress) -> Vec<(u64, SendingState)> {
    progress.sendings.iter().map(|sending| (sending.place, sending.state)).collect()
}

#[test]
fn events_of_one_aggregate_go_one_after_the_other_and_others_go_on() {
    let mut relay = relay();
    offer(&mut relay, &[1, 1, 2, 1, 3], at(0));
    assert_eq!(relay.start(at(0)), [1, 3, 5]);
    assert_eq!(relay.start(at(0)), [] as [u64; 0], "they are under way");
    assert_eq!(hear(&mut relay, 1, 204, at(1)), Next::Delivered);
    assert_eq!(relay.start(at(1)), [2]);
    assert!(matches!(hear(&mut relay, 2, 500, at(2)), Next::Again(_)));
    assert_eq!(relay.start(at(2)), [] as [u64; 0], "the next of its aggregate waits for it");
    assert_eq!(hear(&mut relay, 3, 200, at(2)), Next::Delivered);
    let due = relay.next_due(at(2)).unwrap();
    assert!(due > at(5_000) && due < at(5_600), "{due}");
    assert_eq!(relay.start(due), [2]);
    assert_eq!(hear(&mut relay, 2, 410, due), Next::Dead);
    assert_eq!(relay.start(due), [] as [u64; 0], "the endpoint said that it is gone");
}

#[test]
fn what_was_given_up_does_not_hold_what_follows() {
    let bounds = Bounds { one_endpoint: false, ..Bounds::ONE };
    let mut relay = Relay::new("hook", bounds, Course::default(), []);
    offer(&mut relay, &[1, 1], at(0));
    assert_eq!(relay.start(at(0)), [1]);
    assert_eq!(hear(&mut relay, 1, 410, at(1)), Next::Dead);
    assert_eq!(relay.start(at(1)), [2]);
}

#[test]
fn no_more_is_under_way_than_may_be_and_one_machine_gets_its_share() {
    let mut relay = relay();
    let many: Vec<u64> = (1..=50).collect();
    offer(&mut relay, &many, at(0));
    assert_eq!(relay.start(at(0)).len(), limits::RELAY_TRIES_MAX);

    let mut relay = Relay::new("callbacks", Bounds::MANY, Course::default(), []);
    let url = |place: u64| match place {
        1..=40 => format!("https://slow.example/{place}"),
        _ => format!("https://fast{place}.example/"),
    };
    let events = (1..=60).map(|place| (place, event(place, place), url(place).into()));
    relay.offer(events, 60, at(0));
    assert_eq!(relay.start(at(0)), [1, 2].into_iter().chain(41..=60).collect::<Vec<_>>());
}

#[test]
fn the_cursor_passes_what_is_settled_or_kept_and_nothing_else() {
    let mut relay = relay();
    offer(&mut relay, &[1, 2, 1, 3], at(0));
    assert_eq!(relay.start(at(0)), [1, 2, 4]);
    hear(&mut relay, 2, 200, at(1));
    let progress = relay.progress(at(1), false).unwrap();
    assert_eq!((progress.expected, progress.course.revision, progress.course.cursor), (0, 1, 0), "1 is under way");
    assert_eq!(places(&progress), [(2, SendingState::Delivered)]);
    hear(&mut relay, 1, 503, at(2));
    assert!(relay.progress(at(2), false).is_none(), "it is too soon");
    let progress = relay.progress(at(200), false).unwrap();
    // 3 waits for 1, which may last: both have records. 4 is under way without one.
    assert_eq!(places(&progress), [(1, SendingState::Pending), (3, SendingState::Pending)]);
    assert_eq!(progress.course.cursor, 3);
    hear(&mut relay, 4, 200, at(300));
    let progress = relay.progress(at(400), false).unwrap();
    assert_eq!((progress.course.cursor, progress.course.delivered, progress.course.failed), (4, 2, 1));
    assert!(relay.progress(at(600), false).is_none(), "there is nothing new");
    relay.offer([], 90, at(1_500));
    assert_eq!(relay.progress(at(1_500), false).unwrap().course.cursor, 90, "nothing was wanted up to there");
}

#[test]
fn a_try_that_takes_long_does_not_hold_the_cursor() {
    let mut relay = relay();
    offer(&mut relay, &[1], at(0));
    assert_eq!(relay.start(at(0)), [1]);
    assert!(relay.progress(at(500), false).is_none());
    let progress = relay.progress(at(1_500), false).unwrap();
    assert_eq!((progress.course.cursor, places(&progress)), (1, vec![(1, SendingState::Pending)]));
    hear(&mut relay, 1, 200, at(1_600));
    assert_eq!(places(&relay.progress(at(1_700), false).unwrap()), [(1, SendingState::Delivered)]);
}

#[test]
fn an_endpoint_that_takes_nothing_is_probed_by_one_event_and_gets_all_when_it_is_back() {
    let mut relay = relay();
    offer(&mut relay, &(1..=20).collect::<Vec<_>>(), at(0));
    for place in relay.start(at(0)) {
        hear(&mut relay, place, 500, at(1));
    }
    assert_eq!(relay.start(at(2)), [] as [u64; 0], "nothing is due, and it is too soon for another one");
    assert_eq!(relay.room(), 0, "the rest stays in the log");
    let due = relay.next_due(at(2)).unwrap();
    assert_eq!(relay.start(due.plus(Duration::from_secs(1))).len(), 1, "one at a time");
    let back = due.plus(Duration::from_secs(2));
    let place = (1..=20).find(|place| relay.sending(*place).is_some_and(|sending| sending.is_due(back))).unwrap();
    assert_eq!(hear(&mut relay, place, 200, back), Next::Delivered);
    assert_eq!(relay.start(back).len(), limits::RELAY_TRIES_MAX, "those that failed are due at once");
}

#[test]
fn who_is_switched_off_is_left_alone() {
    let mut relay = relay();
    offer(&mut relay, &[1, 2], at(0));
    assert_eq!(relay.start(at(0)), [1, 2]);
    assert_eq!(hear(&mut relay, 1, 410, at(1)), Next::Dead);
    hear(&mut relay, 2, 500, at(1));
    assert_eq!((relay.room(), relay.next_due(at(1))), (0, None));
    assert_eq!(relay.start(at(1_000_000)), [] as [u64; 0]);
    let progress = relay.progress(at(1), true).unwrap();
    assert_eq!(places(&progress), [(1, SendingState::Dead), (2, SendingState::Pending)]);
    assert!(progress.course.endpoint.off.is_some());
}

/// A store as far as a relay needs one.
#[derive(Default)]
struct Kept {
    course: Course,
    pending: BTreeMap<u64, Sending>,
}

impl Kept {
    fn apply(&mut self, progress: Progress) {
        assert_eq!(progress.expected, self.course.revision);
        assert!(progress.course.cursor >= self.course.cursor, "the cursor never goes back");
        self.course = progress.course;
        for sending in progress.sendings {
            match sending.state {
                SendingState::Pending => drop(self.pending.insert(sending.place, sending)),
                _ => drop(self.pending.remove(&sending.place)),
            }
        }
    }
}

/// A source of numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Runs a log of 200 events to its end against an endpoint of moods, with a crash now and then. `lose` is asked what a broken
/// relay would write down. The answer is the places in the order in which they were taken, again and again.
fn run(seed: u64, lose: impl Fn(&mut Progress)) -> (Vec<u64>, Vec<u64>) {
    const EVENTS: u64 = 200;
    let mut dice = Dice(seed);
    let aggregates: Vec<u64> = (0..EVENTS).map(|_| dice.roll(12)).collect();
    let mut kept = Kept::default();
    let mut relay = Relay::new("hook", Bounds::ONE, kept.course, []);
    let (mut taken, mut now, mut bad_until) = (Vec::new(), at(0), at(0));
    let mut under_way: BTreeSet<u64> = BTreeSet::new();
    for _ in 0..200_000 {
        now = now.plus_millis(dice.roll(60));
        if relay.read_to() == EVENTS && kept.course.cursor == EVENTS && kept.pending.is_empty() && relay.is_idle() {
            return (taken, aggregates);
        }
        let room = (relay.room() as u64).min(dice.roll(40));
        let read_to = (relay.read_to() + room).min(EVENTS);
        let fresh = relay.read_to() + 1..=read_to;
        let events = fresh.map(|place| (place, event(aggregates[place as usize - 1], place), "".into()));
        relay.offer(events, read_to, now);
        under_way.extend(relay.start(now));
        if let Some(place) = under_way.iter().nth(dice.roll(9) as usize).copied() {
            under_way.remove(&place);
            if dice.roll(200) == 0 {
                bad_until = now.plus_millis(dice.roll(100_000));
            }
            let is_taken = now >= bad_until && dice.roll(10) > 0;
            if is_taken {
                taken.push(place);
            }
            let heard = if is_taken { answer(200) } else { answer(500) };
            assert_ne!(relay.heard(place, heard, 1, "", now), Some(Next::Dead), "seed {seed}");
        }
        if under_way.is_empty()
            && let Some(due) = relay.next_due(now)
        {
            now = now.max(due);
        }
        if let Some(mut progress) = relay.progress(now, dice.roll(50) == 0) {
            lose(&mut progress);
            kept.apply(progress);
        }
        if dice.roll(150) == 0 {
            relay = Relay::new("hook", Bounds::ONE, kept.course, kept.pending.values().cloned());
            under_way.clear();
        }
    }
    panic!("seed {seed}: it never comes to its end: {:?}", kept.course);
}

/// What is wrong with what was taken, if anything is.
fn fault(taken: &[u64], aggregates: &[u64]) -> Option<String> {
    let mut first = BTreeSet::new();
    let mut latest: BTreeMap<u64, u64> = BTreeMap::new();
    for place in taken {
        let aggregate = aggregates[*place as usize - 1];
        if first.insert(*place) {
            let before = latest.insert(aggregate, *place);
            if before.is_some_and(|before| before > *place) {
                return Some(format!("{place} of {aggregate} came after {before:?}"));
            }
        }
    }
    let lost = (1..=aggregates.len() as u64).find(|place| !first.contains(place));
    lost.map(|place| format!("{place} was never taken"))
}

#[test]
fn rule_14_whatever_crashes_every_event_is_taken_and_those_of_an_aggregate_in_order() {
    let first = std::env::var("FAENA_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("seeds from {first}");
    for seed in first..first + 60 {
        let (taken, aggregates) = run(seed, |_| {});
        assert_eq!(fault(&taken, &aggregates), None, "seed {seed}");
    }
}

#[test]
fn and_a_relay_whose_cursor_goes_ahead_is_caught() {
    let caught = (1..20).filter(|seed| {
        // It writes down that it is past what it has only read.
        let broken = |progress: &mut Progress| progress.course.cursor = progress.course.cursor.max(150);
        let (taken, aggregates) = run(*seed, broken);
        fault(&taken, &aggregates).is_some()
    });
    assert!(caught.count() > 0);
}

#[test]
fn a_secret_is_replaced_without_a_gap() {
    let secret = || Secret::generate().unwrap();
    let (old, new) = (secret(), secret());
    let subscription = Subscription {
        id: SubscriptionId::new(),
        via: Via::Webhook,
        to: "https://example.com".into(),
        events: vec!["job.*".parse::<Pattern>().unwrap()],
        user_id: Some("ana".into()),
        secrets: Vec::new(),
        description: None,
        enabled: true,
        created_at: at(0),
        revision: 1,
    };
    let hour = Duration::from_secs(3_600);
    let subscription = subscription.rotated(old.clone(), hour, at(0));
    let rotated = subscription.rotated(new.clone(), hour, at(1_000));
    let valid = |now| rotated.valid_secrets(now).iter().map(Secret::reveal).collect::<Vec<_>>();
    assert_eq!(valid(at(2_000)), [new.reveal(), old.reveal()]);
    assert_eq!(valid(at(1_000).plus(hour)), [new.reveal()]);
    assert_eq!(rotated.rotated(secret(), Duration::ZERO, at(3_000)).secrets.len(), 1, "at once, if need be");
    assert_eq!(rotated.rotated(secret(), hour, at(3_000)).secrets.len(), 2, "and never three");
    let read: Subscription = serde_json::from_str(&serde_json::to_string(&rotated).unwrap()).unwrap();
    assert_eq!(read, rotated);
    assert!(!format!("{rotated:?}").contains(&new.reveal()), "a secret is not shown by accident");
}
