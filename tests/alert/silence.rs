//! When a schedule misses an execution: what ought to have been and was not.

use faena::alert::silent_for;
use faena::clock::Timestamp;
use faena::job::{JobId, Name};
use faena::schedule::{Event, MisfirePolicy, NewSchedule, Schedule, Spec, Timetable, Zone, decide};

const MINUTE: i64 = 60_000;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(minutes * MINUTE)
}

/// One that ticks every ten minutes, made at the very beginning.
fn schedule(change: impl FnOnce(&mut Spec)) -> Schedule {
    let timetable = Timetable::new("*/10 * * * *".parse().unwrap(), Zone::utc());
    let mut spec = Spec::new("s", Name::new("work").unwrap(), timetable);
    change(&mut spec);
    NewSchedule::new(spec).accept(at(0))
}

fn after(schedule: &Schedule, event: Event, now: i64) -> Schedule {
    decide(schedule, event, at(now)).unwrap().apply(schedule)
}

fn fired(schedule: &Schedule, now: i64) -> Schedule {
    after(schedule, Event::Due { live: Vec::new() }, now)
}

fn silent(schedule: &Schedule, now: i64) -> Option<i64> {
    silent_for(schedule, at(now)).map(|millis| millis as i64 / MINUTE)
}

#[test]
fn one_that_fires_in_time_misses_nothing() {
    let mut schedule = schedule(|_| {});
    for tick in [10, 20, 30] {
        assert_eq!(silent(&schedule, tick - 1), None);
        assert_eq!(silent(&schedule, tick), Some(0), "due");
        schedule = fired(&schedule, tick);
        assert_eq!(silent(&schedule, tick), None);
    }
}

#[test]
fn a_tick_that_nobody_decides_counts_from_when_it_was_due() {
    let schedule = fired(&schedule(|_| {}), 10);
    assert_eq!([19, 20, 25, 90].map(|now| silent(&schedule, now)), [None, Some(0), Some(5), Some(70)]);
}

#[test]
fn ticks_that_are_passed_over_count_from_the_latest_execution() {
    // The job of the first tick hangs: the further ones are passed over.
    let hanging = fired(&schedule(|_| {}), 10);
    let mut passed = hanging;
    for tick in [20, 30, 40] {
        passed = after(&passed, Event::Due { live: vec![JobId::new()] }, tick);
        assert_eq!(silent(&passed, tick + 1), Some(tick + 1 - 10));
    }
    let asked = after(&passed, Event::RunAsked { payload: None }, 45);
    assert_eq!(silent(&asked, 46), None, "an execution by hand is one");
    // The server was down, and the policy does not catch up.
    let skipping = fired(&schedule(|spec| spec.misfire = MisfirePolicy::Skip), 10);
    let back = after(&skipping, Event::Due { live: Vec::new() }, 95);
    assert_eq!(silent(&back, 96), Some(86));
    assert_eq!(silent(&fired(&back, 100), 100), None);
}

#[test]
fn what_is_not_to_fire_misses_nothing() {
    let schedule = schedule(|_| {});
    let off = after(&schedule, Event::Disabled, 1);
    assert_eq!(silent(&off, 99), None);
    assert_eq!(silent(&after(&off, Event::Enabled, 99), 99), None, "and nothing of before is held against it");
    let held = after(&schedule, Event::Paused { until: None }, 1);
    assert_eq!(silent(&held, 99), None);
    let until = after(&schedule, Event::Paused { until: Some(at(55)) }, 1);
    assert_eq!([54, 59, 60, 65].map(|now| silent(&until, now)), [None, None, Some(0), Some(5)]);
    let mut spec = Spec::clone(&schedule.spec);
    spec.end_at = Some(at(15));
    let ended = fired(&after(&schedule, Event::Edited { spec: spec.into() }, 2), 10);
    assert_eq!(silent(&ended, 99), None, "it has come to its end");
}
