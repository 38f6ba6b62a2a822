//! A commit whose answer is lost: the database is asked what became of it, and whoever waits is told that.

use std::sync::Arc;

use faena::job::{Name, Outcome};
use faena::schedule::{NewSchedule, Spec, Timetable, Zone};
use faena::store::postgres::Postgres;
use faena::store::schedules::Added;
use faena::store::{Acquired, Committed, Grant, Group, Inserted, Locks, Prune, Schedules, Slug, Store, Take};

use crate::house::{House, PATIENCE, claim, store_at, succeeded, task};
use crate::line::Line;

/// A store whose next commit is made and not heard of.
async fn on_a_line() -> Option<(House, Line, Arc<Postgres>)> {
    let house = House::new()?;
    let line = Line::to(&house.database.url);
    let store = store_at(&line.url, Arc::default()).await;
    Some((house, line, store))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_was_granted_is_not_refused() {
    let Some((_house, line, store)) = on_a_line().await else { return };
    let take = Take {
        name: Slug::new("sync").unwrap(),
        owner: "ana".into(),
        ttl: PATIENCE,
        grant: Grant::New,
        in_process: false,
    };
    line.lose_a_commit();
    let acquired = store.acquire(take, store.clock().now()).await.unwrap();
    assert!(matches!(acquired, Acquired::Granted(_)), "{acquired:?}");
    assert!(line.has_lost_it());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_was_added_is_not_in_its_own_way() {
    let Some((_house, line, store)) = on_a_line().await else { return };
    let timetable = Timetable::new("* * * * *".parse().unwrap(), Zone::utc());
    let nightly = Spec::new("nightly", Name::new("task").unwrap(), timetable);
    line.lose_a_commit();
    let added = store.add_schedule(NewSchedule::new(nightly), store.clock().now()).await.unwrap();
    assert!(matches!(added, Added::Accepted(_)), "{added:?}");
    assert!(line.has_lost_it());
}

#[tokio::test(flavor = "multi_thread")]
async fn results_of_forgotten_jobs_are_named() {
    let Some((_house, line, store)) = on_a_line().await else { return };
    store.insert(vec![task().into()], Group::Each, store.clock().now()).await.unwrap();
    let job = store.claim(claim(1), store.clock().now()).await.unwrap().jobs.remove(0);
    let ended = store.commit(vec![succeeded(&job, &store)], store.clock().now()).await.unwrap().remove(0);
    let Committed::Applied { job, .. } = ended else { panic!("{ended:?}") };
    assert_eq!(job.end().unwrap().outcome, Outcome::Success);
    let later = store.clock().now().plus(PATIENCE);
    line.lose_a_commit();
    let pruned = store.prune(Prune { ended_before: later, failed_before: later, limit: 9 }, later).await.unwrap();
    assert_eq!(pruned.jobs, 1);
    assert!(line.has_lost_it());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_accepted_is_accepted_once() {
    let Some((_house, line, store)) = on_a_line().await else { return };
    line.lose_a_commit();
    let answers = store.insert(vec![task().into()], Group::Each, store.clock().now()).await.unwrap();
    assert!(matches!(answers[..], [Inserted::Accepted(_)]), "{answers:?}");
    assert!(line.has_lost_it());
    assert_eq!(store.claim(claim(9), store.clock().now()).await.unwrap().jobs.len(), 1);
}
