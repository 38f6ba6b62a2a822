//! What becomes of ticks when the process ends at the wrong moment, or was not there (rules 21 and 23).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use faena::clock::Clock;
use faena::schedule::{MisfirePolicy, OverlapPolicy};
use faena::store::{Store, StoreError};
use parking_lot::Mutex;

use crate::house::*;

/// What another process would find if this one died at this moment.
fn left_behind(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

#[tokio::test]
async fn rule_21_a_decision_that_was_not_committed_is_made_again_with_the_same_job() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder(folder.path(), Clock::manual(at(NOON)));
    house.add(every_minute("one")).await;
    house.clock.advance(Duration::from_secs(60));
    let decided = Arc::new(Mutex::new(None));
    let seen = decided.clone();
    let between = between(&house.schedules, move |steps| {
        *seen.lock() = Some(steps[0].jobs[0].id);
        Some(StoreError::Unavailable("the process dies here".into()))
    });
    house.scheduler_of(between, &house.clock).look().await.unwrap_err();

    let left = left_behind(folder.path());
    let after = House::in_folder(left.path(), house.clock.clone());
    assert!(after.jobs().await.is_empty());
    after.scheduler(&after.clock).look().await.unwrap();
    let jobs = after.jobs().await;
    assert_eq!(jobs.iter().map(|job| Some(job.id)).collect::<Vec<_>>(), [*decided.lock()]);
}

#[tokio::test]
async fn rule_21_a_tick_that_was_committed_does_not_fire_again_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder(folder.path(), Clock::manual(at(NOON)));
    let schedule = house.add(every_minute("one")).await;
    house.clock.advance(Duration::from_secs(60));
    house.scheduler(&house.clock).look().await.unwrap();

    let left = left_behind(folder.path());
    let after = House::in_folder(left.path(), house.clock.clone());
    assert_eq!(after.scheduler(&after.clock).look().await.unwrap().jobs, 0);
    assert_eq!(after.ticks().await, ["12:01:00"]);
    assert_eq!(after.found(&schedule).await, house.found(&schedule).await);
}

#[tokio::test]
async fn rule_23_a_start_catches_up_by_the_policy_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(at(NOON));
    let house = House::in_folder(folder.path(), clock.clone());
    for (called, misfire) in [
        ("stands for all", MisfirePolicy::FireOnce),
        ("lets go", MisfirePolicy::Skip),
        ("fires all", MisfirePolicy::FireAll),
    ] {
        house
            .add(with(called, "0 * * * *", |spec| (spec.misfire, spec.overlap) = (misfire, OverlapPolicy::Allow)))
            .await;
    }
    house.store.close().await.unwrap();

    set(&clock, at("2026-11-24T17:30:00Z"));
    let house = House::in_folder(folder.path(), clock);
    let found = house.store.health().recovered;
    assert_eq!((found.schedules, found.schedules_due, found.schedules_faulty), (3, 3, 0));
    let looked = house.scheduler(&house.clock).look().await.unwrap();
    assert_eq!((looked.schedules, looked.jobs, looked.missed, looked.caught_up), (3, 6, 15, 6));
    let mut ticks = house.ticks().await;
    ticks.sort();
    assert_eq!(ticks, ["13:00:00", "14:00:00", "15:00:00", "16:00:00", "17:00:00", "17:00:00"]);
}
