//! Unique keys: at most one job of a key, while it is active or for a window, by constraint (rule 13).

use faena::job::{Event, JobId, Outcome, Status, UniqueFor};
use faena::store::{Committed, Filter, Group, Insert, Inserted};

use crate::bed::*;

fn active() -> faena::job::NewJob {
    new_job().unique("k", UniqueFor::Active)
}

fn window() -> faena::job::NewJob {
    new_job().unique("k", UniqueFor::WindowMs(1_000))
}

#[track_caller]
fn taken(answer: Inserted) -> JobId {
    match answer {
        Inserted::Taken(by) => by,
        other => panic!("not taken: {other:?}"),
    }
}

pub async fn rule_13_an_active_job_holds_its_key(bed: Bed) {
    let job = bed.accept(active(), at(0)).await;
    assert_eq!(taken(bed.insert(active(), at(1)).await), job.id);
    let running = bed.claim_one(at(2)).await;
    assert_eq!(taken(bed.insert(active(), at(3)).await), job.id, "while it runs");
    let waiting = bed.applied(&running, failed(1), at(4)).await;
    assert_eq!(taken(bed.insert(active(), at(5)).await), job.id, "while it waits for its next try");
    bed.applied(&waiting, cancel_asked(), at(6)).await;
    assert_ne!(bed.accept(active(), at(7)).await.id, job.id);
}

pub async fn every_ending_frees_an_active_key(bed: Bed) {
    for outcome in [Outcome::Success, Outcome::Failed, Outcome::Cancelled] {
        bed.ended(active(), outcome, at(0)).await;
    }
    bed.accept(active(), at(9)).await;
}

pub async fn another_key_is_another_matter(bed: Bed) {
    bed.accept(active(), at(0)).await;
    bed.accept(new_job().unique("other", UniqueFor::Active), at(0)).await;
    bed.accept(new_job(), at(0)).await;
}

pub async fn a_window_holds_its_key_whatever_became_of_the_job(bed: Bed) {
    let job = bed.ended(window(), Outcome::Success, at(0)).await;
    assert_eq!(taken(bed.insert(window(), at(999)).await), job.id);
    let next = bed.accept(window(), at(1_000)).await;
    assert_eq!(taken(bed.insert(window(), at(1_999)).await), next.id, "the window counts from its own acceptance");
}

pub async fn a_window_outlives_the_pruned_job(bed: Bed) {
    let job = bed.ended(window(), Outcome::Success, at(0)).await;
    assert_eq!(bed.store().prune(prune(at(500)), at(500)).await.unwrap().jobs, 1);
    assert_eq!(taken(bed.insert(window(), at(600)).await), job.id);
    assert_eq!(bed.store().prune(prune(at(500)), at(1_000)).await.unwrap().keys, 1);
    bed.accept(window(), at(1_000)).await;
}

pub async fn rule_13_twice_in_one_batch_is_one_job(bed: Bed) {
    let jobs = vec![Insert::from(active()), Insert::from(active())];
    let answers = bed.store().insert(jobs, Group::Each, at(0)).await.unwrap();
    let [Inserted::Accepted(job), Inserted::Taken(by)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(job.id, *by);
}

pub async fn rule_13_many_at_once_get_one_job(bed: Bed) {
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let store = bed.store();
            std::thread::spawn(move || {
                block_on(store.insert(vec![active().into()], Group::Each, at(0))).unwrap().remove(0)
            })
        })
        .collect();
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let accepted = answers.iter().filter(|answer| matches!(answer, Inserted::Accepted(_))).count();
    let refused = answers.iter().filter(|answer| matches!(answer, Inserted::Taken(_))).count();
    assert_eq!((accepted, refused), (1, 15), "{answers:?}");
    assert_eq!(bed.all(Filter::default(), at(0)).await.len(), 1);
}

pub async fn rule_13_a_job_never_conflicts_with_itself_on_a_retry(bed: Bed) {
    let dead = bed.ended(active(), Outcome::Failed, at(0)).await;
    let again = bed.applied(&dead, retry_asked(), at(1)).await;
    assert_eq!(again.status(), Status::Queued);
    assert_eq!(taken(bed.insert(active(), at(2)).await), dead.id, "it holds its key again");
    let windowed = bed.ended(new_job().unique("w", UniqueFor::WindowMs(1_000)), Outcome::Cancelled, at(0)).await;
    bed.applied(&windowed, retry_asked(), at(3)).await;
}

pub async fn a_retry_does_not_take_a_key_that_somebody_holds(bed: Bed) {
    let dead = bed.ended(active(), Outcome::Failed, at(0)).await;
    let holder = bed.accept(active(), at(1)).await;
    let answer = bed.step(&dead, retry_asked(), at(2)).await;
    assert!(matches!(answer, Committed::Taken(by) if by == holder.id), "{answer:?}");
    assert_same(&bed.get(dead.id).await, &dead);
    bed.applied(&holder, cancel_asked(), at(3)).await;
    bed.applied(&dead, retry_asked(), at(4)).await;
}

pub async fn a_follow_up_whose_key_is_taken_is_left_out(bed: Bed) {
    let holder = bed.accept(new_job().unique("k", UniqueFor::Active).run_at(at(9_000)), at(0)).await;
    bed.accept(new_job(), at(0)).await;
    let job = bed.claim_one(at(1)).await;
    let free = new_job();
    let event = Event::Succeeded { epoch: 1, result: None, follow_ups: vec![active(), free.clone()] };
    let Committed::Applied { follow_ups, job } = bed.step(&job, event, at(2)).await else { panic!("did not apply") };
    assert_eq!(follow_ups.iter().map(|job| job.id).collect::<Vec<_>>(), [free.id]);
    assert_eq!(job.status(), Status::Completed);
    assert_eq!(taken(bed.insert(active(), at(3)).await), holder.id);
}
