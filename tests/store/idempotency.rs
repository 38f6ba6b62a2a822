//! Idempotency keys: the same request again gives the first answer, for as long as the key lives and no longer.

use std::sync::Arc;
use std::time::Duration;

use faena::job::{NewJob, Outcome, Priority, Status};
use faena::store::{Filter, Group, Idempotency, Insert, Inserted, Receipt};

use crate::bed::*;

const WINDOW: Duration = Duration::from_secs(60);

fn request(job: NewJob, key: &str, body: u8) -> Insert {
    Insert { job, idempotency: Some(Idempotency { key: key.into(), body: [body; 32], window: WINDOW }) }
}

#[track_caller]
fn replayed(answer: Inserted) -> Arc<Receipt> {
    match answer {
        Inserted::Replayed(receipt) => receipt,
        other => panic!("not replayed: {other:?}"),
    }
}

pub async fn rule_12_the_same_request_again_gives_the_first_answer(bed: Bed) {
    let mut new = new_job().priority(Priority::Low);
    new.options.estimated_duration = Some("2 minutes".into());
    let id = new.id;
    assert!(matches!(bed.insert(request(new, "k", 1), at(10)).await, Inserted::Accepted(_)));
    let receipt = replayed(bed.insert(request(new_job(), "k", 1), at(500)).await);
    assert_eq!((receipt.id, receipt.created_at, receipt.priority), (id, at(10), Priority::Low));
    assert_eq!((receipt.sub_type.as_str(), receipt.kind.as_str()), ("work", "work"));
    assert_eq!(receipt.estimated_duration.as_deref(), Some("2 minutes"));
    assert_eq!(bed.all(Filter::default(), at(500)).await.len(), 1);
}

pub async fn rule_12_another_body_is_a_mismatch_and_changes_nothing(bed: Bed) {
    bed.insert(request(new_job(), "k", 1), at(0)).await;
    assert!(matches!(bed.insert(request(new_job(), "k", 2), at(0)).await, Inserted::Mismatch));
    replayed(bed.insert(request(new_job(), "k", 1), at(0)).await);
    assert_eq!(bed.all(Filter::default(), at(0)).await.len(), 1);
}

pub async fn rule_12_twice_in_one_batch_is_one_job(bed: Bed) {
    let jobs = vec![request(new_job(), "k", 1), request(new_job(), "k", 1), request(new_job(), "k", 2)];
    let answers = bed.store().insert(jobs, Group::Each, at(0)).await.unwrap();
    let [Inserted::Accepted(job), Inserted::Replayed(receipt), Inserted::Mismatch] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert_eq!(receipt.id, job.id);
}

pub async fn rule_12_many_at_once_get_one_job(bed: Bed) {
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let store = bed.store();
            std::thread::spawn(move || {
                block_on(store.insert(vec![request(new_job(), "k", 1)], Group::Each, at(0))).unwrap().remove(0)
            })
        })
        .collect();
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let accepted: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Inserted::Accepted(job) => Some(job.id),
            _ => None,
        })
        .collect();
    assert_eq!(accepted.len(), 1, "{answers:?}");
    for answer in answers.into_iter().filter(|answer| !matches!(answer, Inserted::Accepted(_))) {
        assert_eq!(replayed(answer).id, accepted[0]);
    }
    assert_eq!(bed.all(Filter::default(), at(0)).await.len(), 1);
}

pub async fn rule_12_a_key_lives_its_window_and_no_longer(bed: Bed) {
    bed.insert(request(new_job(), "k", 1), at(0)).await;
    let last = after(WINDOW).minus(Duration::from_millis(1));
    replayed(bed.insert(request(new_job(), "k", 1), last).await);
    assert!(matches!(bed.insert(request(new_job(), "k", 2), after(WINDOW)).await, Inserted::Accepted(_)));
    replayed(bed.insert(request(new_job(), "k", 2), after(WINDOW)).await);
}

pub async fn rule_12_a_key_outlives_its_pruned_job(bed: Bed) {
    let job = bed.ended(new_job(), Outcome::Success, at(0)).await;
    let asked = request(new_job(), "k", 1);
    let id = asked.job.id;
    bed.insert(asked, at(0)).await;
    let claimed = bed.claim_one(at(0)).await;
    bed.applied(&claimed, succeeded(1), at(10)).await;
    assert_eq!(bed.store().prune(prune(at(20)), at(20)).await.unwrap().jobs, 2);
    assert!(bed.store().get(id).await.unwrap().is_none() && bed.store().get(job.id).await.unwrap().is_none());
    assert_eq!(replayed(bed.insert(request(new_job(), "k", 1), at(30)).await).id, id);
    assert_eq!(bed.store().prune(prune(at(20)), after(WINDOW)).await.unwrap().keys, 1);
    assert_eq!(bed.store().prune(prune(at(20)), after(WINDOW)).await.unwrap().keys, 0);
}

pub async fn a_mismatch_stands_in_the_way_of_a_whole_group(bed: Bed) {
    bed.insert(request(new_job(), "k", 1), at(0)).await;
    let jobs = vec![request(new_job(), "new", 1), request(new_job(), "k", 2)];
    let answers = bed.store().insert(jobs, Group::Whole, at(0)).await.unwrap();
    assert!(matches!(&answers[..], [Inserted::Withdrawn, Inserted::Mismatch]), "{answers:?}");
    let again = bed.insert(request(new_job(), "new", 9), at(0)).await;
    assert!(matches!(again, Inserted::Accepted(_)), "the key of a withdrawn job is free: {again:?}");
}

pub async fn a_replay_stands_in_nobodys_way(bed: Bed) {
    bed.insert(request(new_job(), "k", 1), at(0)).await;
    let jobs = vec![request(new_job(), "new", 1), request(new_job(), "k", 1)];
    let answers = bed.store().insert(jobs, Group::Whole, at(0)).await.unwrap();
    assert!(matches!(&answers[..], [Inserted::Accepted(_), Inserted::Replayed(_)]), "{answers:?}");
    assert_eq!(bed.store().tally(at(0)).await.unwrap().of(Status::Queued), 2);
}

pub async fn a_replay_of_a_withdrawn_job_is_withdrawn_too(bed: Bed) {
    bed.insert(request(new_job(), "k", 1), at(0)).await;
    let jobs = vec![request(new_job(), "new", 1), request(new_job(), "new", 1), request(new_job(), "k", 2)];
    let answers = bed.store().insert(jobs, Group::Whole, at(0)).await.unwrap();
    assert!(
        matches!(&answers[..], [Inserted::Withdrawn, Inserted::Withdrawn, Inserted::Mismatch]),
        "nobody is told of a job that does not exist: {answers:?}"
    );
}

pub async fn a_refused_request_leaves_its_key_free(bed: Bed) {
    use faena::job::UniqueFor::Active;
    let holder = bed.accept(new_job().unique("u", Active), at(0)).await;
    let refused = bed.insert(request(new_job().unique("u", Active), "k", 1), at(0)).await;
    assert!(matches!(refused, Inserted::Taken(by) if by == holder.id));
    bed.applied(&holder, cancel_asked(), at(1)).await;
    let again = bed.insert(request(new_job().unique("u", Active), "k", 1), at(2)).await;
    assert!(matches!(again, Inserted::Accepted(_)), "{again:?}");
}
