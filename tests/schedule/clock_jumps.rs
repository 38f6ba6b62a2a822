//! Rules 20 and 21: whatever the machine's clock does, and however often a decision is made, no tick fires twice.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::schedule::{Event, MisfirePolicy, Refusal, Schedule, Spec, decide};

use crate::factory::{Dice, after, applied, at, due, refused, schedule, seed};

#[test]
fn rule_21_two_nodes_that_decide_the_same_tick_make_the_same_step() {
    let schedule = schedule("0 * * * *", "UTC", "2026-11-24T09:30:00Z", |_| {});
    let one = applied(&schedule, due(), "2026-11-24T10:00:00Z");
    let other = applied(&schedule, due(), "2026-11-24T10:00:00Z");
    assert_eq!(one, other, "the job's id too");
    // Once one of them is committed, the other names a revision and a last tick that are no longer there.
    let committed = one.apply(&schedule);
    assert_ne!((other.expects, other.expects_last_tick), (committed.life.revision, committed.life.last_tick));
    assert_eq!(refused(&committed, due(), "2026-11-24T10:00:00Z"), Refusal::NotDue);
}

#[test]
fn rule_21_a_clock_set_back_fires_nothing_again() {
    let schedule = schedule("0 * * * *", "UTC", "2026-11-24T09:30:00Z", |_| {});
    let fired = after(&schedule, due(), "2026-11-24T10:00:00Z");
    for earlier in ["2026-11-24T09:59:59Z", "2026-11-24T10:00:00Z", "2020-01-01T00:00:00Z", "1969-01-01T00:00:00Z"] {
        assert_eq!(refused(&fired, due(), earlier), Refusal::NotDue, "{earlier}");
        let switched = after(&after(&fired, Event::Disabled, earlier), Event::Enabled, earlier);
        assert!(switched.life.next_tick > switched.life.last_tick, "{earlier}");
    }
}

#[test]
fn a_plan_made_by_a_clock_that_ran_ahead_is_made_anew() {
    // Accepted while the clock showed a year too late.
    let schedule = schedule("0 2 * * *", "UTC", "2027-11-24T09:30:00Z", |_| {});
    assert_eq!(schedule.due_at(), Some(at("2027-11-25T02:00:00Z")));
    let again = after(&schedule, Event::ClockSet, "2026-11-24T09:30:00Z");
    assert_eq!(again.due_at(), Some(at("2026-11-25T02:00:00Z")));
    assert_eq!(refused(&again, Event::ClockSet, "2026-11-24T09:30:00Z"), Refusal::NothingToDo);
    assert_eq!(refused(&again, Event::ClockSet, "2026-11-24T09:29:59Z"), Refusal::NothingToDo, "the same tick");
}

#[test]
fn rule_21_what_a_clock_fired_that_ran_ahead_is_not_fired_again() {
    let schedule = schedule("0 2 * * *", "UTC", "2026-11-24T09:30:00Z", |_| {});
    let ahead = after(&schedule, due(), "2027-11-24T09:30:00Z");
    assert_eq!(ahead.life.last_tick, Some(at("2027-11-24T02:00:00Z")));
    assert_eq!(refused(&ahead, Event::ClockSet, "2026-11-24T09:31:00Z"), Refusal::NothingToDo);
    assert_eq!(ahead.due_at(), Some(at("2027-11-25T02:00:00Z")));
}

#[test]
fn ticks_that_wait_to_be_decided_survive_a_clock_set_back() {
    let schedule = schedule("0 * * * *", "UTC", "2026-11-24T09:30:00Z", |_| {});
    assert_eq!(refused(&schedule, Event::ClockSet, "2026-11-24T12:00:00Z"), Refusal::NothingToDo);
    assert_eq!(refused(&schedule, Event::ClockSet, "2026-11-24T09:29:00Z"), Refusal::NothingToDo);
    assert_eq!(schedule.life.next_tick, Some(at("2026-11-24T10:00:00Z")));
}

/// One step by chance of a machine whose clock cannot be trusted.
fn jump(dice: &mut Dice, clock: &Clock, now: Timestamp) -> Clock {
    let back = |span: u64| Clock::manual(now.minus(Duration::from_secs(span)));
    match dice.between(0, 9) {
        0 => back(dice.between(1, 600)),
        1 => back(dice.between(1, 90_000)),
        2 => {
            clock.advance(Duration::from_secs(dice.between(600, 90_000)));
            clock.clone()
        }
        _ => {
            clock.advance(Duration::from_millis(dice.between(1, 400_000)));
            clock.clone()
        }
    }
}

#[test]
fn rule_21_no_sequence_of_jumps_and_restarts_fires_a_tick_twice() {
    let seed = seed();
    let mut dice = Dice(seed);
    for round in 0..40 {
        let misfire = MisfirePolicy::ALL[dice.between(0, 2) as usize];
        let text = ["*/5 * * * *", "*/20 * * * * *", "30 2 * * *"][dice.between(0, 2) as usize];
        let mut schedule = schedule(text, "Europe/Berlin", "2026-10-24T20:00:00Z", |spec| spec.misfire = misfire);
        // More jitter than would be accepted: ticks then come due out of order.
        let jitter_seconds = dice.between(0, 90) as u32;
        schedule.spec = Arc::new(Spec { jitter_seconds, ..(*schedule.spec).clone() });
        let mut clock = Clock::manual(at("2026-10-24T20:00:00Z"));
        let mut seen = HashSet::new();
        let mut stale: Option<Schedule> = None;
        for _ in 0..400 {
            clock = jump(&mut dice, &clock, clock.now());
            let now = clock.now();
            // Sometimes a node decides on what it read before another one committed.
            let read = stale.take().filter(|_| dice.one_in(2)).unwrap_or_else(|| schedule.clone());
            let event = match dice.between(0, 11) {
                0 => Event::ClockSet,
                1 => Event::Disabled,
                2 => Event::Enabled,
                3 => Event::Paused { until: Some(now.plus(Duration::from_secs(dice.between(1, 5_000)))) },
                4 => Event::Resumed,
                _ => due(),
            };
            let Ok(step) = decide(&read, event, now) else { continue };
            if (step.expects, step.expects_last_tick) != (schedule.life.revision, schedule.life.last_tick) {
                continue;
            }
            if dice.one_in(3) {
                stale = Some(schedule.clone());
            }
            for (tick, job) in step.firing.ticks.iter().zip(&step.jobs) {
                assert!(seen.insert(tick.at), "seed {seed}, round {round}: {} fired twice", tick.at);
                assert_eq!(job.options.scheduled_for, Some(tick.at));
                assert!(schedule.life.last_tick < Some(tick.at), "seed {seed}, round {round}");
            }
            schedule = step.apply(&schedule);
            assert!(schedule.life.next_tick.is_none_or(|next| Some(next) > schedule.life.last_tick));
        }
    }
}
