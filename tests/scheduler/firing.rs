//! What one look at the schedules does.

use std::sync::Arc;
use std::time::Duration;

use faena::schedule::{MisfirePolicy, OverlapPolicy};
use faena::store::StoreError;
use faena::upkeep::tick::Looked;
use parking_lot::Mutex;

use crate::house::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_schedule_fires_at_its_time_and_not_before() {
    let house = House::new();
    let schedule = house.add(every_minute("one")).await;
    let mut scheduler = house.scheduler(&house.clock);
    house.clock.advance(MINUTE - Duration::from_millis(1));
    assert_eq!(scheduler.look().await.unwrap(), Looked::default());
    house.clock.advance(Duration::from_millis(1));
    let looked = scheduler.look().await.unwrap();
    assert_eq!(looked, Looked { schedules: 1, jobs: 1, ..Looked::default() });
    assert_eq!(scheduler.look().await.unwrap(), Looked::default(), "once");
    assert_eq!(house.ticks().await, ["12:01:00"]);
    let job = house.jobs().await.remove(0);
    assert_eq!(job.spec.schedule_id(), Some(&*schedule.id.to_string()));
    assert_eq!(job.spec.kind.as_str(), "chores", "what terms leave out the processor fills in");
    assert_eq!(job.spec.user_id.as_deref(), Some("ana"));
}

#[tokio::test]
async fn whoever_watches_hears_of_the_jobs() {
    let house = House::new();
    let mut changes = house.hub.changes(None).unwrap();
    house.add(every_minute("one")).await;
    house.clock.advance(MINUTE);
    house.scheduler(&house.clock).look().await.unwrap();
    let told = changes.next().await.unwrap();
    assert_eq!(told.job.id, house.jobs().await[0].id);
}

#[tokio::test]
async fn many_that_are_due_fire_in_one_look() {
    let house = House::new();
    for number in 0..2_500 {
        house.add(every_minute(&format!("number {number}"))).await;
    }
    house.clock.advance(MINUTE);
    let looked = house.scheduler(&house.clock).look().await.unwrap();
    assert_eq!(looked, Looked { schedules: 2_500, jobs: 2_500, ..Looked::default() });
    assert_eq!(house.jobs().await.len(), 2_500);
}

#[tokio::test]
async fn rule_23_what_was_missed_is_caught_up_with_in_bounded_steps() {
    let house = House::new();
    for number in 0..12 {
        house
            .add(with(&format!("number {number}"), "* * * * *", |spec| {
                (spec.misfire, spec.catch_up_max, spec.overlap) = (MisfirePolicy::FireAll, 1_000, OverlapPolicy::Allow);
            }))
            .await;
    }
    house.clock.advance(Duration::from_secs(24 * 3600));
    let largest = Arc::new(Mutex::new(0));
    let seen = largest.clone();
    let between = between(&house.schedules, move |steps| {
        let jobs = steps.iter().map(|step| step.jobs.len()).sum();
        let mut largest = seen.lock();
        *largest = usize::max(*largest, jobs);
        None
    });
    let looked = house.scheduler_of(between, &house.clock).look().await.unwrap();
    assert_eq!((looked.jobs, looked.missed), (12 * 1_001, 12 * 1_439), "the last one of each is on time");
    assert!(*largest.lock() <= 5_005, "{}", largest.lock());
}

#[tokio::test]
async fn an_earlier_job_that_has_not_ended_is_minded() {
    let house = House::new();
    house.add(every_minute("skips")).await;
    house.add(with("allows", "* * * * *", |spec| spec.overlap = OverlapPolicy::Allow)).await;
    let mut scheduler = house.scheduler(&house.clock);
    house.clock.advance(MINUTE);
    scheduler.look().await.unwrap();
    house.clock.advance(MINUTE);
    let looked = scheduler.look().await.unwrap();
    assert_eq!((looked.jobs, looked.overlapped), (1, 1));
}

#[tokio::test]
async fn a_store_that_fails_is_asked_again_and_nothing_is_lost() {
    let house = House::new();
    house.add(every_minute("one")).await;
    let mut failures = 2;
    let between = between(&house.schedules, move |_| {
        failures -= i32::from(failures > 0);
        (failures > 0).then(|| StoreError::Unavailable("the disk is full".into()))
    });
    let mut scheduler = house.scheduler_of(between, &house.clock);
    house.clock.advance(MINUTE);
    assert!(scheduler.look().await.is_err());
    assert!(house.jobs().await.is_empty());
    assert_eq!(scheduler.look().await.unwrap().jobs, 1);
    assert_eq!(house.ticks().await, ["12:01:00"]);
}

#[tokio::test]
async fn an_edit_between_decision_and_commit_is_heeded() {
    let house = House::new();
    let schedule = house.add(every_minute("one")).await;
    house.clock.advance(MINUTE);
    // Somebody disables it just before the decision is committed.
    let (inner, now) = (house.schedules.clone(), house.clock.now());
    let mut edits = Some(schedule);
    let between = between(&house.schedules, move |_| {
        if let Some(schedule) = edits.take() {
            let step = faena::schedule::decide(&schedule, faena::schedule::Event::Disabled, now).unwrap();
            // In memory an answer is there at once.
            let answer = futures_util::FutureExt::now_or_never(inner.step_schedules(vec![step], now));
            assert!(answer.is_some_and(|answer| answer.is_ok()));
        }
        None
    });
    let looked = house.scheduler_of(between, &house.clock).look().await.unwrap();
    assert_eq!(looked, Looked::default());
    assert!(house.jobs().await.is_empty());
}
