//! A whole program: a schedule that fails is told without anybody asking, and so is its recovery.

use std::time::Duration;

use faena::alert::{AlertStatus, Kind};
use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::schedule::{NewSchedule, Spec, Timetable, Zone};
use faena::store::Expected;
use faena::work::{Completion, Context, Failure, Processor, Registry};

use crate::house::{name, rule};

#[derive(Debug, serde::Deserialize, schemars::JsonSchema, validator::Validate)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    well: bool,
}

/// Ends as it is told.
struct Work;

impl Processor for Work {
    type Payload = Input;

    fn run(&self, input: Input, _: &Context) -> Result<Completion, Failure> {
        if input.well { Ok(Completion::Done) } else { Err(Failure::permanent("no luck")) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_and_their_end_are_told_by_themselves() {
    let settings = Settings { store: StoreChoice::Memory, threads: 1, grace: Duration::ZERO, ..Settings::default() };
    let faena = Faena::start(settings, Registry::new().blocking("work", Work)).await.unwrap();
    let service = faena.service();
    let mut alerts = service.hub().alerts();
    let timetable = Timetable::new("@yearly".parse().unwrap(), Zone::utc());
    service.create_schedule(NewSchedule::new(Spec::new("nightly", name("work"), timetable))).await.unwrap();
    let run = async |payload: &str| {
        let job = service.run_schedule("nightly", Some(payload.into())).await.unwrap();
        service.wait_for_end(job.id, Duration::from_secs(30)).await.unwrap();
    };
    for _ in 0..2 {
        run("{}").await;
    }
    let fired = alerts.recv().await.unwrap();
    assert_eq!((fired.rule.as_str(), fired.value, fired.status()), ("failures-in-a-row", 2, AlertStatus::Firing));
    run(r#"{"well": true}"#).await;
    let cleared = alerts.recv().await.unwrap();
    assert_eq!((cleared.id, cleared.status()), (fired.id, AlertStatus::Cleared));

    // A rule that comes later is looked at when it comes: nobody waits for the clock.
    service.pause("work", true).await.unwrap();
    for _ in 0..2 {
        service.enqueue(faena::job::NewJob::new(name("work"), "{}")).await.unwrap();
    }
    service.store().alerts().put_rule(rule("deep", Kind::QueueDepth, 1), Expected::Nothing).await.unwrap();
    let deep = alerts.recv().await.unwrap();
    assert_eq!((deep.rule.as_str(), deep.status()), ("deep", AlertStatus::Firing));
    faena.stop().await.unwrap();
}
