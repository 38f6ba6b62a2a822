//! Failures: told with their place, tried again when that makes sense, and never the next job's problem.

use std::sync::Arc;
use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::job::{Job, Name, NewJob, Outcome, RetryPolicy, Status};
use faena::store::Group;
use faena::work::{Completion, Failure};

use crate::house::{Waits, computes, done, ended, job, numbered, retries, start, start_at, until, waits};

fn error_of(job: &Job) -> (String, String, String) {
    let error = job.end().unwrap().error.clone().unwrap();
    let trace = error.stack_trace.as_deref().unwrap_or_default().to_owned();
    (error.kind.to_string(), error.message.to_string(), trace)
}

#[tokio::test]
async fn rule_18_a_panic_is_a_failure_with_its_place() {
    let blocking = computes(|number, _| match number {
        0 => panic!("boom {}", 6 + 1),
        1 => std::panic::panic_any(5),
        _ => Ok(Completion::Done),
    });
    let waiting = waits(|number, _| async move {
        tokio::task::yield_now().await;
        match number {
            0 => panic!("boom {}", 6 + 1),
            1 => std::panic::panic_any(5),
            _ => Ok(Completion::Done),
        }
    });
    for registry in [blocking, waiting] {
        let faena = start(registry).await;
        let (kind, message, trace) = error_of(&*done(&faena, numbered(0)).await);
        assert_eq!((&*kind, &*message), ("panic", "boom 7"));
        let place = trace.lines().next().unwrap();
        assert!(place.starts_with("at tests/work/failing.rs:"), "{place}");
        let (kind, message, _) = error_of(&*done(&faena, numbered(1)).await);
        assert_eq!((&*kind, &*message), ("panic", "the processor panicked"));
        assert_eq!(done(&faena, numbered(2)).await.status(), Status::Completed, "the pool lives on");
    }
}

#[tokio::test]
async fn a_panic_inside_of_rayon_is_caught_too() {
    let faena = start(computes(|_, _| {
        use rayon::prelude::*;
        let sum: u64 = (0..1_000_u64).into_par_iter().map(|n| if n == 500 { panic!("at 500") } else { n }).sum();
        Completion::json(&sum)
    }))
    .await;
    let (kind, message, _) = error_of(&*done(&faena, job("task")).await);
    assert_eq!((&*kind, &*message), ("panic", "at 500"));
}

#[tokio::test]
async fn a_panic_is_tried_again() {
    let faena = start(computes(|_, ctx| match ctx.attempt() {
        1 => panic!("once"),
        _ => Ok(Completion::Done),
    }))
    .await;
    let job = done(&faena, job("task").retry(retries(1))).await;
    assert_eq!((job.status(), job.life.attempt, job.life.failures), (Status::Completed, 2, 1));
}

/// With a clock that stands still, so that every pause is exact.
#[tokio::test]
async fn rule_24_tries_are_further_and_further_apart() {
    let clock = Clock::manual(Timestamp::from_millis(1_000_000));
    let registry = computes(|_, _| Err(Failure::new("not today")));
    let registry = registry.asynchronous("hint", Waits(|_, _| async { Ok(Completion::Done) }));
    let faena = start_at(registry, clock.clone()).await;
    let policy =
        RetryPolicy { max_retries: 3, delay_ms: 60_000, max_delay_ms: 150_000, jitter: 0.0, exponential: true };
    let id = faena.service().enqueue(job("task").retry(policy)).await.unwrap().id;
    for (failures, pause) in [(1, 60_000), (2, 120_000), (3, 150_000)] {
        let waiting = until(&faena, id, |job| job.life.failures == failures && job.run_at().is_some()).await;
        assert_eq!(waiting.run_at(), Some(clock.now().plus_millis(pause)), "after failure {failures}");
        clock.advance(Duration::from_millis(pause - 1));
        // What is ready now is claimed with the hint, or not at all.
        done(&faena, job("hint")).await;
        assert_eq!(faena.service().job(id).await.unwrap().life, waiting.life, "its time has not come");
        clock.advance(Duration::from_millis(1));
        faena.service().enqueue(job("hint")).await.unwrap();
    }
    let dead = ended(&faena, id).await;
    assert_eq!((dead.status(), dead.life.attempt, dead.end().unwrap().dead), (Status::Failed, 4, true));
    assert_eq!(dead.attempts().len() + 1, 4);
}

#[tokio::test]
async fn a_failure_may_ask_for_a_longer_pause_or_for_none_at_all() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let registry = computes(|number, _| match number {
        0 => Err(Failure::new("come back later").retry_after(Duration::from_secs(600))),
        _ => Err(Failure::permanent("never").kind("bad_file").stack_trace("line 3")),
    });
    let faena = start_at(registry, clock).await;
    let id = faena.service().enqueue(numbered(0).retry(retries(5))).await.unwrap().id;
    let waiting = until(&faena, id, |job| job.life.failures == 1 && job.run_at().is_some()).await;
    assert_eq!(waiting.run_at(), Some(Timestamp::from_millis(600_000)));

    let dead = done(&faena, numbered(1).retry(retries(5))).await;
    assert_eq!((dead.life.attempt, dead.end().unwrap().dead), (1, true), "no retry mends it");
    assert_eq!(error_of(&dead), ("bad_file".to_owned(), "never".to_owned(), "line 3".to_owned()));
}

#[tokio::test]
async fn any_error_becomes_a_failure_with_its_causes() {
    let faena = start(computes(|_, _| {
        std::fs::read("/nowhere/to be found")?;
        Ok(Completion::Done)
    }))
    .await;
    let (kind, message, _) = error_of(&*done(&faena, job("task")).await);
    assert_eq!(kind, "error");
    assert!(message.starts_with("No such file or directory"), "{message}");
}

/// Jobs that came past the service: from an older version, or from another node.
#[tokio::test]
async fn rule_31_a_job_that_nobody_understands_is_its_own_problem() {
    let faena = start(computes(|_, _| Ok(Completion::Done))).await;
    let raw = |sub_type: &str, payload: &'static str| NewJob::new(Name::new(sub_type).unwrap(), payload);
    let strange = [raw("task", "[1, 2]"), raw("task", "{\"number\": \"seven\"}"), raw("task", "{")];
    let ids: Vec<_> = strange.iter().map(|job| job.id).collect();
    let unknown = raw("nobody", "{}");
    let unknown_id = unknown.id;
    let inserts = strange.into_iter().chain([unknown]).map(Into::into).collect();
    let service = faena.service();
    service.store().insert(inserts, Group::Each, service.now()).await.unwrap();
    for id in ids {
        let refused = ended(&faena, id).await;
        let tries: Vec<_> = service.tries(id).await.unwrap().iter().map(|one| one.outcome()).collect();
        assert_eq!(tries, [Some(Outcome::Failed)], "no retry mends it");
        assert_eq!(error_of(&refused).0, "invalid_payload");
    }
    assert_eq!(done(&faena, job("task")).await.status(), Status::Completed, "the worker goes on");
    let left: Arc<Job> = service.job(unknown_id).await.unwrap();
    assert_eq!((left.status(), left.life.epoch), (Status::Queued, 0), "it waits for somebody who knows it");
}
