//! `Roster`: who works in other processes, and what they hold; and what leases promise to them.

use std::time::Duration;

use faena::clock::Timestamp;
use faena::job::{Event, Job, decide};
use faena::limits;
use faena::store::{Claim, Committed, Entered, StoreError, Worker, WorkerId};

use crate::bed::*;

fn worker(sub_types: &[&str]) -> Worker {
    Worker {
        id: WorkerId::fresh(),
        name: "gpu-3".into(),
        sub_types: sub_types.iter().map(|sub_type| name(sub_type)).collect(),
        concurrency: 4,
        lease: Duration::from_secs(10),
        registered_at: at(0),
    }
}

async fn entered(bed: &Bed, sub_types: &[&str], now: Timestamp) -> Worker {
    let worker = worker(sub_types);
    assert_eq!(bed.store().roster().enter(worker.clone(), now).await.unwrap(), Entered::Done);
    worker
}

/// Jobs that a worker takes.
async fn taken(bed: &Bed, worker: &Worker, max: usize, now: Timestamp) -> Vec<std::sync::Arc<Job>> {
    let claim = Claim { holder: worker.holder(), sub_types: worker.sub_types.clone(), max, lease: Some(worker.lease) };
    bed.store().claim(claim, now).await.unwrap().jobs
}

pub async fn a_worker_is_there_as_it_came_until_it_leaves(bed: Bed) {
    let store = bed.store();
    let roster = store.roster();
    assert!(roster.workers().await.unwrap().is_empty());
    let (first, second) = (entered(&bed, &["work"], at(1)).await, entered(&bed, &["work", "rest"], at(2)).await);
    let there = roster.workers().await.unwrap();
    assert_eq!(there.iter().map(|one| (*one.worker).clone()).collect::<Vec<_>>(), [first.clone(), second.clone()]);
    assert_eq!(there.iter().map(|one| one.heard_at).collect::<Vec<_>>(), [at(1), at(2)]);
    assert_eq!(roster.heard(first.id, at(7)).await.unwrap().as_deref(), Some(&first));
    assert_eq!(roster.heard(first.id, at(5)).await.unwrap().as_deref(), Some(&first));
    assert_eq!(roster.workers().await.unwrap()[0].heard_at, at(7), "it never goes back");
    assert!(roster.leave(first.id).await.unwrap());
    assert!(!roster.leave(first.id).await.unwrap());
    assert!(roster.heard(first.id, at(8)).await.unwrap().is_none());
    assert_eq!(roster.workers().await.unwrap().len(), 1);
}

pub async fn what_a_worker_holds_is_known_and_stays_its_own_when_it_leaves(bed: Bed) {
    let (first, second) = (entered(&bed, &["work"], at(0)).await, entered(&bed, &["work"], at(0)).await);
    for _ in 0..4 {
        bed.accept(new_job(), at(0)).await;
    }
    let (mine, others) = (taken(&bed, &first, 2, at(1)).await, taken(&bed, &second, 1, at(2)).await);
    bed.claim(1, at(3)).await;
    let store = bed.store();
    let held: Vec<_> = store.roster().workers().await.unwrap().iter().map(|one| one.held).collect();
    assert_eq!(held, [2, 1], "a processor here is no worker");
    let ids = |jobs: &[std::sync::Arc<Job>]| jobs.iter().map(|job| job.id).collect::<Vec<_>>();
    store.roster().leave(first.id).await.unwrap();
    assert_eq!(ids(&store.roster().leased(first.id, 9).await.unwrap()), ids(&mine));
    assert_eq!(ids(&store.roster().leased(second.id, 9).await.unwrap()), ids(&others));
    assert_eq!(store.roster().leased(first.id, 1).await.unwrap().len(), 1, "rule 27");
    bed.applied(&mine[0], succeeded(1), at(4)).await;
    assert_eq!(ids(&store.roster().leased(first.id, 9).await.unwrap()), ids(&mine[1..]));
}

pub async fn a_subtype_that_any_worker_ever_did_is_known_for_good(bed: Bed) {
    assert!(!bed.store().roster().knows(&name("rest")).await.unwrap());
    let worker = entered(&bed, &["work", "rest"], at(0)).await;
    bed.store().roster().leave(worker.id).await.unwrap();
    let bed = bed.reopened(at(5));
    assert!(bed.store().roster().knows(&name("rest")).await.unwrap());
    assert_eq!(bed.store().roster().known().await.unwrap(), [name("rest"), name("work")]);
}

pub async fn workers_and_leases_survive_a_restart(bed: Bed) {
    let worker = entered(&bed, &["work"], at(0)).await;
    bed.accept(new_job(), at(0)).await;
    let job = taken(&bed, &worker, 1, at(1)).await.remove(0);
    let bed = bed.reopened(at(60_000));
    let there = bed.store().roster().workers().await.unwrap();
    assert_eq!((there.len(), &*there[0].worker, there[0].held), (1, &worker, 1));
    if bed.is_durable() {
        assert_eq!(
            bed.get(job.id).await.run().unwrap().lease_until,
            Some(at(70_000)),
            "rule 7: as long as its leases are"
        );
    }
}

pub async fn a_lease_ends_with_the_time_that_its_try_may_take(bed: Bed) {
    let worker = entered(&bed, &["work"], at(0)).await;
    for seconds in [4, 60] {
        bed.accept(new_job().timeout(Duration::from_secs(seconds)), at(0)).await;
    }
    let jobs = taken(&bed, &worker, 2, at(1)).await;
    let ends: Vec<_> = jobs.iter().map(|job| job.run().unwrap().lease_until.unwrap()).collect();
    assert_eq!(ends, [at(4_001), at(10_001)]);
    assert!(bed.store().overdue(at(4_000), 9).await.unwrap().is_empty());
    assert_eq!(bed.store().overdue(at(4_001), 9).await.unwrap().len(), 1);
    assert_eq!(bed.get(jobs[0].id).await.run().unwrap().lease_until, Some(at(4_001)));
}

pub async fn rule_26_there_are_no_more_workers_than_may_be(bed: Bed) {
    let store = bed.store();
    let answers: Vec<_> = (0..limits::WORKERS_MAX).map(|_| store.roster().enter(worker(&["work"]), at(0))).collect();
    for answer in answers {
        assert_eq!(answer.await.unwrap(), Entered::Done);
    }
    let full = store.roster().enter(worker(&["work"]), at(1)).await.unwrap();
    assert_eq!(full, Entered::Full);
    let late = at(1).plus(limits::WORKER_SILENT_MAX);
    assert_eq!(store.roster().enter(worker(&["work"]), late).await.unwrap(), Entered::Done, "the silent make room");
}

pub async fn rule_27_silent_workers_are_forgotten_in_chunks(bed: Bed) {
    let store = bed.store();
    for heard_at in [0, 1, 2, 9] {
        entered(&bed, &["work"], at(heard_at)).await;
    }
    let mut chunks = Vec::new();
    for _ in 0..3 {
        chunks.push(store.roster().forget_workers(at(9), 2).await.unwrap());
    }
    assert_eq!(chunks, [2, 1, 0]);
    assert_eq!(store.roster().workers().await.unwrap().len(), 1);
}

pub async fn rule_03_a_claim_under_a_lease_is_durable_when_it_is_answered(bed: Bed) {
    let worker = entered(&bed, &["work"], at(0)).await;
    bed.accept(new_job(), at(0)).await;
    let job = taken(&bed, &worker, 1, at(1)).await.remove(0);
    if !bed.is_durable() {
        return;
    }
    let bed = bed.after_a_crash(at(90_000));
    let after = bed.get(job.id).await;
    assert_eq!((after.life.epoch, after.life.attempt, after.life.crashes), (1, 1, 0));
    assert_eq!(after.run().unwrap().lease_until, Some(at(100_000)));
    bed.applied(&after, succeeded(1), at(99_999)).await;
}

pub async fn fleeting_steps_on_one_base_keep_what_the_other_brought(bed: Bed) {
    let worker = entered(&bed, &["work"], at(0)).await;
    bed.accept(new_job(), at(0)).await;
    let job = taken(&bed, &worker, 1, at(0)).await.remove(0);
    let events = [
        Event::Renewed { epoch: 1, lease_until: at(15_000) },
        progressed(1, 60),
        progressed(1, 40),
        Event::StateSaved { epoch: 1, state: Some("7".into()) },
    ];
    // All are decided on the same base, and committed one after the other.
    let steps: Vec<_> = events.into_iter().map(|event| decide(&job, event, at(5_000)).unwrap()).collect();
    for step in steps {
        let answer = bed.store().commit(vec![step], at(5_000)).await.unwrap().remove(0);
        assert!(matches!(answer, Committed::Applied { .. }), "{answer:?}");
    }
    let after = bed.get(job.id).await;
    assert_eq!((after.life.progress.percent, after.life.saved.as_deref()), (60, Some("7")));
    assert_eq!(after.run().unwrap().lease_until, Some(at(15_000)));
    assert!(bed.store().overdue(at(14_999), 9).await.unwrap().is_empty());
    assert_eq!(bed.store().overdue(at(15_000), 9).await.unwrap().len(), 1);
}

pub async fn no_worker_comes_after_the_close(bed: Bed) {
    let store = bed.store();
    store.close().await.unwrap();
    let refused = store.roster().enter(worker(&["work"]), at(0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}
