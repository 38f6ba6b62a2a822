//! Two schedulers on one database whose clocks are ten minutes apart.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::job::{Holder, Name};
use faena::schedule::{MisfirePolicy, NewSchedule, OverlapPolicy, Spec, Timetable, Zone};
use faena::store::postgres::{Open, Postgres};
use faena::store::query::{Sort, Start};
use faena::store::{Filter, Page, Schedules, Store};
use faena::upkeep::Scheduler;

use crate::chance::Chance;
use crate::house::House;

const NOON: &str = "2026-11-24T12:00:00Z";
const APART: Duration = Duration::from_secs(600);

async fn store(house: &House, clock: &Clock) -> Arc<Postgres> {
    let holder = Holder { node: "n".into(), machine: "shed".into(), process: 1 };
    let open = Open { url: house.database.url.clone(), holder, clock: clock.clone() };
    tokio::task::spawn_blocking(move || Arc::new(Postgres::open(open, Arc::default()).unwrap())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_21_schedulers_ten_minutes_apart_fire_each_tick_once() {
    let Some(house) = House::new() else { return };
    let (mut chance, noon) = (Chance::thrown(), NOON.parse::<Timestamp>().unwrap());
    let clocks = [Clock::manual(noon), Clock::manual(noon.plus(APART))];
    let stores = [store(&house, &clocks[0]).await, store(&house, &clocks[1]).await];
    let mut schedulers: Vec<_> = stores
        .iter()
        .zip(&clocks)
        .map(|(store, clock)| Scheduler::new(store.clone(), clock.clone(), Arc::default(), Arc::new(|job| job)))
        .collect();
    for called in ["one", "two"] {
        let timetable = Timetable::new("* * * * *".parse().unwrap(), Zone::utc());
        let mut spec = Spec::new(called, Name::new("task").unwrap(), timetable);
        (spec.misfire, spec.overlap) = (MisfirePolicy::FireAll, OverlapPolicy::Allow);
        stores[0].add_schedule(NewSchedule::new(spec), noon).await.unwrap();
    }
    let mut fired_by = [0, 0];
    for _ in 0..60 {
        let step = Duration::from_millis(chance.below(60_000));
        clocks.iter().for_each(|clock| clock.advance(step));
        let looks = schedulers.iter_mut().map(Scheduler::look);
        let looked = futures_util::future::join_all(looks).await;
        looked.into_iter().zip(&mut fired_by).for_each(|(looked, fired)| *fired += looked.unwrap().jobs);
    }
    // The one whose clock is behind takes over when the other one is gone.
    let last = clocks[1].now();
    clocks[0].advance(2 * APART);
    let late = schedulers[0].look().await.unwrap();
    assert!(late.jobs > 0, "{fired_by:?} fired before");
    let page = Page { sort: Sort::CreatedAscending, limit: 10_000, start: Start::Offset(0) };
    let jobs = stores[0].list(Filter::default(), page, last).await.unwrap().items;
    let fired: Vec<_> =
        jobs.iter().map(|job| (job.spec.schedule_id().unwrap(), job.spec.scheduled_for().unwrap())).collect();
    let different: BTreeSet<_> = fired.iter().collect();
    assert_eq!(fired.len(), different.len(), "a tick fired twice; {fired_by:?}");
    let minutes = clocks[0].now().millis_since(noon) / 60_000;
    assert_eq!(fired.len() as u64, 2 * minutes, "none was lost; {fired_by:?}");
}
