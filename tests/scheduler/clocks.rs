//! Clocks that are set, forwards and back (rule 20).

use std::time::Duration;

use crate::house::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_jump_forward_is_a_misfire_and_one_job_stands_for_it() {
    let house = House::new();
    let schedule = house.add(every_minute("one")).await;
    let mut scheduler = house.scheduler(&house.clock);
    scheduler.look().await.unwrap();
    set(&house.clock, at("2026-11-24T15:00:30Z"));
    let looked = scheduler.look().await.unwrap();
    assert_eq!((looked.jobs, looked.missed, looked.caught_up), (1, 180, 1));
    assert_eq!(house.ticks().await, ["15:00:00"]);
    assert_eq!(house.found(&schedule).await.life.tally.missed, 179);
}

#[tokio::test]
async fn a_jump_back_fires_nothing_twice_and_goes_on_after_it() {
    let house = House::new();
    house.add(every_minute("one")).await;
    let mut scheduler = house.scheduler(&house.clock);
    house.clock.advance(3 * MINUTE);
    scheduler.look().await.unwrap();
    let before = house.ticks().await;
    set(&house.clock, at(NOON));
    for _ in 0..3 {
        house.clock.advance(MINUTE);
        assert_eq!(scheduler.look().await.unwrap().jobs, 0);
    }
    assert_eq!(house.ticks().await, before);
    house.clock.advance(MINUTE);
    scheduler.look().await.unwrap();
    assert_eq!(house.named("one").await.life.last_tick, Some(at("2026-11-24T12:04:00Z")));
}

#[tokio::test]
async fn what_a_fast_clock_planned_is_planned_anew_when_it_is_set_right() {
    let house = House::new();
    let mut scheduler = house.scheduler(&house.clock);
    scheduler.look().await.unwrap();
    set(&house.clock, at("2027-11-24T12:00:00Z"));
    for number in 0..1_100 {
        house.add(every_minute(&format!("made a year ahead, {number}"))).await;
    }
    scheduler.look().await.unwrap();
    set(&house.clock, at(NOON));
    let looked = scheduler.look().await.unwrap();
    assert_eq!((looked.replanned, looked.jobs), (1_100, 0));
    house.clock.advance(MINUTE);
    assert_eq!(scheduler.look().await.unwrap().jobs, 1_100);
    assert!(house.ticks().await.iter().all(|tick| tick == "12:01:00"));
}

#[tokio::test]
async fn a_scheduler_that_starts_after_the_clock_was_set_right_plans_anew() {
    let house = House::new();
    set(&house.clock, at("2027-11-24T12:00:00Z"));
    house.add(every_minute("made a year ahead")).await;
    set(&house.clock, at(NOON));
    let looked = house.scheduler(&house.clock).look().await.unwrap();
    assert_eq!(looked.replanned, 1);
    assert_eq!(house.schedules.next_due_schedule().await.unwrap(), Some(at("2026-11-24T12:01:00Z")));
}
