//! `insert`: acceptance, its order, and groups.

use std::sync::Arc;

use faena::job::{Payload, Priority, Status, UniqueFor};
use faena::store::{Filter, Group, Insert, Inserted};

use crate::bed::*;

fn accepted(answers: &[Inserted]) -> Vec<Arc<faena::job::Job>> {
    answers
        .iter()
        .map(|answer| match answer {
            Inserted::Accepted(job) => job.clone(),
            other => panic!("not accepted: {other:?}"),
        })
        .collect()
}

pub async fn an_accepted_job_is_there_as_it_was_asked_for(bed: Bed) {
    let new = new_job()
        .priority(Priority::High)
        .user("ana")
        .tag("monthly")
        .tag("north")
        .timeout(std::time::Duration::from_secs(9))
        .expires_at(at(90_000));
    let job = bed.accept(new.clone(), at(5)).await;
    let found = bed.get(new.id).await;
    assert_same(&found, &job);
    assert_eq!((found.id, found.created_at, found.status()), (new.id, at(5), Status::Queued));
    assert_eq!((found.run_at(), found.life.revision, found.life.epoch), (Some(at(5)), 0, 0));
    assert_eq!((found.spec.priority, found.spec.user_id.as_deref()), (Priority::High, Some("ana")));
    assert_eq!(found.spec.tags(), ["monthly".into(), "north".into()]);
    assert_eq!((found.spec.timeout_ms, found.spec.expires_at()), (Some(9_000), Some(at(90_000))));
    assert_eq!(bed.store().payload(new.id).await.unwrap().unwrap(), new.payload);
}

pub async fn a_job_that_nobody_asked_for_is_not_there(bed: Bed) {
    let id = new_job().id;
    assert!(bed.store().get(id).await.unwrap().is_none());
    assert!(bed.store().payload(id).await.unwrap().is_none());
    assert!(bed.store().standing(id, at(0)).await.unwrap().is_none());
    assert!(bed.store().log(id).await.unwrap().is_empty());
}

pub async fn answers_come_in_input_order_and_numbers_rise(bed: Bed) {
    let jobs: Vec<_> = (0..50).map(|_| new_job()).collect();
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    let inserts = jobs.into_iter().map(Insert::from).collect();
    let first = accepted(&bed.store().insert(inserts, Group::Each, at(0)).await.unwrap());
    assert_eq!(first.iter().map(|job| job.id).collect::<Vec<_>>(), ids);
    assert!(first.is_sorted_by(|a, b| a.seq < b.seq), "numbers rise within one insert");
    let later = bed.accept(new_job(), at(0)).await;
    assert!(later.seq > first.last().unwrap().seq, "and from one to the next");
}

/// Alone, a caller writes its own job. One that leaves before it has done so takes nothing with it, and holds nobody up.
pub async fn a_caller_that_leaves_at_once_leaves_its_job_behind(bed: Bed) {
    for round in 0..50 {
        bed.accept(new_job(), at(0)).await;
        let left = new_job();
        let id = left.id;
        drop(bed.store().insert(vec![left.into()], Group::Each, at(0)));
        // Whatever is answered now was decided after it.
        bed.accept(new_job(), at(0)).await;
        assert!(bed.store().get(id).await.unwrap().is_some(), "round {round}");
    }
    assert_eq!(bed.all(Filter::default(), at(1)).await.len(), 150);
}

pub async fn no_jobs_is_no_answers(bed: Bed) {
    assert!(bed.store().insert(Vec::new(), Group::Each, at(0)).await.unwrap().is_empty());
    assert!(bed.store().insert(Vec::new(), Group::Whole, at(0)).await.unwrap().is_empty());
}

pub async fn each_stands_for_itself_unless_told_otherwise(bed: Bed) {
    let holder = bed.accept(new_job().unique("k", UniqueFor::Active), at(0)).await;
    let jobs = [new_job(), new_job().unique("k", UniqueFor::Active), new_job()];
    let answers = bed.store().insert(jobs.map(Insert::from).into(), Group::Each, at(0)).await.unwrap();
    assert!(
        matches!(&answers[..], [Inserted::Accepted(_), Inserted::Taken(by), Inserted::Accepted(_)] if *by == holder.id),
        "{answers:?}"
    );
    assert_eq!(bed.all(Filter::default(), at(0)).await.len(), 3);
}

pub async fn a_whole_group_is_accepted_whole(bed: Bed) {
    let jobs = [new_job().unique("a", UniqueFor::Active), new_job().unique("b", UniqueFor::Active)];
    let answers = bed.store().insert(jobs.map(Insert::from).into(), Group::Whole, at(0)).await.unwrap();
    assert_eq!(accepted(&answers).len(), 2);
}

pub async fn a_whole_group_is_refused_whole_and_leaves_nothing_behind(bed: Bed) {
    let holder = bed.accept(new_job().unique("taken", UniqueFor::Active), at(0)).await;
    let jobs = [new_job().unique("free", UniqueFor::Active), new_job().unique("taken", UniqueFor::Active), new_job()];
    let ids = [jobs[0].id, jobs[2].id];
    let answers = bed.store().insert(jobs.map(Insert::from).into(), Group::Whole, at(0)).await.unwrap();
    assert!(
        matches!(&answers[..], [Inserted::Withdrawn, Inserted::Taken(by), Inserted::Withdrawn] if *by == holder.id),
        "{answers:?}"
    );
    for id in ids {
        assert!(bed.store().get(id).await.unwrap().is_none());
    }
    assert_eq!(bed.all(Filter::default(), at(0)).await.len(), 1);
    assert_eq!(bed.claimed_ids(9, at(0)).await, [holder.id]);
    bed.accept(new_job().unique("free", UniqueFor::Active), at(0)).await;
    assert_eq!(bed.store().tally(at(0)).await.unwrap().of(Status::Queued), 1);
}

pub async fn an_effect_takes_hold_even_if_nobody_waits_for_it(bed: Bed) {
    let new = new_job();
    drop(bed.store().insert(vec![new.clone().into()], Group::Each, at(0)));
    // A later answer comes after everything that was asked before it.
    bed.accept(new_job(), at(0)).await;
    let job = bed.claim(9, at(0)).await.into_iter().find(|job| job.id == new.id).expect("it was accepted");
    drop(bed.store().commit(vec![faena::job::decide(&job, succeeded(1), at(1)).unwrap()], at(1)));
    bed.accept(new_job(), at(2)).await;
    assert_eq!(bed.get(new.id).await.status(), Status::Completed);
}

pub async fn a_large_payload_comes_back_byte_for_byte(bed: Bed) {
    let text = format!(r#"{{"csv":"{}"}}"#, "áé,1\\n".repeat(200_000));
    let new = faena::job::NewJob::new(name("work"), text.clone());
    let id = new.id;
    bed.accept(new, at(0)).await;
    assert_eq!(bed.store().payload(id).await.unwrap().unwrap(), text.as_bytes());
    assert_eq!(bed.claim_one(at(0)).await.payload, Payload::Inline(text.into()));
}

pub async fn a_deep_backlog_keeps_every_payload(bed: Bed) {
    // More than any engine keeps in memory, so that some of them wait on disk.
    let filler = "x".repeat(1024 * 1024);
    let payload = |n: usize| format!(r#"{{"n":{n},"filler":"{filler}"}}"#);
    for n in 0..80 {
        let new = faena::job::NewJob::new(name("work"), payload(n));
        bed.accept(new, at(n as i64)).await;
    }
    for n in 0..80 {
        let job = bed.claim(1, at(100)).await.remove(0);
        assert_eq!(job.payload.text().map(|text| text.len()), Some(payload(n).len()), "job {n}");
        assert_eq!(job.payload, Payload::Inline(payload(n).into()));
        bed.applied(&job, succeeded(1), at(100)).await;
    }
}
