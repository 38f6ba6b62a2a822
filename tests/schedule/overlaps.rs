//! What becomes of a tick while an earlier job of its schedule has not ended.

use faena::job::JobId;
use faena::limits;
use faena::schedule::{Event, MisfirePolicy, OverlapPolicy, Schedule};

use crate::factory::{applied, at, due, fired, schedule};

fn hourly(overlap: OverlapPolicy) -> Schedule {
    schedule("0 * * * *", "UTC", "2026-11-24T09:30:00Z", |spec| spec.overlap = overlap)
}

fn due_beside(live: usize) -> Event {
    Event::Due { live: (0..live).map(|_| JobId::new()).collect() }
}

const NOW: &str = "2026-11-24T10:00:01Z";

#[test]
fn skip_passes_the_tick_over_and_goes_on() {
    let step = applied(&hourly(OverlapPolicy::Skip), due_beside(1), NOW);
    assert!(step.jobs.is_empty() && step.cancels.is_empty() && step.firing.ticks.is_empty());
    assert_eq!((step.firing.overlapped, step.next.tally.overlapped, step.next.tally.total), (1, 1, 0));
    assert_eq!(step.next.last_tick, Some(at("2026-11-24T10:00:00Z")), "it is decided");
    assert_eq!(step.next.next_tick, Some(at("2026-11-24T11:00:00Z")));
}

#[test]
fn queue_fires_and_the_job_waits_its_turn() {
    let schedule = hourly(OverlapPolicy::Queue);
    let step = applied(&schedule, due_beside(2), NOW);
    assert_eq!(fired(&step), ["10:00:00"]);
    assert!(step.cancels.is_empty());
    let turn = step.jobs[0].options.concurrency.as_ref().unwrap();
    assert_eq!((&*turn.key, turn.limit), (&*format!("schedule:{}", schedule.id), 1));
}

#[test]
fn cancel_running_fires_and_asks_the_others_to_stop() {
    let event = due_beside(2);
    let Event::Due { live } = event.clone() else { unreachable!() };
    let step = applied(&hourly(OverlapPolicy::CancelRunning), event, NOW);
    assert_eq!(fired(&step), ["10:00:00"]);
    assert_eq!(step.cancels, live);
    assert!(step.jobs[0].options.concurrency.is_some(), "it follows them once they have stopped");
}

#[test]
fn allow_fires_beside_them() {
    let step = applied(&hourly(OverlapPolicy::Allow), due_beside(2), NOW);
    assert_eq!(fired(&step), ["10:00:00"]);
    assert!(step.cancels.is_empty() && step.jobs[0].options.concurrency.is_none());
}

#[test]
fn a_singleton_never_runs_twice_whatever_its_policy() {
    for overlap in OverlapPolicy::ALL {
        let schedule = schedule("0 * * * *", "UTC", "2026-11-24T09:30:00Z", |spec| {
            spec.overlap = *overlap;
            spec.singleton = true;
        });
        assert!(applied(&schedule, due(), NOW).jobs[0].options.concurrency.is_some(), "{overlap}");
        let asked = applied(&schedule, Event::RunAsked { payload: None }, NOW);
        assert!(asked.jobs[0].options.concurrency.is_some(), "{overlap}");
    }
}

#[test]
fn nothing_live_is_no_overlap() {
    for overlap in OverlapPolicy::ALL {
        let step = applied(&hourly(*overlap), due(), NOW);
        assert_eq!(fired(&step), ["10:00:00"], "{overlap}");
        assert!(step.cancels.is_empty(), "{overlap}");
    }
}

#[test]
fn rule_29_a_job_that_is_slower_than_its_period_does_not_fill_the_queue() {
    for overlap in [OverlapPolicy::Queue, OverlapPolicy::Allow] {
        let below = applied(&hourly(overlap), due_beside(limits::OVERLAP_MAX - 1), NOW);
        assert_eq!(below.jobs.len(), 1);
        let full = applied(&hourly(overlap), due_beside(limits::OVERLAP_MAX), NOW);
        assert_eq!((full.jobs.len(), full.firing.overlapped), (0, 1), "{overlap}");
    }
}

#[test]
fn several_ticks_of_one_firing_follow_each_other() {
    let schedule = schedule("0 * * * *", "UTC", "2026-11-24T06:30:00Z", |spec| spec.misfire = MisfirePolicy::FireAll);
    let step = applied(&schedule, due(), "2026-11-24T10:30:00Z");
    assert_eq!(step.jobs.len(), 4);
    assert!(step.jobs.iter().all(|job| job.options.concurrency == step.jobs[0].options.concurrency));
    assert!(step.jobs[0].options.concurrency.is_some());
    // And none of them when one of yesterday is still there.
    let beside = applied(&schedule, due_beside(1), "2026-11-24T10:30:00Z");
    assert_eq!((beside.jobs.len(), beside.firing.overlapped, beside.firing.caught_up), (0, 4, 0));
}
