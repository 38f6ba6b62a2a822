//! Tries that end without a verdict on the job: a drain, a lost holder, a crash. They burn no retry.

use faena::job::{Event, Job, Outcome, Refusal, RetryPolicy, Status};
use faena::limits;

use crate::factory::*;

fn leased() -> Job {
    after(waiting(), Event::Claimed { holder: holder(), lease_until: Some(at(900)) }, 100)
}

#[test]
fn a_drain_gives_back_at_once_with_its_reason() {
    let job = after(after(running(), state_saved(1, "9"), 200), released(1), 300);
    assert_eq!((job.status(), job.run_at()), (Status::Queued, Some(at(300))));
    assert_eq!(job.life.saved.as_deref(), Some("9"));
    let attempt = job.attempts().last().unwrap();
    let error = attempt.error.as_ref().unwrap();
    assert_eq!((attempt.number, attempt.outcome), (1, Outcome::Released));
    assert_eq!((&*error.kind, &*error.message), ("released", "shutdown"));
    assert_eq!((attempt.started_at, attempt.ended_at), (at(100), at(300)));
}

#[test]
fn rule_04_a_hundred_restarts_burn_no_retry() {
    let mut job = new_job().retry(RetryPolicy::never()).accept(1, at(0));
    for epoch in 1..=100 {
        job = claimed_at(job, i64::from(epoch));
        assert_eq!((job.life.epoch, job.life.attempt), (epoch, 1));
        job = after(job, released(epoch), i64::from(epoch));
    }
    assert_eq!((job.life.failures, job.life.crashes), (0, 0));
    assert_eq!(after(claimed_at(job, 500), succeeded(101), 600).status(), Status::Completed);
}

#[test]
fn rule_04_a_missing_key_burns_no_retry_and_is_waited_for_ever_longer() {
    let mut job = new_job().retry(RetryPolicy::never()).accept(1, at(0));
    let mut now = 0;
    for (epoch, minutes) in (1..).zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        job = after(claimed_at(job, now), Event::KeyMissing { epoch, reason: "its payload is closed".into() }, now + 5);
        assert_eq!((job.status(), job.run_at()), (Status::Queued, Some(at(now + 5 + minutes * 60_000))), "{epoch}");
        now += 5 + minutes * 60_000;
    }
    assert_eq!((job.life.failures, job.life.crashes), (0, 0));
    let last = job.attempts().last().unwrap();
    let error = last.error.as_ref().unwrap();
    assert_eq!(
        (last.outcome, &*error.kind, &*error.message),
        (Outcome::Released, "unreadable", "its payload is closed")
    );
    let job = claimed_at(after(claimed_at(job, now), released(9), now), now);
    let missing = Event::KeyMissing { epoch: 10, reason: "its payload is closed".into() };
    assert_eq!(after(job.clone(), missing.clone(), now).run_at(), Some(at(now + 60_000)), "it begins anew");
    assert_eq!(after(after(job, cancel_asked(), now), missing, now).status(), Status::Cancelled);
}

#[test]
fn rule_04_a_lost_worker_burns_no_retry() {
    let job = after(leased(), Event::LeaseLost { epoch: 1 }, 900);
    assert_eq!((job.status(), job.run_at()), (Status::Queued, Some(at(900))));
    assert_eq!((job.life.failures, job.life.crashes), (0, 0));
    let attempt = job.attempts().last().unwrap();
    assert_eq!((attempt.outcome, &*attempt.error.as_ref().unwrap().kind), (Outcome::Lost, "lost"));
}

#[test]
fn rule_05_a_lease_is_lost_by_silence_and_never_by_age() {
    assert_eq!(refused(&leased(), Event::LeaseLost { epoch: 1 }, 899), Refusal::NotDue);
    let renewed = after(leased(), Event::Renewed { epoch: 1, lease_until: at(5_000) }, 850);
    assert_eq!(refused(&renewed, Event::LeaseLost { epoch: 1 }, 4_999), Refusal::NotDue);
    assert_eq!(
        refused(&running(), Event::LeaseLost { epoch: 1 }, i64::MAX),
        Refusal::NotDue,
        "a holder in the store's own process has no lease to lose"
    );
}

#[test]
fn rule_03_a_crash_is_counted_apart_and_waits_a_moment() {
    let job = after(running(), Event::Crashed { epoch: 1 }, 300);
    assert_eq!((job.life.crashes, job.life.failures), (1, 0));
    assert_eq!(job.run_at(), Some(at(300).plus(limits::CRASH_DELAY)), "a crash loop is not a busy loop");
    let attempt = job.attempts().last().unwrap();
    assert_eq!((attempt.outcome, &*attempt.error.as_ref().unwrap().kind), (Outcome::Crashed, "crashed"));
}

#[test]
fn rule_03_a_job_that_keeps_killing_its_process_is_quarantined() {
    let mut job = new_job().retry(RetryPolicy { max_retries: 1_000, ..policy() }).accept(1, at(0));
    for epoch in 1..=limits::CRASHES_MAX {
        assert_eq!(job.status(), Status::Queued, "after {} crashes", epoch - 1);
        let due = job.run_at().unwrap().as_millis();
        job = after(claimed_at(job, due), Event::Crashed { epoch }, due + 1);
    }
    let end = job.end().unwrap();
    assert_eq!((end.outcome, end.dead, job.status()), (Outcome::Crashed, true, Status::Failed));
    assert_eq!((job.life.crashes, job.life.failures), (limits::CRASHES_MAX, 0));
}

#[test]
fn a_failure_between_crashes_does_not_start_their_count_anew() {
    let job = after(running(), Event::Crashed { epoch: 1 }, 300);
    let job = after(claimed_at(job, 2_000), failed(2), 2_001);
    assert_eq!((job.life.crashes, job.life.failures), (1, 1));
}
