//! What people ask of schedules: bad input names its field and changes nothing.

use std::sync::Arc;
use std::time::Duration;

use faena::app::Faena;
use faena::app::settings::Settings;
use faena::clock::Clock;
use faena::error::Error;
use faena::job::{Holder, Name, RetryPolicy};
use faena::schedule::{Event, NewSchedule, Schedule, Spec, Standing, decide};
use faena::service::{Parts, Service};
use faena::store::query::Start;
use faena::store::results::Memory;
use faena::store::schedules::{ScheduleFilter, SchedulePage, ScheduleSort};
use faena::store::{Filter, Page, Sort};

use futures_util::FutureExt as _;

use crate::house::*;
use crate::running::{registry, settings};

/// Nothing runs, and it is noon.
async fn faena() -> (Faena, Arc<Service>, Clock) {
    let clock = Clock::manual(at(NOON));
    let faena = Faena::start_at(Settings { no_jobs: true, ..settings() }, registry(), clock.clone()).await.unwrap();
    let service = faena.service().clone();
    (faena, service, clock)
}

#[track_caller]
fn fields(error: Error) -> Vec<String> {
    match error {
        Error::Invalid { details, .. } => details.into_iter().map(|one| one.field).collect(),
        other => panic!("{other:?}"),
    }
}

async fn total(service: &Service) -> u64 {
    let page = SchedulePage { sort: ScheduleSort::Name, limit: 1, offset: 0 };
    service.schedules(ScheduleFilter::default(), page).await.unwrap().total
}

const FIRST: Page = Page { sort: Sort::CreatedAscending, limit: 100, start: Start::Offset(0) };

#[tokio::test]
async fn terms_that_break_a_rule_are_refused_with_their_field() {
    let (faena, service, _) = faena().await;
    type Change = fn(&mut Spec);
    let cases: [(Change, &[&str]); 8] = [
        (|spec| spec.name = "".into(), &["name"]),
        (|spec| spec.name = "a/b".into(), &["name"]),
        (|spec| spec.payload = "[]".into(), &["payload"]),
        (|spec| spec.payload = r#"{"number": 100}"#.into(), &["payload.number"]),
        (|spec| spec.timeout_ms = Some(0), &["timeoutSeconds"]),
        (|spec| spec.retry = Some(RetryPolicy { jitter: 3.0, ..RetryPolicy::default() }), &["retryPolicy.jitter"]),
        (|spec| spec.description = Some("a\0b".into()), &["description"]),
        (|spec| (spec.jitter_seconds, spec.notify_on_failure) = (60, true), &["jitterSeconds", "notificationEmails"]),
    ];
    for (change, named) in cases {
        let error = service.create_schedule(with("one", "* * * * *", change)).await.unwrap_err();
        assert_eq!(fields(error), named);
    }
    let nobodys = NewSchedule { created_by: Some("".into()), ..every_minute("one") };
    assert_eq!(fields(service.create_schedule(nobodys).await.unwrap_err()), ["createdBy"]);
    let unknown = with("one", "* * * * *", |spec| spec.sub_type = Name::new("unheard_of").unwrap());
    let error = service.create_schedule(unknown).await.unwrap_err();
    assert!(matches!(error, Error::UnknownProcessor { .. }), "{error:?}");
    assert_eq!(total(&service).await, 0);
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn a_name_that_is_taken_is_a_conflict_that_names_it() {
    let (faena, service, _) = faena().await;
    let one = service.create_schedule(every_minute("one")).await.unwrap();
    let error = service.create_schedule(every_minute("one")).await.unwrap_err();
    assert_eq!(error.code(), "conflict");
    assert!(matches!(&error, Error::Taken { field: "name", message } if message.contains(&one.id.to_string())));
    service.create_schedule(every_minute("two")).await.unwrap();
    let error = service.replace_schedule("two", every_minute("one").spec, None, None).await.unwrap_err();
    assert!(matches!(error, Error::Taken { field: "name", .. }), "{error:?}");
    assert_eq!(total(&service).await, 2);
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn an_edit_may_say_which_edition_it_has_seen() {
    let (faena, service, clock) = faena().await;
    let seen = service.create_schedule(every_minute("one")).await.unwrap();
    // A run in between is nobody's edit.
    service.run_schedule("one", None).await.unwrap();
    let described = |text: &'static str| {
        move |schedule: &faena::schedule::Schedule| {
            Ok((Spec { description: Some(text.into()), ..(*schedule.spec).clone() }, None))
        }
    };
    clock.advance(Duration::from_secs(1));
    let first = service.amend_schedule("one", Some(seen.life.edition), described("first")).await.unwrap();
    assert_eq!((first.spec.description.as_deref(), first.life.edited_at), (Some("first"), clock.now()));
    let error = service.amend_schedule("one", Some(seen.life.edition), described("second")).await.unwrap_err();
    let now = format!("it is of edition {} now", first.life.edition);
    assert!(matches!(&error, Error::Unmatched(text) if text.contains(&now)), "{error:?}");
    assert_eq!(error.code(), "precondition_failed");
    let error = service.remove_schedule("one", Some(seen.life.edition)).await.unwrap_err();
    assert!(matches!(&error, Error::Unmatched(text) if text.contains(&now)), "{error:?}");
    let third = service.amend_schedule("one", None, described("third")).await.unwrap();
    assert_eq!(third.spec.description.as_deref(), Some("third"));
    assert_eq!(service.remove_schedule("one", Some(third.life.edition)).await.unwrap().id, third.id);
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn terms_and_switch_are_replaced_in_one_step() {
    let (faena, service, _) = faena().await;
    service.create_schedule(every_minute("one")).await.unwrap();
    let after = service.replace_schedule("one", every_minute("uno").spec, Some(false), Some(0)).await.unwrap();
    assert_eq!((&*after.spec.name, after.life.enabled, after.due_at()), ("uno", false, None));
    let error = service.replace_schedule(
        "uno",
        with("uno", "* * * * *", |spec| spec.payload = "1".into()).spec,
        Some(true),
        None,
    );
    assert_eq!(fields(error.await.unwrap_err()), ["payload"]);
    assert_eq!(service.schedule("uno").await.unwrap(), after);
    assert!(matches!(service.schedule("one").await, Err(Error::NotFound { .. })));
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn switches_may_be_turned_twice() {
    let (faena, service, clock) = faena().await;
    service.create_schedule(every_minute("one")).await.unwrap();
    for _ in 0..2 {
        let off = service.switch_schedule("one", false).await.unwrap();
        assert_eq!(off.standing(clock.now()), Standing::Disabled);
    }
    service.switch_schedule("one", true).await.unwrap();
    let until = clock.now().plus(Duration::from_secs(600));
    let held = service.pause_schedule("one", Some(until)).await.unwrap();
    assert_eq!((held.standing(clock.now()), held.due_at()), (Standing::Paused, Some(until)));
    assert_eq!(fields(service.pause_schedule("one", Some(clock.now())).await.unwrap_err()), ["until"]);
    for _ in 0..2 {
        let on = service.resume_schedule("one").await.unwrap();
        assert_eq!(on.standing(clock.now()), Standing::Enabled);
    }
    for error in [
        service.switch_schedule("two", true).await.unwrap_err(),
        service.pause_schedule("two", None).await.unwrap_err(),
        service.resume_schedule("two").await.unwrap_err(),
        service.remove_schedule("two", None).await.unwrap_err(),
        service.run_schedule("two", None).await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "no schedule with the id `two`");
    }
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn a_job_now_may_have_a_payload_of_its_own() {
    let (faena, service, _) = faena().await;
    let one = service.create_schedule(every_minute("one")).await.unwrap();
    let own = service.run_schedule("one", Some(r#"{"number": 7}"#.into())).await.unwrap();
    assert_eq!(service.store().payload(own.id).await.unwrap().unwrap(), r#"{"number": 7}"#);
    let usual = service.run_schedule(&one.id.to_string(), None).await.unwrap();
    assert_eq!(service.store().payload(usual.id).await.unwrap().unwrap(), "{}");
    let error = service.run_schedule("one", Some(r#"{"nummer": 7}"#.into())).await.unwrap_err();
    assert_eq!(fields(error), ["payload.nummer"]);
    assert_eq!(service.schedule("one").await.unwrap().life.tally.total, 2);

    let stray = service.enqueue(faena::job::NewJob::new(name("work"), "{}")).await.unwrap();
    let ids =
        |page: faena::store::PageOf<Arc<faena::job::Job>>| page.items.iter().map(|job| job.id).collect::<Vec<_>>();
    let both = [own.id, usual.id];
    assert_eq!(ids(service.executions(Some("one"), Filter::default(), FIRST).await.unwrap()), both);
    assert_eq!(ids(service.executions(None, Filter::default(), FIRST).await.unwrap()), both);
    assert!(service.executions(Some("two"), Filter::default(), FIRST).await.is_err());
    assert_eq!(service.execution(own.id).await.unwrap().id, own.id);
    assert!(matches!(service.execution(stray.id).await, Err(Error::NotFound { what: "execution", .. })));
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn a_window_of_the_past_is_filled_within_a_bound() {
    let (faena, service, _) = faena().await;
    service.create_schedule(every_minute("one")).await.unwrap();
    let (from, until) = (at("2026-11-24T10:00:00Z"), at("2026-11-24T10:09:00Z"));
    let fill = |from, until, most| service.backfill_schedule("one", from, until, most);
    assert_eq!(fields(fill(from, until, Some(9)).await.unwrap_err()), ["until"]);
    assert_eq!(fields(fill(until, from, None).await.unwrap_err()), ["from"]);
    assert_eq!(fields(fill(from, at("2026-11-25T00:00:00Z"), None).await.unwrap_err()), ["until"]);
    assert_eq!(fields(fill(from, until, Some(1_001)).await.unwrap_err()), ["most"]);
    assert_eq!(fields(fill(at("2020-01-01T00:00:00Z"), until, None).await.unwrap_err()), ["until"]);
    assert_eq!(service.schedule("one").await.unwrap().life.tally.total, 0);
    let jobs = fill(from, until, Some(10)).await.unwrap();
    let ticks: Vec<_> = jobs.iter().map(|job| job.spec.scheduled_for().unwrap()).collect();
    assert_eq!((ticks.len(), ticks[0], ticks[9]), (10, from, until));
    assert_eq!(service.schedule("one").await.unwrap().life.tally.total, 10);
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_keeps_to_its_bounds() {
    let (faena, service, _) = faena().await;
    for (limit, offset, field) in [(0, 0, "limit"), (501, 0, "limit"), (1, usize::MAX, "offset")] {
        let page = SchedulePage { sort: ScheduleSort::Name, limit, offset };
        assert_eq!(fields(service.schedules(ScheduleFilter::default(), page).await.unwrap_err()), [field]);
    }
    faena.stop().await.unwrap();
}

/// Something happens to a schedule after it was looked at, and before it is removed.
async fn removed_after(event: Event) -> (Result<Arc<Schedule>, Error>, House) {
    let house = House::new();
    let schedule = house.add(every_minute("one")).await;
    let (inner, now, mut open) = (house.schedules.clone(), house.clock.now(), Some(event));
    let between = between(&house.schedules, move |_| {
        let step = decide(&schedule, open.take()?, now).unwrap();
        inner.step_schedules(vec![step], now).now_or_never().expect("a store in memory does not wait").unwrap();
        None
    });
    let service = Service::new(Parts {
        store: house.store.clone(),
        schedules: between,
        hub: house.hub.clone(),
        registry: registry(),
        results: Arc::<Memory>::default(),
        clock: house.clock.clone(),
        metrics: Arc::default(),
        histories: Arc::default(),
        node: Holder { node: "n".into(), machine: "m".into(), process: 1 },
        settings: faena::service::Settings::default(),
    });
    (service.remove_schedule("one", Some(0)).await, house)
}

#[tokio::test]
async fn a_removal_compares_the_edition_in_its_commit() {
    let spec = Arc::new(Spec { description: Some("new".into()), ..every_minute("one").spec });
    let (answer, house) = removed_after(Event::Edited { spec }).await;
    assert!(matches!(answer, Err(Error::Unmatched(_))), "{answer:?}");
    assert_eq!(house.named("one").await.spec.description.as_deref(), Some("new"), "the edit is not lost");
    // What is nobody's edit is in nobody's way.
    let (answer, house) = removed_after(Event::RunAsked { payload: None }).await;
    assert_eq!(answer.unwrap().life.edition, 0);
    assert_eq!(house.jobs().await.len(), 1, "its job stays");
}
