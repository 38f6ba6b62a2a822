//! Rule 23: what becomes of ticks that nobody was there for is the schedule's own to say, and bounded.

use faena::limits;
use faena::schedule::{MisfirePolicy, Refusal, Schedule, Transition};

use crate::factory::{after, applied, at, due, fired, refused, schedule};

/// Every five minutes in UTC, accepted at 08:00 and last fired at 10:00.
fn at_ten(misfire: MisfirePolicy) -> Schedule {
    let schedule = schedule("*/5 * * * *", "UTC", "2026-11-24T09:55:00Z", |spec| spec.misfire = misfire);
    after(&schedule, due(), "2026-11-24T10:00:00Z")
}

fn counts(transition: &Transition) -> (u64, u64) {
    (transition.firing.missed, transition.firing.caught_up)
}

#[test]
fn a_tick_on_time_fires_under_every_policy() {
    for misfire in MisfirePolicy::ALL {
        let schedule = at_ten(*misfire);
        assert_eq!(schedule.due_at(), Some(at("2026-11-24T10:05:00Z")));
        assert_eq!(refused(&schedule, due(), "2026-11-24T10:04:59.999Z"), Refusal::NotDue);
        for now in ["2026-11-24T10:05:00Z", "2026-11-24T10:05:09Z", "2026-11-24T10:05:10Z"] {
            let step = applied(&schedule, due(), now);
            assert_eq!((fired(&step), counts(&step)), (vec!["10:05:00".to_owned()], (0, 0)), "{misfire} at {now}");
            assert_eq!(step.next.last_tick, Some(at("2026-11-24T10:05:00Z")));
            assert_eq!(step.next.next_tick, Some(at("2026-11-24T10:10:00Z")));
            assert_eq!(step.next.tally.missed, 0);
        }
    }
}

#[test]
fn rule_23_a_missed_tick_is_caught_up_with_or_passed_over() {
    for (misfire, expected, missed) in [
        (MisfirePolicy::FireOnce, vec!["10:05:00"], 0),
        (MisfirePolicy::FireAll, vec!["10:05:00"], 0),
        (MisfirePolicy::Skip, vec![], 1),
    ] {
        let step = applied(&at_ten(misfire), due(), "2026-11-24T10:05:10.001Z");
        assert_eq!(fired(&step), expected, "{misfire}");
        assert_eq!((step.firing.missed, step.next.tally.missed), (1, missed), "{misfire}");
        assert_eq!(step.next.last_tick, Some(at("2026-11-24T10:05:00Z")), "{misfire}: it is decided either way");
        assert_eq!(step.next.next_tick, Some(at("2026-11-24T10:10:00Z")), "{misfire}");
    }
}

#[test]
fn rule_23_several_missed_ticks_and_one_on_time() {
    // 10:05 to 10:20 were missed, 10:25 is on time.
    let now = "2026-11-24T10:25:03Z";
    let once = applied(&at_ten(MisfirePolicy::FireOnce), due(), now);
    assert_eq!((fired(&once), counts(&once)), (vec!["10:25:00".to_owned()], (4, 0)));
    assert_eq!(once.next.tally.missed, 4);
    let skip = applied(&at_ten(MisfirePolicy::Skip), due(), now);
    assert_eq!((fired(&skip), counts(&skip)), (vec!["10:25:00".to_owned()], (4, 0)));
    let all = applied(&at_ten(MisfirePolicy::FireAll), due(), now);
    assert_eq!(fired(&all), ["10:05:00", "10:10:00", "10:15:00", "10:20:00", "10:25:00"]);
    assert_eq!((counts(&all), all.next.tally.missed), ((4, 4), 0));
    for step in [once, skip, all] {
        assert_eq!(step.next.next_tick, Some(at("2026-11-24T10:30:00Z")));
        assert_eq!(step.next.last_tick, Some(at("2026-11-24T10:25:00Z")));
        assert_eq!(step.jobs.len(), step.firing.ticks.len());
    }
}

#[test]
fn rule_23_one_job_stands_for_all_that_were_missed() {
    let step = applied(&at_ten(MisfirePolicy::FireOnce), due(), "2026-11-24T10:23:00Z");
    assert_eq!((fired(&step), counts(&step)), (vec!["10:20:00".to_owned()], (4, 1)));
    assert_eq!(step.next.tally.missed, 3);
}

#[test]
fn rule_23_fire_all_fires_the_most_recent_ones_up_to_its_bound() {
    let mut spec = (*at_ten(MisfirePolicy::FireAll).spec).clone();
    spec.catch_up_max = 3;
    let schedule = Schedule { spec: spec.into(), ..at_ten(MisfirePolicy::FireAll) };
    let step = applied(&schedule, due(), "2026-11-24T12:02:00Z");
    assert_eq!(fired(&step), ["11:50:00", "11:55:00", "12:00:00"]);
    assert_eq!((counts(&step), step.next.tally.missed), ((24, 3), 21));
    // Those that are late by little stand beside those that are late by hours.
    let step = applied(&schedule, due(), "2026-11-24T12:00:12Z");
    assert_eq!(fired(&step), ["11:50:00", "11:55:00", "12:00:00"]);
}

#[test]
fn rule_23_the_work_is_bounded_when_years_were_missed() {
    for misfire in MisfirePolicy::ALL {
        let change = |spec: &mut faena::schedule::Spec| {
            spec.misfire = *misfire;
            spec.catch_up_max = limits::CATCH_UP_MAX;
        };
        let schedule = schedule("* * * * * *", "Europe/Berlin", "2021-11-24T10:00:00Z", change);
        let step = applied(&schedule, due(), "2026-11-24T10:00:00Z");
        // Five years, with one leap day.
        let seconds = (5 * 365 + 1) * 86_400;
        let grace = limits::MISFIRE_GRACE.as_secs() + 1;
        assert_eq!(step.next.last_tick, Some(at("2026-11-24T10:00:00Z")));
        assert_eq!(step.next.next_tick, Some(at("2026-11-24T10:00:01Z")));
        let (count, missed) = match misfire {
            MisfirePolicy::FireOnce => (1, seconds - 1),
            MisfirePolicy::Skip => (grace, seconds - grace),
            MisfirePolicy::FireAll => (grace + 1_000, seconds - grace),
        };
        assert_eq!((step.firing.ticks.len() as u64, step.firing.missed), (count, missed), "{misfire}");
        assert_eq!(
            step.next.tally.missed + step.firing.ticks.len() as u64,
            seconds,
            "{misfire}: each is accounted for"
        );
        assert!(step.firing.ticks.is_sorted_by(|one, next| one.at < next.at));
    }
}

#[test]
fn a_scheduler_that_was_slow_for_a_moment_drops_nothing() {
    let schedule = schedule("* * * * * *", "UTC", "2026-11-24T10:00:00Z", |_| {});
    let step = applied(&schedule, due(), "2026-11-24T10:00:04.200Z");
    assert_eq!(fired(&step), ["10:00:01", "10:00:02", "10:00:03", "10:00:04"]);
    assert_eq!(step.firing.missed, 0);
}

#[test]
fn the_end_bounds_what_is_caught_up_with() {
    let schedule = schedule("0 * * * *", "UTC", "2026-11-24T10:30:00Z", |spec| {
        spec.misfire = MisfirePolicy::FireAll;
        spec.end_at = Some(at("2026-11-24T13:00:00Z"));
    });
    let step = applied(&schedule, due(), "2026-11-25T10:00:00Z");
    assert_eq!(fired(&step), ["11:00:00", "12:00:00", "13:00:00"]);
    assert_eq!(step.next.next_tick, None);
    assert_eq!(refused(&step.apply(&schedule), due(), "2027-01-01T00:00:00Z"), Refusal::NotDue);
}

#[test]
fn a_tick_that_a_clock_change_moves_is_caught_up_with_too() {
    let schedule = schedule("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", |_| {});
    let step = applied(&schedule, due(), "2026-03-29T09:00:00Z");
    assert_eq!(fired(&step), ["2026-03-29T01:00:00"], "the first instant after the gap");
    assert_eq!(step.next.next_tick, Some(at("2026-03-30T00:30:00Z")));
}
