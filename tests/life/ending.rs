//! How a try ends: success, failure, time-out; which of them are tried again, and when.

use std::time::Duration;

use faena::job::{Event, Outcome, Refusal, ResultRef, RetryPolicy, Status, Visibility};
use faena::limits;

use crate::factory::*;

#[test]
fn success_completes_with_the_result_and_a_hundred_percent() {
    let result = ResultRef::Url("data:application/json;base64,e30=".into());
    let job = after(after(running(), progressed(1, 40), 200), state_saved(1, "9"), 210);
    let event = Event::Succeeded { epoch: 1, result: Some(result.clone()), follow_ups: Vec::new() };
    let step = applied(&job, event.clone(), 300);
    assert_eq!(step.visibility, Visibility::Durable);
    let job = after(job, event, 300);
    let end = job.end().unwrap();
    assert_eq!((job.status(), end.outcome, end.dead), (Status::Completed, Outcome::Success, false));
    assert_eq!((end.started_at, end.at, end.holder.clone()), (Some(at(100)), at(300), Some(holder())));
    assert_eq!((end.result.clone(), end.error.clone()), (Some(result), None));
    assert_eq!(job.life.progress.percent, 100);
    assert_eq!(job.life.saved, None, "nobody needs it any more");
}

#[test]
fn follow_ups_come_with_the_success_and_with_nothing_else() {
    let follow_up = new_job();
    let success = Event::Succeeded { epoch: 1, result: None, follow_ups: vec![follow_up.clone()] };
    assert_eq!(applied(&running(), success.clone(), 300).follow_ups, [follow_up]);
    assert!(applied(&asked_to_stop(), success, 300).follow_ups.is_empty(), "a cancelled job has no successors");
    assert!(applied(&running(), failed(1), 300).follow_ups.is_empty());
}

#[test]
fn the_last_try_is_part_of_the_ending() {
    let job = after(running(), succeeded(1), 300);
    let last = job.last_attempt().unwrap();
    assert_eq!((last.number, last.started_at, last.ended_at), (1, at(100), at(300)));
    assert_eq!((last.outcome, last.error), (Outcome::Success, None));
    assert!(job.attempts().is_empty());
}

#[test]
fn a_failure_waits_by_its_backoff_and_counts() {
    let mut job = waiting();
    let mut now = 0;
    for (failures, pause) in [(1, 1_000), (2, 2_000), (3, 4_000)] {
        now = job.run_at().unwrap().as_millis().max(now) + 10;
        job = claimed_at(job, now);
        assert_eq!(job.life.attempt, failures);
        job = after(job, failed(failures), now + 5);
        assert_eq!(job.status(), Status::Queued);
        assert_eq!(job.run_at(), Some(at(now + 5 + pause)), "pause {failures}");
        assert_eq!((job.life.failures, job.life.crashes), (failures, 0));
        let attempt = job.attempts().last().unwrap();
        assert_eq!((attempt.number, attempt.outcome), (failures, Outcome::Failed));
        assert_eq!((attempt.started_at, attempt.ended_at), (at(now), at(now + 5)));
        assert_eq!(attempt.error.as_deref(), Some(&error()));
        assert_eq!(attempt.holder, holder());
    }
}

#[test]
fn the_failure_after_the_last_retry_makes_a_dead_letter() {
    let mut job = waiting();
    for failures in 1..=4 {
        let due = job.run_at().unwrap().as_millis();
        job = after(claimed_at(job, due), failed(failures), due + 1);
    }
    let end = job.end().unwrap();
    assert_eq!((job.status(), end.outcome, end.dead), (Status::Failed, Outcome::Failed, true));
    assert_eq!(end.error.as_deref(), Some(&error()));
    assert_eq!((job.life.failures, job.life.attempt, job.attempts_max()), (4, 4, 4));
    assert_eq!(job.attempts().len(), 3, "the fourth try is the ending");
}

#[test]
fn a_failure_for_good_is_final_whatever_retries_are_left() {
    let job = dead();
    assert!(job.end().unwrap().dead);
    assert_eq!((job.life.failures, job.status()), (1, Status::Failed));
}

#[test]
fn a_failure_keeps_the_saved_state_for_the_next_try() {
    let job = after(after(running(), state_saved(1, "9"), 200), failed(1), 300);
    assert_eq!(job.life.saved.as_deref(), Some("9"));
}

#[test]
fn rule_24_a_service_that_asks_for_a_longer_pause_gets_it() {
    let ask = |span| Event::Failed { epoch: 1, error: error(), retryable: true, retry_after: Some(span) };
    let again = |span| after(running(), ask(span), 300).run_at();
    assert_eq!(again(Duration::from_secs(30)), Some(at(30_300)));
    assert_eq!(again(Duration::from_millis(5)), Some(at(1_300)), "a shorter one does not undercut the backoff");
    assert_eq!(again(Duration::MAX), Some(at(300).plus(limits::RETRY_DELAY_MAX)), "nor is it followed for ever");
}

#[test]
fn a_time_out_is_a_failure_of_its_own_kind() {
    let job = claimed_at(new_job().timeout(Duration::from_millis(2_500)).accept(1, at(0)), 100);
    let job = after(job, Event::TimedOut { epoch: 1 }, 2_600);
    assert_eq!((job.run_at(), job.life.failures), (Some(at(3_600)), 1));
    let attempt = job.attempts().last().unwrap();
    let error = attempt.error.as_ref().unwrap();
    assert_eq!((attempt.outcome, &*error.kind), (Outcome::Timeout, "timeout"));
    assert!(error.message.contains("2.5 s"), "{}", error.message);
}

#[test]
fn a_time_out_of_the_last_try_makes_a_dead_letter() {
    let job = claimed_at(new_job().retry(RetryPolicy::never()).accept(1, at(0)), 100);
    let job = after(job, Event::TimedOut { epoch: 1 }, 5_100);
    let end = job.end().unwrap();
    assert_eq!((end.outcome, end.dead, job.status()), (Outcome::Timeout, true, Status::Failed));
}

#[test]
fn rule_16_every_ending_is_told_apart() {
    let leased = after(waiting(), Event::Claimed { holder: holder(), lease_until: Some(at(900)) }, 100);
    let ends = [
        (succeeded(1), None),
        (failed(1), Some("error")),
        (Event::TimedOut { epoch: 1 }, Some("timeout")),
        (released(1), Some("released")),
        (Event::LeaseLost { epoch: 1 }, Some("lost")),
        (Event::Crashed { epoch: 1 }, Some("crashed")),
    ];
    let mut outcomes = Vec::new();
    for (event, kind) in ends {
        let millis = if kind == Some("lost") { 1_000 } else { 800 };
        let job = after(leased.clone(), event, millis);
        let attempt = job.last_attempt().or_else(|| job.attempts().last().cloned()).unwrap();
        assert_eq!(attempt.error.as_ref().map(|error| &*error.kind), kind);
        outcomes.push(attempt.outcome);
    }
    outcomes.push(after(asked_to_stop(), Event::Stopped { epoch: 1 }, 1_000).end().unwrap().outcome);
    assert_eq!(outcomes.len(), Outcome::ALL.len());
    assert!(Outcome::ALL.iter().all(|outcome| outcomes.contains(outcome)), "{outcomes:?}");
}

#[test]
fn rule_11_a_second_report_of_the_same_ending_changes_nothing() {
    for ended in [after(running(), succeeded(1), 300), dead(), after(running(), failed(1), 300)] {
        for event in [succeeded(1), failed(1), released(1), progressed(1, 50)] {
            assert_eq!(refused(&ended, event, 400), Refusal::Stale);
        }
    }
}

#[test]
fn rule_26_only_the_latest_tries_are_remembered() {
    let policy = RetryPolicy { max_retries: 200, delay_ms: 0, ..policy() };
    let mut job = new_job().retry(policy).accept(1, at(0));
    for failures in 1..=120 {
        job = after(claimed_at(job, i64::from(failures)), failed(failures), i64::from(failures));
    }
    assert_eq!(job.attempts().len(), limits::ATTEMPTS_KEPT_MAX);
    let numbers: Vec<_> = job.attempts().iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (71..=120).collect::<Vec<_>>());
    assert_eq!(job.life.failures, 120, "what is forgotten is still counted");
}
