//! The scheduler as a running program has it: woken by hints, by time and after failures.

use std::sync::Arc;
use std::time::Duration;

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::clock::Clock;
use faena::job::Outcome;
use faena::store::StoreError;
use faena::store::results::Memory;
use faena::upkeep::{self, Upkeep};
use faena::watch::Changes;
use faena::work::{Completion, Context, Failure, Processor, Registry};

use crate::house::*;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema, validator::Validate)]
#[serde(deny_unknown_fields)]
pub struct Input {
    #[serde(default)]
    #[validate(range(max = 99))]
    pub number: u64,
}

/// Fails for odd numbers.
pub struct Work;

impl Processor for Work {
    type Payload = Input;

    fn run(&self, input: Input, _: &Context) -> Result<Completion, Failure> {
        match input.number % 2 {
            0 => Ok(Completion::Done),
            _ => Err(Failure::permanent("an odd number")),
        }
    }
}

pub fn registry() -> Registry {
    Registry::new().blocking("work", Work)
}

pub fn settings() -> Settings {
    Settings { store: StoreChoice::Memory, threads: 1, grace: Duration::ZERO, ..Settings::default() }
}

/// The upkeep of a house, with a scheduler on these schedules.
fn upkeep(house: &House, schedules: Arc<dyn faena::store::Schedules>) -> Upkeep {
    let parts = upkeep::Parts {
        store: house.store.clone(),
        results: Arc::new(Memory::default()),
        clock: house.clock.clone(),
        ages: None,
        events: faena::limits::EVENTS_KEPT_FOR,
    };
    let (sentinel, scheduler) = (house.sentinel(&parts.store), house.scheduler_of(schedules, &house.clock));
    Upkeep::start(parts, sentinel, Some(scheduler), &tokio::runtime::Handle::current())
}

/// The tick of the next job that anybody is told of.
async fn next_tick(changes: &mut Changes) -> String {
    changes.next().await.unwrap().job.spec.scheduled_for().unwrap().to_string()
}

#[tokio::test]
async fn schedules_fire_by_the_wall_clock_and_their_jobs_run() {
    let faena = Faena::start(settings(), registry()).await.unwrap();
    let mut changes = faena.service().hub().changes(None).unwrap();
    let schedule = faena.service().create_schedule(with("each second", "* * * * * *", |_| {})).await.unwrap();
    let mut ended = 0;
    while ended < 2 {
        ended += usize::from(changes.next().await.unwrap().job.is_finished());
    }
    let after = faena.service().schedule("each second").await.unwrap();
    assert!(after.life.tally.succeeded >= 2, "{:?}", after.life.tally);
    assert_eq!(after.id, schedule.id);
    faena.service().switch_schedule("each second", false).await.unwrap();
    let page = faena::store::Page {
        sort: faena::store::Sort::CreatedAscending,
        limit: 10,
        start: faena::store::query::Start::Offset(0),
    };
    let fired = faena.service().executions(Some("each second"), Default::default(), page).await.unwrap();
    assert_eq!(fired.total, faena.service().schedule("each second").await.unwrap().life.tally.total);
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn failures_are_the_schedules_to_tell() {
    let faena = Faena::start(settings(), registry()).await.unwrap();
    let new = with("odd", "0 0 1 1 *", |spec| spec.payload = r#"{"number": 3}"#.into());
    faena.service().create_schedule(new).await.unwrap();
    let job = faena.service().run_schedule("odd", None).await.unwrap();
    let job = faena.service().wait_for_end(job.id, Duration::from_secs(60)).await.unwrap();
    assert!(job.is_finished());
    let tally = faena.service().schedule("odd").await.unwrap().life.tally.clone();
    assert_eq!((tally.total, tally.failed, tally.failures_in_a_row), (1, 1, 1));
    let last = tally.last.unwrap();
    assert_eq!((last.job, last.outcome, last.scheduled_for), (job.id, Some(Outcome::Failed), None));
    assert!(last.error.unwrap().contains("an odd number"));
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn a_new_schedule_wakes_a_scheduler_that_has_nothing_to_do() {
    let house = House::new();
    let mut changes = house.hub.changes(None).unwrap();
    let upkeep = upkeep(&house, house.schedules.clone());
    let schedule = every_minute("one");
    // It is accepted by a clock that stands a minute earlier, so it is due at once.
    house.schedules.add_schedule(schedule, house.clock.now().minus(Duration::from_secs(60))).await.unwrap();
    assert_eq!(next_tick(&mut changes).await, "2026-11-24T12:00:00.000Z");
    upkeep.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_set_forward_is_noticed_without_a_hint() {
    let house = House::new();
    let mut changes = house.hub.changes(None).unwrap();
    house.add(every_minute("one")).await;
    let upkeep = upkeep(&house, house.schedules.clone());
    house.clock.advance(Duration::from_secs(3 * 60));
    assert_eq!(next_tick(&mut changes).await, "2026-11-24T12:03:00.000Z");
    upkeep.stop().await;
}

#[tokio::test]
async fn two_running_schedulers_fire_each_tick_once() {
    let house = House::new();
    let mut changes = house.hub.changes(None).unwrap();
    house.add(with("one", "* * * * *", |spec| spec.overlap = faena::schedule::OverlapPolicy::Allow)).await;
    let (one, other) = (upkeep(&house, house.schedules.clone()), upkeep(&house, house.schedules.clone()));
    for minute in 1..=20 {
        house.clock.advance(Duration::from_secs(60));
        house.hub.planned().notify_waiters();
        assert_eq!(next_tick(&mut changes).await, format!("2026-11-24T12:{minute:02}:00.000Z"));
    }
    one.stop().await;
    other.stop().await;
    assert_eq!(house.jobs().await.len(), 20);
}

#[tokio::test]
async fn a_store_that_failed_is_tried_again() {
    let house = House::new();
    let mut changes = house.hub.changes(None).unwrap();
    house.add(every_minute("one")).await;
    house.clock.advance(Duration::from_secs(60));
    let mut has_failed = false;
    let between = between(&house.schedules, move |_| {
        let fails = !std::mem::replace(&mut has_failed, true);
        fails.then(|| StoreError::Unavailable("the disk is full".into()))
    });
    let upkeep = upkeep(&house, between);
    assert_eq!(next_tick(&mut changes).await, "2026-11-24T12:01:00.000Z");
    upkeep.stop().await;
}

#[tokio::test]
async fn a_server_that_runs_no_jobs_fires_nothing() {
    let clock = Clock::manual(at(NOON));
    let faena = Faena::start_at(Settings { no_jobs: true, ..settings() }, registry(), clock.clone()).await.unwrap();
    let service = faena.service().clone();
    service.create_schedule(every_minute("one")).await.unwrap();
    clock.advance(Duration::from_secs(60));
    service.hub().planned().notify_waiters();
    let job = service.run_schedule("one", None).await.unwrap();
    faena.stop().await.unwrap();
    assert_eq!(job.spec.scheduled_for(), None);
    assert_eq!(service.schedule("one").await.unwrap().life.tally.total, 1, "nothing but what was asked for");
}

/// Whoever asks may be told to come again; a tick cannot. It is left behind by the commit that accepts its job, so the
/// bound on waiting jobs is not for it: that of overlaps is.
#[tokio::test]
async fn a_tick_fires_although_the_queue_is_as_deep_as_it_may_be() {
    let faena = Faena::start(Settings { queue_depth: 1, ..settings() }, registry()).await.unwrap();
    let service = faena.service();
    service.pause("work", true).await.unwrap();
    let waiting = || faena::job::NewJob::new(faena::job::Name::new("work").unwrap(), "{}");
    service.enqueue(waiting()).await.unwrap();
    let full = service.enqueue(waiting()).await.unwrap_err();
    assert!(matches!(full, faena::error::Error::QueueFull { .. }), "{full}");
    let mut changes = service.hub().changes(None).unwrap();
    service.create_schedule(with("each second", "* * * * * *", |_| {})).await.unwrap();
    let fired = changes.next().await.unwrap().job;
    assert!(fired.spec.scheduled_for().is_some(), "{fired:?}");
    let by_hand = service.run_schedule("each second", None).await.unwrap_err();
    assert!(matches!(by_hand, faena::error::Error::QueueFull { .. }), "a person is told: {by_hand}");
    faena.stop().await.unwrap();
}
