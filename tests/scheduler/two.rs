//! Several schedulers on one store (rule 21).

use std::collections::BTreeSet;
use std::time::Duration;

use faena::clock::Clock;
use faena::schedule::{MisfirePolicy, OverlapPolicy};

use crate::chance::Chance;
use crate::house::*;

async fn rule_21_each_tick_fires_once_by(house: House) {
    let mut chance = Chance::thrown();
    let clocks: Vec<_> = (0..3).map(|_| Clock::manual(at(NOON))).collect();
    let mut schedulers: Vec<_> = clocks.iter().map(|clock| house.scheduler(clock)).collect();
    for called in ["one", "two", "three"] {
        house
            .add(with(called, "*/10 * * * * *", |spec| {
                (spec.misfire, spec.overlap) = (MisfirePolicy::FireAll, OverlapPolicy::Allow);
            }))
            .await;
    }
    let mut last = at(NOON);
    for _ in 0..100 {
        for clock in &clocks {
            // Each clock goes on by itself, so they never quite agree; and one of them is set back now and then.
            clock.advance(Duration::from_millis(chance.below(20_000)));
            if chance.below(20) == 0 {
                // Before noon there was no schedule, and ticks of that time, come again, would be ticks too.
                let back = clock.now().minus(Duration::from_millis(chance.below(60_000)));
                set(clock, back.max(at(NOON)));
            }
            last = last.max(clock.now());
        }
        let looks = schedulers.iter_mut().map(|scheduler| scheduler.look());
        for looked in futures_util::future::join_all(looks).await {
            looked.unwrap();
        }
    }
    clocks.iter().for_each(|clock| set(clock, last));
    schedulers[0].look().await.unwrap();

    let jobs = house.jobs().await;
    let fired: Vec<_> =
        jobs.iter().map(|job| (job.spec.schedule_id().unwrap(), job.spec.scheduled_for().unwrap())).collect();
    let different: BTreeSet<_> = fired.iter().collect();
    assert_eq!(fired.len(), different.len(), "a tick fired twice");
    let ticks = last.millis_since(at(NOON)) / 10_000;
    assert_eq!(fired.len() as u64, 3 * ticks, "none was lost");
}

#[tokio::test]
async fn rule_21_each_tick_fires_once_in_memory() {
    rule_21_each_tick_fires_once_by(House::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_21_each_tick_fires_once_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    rule_21_each_tick_fires_once_by(House::in_folder(folder.path(), Clock::manual(at(NOON)))).await;
}
