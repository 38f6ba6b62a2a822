//! `commit`: a step applies whole and to the revision it was decided on, or not at all.

use std::sync::Arc;

use faena::job::{Event, Job, Outcome, Refusal, ResultRef, Status, decide};
use faena::store::{Committed, Filter, Group, Insert};

use crate::bed::*;

#[track_caller]
fn stale(answer: &Committed) -> &Arc<Job> {
    match answer {
        Committed::Stale(job) => job,
        other => panic!("not stale: {other:?}"),
    }
}

async fn running(bed: &Bed) -> Arc<Job> {
    bed.accept(new_job(), at(0)).await;
    bed.claim_one(at(0)).await
}

pub async fn a_step_is_answered_with_the_job_after_it(bed: Bed) {
    let job = running(&bed).await;
    let result = Some(ResultRef::Url("data:text/plain,done".into()));
    let event = Event::Succeeded { epoch: 1, result: result.clone(), follow_ups: Vec::new() };
    let after = bed.applied(&job, event, at(9)).await;
    assert_eq!((after.status(), after.life.revision), (Status::Completed, 2));
    let found = bed.get(job.id).await;
    assert_same(&found, &after);
    assert_eq!(found.end().unwrap().result, result);
    assert_eq!(bed.store().payload(job.id).await.unwrap().unwrap(), r#"{"n":1}"#, "the input outlives the job");
}

pub async fn rule_01_a_stale_epoch_changes_nothing(bed: Bed) {
    let first = running(&bed).await;
    // The first holder has decided, but its job is given back and claimed by another before it commits.
    let late = decide(&first, succeeded(1), at(50)).unwrap();
    bed.applied(&first, released(1), at(10)).await;
    let second = bed.claim_one(at(20)).await;
    let answer = bed.store().commit(vec![late], at(50)).await.unwrap().remove(0);
    assert_same(stale(&answer), &second);
    assert_same(&bed.get(first.id).await, &second);
    assert_eq!(decide(&second, succeeded(1), at(60)), Err(Refusal::Stale));
}

pub async fn rule_11_the_same_step_again_is_stale_and_shows_the_ending(bed: Bed) {
    let job = running(&bed).await;
    let step = decide(&job, succeeded(1), at(5)).unwrap();
    let answers = bed.store().commit(vec![step.clone(), step.clone()], at(5)).await.unwrap();
    assert!(matches!(answers[0], Committed::Applied { .. }));
    assert_eq!(stale(&answers[1]).status(), Status::Completed);
    let again = bed.store().commit(vec![step], at(6)).await.unwrap().remove(0);
    assert_eq!(stale(&again).life.revision, 2);
}

pub async fn a_step_of_a_job_that_is_not_there_is_missing(bed: Bed) {
    let job = running(&bed).await;
    let stranger = Job { id: new_job().id, ..(*job).clone() };
    let answer = bed.step(&stranger, succeeded(1), at(5)).await;
    assert!(matches!(answer, Committed::Missing), "{answer:?}");
    let unknown = Job { seq: job.seq + 1_000, ..stranger };
    let answer = bed.step(&unknown, succeeded(1), at(5)).await;
    assert!(matches!(answer, Committed::Missing), "{answer:?}");
    assert_same(&bed.get(job.id).await, &job);
}

pub async fn rule_10_one_stale_step_does_not_touch_its_neighbours(bed: Bed) {
    let jobs = (0..3).map(|_| Insert::from(new_job())).collect();
    bed.store().insert(jobs, Group::Each, at(0)).await.unwrap();
    let claimed = bed.claim(3, at(0)).await;
    let steps: Vec<_> = claimed.iter().map(|job| decide(job, succeeded(1), at(5)).unwrap()).collect();
    bed.applied(&claimed[1], failed(1), at(4)).await;
    let stranger = decide(&Job { id: new_job().id, ..(*claimed[0]).clone() }, succeeded(1), at(5)).unwrap();
    let batch = [vec![stranger], steps].concat();
    let answers = bed.store().commit(batch, at(5)).await.unwrap();
    let kinds: Vec<_> = answers.iter().map(|answer| matches!(answer, Committed::Applied { .. })).collect();
    assert_eq!(kinds, [false, true, false, true], "{answers:?}");
    let statuses = [Status::Completed, Status::Queued, Status::Completed];
    for (job, status) in claimed.iter().zip(statuses) {
        assert_eq!(bed.get(job.id).await.status(), status);
    }
}

pub async fn steps_of_one_job_apply_in_input_order(bed: Bed) {
    let job = running(&bed).await;
    let saved = decide(&job, Event::StateSaved { epoch: 1, state: Some("1".into()) }, at(1)).unwrap();
    let after = Job { life: saved.next.clone(), ..(*job).clone() };
    let failed = decide(&after, failed(1), at(2)).unwrap();
    let answers = bed.store().commit(vec![saved, failed], at(2)).await.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Committed::Applied { .. })), "{answers:?}");
    let found = bed.get(job.id).await;
    assert_eq!((found.status(), found.life.saved.as_deref()), (Status::Queued, Some("1")));
}

pub async fn no_steps_is_no_answers(bed: Bed) {
    assert!(bed.store().commit(Vec::new(), at(0)).await.unwrap().is_empty());
}

pub async fn follow_ups_come_in_the_same_commit(bed: Bed) {
    let job = running(&bed).await;
    let follow_ups = vec![new_job().user("ana"), new_job().run_at(at(9_000))];
    let ids: Vec<_> = follow_ups.iter().map(|job| job.id).collect();
    let event = Event::Succeeded { epoch: 1, result: None, follow_ups };
    let Committed::Applied { follow_ups, .. } = bed.step(&job, event, at(5)).await else { panic!("did not apply") };
    assert_eq!(follow_ups.iter().map(|job| job.id).collect::<Vec<_>>(), ids);
    assert!(follow_ups[0].seq > job.seq && follow_ups[1].seq > follow_ups[0].seq);
    for follow_up in &follow_ups {
        assert_same(&bed.get(follow_up.id).await, follow_up);
        assert_eq!((follow_up.created_at, follow_up.status()), (at(5), Status::Queued));
    }
    assert_eq!(bed.claimed_ids(9, at(6)).await, ids[..1]);
    assert_eq!(bed.claimed_ids(9, at(9_000)).await, ids[1..]);
}

pub async fn a_stale_step_brings_no_follow_ups(bed: Bed) {
    let job = running(&bed).await;
    let event = Event::Succeeded { epoch: 1, result: None, follow_ups: vec![new_job()] };
    let step = decide(&job, event, at(5)).unwrap();
    bed.applied(&job, cancel_asked(), at(4)).await;
    stale(&bed.store().commit(vec![step], at(5)).await.unwrap()[0]);
    assert_eq!(bed.all(Filter::default(), at(6)).await.len(), 1);
}

pub async fn progress_is_seen_and_leaves_the_revision_alone(bed: Bed) {
    let job = running(&bed).await;
    let ending = decide(&job, succeeded(1), at(9)).unwrap();
    let after = bed.applied(&job, progressed(1, 40), at(5)).await;
    let found = bed.get(job.id).await;
    assert_same(&found, &after);
    assert_eq!((found.status(), found.life.progress.percent), (Status::Progress, 40));
    assert_eq!(found.life.revision, job.life.revision);
    let answer = bed.store().commit(vec![ending], at(9)).await.unwrap().remove(0);
    assert!(matches!(answer, Committed::Applied { .. }), "a report does not make an ending stale: {answer:?}");
}

pub async fn progress_after_the_ending_is_stale(bed: Bed) {
    let job = running(&bed).await;
    let report = decide(&job, progressed(1, 40), at(5)).unwrap();
    bed.applied(&job, succeeded(1), at(4)).await;
    assert_eq!(stale(&bed.store().commit(vec![report], at(5)).await.unwrap()[0]).status(), Status::Completed);
    assert_eq!(bed.get(job.id).await.life.progress.percent, 100);
}

pub async fn rule_15_cancel_against_complete_has_one_winner_and_the_loser_is_told(bed: Bed) {
    let jobs = (0..100).map(|_| Insert::from(new_job())).collect();
    bed.store().insert(jobs, Group::Each, at(0)).await.unwrap();
    let claimed = bed.claim(100, at(0)).await;
    let racers = [succeeded(1), cancel_asked(), failed(1)].map(|event| {
        let (store, claimed) = (bed.store(), claimed.clone());
        std::thread::spawn(move || {
            let commit = |job: &Arc<Job>| {
                let step = decide(job, event.clone(), at(5)).unwrap();
                block_on(store.commit(vec![step], at(5))).unwrap().remove(0)
            };
            claimed.iter().map(commit).collect::<Vec<_>>()
        })
    });
    let answers = racers.map(|thread| thread.join().unwrap());
    for (index, job) in claimed.iter().enumerate() {
        let answers = answers.each_ref().map(|answers| &answers[index]);
        let winners: Vec<_> = answers
            .iter()
            .filter_map(|answer| match answer {
                Committed::Applied { job, .. } => Some(job),
                _ => None,
            })
            .collect();
        assert_eq!(winners.len(), 1, "job {index}: {answers:?}");
        let found = bed.get(job.id).await;
        assert_same(&found, winners[0]);
        for loser in answers.iter().filter(|answer| !matches!(answer, Committed::Applied { .. })) {
            assert_same(stale(loser), &found);
        }
    }
}

pub async fn a_finished_job_is_brought_back_by_a_retry(bed: Bed) {
    let dead = bed.ended(new_job(), Outcome::Failed, at(0)).await;
    let again = bed.applied(&dead, retry_asked(), at(10)).await;
    assert_same(&bed.get(dead.id).await, &again);
    let claimed = bed.claim_one(at(10)).await;
    assert_eq!((claimed.id, claimed.life.epoch, claimed.life.attempt), (dead.id, 2, 1));
    assert_eq!(claimed.payload.text().map(|text| &text[..]), Some(&br#"{"n":1}"#[..]));
    assert_eq!(bed.applied(&claimed, succeeded(2), at(11)).await.attempts().len(), 1);
    assert_eq!(bed.all(Filter::default(), at(11)).await.len(), 1, "it is listed once");
}

pub async fn a_finished_job_is_brought_back_after_a_restart(bed: Bed) {
    let dead = bed.ended(new_job(), Outcome::Failed, at(0)).await;
    let bed = bed.reopened(at(5));
    let found = bed.get(dead.id).await;
    assert_same(&found, &dead);
    bed.applied(&found, retry_asked(), at(10)).await;
    let claimed = bed.claim_one(at(10)).await;
    assert_eq!(claimed.payload.text().map(|text| &text[..]), Some(&br#"{"n":1}"#[..]));
    bed.applied(&claimed, succeeded(2), at(11)).await;
    let bed = bed.reopened(at(20));
    assert_eq!(bed.get(dead.id).await.status(), Status::Completed);
}

pub async fn a_dead_letter_is_discarded(bed: Bed) {
    let dead = bed.ended(new_job(), Outcome::Failed, at(0)).await;
    let letters = Filter { dead: true, ..Filter::default() };
    assert_eq!(bed.all(letters.clone(), at(1)).await.len(), 1);
    bed.applied(&dead, Event::Discarded, at(1)).await;
    assert!(bed.all(letters.clone(), at(1)).await.is_empty());
    let bed = bed.reopened(at(2));
    assert!(bed.all(letters, at(2)).await.is_empty());
    let found = bed.get(dead.id).await;
    assert_eq!((found.status(), found.end().unwrap().dead), (Status::Failed, false));
}

pub async fn a_retry_and_a_discard_of_one_letter_have_one_winner(bed: Bed) {
    let dead = bed.ended(new_job(), Outcome::Failed, at(0)).await;
    let steps = [retry_asked(), Event::Discarded].map(|event| decide(&dead, event, at(5)).unwrap());
    let answers = bed.store().commit(steps.into(), at(5)).await.unwrap();
    assert!(matches!(answers[0], Committed::Applied { .. }));
    assert_eq!(stale(&answers[1]).status(), Status::Queued);
}

pub async fn moments_of_our_time_are_moments_like_others(bed: Bed) {
    let now = |seconds: i64| at(1_764_000_000_000 + 1_000 * seconds);
    let first = bed.accept(new_job(), now(0)).await;
    let second = bed.accept(new_job(), now(1)).await;
    let job = bed.claim(1, now(2)).await.remove(0);
    let job = bed.applied(&job, Event::StateSaved { epoch: 1, state: Some("1".into()) }, now(3)).await;
    let waiting = bed.applied(&job, released(1), now(4)).await;
    assert_eq!(bed.claimed_ids(9, now(5)).await, [second.id, first.id], "it waits anew since it was given back");
    let asked = bed.applied(&*bed.get(waiting.id).await, cancel_asked(), now(6)).await;
    let stopped = bed.applied(&asked, Event::Stopped { epoch: 2 }, now(7)).await;
    assert_same(&bed.get(first.id).await, &stopped);
}

pub async fn progress_never_falls_by_what_was_decided_before_it(bed: Bed) {
    let job = running(&bed).await;
    bed.applied(&job, progressed(1, 60), at(5)).await;
    let renewed = bed.applied(&job, Event::Renewed { epoch: 1, lease_until: at(99) }, at(6)).await;
    assert_eq!(renewed.life.progress.percent, 60, "the answer shows what stands");
    bed.applied(&job, progressed(1, 40), at(7)).await;
    assert_eq!(bed.get(job.id).await.life.progress.percent, 60);
    bed.applied(&job, progressed(1, 70), at(1)).await;
    bed.applied(&job, Event::StateSaved { epoch: 1, state: Some("7".into()) }, at(8)).await;
    let progress = bed.get(job.id).await.life.progress.clone();
    assert_eq!((progress.percent, progress.at()), (70, Some(at(7))));
}
