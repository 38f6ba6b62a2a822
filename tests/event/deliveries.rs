//! What becomes of a delivery, and of an endpoint that does not take it.

use std::time::Duration;

use faena::clock::Timestamp;
use faena::event::delivery::{Off, PAUSES, decide};
use faena::event::{Aggregate, Delivery, Endpoint, Event, EventId, EventType, Heard, Next};
use faena::limits;

use crate::at;

fn delivery(failures: u32) -> Delivery {
    Delivery { event: id(), to: "hook".into(), failures }
}

fn id() -> EventId {
    let aggregate = Aggregate { sort: "Order".into(), id: "1".into() };
    Event::own(EventType::new("order.paid").unwrap(), aggregate, &1, at(0)).unwrap().id
}

fn answer(status: u16) -> Heard {
    Heard::Answer { status, retry_after: None }
}

/// How long until the next try.
#[track_caller]
fn pause(next: Next, now: Timestamp) -> Duration {
    match next {
        Next::Again(then) => Duration::from_millis(then.millis_since(now)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_taken_is_delivered_and_the_endpoint_is_well_again() {
    let ill = Endpoint { failures_in_a_row: 9, failing_since: Some(at(5)), off: None };
    for status in [200, 201, 202, 204, 299] {
        let verdict = decide(&delivery(3), ill, answer(status), at(100));
        assert_eq!((verdict.next, verdict.endpoint), (Next::Delivered, Endpoint::default()), "{status}");
    }
}

#[test]
fn everything_else_is_tried_again_over_days() {
    for heard in [Heard::Nothing, answer(302), answer(400), answer(404), answer(429), answer(500), answer(100)] {
        let verdict = decide(&delivery(0), Endpoint::default(), heard, at(7));
        assert!(matches!(verdict.next, Next::Again(_)), "{heard:?}");
        assert_eq!(verdict.endpoint, Endpoint { failures_in_a_row: 1, failing_since: Some(at(7)), off: None });
    }
    let mut now = at(0);
    for (failures, full) in (0..).zip(PAUSES) {
        let pause = pause(decide(&delivery(failures), Endpoint::default(), Heard::Nothing, now).next, now);
        assert!(pause >= full && pause <= full.mul_f64(1.1), "{failures}: {pause:?}");
        now = now.plus(pause);
    }
    assert!(now >= at(3 * 24 * 3_600_000), "over three days");
    let last = decide(&delivery(PAUSES.len() as u32), Endpoint::default(), Heard::Nothing, now);
    assert_eq!(last.next, Next::Dead);
    assert_eq!(decide(&delivery(u32::MAX), Endpoint::default(), Heard::Nothing, now).next, Next::Dead);
}

#[test]
fn rule_24_chance_spreads_them_and_is_the_same_for_everybody() {
    let of = |delivery: &Delivery| pause(decide(delivery, Endpoint::default(), Heard::Nothing, at(0)).next, at(0));
    let one = delivery(5);
    assert_eq!(of(&one), of(&one.clone()));
    let pauses: std::collections::BTreeSet<_> = (0..100).map(|_| of(&delivery(5))).collect();
    assert!(pauses.len() > 90, "{}", pauses.len());
    assert_ne!(of(&one), of(&Delivery { to: "another".into(), ..one.clone() }));
}

#[test]
fn rule_24_a_receiver_that_asks_for_a_pause_gets_it_within_bounds() {
    let asks = |seconds| Heard::Answer { status: 503, retry_after: Some(Duration::from_secs(seconds)) };
    let of =
        |failures, seconds| pause(decide(&delivery(failures), Endpoint::default(), asks(seconds), at(0)).next, at(0));
    assert_eq!(of(0, 600), Duration::from_secs(600));
    assert_eq!(of(0, u64::MAX), limits::WEBHOOK_RETRY_AFTER_MAX);
    assert!(of(5, 1) >= PAUSES[5], "it may not hurry us");
}

#[test]
fn an_endpoint_that_is_gone_is_switched_off_at_once() {
    let verdict = decide(&delivery(0), Endpoint::default(), answer(410), at(3));
    assert_eq!((verdict.next, verdict.endpoint.off), (Next::Dead, Some(Off::Gone)));
    let by_hand = Endpoint { off: Some(Off::ByHand), ..Endpoint::default() };
    assert_eq!(decide(&delivery(0), by_hand, answer(410), at(3)).endpoint.off, Some(Off::ByHand));
}

#[test]
fn an_endpoint_that_takes_nothing_for_days_is_switched_off() {
    let since = at(1_000);
    let long_after = since.plus(limits::WEBHOOK_FAILING_MAX);
    let failing = |failures| Endpoint { failures_in_a_row: failures, failing_since: Some(since), off: None };
    let enough = limits::WEBHOOK_FAILURES_MIN;
    for (endpoint, now, off) in [
        (failing(enough - 1), long_after, Some(Off::Failing)),
        (failing(1_000), long_after.minus(Duration::from_millis(1)), None),
        (failing(enough - 2), long_after, None),
        (Endpoint::default(), long_after, None),
    ] {
        let verdict = decide(&delivery(1), endpoint, Heard::Nothing, now);
        assert_eq!(verdict.endpoint.off, off, "{endpoint:?} at {now}");
        assert!(
            matches!(verdict.next, Next::Again(_)),
            "what waits is not lost: it goes on when somebody switches it on"
        );
    }
    // One that takes something in between is not judged.
    let well = decide(&delivery(1), failing(1_000), answer(200), long_after).endpoint;
    assert_eq!(decide(&delivery(1), well, Heard::Nothing, long_after).endpoint.off, None);
}
