//! `pause`, the logs, `prune`, `health` and `close`.

use std::time::Duration;

use faena::clock::Timestamp;
use faena::job::{Event, JobId, NewJob, Outcome, ResultRef, Status};
use faena::limits;
use faena::store::{Committed, Filter, Group, LogLine, Prune, StoreError};

use crate::bed::*;

pub async fn a_paused_subtype_is_not_handed_out(bed: Bed) {
    let job = bed.accept(new_job(), at(0)).await;
    bed.store().pause(name("work"), true).await.unwrap();
    let later = bed.accept(new_job().run_at(at(500)), at(0)).await;
    let claimed = bed.store().claim(claim(9), at(1)).await.unwrap();
    assert!(claimed.jobs.is_empty());
    assert_eq!(claimed.next_due, None, "there is nothing to come back for");
    assert_eq!(bed.store().paused().await.unwrap(), [name("work")]);
    bed.store().pause(name("work"), false).await.unwrap();
    assert!(bed.store().paused().await.unwrap().is_empty());
    assert_eq!(bed.claimed_ids(9, at(500)).await, [job.id, later.id]);
}

pub async fn a_pause_leaves_running_jobs_and_other_subtypes_alone(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let running = bed.claim_one(at(0)).await;
    bed.store().pause(name("work"), true).await.unwrap();
    bed.applied(&running, succeeded(1), at(1)).await;
    bed.ended(job_of("other"), Outcome::Success, at(2)).await;
}

pub async fn a_pause_survives_a_restart(bed: Bed) {
    for sub_type in ["work", "never_seen", "resumed"] {
        bed.store().pause(name(sub_type), true).await.unwrap();
    }
    bed.store().pause(name("resumed"), false).await.unwrap();
    bed.accept(new_job(), at(0)).await;
    let bed = bed.reopened(at(1));
    assert_eq!(bed.store().paused().await.unwrap(), [name("never_seen"), name("work")]);
    assert!(bed.claim(9, at(1)).await.is_empty());
}

fn line(millis: i64, text: &str) -> LogLine {
    LogLine { at: at(millis), epoch: 1, text: text.into() }
}

async fn texts(bed: &Bed, id: JobId) -> Vec<Box<str>> {
    bed.store().log(id).await.unwrap().into_iter().map(|line| line.text).collect()
}

pub async fn a_log_keeps_its_order_and_its_job(bed: Bed) {
    let (a, b) = (bed.accept(new_job(), at(0)).await.id, bed.accept(new_job(), at(0)).await.id);
    let lines = vec![(a, line(1, "a1")), (b, line(2, "b1")), (a, line(3, "a2")), (new_job().id, line(4, "lost"))];
    bed.store().append_log(lines).await.unwrap();
    bed.store().append_log(vec![(a, line(5, "a3"))]).await.unwrap();
    assert_eq!(bed.store().log(a).await.unwrap(), [line(1, "a1"), line(3, "a2"), line(5, "a3")]);
    assert_eq!(bed.store().log(b).await.unwrap(), [line(2, "b1")]);
}

pub async fn a_log_outlives_its_run_and_a_restart(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let job = bed.claim_one(at(0)).await;
    bed.store().append_log(vec![(job.id, line(1, "before"))]).await.unwrap();
    bed.applied(&job, succeeded(1), at(2)).await;
    bed.store().append_log(vec![(job.id, line(3, "after"))]).await.unwrap();
    let bed = bed.reopened(at(4));
    assert_eq!(texts(&bed, job.id).await, ["before".into(), "after".into()]);
}

pub async fn rule_26_a_log_is_bounded_and_forgets_the_oldest(bed: Bed) {
    let job = bed.accept(new_job(), at(0)).await;
    let count = limits::LOG_LINES_MAX + 150;
    for chunk in (0..count).collect::<Vec<_>>().chunks(230) {
        let lines = chunk.iter().map(|n| (job.id, line(*n as i64, &n.to_string()))).collect();
        bed.store().append_log(lines).await.unwrap();
    }
    let kept = texts(&bed, job.id).await;
    assert_eq!(kept.len(), limits::LOG_LINES_MAX);
    assert_eq!((&*kept[0], &**kept.last().unwrap()), ("150", &*(count - 1).to_string()));
}

pub async fn rule_27_jobs_that_ended_long_ago_are_forgotten_oldest_first(bed: Bed) {
    let mut ids = Vec::new();
    for (n, outcome) in
        [Outcome::Cancelled, Outcome::Success, Outcome::Failed, Outcome::Success].into_iter().enumerate()
    {
        ids.push(bed.ended(new_job(), outcome, at(n as i64 * 10)).await.id);
    }
    for forgotten in 1..=3 {
        let asked = Prune { limit: 1, ..prune(at(30)) };
        assert_eq!(bed.store().prune(asked, at(100)).await.unwrap().jobs, 1);
        let expected: Vec<_> = (0..4).map(|n| n >= forgotten).collect();
        assert_eq!(present(&bed, &ids).await, expected);
    }
    let asked = Prune { limit: 0, ..prune(at(99)) };
    assert_eq!(bed.store().prune(asked, at(100)).await.unwrap().jobs, 0);
    let asked = prune(at(30));
    assert_eq!(present(&bed, &ids).await, [false, false, false, true], "that one ended at the moment, not before");
    assert_eq!(bed.store().prune(asked, at(100)).await.unwrap().jobs, 0);
}

pub async fn failed_jobs_wait_longer(bed: Bed) {
    let failed = bed.ended(new_job(), Outcome::Failed, at(0)).await.id;
    let completed = bed.ended(new_job(), Outcome::Success, at(0)).await.id;
    let cancelled = bed.ended(new_job(), Outcome::Cancelled, at(0)).await.id;
    let asked = Prune { ended_before: at(100), failed_before: at(-100), limit: 9 };
    assert_eq!(bed.store().prune(asked, at(100)).await.unwrap().jobs, 2);
    assert_eq!(present(&bed, &[failed, completed, cancelled]).await, [true, false, false]);
    let asked = Prune { ended_before: at(-100), failed_before: at(100), limit: 9 };
    assert_eq!(bed.store().prune(asked, at(100)).await.unwrap().jobs, 1);
}

pub async fn jobs_that_live_are_never_forgotten(bed: Bed) {
    let waiting = bed.accept(new_job().run_at(at(90)), at(0)).await.id;
    bed.accept(new_job(), at(0)).await;
    let running = bed.claim_one(at(0)).await.id;
    let retried = bed.ended(job_of("other"), Outcome::Failed, at(0)).await;
    bed.applied(&retried, retry_asked(), at(1)).await;
    assert_eq!(bed.store().prune(prune(at(i64::MAX)), at(100)).await.unwrap().jobs, 0);
    assert_eq!(present(&bed, &[waiting, running, retried.id]).await, [true; 3]);
}

pub async fn a_forgotten_job_leaves_no_trace(bed: Bed) {
    let job = bed.ended(new_job().tag("t").user("ana"), Outcome::Failed, at(0)).await;
    bed.store().append_log(vec![(job.id, line(1, "x"))]).await.unwrap();
    bed.store().prune(prune(at(10)), at(10)).await.unwrap();
    assert!(bed.store().payload(job.id).await.unwrap().is_none());
    assert!(bed.store().log(job.id).await.unwrap().is_empty());
    assert!(bed.store().standing(job.id, at(10)).await.unwrap().is_none());
    for filter in [
        Filter::default(),
        Filter { tag: Some("t".into()), ..Filter::default() },
        Filter { dead: true, ..Filter::default() },
    ] {
        assert!(bed.all(filter, at(10)).await.is_empty());
    }
    let tally = bed.store().tally(at(10)).await.unwrap();
    assert_eq!((tally.rows.len(), tally.dead), (0, 0));
    let answer = bed.step(&job, retry_asked(), at(11)).await;
    assert!(matches!(answer, Committed::Missing), "{answer:?}");
}

pub async fn stored_results_that_nothing_refers_to_are_named(bed: Bed) {
    let stored = ResultRef::Stored { content_type: "text/csv".into(), size: 9, key: "r/1".into() };
    for result in [stored, ResultRef::Url("data:,x".into())] {
        bed.accept(new_job(), at(0)).await;
        let job = bed.claim_one(at(0)).await;
        let event = Event::Succeeded { epoch: 1, result: Some(result), follow_ups: Vec::new() };
        bed.applied(&job, event, at(0)).await;
    }
    let pruned = bed.store().prune(prune(at(10)), at(10)).await.unwrap();
    assert_eq!((pruned.jobs, pruned.results.iter().map(|key| &**key).collect::<Vec<_>>()), (2, vec!["r/1"]));
}

pub async fn rule_32_a_number_is_never_given_twice(bed: Bed) {
    let first = bed.ended(new_job(), Outcome::Success, at(0)).await;
    bed.store().prune(prune(at(10)), at(10)).await.unwrap();
    let bed = bed.reopened(at(20));
    assert!(bed.accept(new_job(), at(20)).await.seq > first.seq, "a cursor would lose its place");
}

pub async fn a_store_says_what_it_is_and_that_it_is_well(bed: Bed) {
    let health = bed.store().health();
    assert!(["memory", "sqlite", "postgres"].contains(&health.engine), "{health:?}");
    assert_eq!(health.degraded, None);
}

pub async fn nothing_is_accepted_after_the_close(bed: Bed) {
    let job = bed.accept(new_job(), at(0)).await;
    let store = bed.store();
    store.close().await.unwrap();
    let refused = store.insert(vec![new_job().into()], Group::Each, at(1)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let step = faena::job::decide(&job, cancel_asked(), at(1)).unwrap();
    assert!(store.commit(vec![step], at(1)).await.is_err());
    assert!(store.claim(claim(1), at(1)).await.is_err());
    store.close().await.unwrap();
}

/// Far-off moments must not overflow anything.
pub async fn the_ends_of_time_are_moments_like_others(bed: Bed) {
    let end = Timestamp::from_millis(i64::MAX);
    let far: NewJob = new_job().run_at(end).expires_at(end).priority(faena::job::Priority::Low);
    let job = bed.accept(far, at(0)).await;
    assert!(bed.claim(9, at(0)).await.is_empty());
    let claimed = bed.store().claim(faena::store::Claim { lease: Some(Duration::MAX), ..claim(9) }, end).await.unwrap();
    assert!(claimed.jobs.is_empty(), "it expires at the very moment");
    bed.applied(&job, cancel_asked(), end).await;
    assert_eq!(bed.get(job.id).await.status(), Status::Cancelled);
}

async fn present(bed: &Bed, ids: &[JobId]) -> Vec<bool> {
    let mut present = Vec::new();
    for id in ids {
        present.push(bed.store().get(*id).await.unwrap().is_some());
    }
    present
}
