//! `claim`: who is handed out, in which order, and who is not.

use std::collections::HashSet;
use std::time::Duration;

use faena::job::{Event, JobId, NewJob, Payload, Priority, Status, decide};
use faena::limits;
use faena::store::{Claim, Group, Insert};

use crate::bed::*;

pub async fn a_claimed_job_runs_and_carries_its_payload(bed: Bed) {
    let accepted = bed.accept(new_job(), at(0)).await;
    let job = bed.claim_one(at(7)).await;
    assert_eq!((job.id, job.status()), (accepted.id, Status::Started));
    assert_eq!(job.payload, Payload::Inline(r#"{"n":1}"#.into()));
    let run = job.run().unwrap();
    assert_eq!((run.started_at, run.holder.clone(), run.lease_until), (at(7), holder(), None));
    assert_same(&bed.get(job.id).await, &job);
}

pub async fn rule_03_a_claim_counts_the_attempt_and_raises_the_epoch(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let first = bed.claim_one(at(0)).await;
    assert_eq!((first.life.attempt, first.life.epoch), (1, 1));
    bed.applied(&first, failed(1), at(1)).await;
    let second = bed.claim_one(at(2_000)).await;
    assert_eq!((second.life.attempt, second.life.epoch, second.life.failures), (2, 2, 1));
}

pub async fn a_lease_is_granted_when_asked_for(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let asked = Claim { lease: Some(Duration::from_secs(30)), ..claim(1) };
    let jobs = bed.store().claim(asked, at(5)).await.unwrap().jobs;
    assert_eq!(jobs[0].run().unwrap().lease_until, Some(at(30_005)));
}

pub async fn priority_comes_first_then_first_in_first_out(bed: Bed) {
    let mut expected = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(bed.accept(new_job().priority(priority), at(0)).await.id);
        }
        expected.splice(0..0, ids);
    }
    assert_eq!(bed.claimed_ids(4, at(1)).await, expected[..4]);
    assert_eq!(bed.claimed_ids(9, at(1)).await, expected[4..]);
}

pub async fn rule_30_waiting_raises_a_job_boundedly(bed: Bed) {
    for (priority, ageing) in [(Priority::Normal, limits::AGEING_NORMAL), (Priority::Low, limits::AGEING_LOW)] {
        let old = bed.accept(new_job().priority(priority), at(0)).await.id;
        let just_before =
            bed.accept(new_job().priority(Priority::High), after(ageing).minus(Duration::from_millis(1))).await.id;
        let just_after = bed.accept(new_job().priority(Priority::High), after(ageing).plus_millis(1)).await.id;
        let now = after(ageing).plus_millis(2);
        assert_eq!(bed.claimed_ids(9, now).await, [just_before, old, just_after], "{priority}");
    }
}

pub async fn a_job_whose_time_came_first_goes_first(bed: Bed) {
    let delayed = bed.accept(new_job().run_at(at(50)), at(0)).await.id;
    let later = bed.accept(new_job(), at(60)).await.id;
    assert_eq!(bed.claimed_ids(9, at(70)).await, [delayed, later]);
}

pub async fn rule_06_a_job_is_not_handed_out_before_its_time(bed: Bed) {
    let delayed = bed.accept(new_job().run_at(at(5_000)), at(0)).await;
    let claimed = bed.store().claim(claim(9), at(4_999)).await.unwrap();
    assert!(claimed.jobs.is_empty());
    assert_eq!(claimed.next_due, Some(at(5_000)), "whoever asks knows when to ask again");
    assert_eq!(bed.claimed_ids(9, at(5_000)).await, [delayed.id]);
    assert_eq!(bed.store().claim(claim(9), at(5_000)).await.unwrap().next_due, None);
}

/// Whoever claims may have looked at the clock just before whoever inserted.
pub async fn rule_20_a_claim_by_an_earlier_clock_loses_no_job(bed: Bed) {
    let job = bed.accept(new_job(), at(1)).await;
    let mut claimed = bed.claimed_ids(9, at(0)).await;
    claimed.extend(bed.claimed_ids(9, at(1)).await);
    assert_eq!(claimed, [job.id]);
}

pub async fn the_next_due_is_that_of_the_subtypes_asked_for(bed: Bed) {
    bed.accept(job_of("other").run_at(at(1_000)), at(0)).await;
    bed.accept(new_job().run_at(at(3_000)), at(0)).await;
    bed.accept(new_job().run_at(at(2_000)), at(0)).await;
    assert_eq!(bed.store().claim(claim(9), at(0)).await.unwrap().next_due, Some(at(2_000)));
}

pub async fn a_failed_job_is_not_handed_out_before_its_backoff(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let job = bed.claim_one(at(0)).await;
    bed.applied(&job, failed(1), at(10)).await;
    let claimed = bed.store().claim(claim(9), at(1_009)).await.unwrap();
    assert!(claimed.jobs.is_empty());
    assert_eq!(claimed.next_due, Some(at(1_010)));
    assert_eq!(bed.claimed_ids(9, at(1_010)).await, [job.id]);
}

pub async fn an_expired_job_is_not_handed_out_and_is_in_nobodys_way(bed: Bed) {
    let expired = bed.accept(new_job().priority(Priority::High).expires_at(at(1_000)), at(0)).await;
    let other = bed.accept(new_job(), at(0)).await;
    assert_eq!(bed.claimed_ids(9, at(1_000)).await, [other.id]);
    assert_eq!(bed.get(expired.id).await.status(), Status::Queued, "ending it is for `overdue`");
}

pub async fn only_the_subtypes_asked_for_are_handed_out(bed: Bed) {
    let here = bed.accept(new_job(), at(0)).await.id;
    let there = bed.accept(job_of("other"), at(1)).await.id;
    assert_eq!(bed.claimed_ids(9, at(2)).await, [here]);
    let both = Claim { sub_types: [name("work"), name("other"), name("unknown")].into(), ..claim(9) };
    assert_eq!(bed.store().claim(both, at(2)).await.unwrap().jobs[0].id, there);
    let none = Claim { sub_types: [].into(), ..claim(9) };
    bed.accept(new_job(), at(3)).await;
    assert!(bed.store().claim(none, at(3)).await.unwrap().jobs.is_empty());
}

pub async fn urgency_counts_across_subtypes(bed: Bed) {
    let normal = bed.accept(new_job(), at(0)).await.id;
    let high = bed.accept(job_of("other").priority(Priority::High), at(1)).await.id;
    let both = Claim { sub_types: [name("work"), name("other")].into(), ..claim(9) };
    let ids: Vec<_> = bed.store().claim(both, at(2)).await.unwrap().jobs.iter().map(|job| job.id).collect();
    assert_eq!(ids, [high, normal]);
}

pub async fn no_more_are_handed_out_than_there_is_room_for(bed: Bed) {
    for _ in 0..5 {
        bed.accept(new_job(), at(0)).await;
    }
    assert!(bed.claim(0, at(0)).await.is_empty());
    assert_eq!(bed.claim(3, at(0)).await.len(), 3);
    assert_eq!(bed.claim(3, at(0)).await.len(), 2);
    assert!(bed.claim(3, at(0)).await.is_empty());
}

pub async fn rule_01_no_job_is_handed_out_twice(bed: Bed) {
    let jobs = (0..300).map(|_| Insert::from(new_job())).collect();
    bed.store().insert(jobs, Group::Each, at(0)).await.unwrap();
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let store = bed.store();
            std::thread::spawn(move || {
                block_on(async move {
                    let mut mine = Vec::new();
                    loop {
                        let claimed = store.claim(claim(7), at(1)).await.unwrap().jobs;
                        if claimed.is_empty() {
                            return mine;
                        }
                        mine.extend(claimed.iter().map(|job| job.id));
                    }
                })
            })
        })
        .collect();
    let ids: Vec<JobId> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (300, 300));
}

pub async fn a_job_that_is_given_back_is_handed_out_again(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let job = bed.claim_one(at(0)).await;
    bed.applied(&job, released(1), at(5)).await;
    let again = bed.claim_one(at(5)).await;
    assert_eq!((again.id, again.life.epoch, again.life.attempt), (job.id, 2, 1));
}

pub async fn a_saved_state_comes_with_the_next_claim(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let job = bed.claim_one(at(0)).await;
    let job = bed.applied(&job, Event::StateSaved { epoch: 1, state: Some(r#"{"row":7}"#.into()) }, at(1)).await;
    bed.applied(&job, failed(1), at(2)).await;
    assert_eq!(bed.claim_one(at(5_000)).await.life.saved.as_deref(), Some(r#"{"row":7}"#));
}

fn keyed(limit: u32) -> NewJob {
    new_job().concurrency("disk", limit)
}

pub async fn no_more_of_a_key_run_than_its_limit(bed: Bed) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bed.accept(keyed(2), at(0)).await.id);
    }
    let free = bed.accept(new_job(), at(1)).await.id;
    assert_eq!(bed.claimed_ids(9, at(2)).await, [ids[0], ids[1], free], "the others are in nobody's way");
    assert!(bed.claim(9, at(3)).await.is_empty());
}

pub async fn every_end_of_a_run_lets_the_next_of_its_key_in(bed: Bed) {
    for _ in 0..6 {
        bed.accept(keyed(1), at(0)).await;
    }
    let endings: [fn(u32) -> Event; 4] = [succeeded, failed, failed_for_good, released];
    for (turn, ending) in endings.into_iter().enumerate() {
        let now = at(10 * turn as i64 + 10);
        let job = bed.claim_one(now).await;
        assert!(bed.claim(9, now).await.is_empty(), "after turn {turn}");
        bed.applied(&job, ending(1), now).await;
    }
    let job = bed.claim_one(at(90)).await;
    let asked = bed.applied(&job, cancel_asked(), at(91)).await;
    assert!(bed.claim(9, at(91)).await.is_empty(), "it runs until it stops");
    bed.applied(&asked, Event::Stopped { epoch: job.life.epoch }, at(92)).await;
    bed.claim_one(at(93)).await;
}

pub async fn as_many_of_a_key_come_in_as_have_left_together(bed: Bed) {
    for _ in 0..9 {
        bed.accept(keyed(3), at(0)).await;
    }
    for turn in 0..3 {
        let now = at(10 * turn);
        let jobs = bed.claim(9, now).await;
        assert_eq!(jobs.len(), 3, "in turn {turn}");
        assert!(bed.claim(9, now).await.is_empty());
        let ends = jobs.iter().map(|job| decide(job, succeeded(1), now).unwrap()).collect();
        bed.store().commit(ends, now).await.unwrap();
    }
}

pub async fn a_gated_job_that_is_cancelled_is_in_nobodys_way(bed: Bed) {
    for _ in 0..3 {
        bed.accept(keyed(1), at(0)).await;
    }
    let first = bed.claim_one(at(1)).await;
    let waiting = bed.all(faena::store::Filter { status: vec![Status::Queued], ..Default::default() }, at(1)).await;
    bed.applied(&waiting[0], cancel_asked(), at(2)).await;
    bed.applied(&first, succeeded(1), at(3)).await;
    assert_eq!(bed.claimed_ids(9, at(4)).await, [waiting[1].id]);
}

pub async fn keys_do_not_wait_for_each_other(bed: Bed) {
    bed.accept(keyed(1), at(0)).await;
    bed.accept(keyed(1), at(0)).await;
    let other = bed.accept(new_job().concurrency("net", 1), at(0)).await.id;
    let claimed = bed.claimed_ids(9, at(1)).await;
    assert_eq!((claimed.len(), claimed[1]), (2, other));
}

pub async fn gated_jobs_keep_their_order(bed: Bed) {
    let running = bed.accept(keyed(1), at(0)).await;
    let low = bed.accept(keyed(1).priority(Priority::Low), at(1)).await.id;
    let first = bed.accept(keyed(1), at(2)).await.id;
    let second = bed.accept(keyed(1), at(3)).await.id;
    let high = bed.accept(keyed(1).priority(Priority::High), at(4)).await.id;
    let mut job = bed.claim(9, at(5)).await.remove(0);
    assert_eq!(job.id, high, "the most urgent one enters");
    let mut order = Vec::new();
    for turn in 0..4 {
        bed.applied(&job, succeeded(1), at(6 + turn)).await;
        job = bed.claim_one(at(6 + turn)).await;
        order.push(job.id);
    }
    assert_eq!(order, [running.id, first, second, low]);
}

pub async fn a_key_is_not_kept_by_a_subtype_that_nobody_works_on(bed: Bed) {
    bed.accept(keyed(1), at(0)).await;
    bed.accept(job_of("asleep").concurrency("disk", 1), at(1)).await;
    let second = bed.accept(keyed(1), at(2)).await;
    let both = Claim { sub_types: [name("work"), name("asleep")].into(), ..claim(9) };
    let running = bed.store().claim(both, at(3)).await.unwrap().jobs.remove(0);
    bed.store().pause(name("asleep"), true).await.unwrap();
    bed.applied(&running, succeeded(1), at(4)).await;
    assert_eq!(bed.claimed_ids(9, at(5)).await, [second.id]);
}

pub async fn jobs_that_come_back_from_several_keys_keep_their_order(bed: Bed) {
    for key in ["a", "b"] {
        bed.accept(new_job().concurrency(key, 1), at(0)).await;
    }
    let first = bed.accept(new_job().concurrency("a", 1), at(1)).await.id;
    let second = bed.accept(new_job().concurrency("b", 1), at(2)).await.id;
    for job in bed.claim(9, at(3)).await {
        bed.applied(&job, succeeded(1), at(4)).await;
    }
    assert_eq!(bed.claimed_ids(9, at(5)).await, [first, second]);
}
