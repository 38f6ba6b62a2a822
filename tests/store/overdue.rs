//! `overdue`: whose lease has run out, and whose expiry has passed.

use std::time::Duration;

use faena::job::{Event, JobId, Status};
use faena::store::Claim;

use crate::bed::*;

async fn overdue(bed: &Bed, now: i64, limit: usize) -> Vec<JobId> {
    bed.store().overdue(at(now), limit).await.unwrap().iter().map(|job| job.id).collect()
}

fn leased(max: usize) -> Claim {
    Claim { lease: Some(Duration::from_secs(10)), ..claim(max) }
}

pub async fn rule_05_a_lease_that_ran_out_is_found(bed: Bed) {
    let id = bed.accept(new_job(), at(0)).await.id;
    bed.store().claim(leased(1), at(0)).await.unwrap();
    assert!(overdue(&bed, 9_999, 9).await.is_empty());
    assert_eq!(overdue(&bed, 10_000, 9).await, [id]);
    let job = bed.store().overdue(at(10_000), 9).await.unwrap().remove(0);
    let after = bed.applied(&job, Event::LeaseLost { epoch: 1 }, at(10_000)).await;
    assert_eq!((after.status(), after.life.failures), (Status::Queued, 0));
    assert!(overdue(&bed, 99_999, 9).await.is_empty());
}

pub async fn rule_05_a_renewed_lease_is_not_found(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let job = bed.store().claim(leased(1), at(0)).await.unwrap().jobs.remove(0);
    bed.applied(&job, Event::Renewed { epoch: 1, lease_until: at(25_000) }, at(9_000)).await;
    assert!(overdue(&bed, 24_999, 9).await.is_empty());
    assert_eq!(overdue(&bed, 25_000, 9).await, [job.id]);
}

pub async fn an_ended_run_has_no_lease(bed: Bed) {
    for _ in 0..3 {
        bed.accept(new_job(), at(0)).await;
    }
    let jobs = bed.store().claim(leased(3), at(0)).await.unwrap().jobs;
    for (job, event) in jobs.iter().zip([succeeded(1), failed(1), released(1)]) {
        bed.applied(job, event, at(5)).await;
    }
    assert!(overdue(&bed, 99_999, 9).await.is_empty());
}

pub async fn a_run_without_a_lease_is_never_overdue(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    bed.claim_one(at(0)).await;
    assert!(overdue(&bed, i64::MAX, 9).await.is_empty());
}

pub async fn a_job_past_its_expiry_is_found_and_ended(bed: Bed) {
    let id = bed.accept(new_job().expires_at(at(1_000)), at(0)).await.id;
    let delayed = bed.accept(new_job().run_at(at(9_000)).expires_at(at(2_000)), at(0)).await.id;
    assert!(overdue(&bed, 999, 9).await.is_empty());
    assert_eq!(overdue(&bed, 1_000, 9).await, [id]);
    assert_eq!(overdue(&bed, 2_000, 9).await, [id, delayed]);
    for job in bed.store().overdue(at(2_000), 9).await.unwrap() {
        let after = bed.applied(&job, Event::Expired, at(2_000)).await;
        assert_eq!(after.status(), Status::Failed);
    }
    assert!(overdue(&bed, 2_000, 9).await.is_empty());
}

pub async fn an_expired_job_is_found_after_somebody_tried_to_claim_it(bed: Bed) {
    let urgent = new_job().priority(faena::job::Priority::High).expires_at(at(1_000));
    let id = bed.accept(urgent, at(0)).await.id;
    for _ in 0..2 {
        bed.accept(new_job(), at(0)).await;
    }
    bed.claim(1, at(1_000)).await;
    assert_eq!(overdue(&bed, 1_000, 9).await, [id]);
    let job = bed.get(id).await;
    bed.applied(&job, Event::Expired, at(1_000)).await;
    let tally = bed.store().tally(at(1_000)).await.unwrap();
    assert_eq!((tally.ready, tally.delayed, tally.of(Status::Failed)), (1, 0, 1), "one job is left to be done");
}

pub async fn a_job_that_started_in_time_or_was_cancelled_does_not_expire(bed: Bed) {
    bed.accept(new_job().expires_at(at(1_000)), at(0)).await;
    let job = bed.claim_one(at(500)).await;
    let cancelled = bed.accept(new_job().expires_at(at(1_000)), at(0)).await;
    bed.applied(&cancelled, cancel_asked(), at(600)).await;
    assert!(overdue(&bed, 2_000, 9).await.is_empty());
    bed.applied(&job, released(1), at(2_000)).await;
    assert!(overdue(&bed, 3_000, 9).await.is_empty());
}

pub async fn rule_27_no_more_are_answered_than_asked_for(bed: Bed) {
    for _ in 0..5 {
        bed.accept(new_job().expires_at(at(1_000)), at(0)).await;
    }
    assert_eq!(overdue(&bed, 1_000, 3).await.len(), 3);
    assert!(overdue(&bed, 1_000, 0).await.is_empty());
}

pub async fn rule_05_a_lease_that_was_renewed_after_the_look_is_not_taken_back(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let job = bed.store().claim(leased(1), at(0)).await.unwrap().jobs.remove(0);
    let found = bed.store().overdue(at(10_000), 9).await.unwrap().remove(0);
    bed.applied(&job, Event::Renewed { epoch: 1, lease_until: at(25_000) }, at(9_999)).await;
    let answer = bed.step(&found, Event::LeaseLost { epoch: 1 }, at(10_000)).await;
    assert!(matches!(answer, faena::store::Committed::Stale(_)), "{answer:?}");
    let late = bed.store().overdue(at(25_000), 9).await.unwrap().remove(0);
    bed.applied(&late, Event::LeaseLost { epoch: 1 }, at(25_000)).await;
}

pub async fn a_lease_never_ends_sooner_by_what_was_decided_before_its_renewal(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let job = bed.store().claim(leased(1), at(0)).await.unwrap().jobs.remove(0);
    bed.applied(&job, Event::Renewed { epoch: 1, lease_until: at(25_000) }, at(1)).await;
    bed.applied(&job, progressed(1, 10), at(2)).await;
    bed.applied(&job, Event::Renewed { epoch: 1, lease_until: at(20_000) }, at(3)).await;
    bed.applied(&job, cancel_asked(), at(4)).await;
    assert_eq!(bed.get(job.id).await.run().unwrap().lease_until, Some(at(25_000)));
    assert!(overdue(&bed, 24_999, 9).await.is_empty());
    assert_eq!(overdue(&bed, 25_000, 9).await, [job.id]);
}
