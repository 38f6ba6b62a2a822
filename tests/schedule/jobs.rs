//! The jobs that a schedule makes: by its ticks, on request, for ticks of the past.

use std::collections::HashSet;
use std::time::Duration;

use faena::job::{Name, Priority, RetryPolicy};
use faena::limits;
use faena::schedule::{Event, Refusal, Schedule, ScheduleId};

use crate::factory::{after, applied, at, due, fired, refused, schedule};

fn nightly() -> Schedule {
    schedule("0 2 * * *", "Europe/Berlin", "2026-11-20T12:00:00Z", |spec| {
        spec.payload = r#"{"a":1}"#.into();
        spec.kind = Some(Name::new("report_generation").unwrap());
        spec.priority = Priority::Low;
        spec.retry = Some(RetryPolicy::never());
        spec.timeout_ms = Some(90_000);
    })
}

#[test]
fn a_job_has_the_terms_of_its_schedule() {
    let schedule = nightly();
    let step = applied(&schedule, due(), "2026-11-21T01:00:00Z");
    let [job] = step.jobs.as_slice() else { panic!("{step:?}") };
    assert_eq!((job.sub_type.as_str(), job.kind.as_ref().unwrap().as_str()), ("example", "report_generation"));
    assert_eq!((&job.payload[..], job.priority), (br#"{"a":1}"#.as_slice(), Priority::Low));
    assert_eq!((job.retry, job.timeout), (Some(RetryPolicy::never()), Some(Duration::from_secs(90))));
    assert_eq!(job.user_id.as_deref(), Some("ana"), "it is whose the schedule is");
    assert_eq!(job.run_at, None);
    let accepted = job.clone().accept(1, at("2026-11-21T01:00:00Z"));
    assert_eq!(accepted.spec.schedule_id(), Some(&*schedule.id.to_string()));
    assert_eq!(accepted.spec.scheduled_for(), Some(at("2026-11-21T01:00:00Z")));
    let stored = serde_json::to_string(&*accepted.spec).unwrap();
    assert_eq!(serde_json::from_str::<faena::job::Spec>(&stored).unwrap(), *accepted.spec);
}

#[test]
fn a_job_for_now_is_no_tick() {
    let schedule = nightly();
    let step = applied(&schedule, Event::RunAsked { payload: Some(r#"{"a":2}"#.into()) }, "2026-11-20T13:00:00Z");
    let [job] = step.jobs.as_slice() else { panic!("{step:?}") };
    assert_eq!((&job.payload[..], job.options.scheduled_for), (br#"{"a":2}"#.as_slice(), None));
    assert_eq!((step.next.last_tick, step.next.next_tick), (None, Some(at("2026-11-21T01:00:00Z"))));
    assert_eq!((step.next.tally.total, step.next.edition), (1, 0));
    let again = applied(&schedule, Event::RunAsked { payload: None }, "2026-11-20T13:00:00Z");
    assert_ne!(again.jobs[0].id, job.id);
    assert_eq!(&again.jobs[0].payload[..], br#"{"a":1}"#);
    // It can be asked for while the schedule does not fire by itself.
    let off = after(&schedule, Event::Disabled, "2026-11-20T13:00:00Z");
    assert_eq!(applied(&off, Event::RunAsked { payload: None }, "2026-11-20T13:00:00Z").jobs.len(), 1);
}

#[test]
fn a_backfill_fires_each_tick_of_its_window() {
    let schedule = after(&nightly(), due(), "2026-11-21T01:00:00Z");
    let window = |from: &str, until: &str| Event::Backfilled { from: at(from), until: at(until) };
    let now = "2026-11-21T12:00:00Z";
    let step = applied(&schedule, window("2026-11-01T01:00:00Z", "2026-11-03T01:00:00Z"), now);
    assert_eq!(fired(&step), ["2026-11-01T01:00:00", "2026-11-02T01:00:00", "2026-11-03T01:00:00"], "both ends count");
    assert_eq!(step.jobs[1].options.scheduled_for, Some(at("2026-11-02T01:00:00Z")));
    assert_eq!((step.next.last_tick, step.next.next_tick), (schedule.life.last_tick, schedule.life.next_tick));
    assert_eq!(step.next.tally.total, 4);
    assert_eq!((step.firing.missed, step.firing.caught_up), (0, 0));
    let none = window("2026-11-03T01:00:01Z", "2026-11-04T00:59:59Z");
    assert_eq!(refused(&schedule, none, now), Refusal::NothingToDo);
    let future = window("2026-11-03T01:00:01Z", "2026-11-22T00:00:00Z");
    assert_eq!(refused(&schedule, future, now), Refusal::NotPast);
    let reversed = window("2026-11-03T01:00:01Z", "2026-11-02T00:00:00Z");
    assert_eq!(refused(&schedule, reversed, now), Refusal::NotPast);
}

#[test]
fn a_backfill_is_bounded_and_says_by_how_much_it_is_too_long() {
    let schedule = schedule("* * * * * *", "UTC", "2026-11-20T12:00:00Z", |_| {});
    let window = |seconds: u64| Event::Backfilled {
        from: at("2020-01-01T00:00:01Z"),
        until: at("2020-01-01T00:00:00Z").plus(Duration::from_secs(seconds)),
    };
    let now = "2026-11-20T12:00:00Z";
    let bound = limits::BACKFILL_MAX as u64;
    assert_eq!(applied(&schedule, window(bound), now).jobs.len() as u64, bound);
    let refusal = refused(&schedule, window(86_400 * 366 * 5), now);
    let expected = format!("there are {} ticks in that window, more than {bound}", 86_400 * 366 * 5);
    assert!(refusal.to_string().starts_with(&expected), "{refusal}");
}

#[test]
fn rule_21_a_backfill_leaves_alone_what_is_still_to_be_decided() {
    // 02:00 of the 21st to the 23rd are due when somebody asks for the whole week.
    let window = Event::Backfilled { from: at("2026-11-16T00:00:00Z"), until: at("2026-11-23T12:00:00Z") };
    let step = applied(&nightly(), window, "2026-11-23T12:00:00Z");
    let expected = ["16", "17", "18", "19", "20"].map(|day| format!("2026-11-{day}T01:00:00"));
    assert_eq!(fired(&step), expected);
}

#[test]
fn a_backfill_keeps_to_start_and_end() {
    let schedule = schedule("0 2 * * *", "UTC", "2026-11-20T12:00:00Z", |spec| {
        spec.start_at = Some(at("2026-11-02T02:00:00Z"));
        spec.end_at = Some(at("2026-11-03T02:00:00Z"));
    });
    let window = Event::Backfilled { from: at("2026-10-01T00:00:00Z"), until: at("2026-11-20T00:00:00Z") };
    assert_eq!(
        fired(&applied(&schedule, window, "2026-11-20T12:00:00Z")),
        ["2026-11-02T02:00:00", "2026-11-03T02:00:00"]
    );
}

#[test]
fn the_id_of_a_ticks_job_is_a_uuid_of_version_7_and_its_own() {
    let mut seen = HashSet::new();
    for _ in 0..20 {
        let schedule = schedule("* * * * * *", "UTC", "2026-11-24T10:00:00Z", |spec| spec.catch_up_max = 1);
        for job in applied(&schedule, due(), "2026-11-24T10:00:10Z").jobs {
            let id = uuid::Uuid::from_bytes(*job.id.as_bytes());
            assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            let (seconds, _) = id.get_timestamp().unwrap().to_unix();
            assert_eq!(i64::try_from(seconds).unwrap() * 1_000, job.options.scheduled_for.unwrap().as_millis());
            assert!(seen.insert(job.id));
        }
    }
    assert_eq!(seen.len(), 200);
}

#[test]
fn jitter_is_known_to_every_node_and_spreads_schedules() {
    let jittered =
        |seconds: u32| schedule("0 0 * * *", "UTC", "2026-11-24T10:00:00Z", |spec| spec.jitter_seconds = seconds);
    let midnight = at("2026-11-25T00:00:00Z");
    assert_eq!(jittered(0).due_at(), Some(midnight));
    let delays: Vec<u64> = (0..300).map(|_| jittered(60).due_at().unwrap().millis_since(midnight)).collect();
    assert!(delays.iter().all(|delay| *delay < 60_000));
    let distinct: HashSet<_> = delays.iter().collect();
    let mean = delays.iter().sum::<u64>() / 300;
    assert!(distinct.len() > 280 && (25_000..35_000).contains(&mean), "{} of 300, mean {mean}", distinct.len());

    let schedule = jittered(3_600);
    let due_at = schedule.due_at().unwrap();
    let just_before = at(&due_at.to_string()).minus(Duration::from_millis(1)).to_string();
    assert_eq!(refused(&schedule, due(), &just_before), Refusal::NotDue);
    let step = applied(&schedule, due(), &due_at.to_string());
    assert_eq!((step.firing.ticks[0].at, step.firing.missed), (midnight, 0), "a tick is its own time, without jitter");
    let other = Schedule { id: ScheduleId::from_bytes(*schedule.id.as_bytes()), ..schedule.clone() };
    assert_eq!(other.due_at(), Some(due_at));
}

#[test]
fn a_jittered_tick_is_missed_only_after_its_jitter() {
    let schedule = schedule("*/10 * * * *", "UTC", "2026-11-24T10:00:00Z", |spec| spec.jitter_seconds = 300);
    let due_at = schedule.due_at().unwrap();
    let late = due_at.plus(limits::MISFIRE_GRACE);
    assert_eq!(applied(&schedule, due(), &late.to_string()).firing.missed, 0);
    assert_eq!(applied(&schedule, due(), &late.plus_millis(1).to_string()).firing.missed, 1);
}
