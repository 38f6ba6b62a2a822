//! The schedules: who has them, how they are made, and that they are people's to change.

use faena::app::settings::{Settings, StoreChoice};
use faena::app::{Faena, Maintenance};
use faena::error::Error;
use faena::job::{Name, Priority};
use faena::schedule::{Cron, NewSchedule, OverlapPolicy, Schedule, Spec, Timetable, Zone};
use faena::store::schedules::{ScheduleFilter, SchedulePage, ScheduleSort};

use crate::house::*;

async fn schedules(faena: &Faena) -> Vec<std::sync::Arc<Schedule>> {
    let page = SchedulePage { sort: ScheduleSort::Name, limit: 100, offset: 0 };
    faena.service().schedules(ScheduleFilter::default(), page).await.unwrap().items
}

async fn names(faena: &Faena) -> Vec<String> {
    schedules(faena).await.iter().map(|schedule| schedule.spec.name.to_string()).collect()
}

fn sub_types(faena: &Faena) -> Vec<&str> {
    faena.service().registry().iter().map(|entry| entry.sub_type.as_str()).collect()
}

#[tokio::test]
async fn a_server_has_them_from_its_first_start_on() {
    let folder = tempfile::tempdir().unwrap();
    let faena = start(settings(folder.path()), &clock()).await;
    let found = schedules(&faena).await;
    let seen: Vec<_> = found
        .iter()
        .map(|schedule| (&*schedule.spec.name, schedule.spec.sub_type.as_str(), schedule.life.enabled))
        .collect();
    assert_eq!(
        seen,
        [
            ("maintenance-backup", "faena.backup", true),
            ("maintenance-check", "faena.check", true),
            ("maintenance-cleanup", "faena.cleanup", true),
            ("maintenance-retry-dead-letters", "faena.retry_dead_letters", false),
        ]
    );
    for schedule in &found {
        let spec = &schedule.spec;
        assert_eq!((schedule.created_by.as_deref(), spec.priority), (Some("faena"), Priority::Low));
        assert_eq!((spec.overlap, spec.singleton, &*spec.payload), (OverlapPolicy::Skip, true, "{}"));
        assert!(
            spec.jitter_seconds > 0
                && spec.description.is_some()
                && schedule.due_at().is_some() == schedule.life.enabled
        );
    }
}

#[tokio::test]
async fn the_settings_say_how_they_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let cron = |text: &str| Some(Cron::new(text).unwrap());
    let maintenance = Maintenance {
        timezone: Some(Zone::new("Europe/Madrid").unwrap()),
        cleanup: cron("*/2 * * * *"),
        retry: cron("0 6 * * *"),
        backup: cron("0 1 * * *"),
        ..Maintenance::on()
    };
    let faena = start(Settings { maintenance, ..settings(folder.path()) }, &clock()).await;
    let found = schedules(&faena).await;
    let written: Vec<_> = found.iter().map(|schedule| schedule.written()).collect();
    let texts: Vec<_> = written.iter().map(|(cron, zone)| (cron.to_string(), zone.to_string())).collect();
    let zone = || "Europe/Madrid".to_owned();
    assert_eq!(
        texts,
        [
            ("0 1 * * *".to_owned(), zone()),
            ("30 4 * * SUN".to_owned(), zone()),
            ("*/2 * * * *".to_owned(), zone()),
            ("0 6 * * *".to_owned(), zone()),
        ]
    );
    assert!(found[3].life.enabled, "whoever says when wants it");
    assert_eq!(found[2].spec.jitter_seconds, 0, "it comes more often than chance would let it");
}

#[tokio::test]
async fn what_people_change_stays_over_restarts() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = start(settings(folder.path()), &clock).await;
    let change = |schedule: &Schedule| {
        let timetable = Timetable::new(Cron::new("5 5 * * *").unwrap(), Zone::new("Asia/Tokyo").unwrap());
        Ok((Spec { timetable, payload: r#"{"keep":9}"#.into(), ..(*schedule.spec).clone() }, Some(false)))
    };
    let changed = faena.service().amend_schedule("maintenance-backup", None, change).await.unwrap();
    faena.service().switch_schedule("maintenance-retry-dead-letters", true).await.unwrap();
    faena.stop().await.unwrap();
    let faena = start(settings(folder.path()), &clock).await;
    assert_eq!(names(&faena).await.len(), 4, "none is made twice");
    let after = faena.service().schedule("maintenance-backup").await.unwrap();
    assert_eq!((after.id, &after.spec, after.life.enabled), (changed.id, &changed.spec, false));
    assert!(faena.service().schedule("maintenance-retry-dead-letters").await.unwrap().life.enabled);
}

#[tokio::test]
async fn they_are_switched_off_and_not_removed_or_made_something_else() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = start(settings(folder.path()), &clock).await;
    let service = faena.service();
    let refused = service.remove_schedule("maintenance-check", None).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(text) if text.contains("disable it instead")), "{refused}");
    let renamed = |schedule: &Schedule| Ok((Spec { name: "mine".into(), ..(*schedule.spec).clone() }, None));
    let refused = service.amend_schedule("maintenance-check", None, renamed).await.unwrap_err();
    assert!(refused.to_string().starts_with("name: stays `maintenance-check`"), "{refused}");
    let other =
        |schedule: &Schedule| Ok((Spec { sub_type: Name::new("work").unwrap(), ..(*schedule.spec).clone() }, None));
    let refused = service.amend_schedule("maintenance-check", None, other).await.unwrap_err();
    assert!(refused.to_string().starts_with("subType: stays `faena.check`"), "{refused}");
    assert!(!service.switch_schedule("maintenance-check", false).await.unwrap().life.enabled);
    let refused = service
        .amend_schedule("maintenance-backup", None, |schedule| {
            Ok((Spec { payload: r#"{"keep":0,"folder":"../x"}"#.into(), ..(*schedule.spec).clone() }, None))
        })
        .await
        .unwrap_err();
    let Error::Invalid { details, .. } = refused else { panic!("{refused}") };
    let fields: Vec<_> = details.iter().map(|detail| detail.field.as_str()).collect();
    assert_eq!(fields, ["payload.folder", "payload.keep"]);
    faena.stop().await.unwrap();
    // A process without maintenance would not make it again: there it may go.
    let without = Settings { maintenance: Maintenance::default(), ..settings(folder.path()) };
    let faena = start(without, &clock).await;
    faena.service().remove_schedule("maintenance-check", None).await.unwrap();
    assert_eq!(names(&faena).await.len(), 3);
}

#[tokio::test]
async fn an_application_gets_nothing_that_it_did_not_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Settings { maintenance: Settings::default().maintenance, ..settings(folder.path()) };
    let faena = start(plain, &clock()).await;
    assert!(names(&faena).await.is_empty());
    assert_eq!(sub_types(&faena), ["fails", "work"]);
}

#[tokio::test]
async fn a_process_that_runs_no_jobs_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let faena = start(Settings { no_jobs: true, ..settings(folder.path()) }, &clock()).await;
    assert!(names(&faena).await.is_empty());
    assert_eq!(sub_types(&faena), ["fails", "work"]);
}

#[tokio::test]
async fn a_store_in_memory_has_nothing_to_check_or_to_copy() {
    let folder = tempfile::tempdir().unwrap();
    let faena = start(Settings { store: StoreChoice::Memory, ..settings(folder.path()) }, &clock()).await;
    assert_eq!(names(&faena).await, ["maintenance-cleanup", "maintenance-retry-dead-letters"]);
    assert_eq!(sub_types(&faena), ["faena.cleanup", "faena.retry_dead_letters", "fails", "work"]);
}

#[tokio::test]
async fn a_name_that_is_somebody_elses_is_left_to_them() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let plain = Settings { maintenance: Maintenance::default(), ..settings(folder.path()) };
    let faena = start(plain, &clock).await;
    let timetable = Timetable::new(Cron::new("0 0 * * *").unwrap(), Zone::utc());
    let spec = Spec::new("maintenance-backup", Name::new("work").unwrap(), timetable);
    let theirs = faena.service().create_schedule(NewSchedule::new(spec)).await.unwrap();
    faena.stop().await.unwrap();
    let faena = start(settings(folder.path()), &clock).await;
    assert_eq!(faena.service().schedule("maintenance-backup").await.unwrap(), theirs);
    assert_eq!(names(&faena).await.len(), 4);
    faena.service().remove_schedule("maintenance-backup", None).await.unwrap();
}

/// An application may do one of these jobs its own way.
#[tokio::test]
async fn a_processor_of_the_applications_own_stays_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let own = registry().blocking("faena.backup", faena::processors::sleep::Sleep::default());
    let faena = Faena::start_at(settings(folder.path()), own, clock()).await.unwrap();
    let summary = |sub_type: &str| faena.service().registry().get(sub_type).unwrap().summary;
    assert!(summary("faena.check").contains("sound"));
    assert!(!summary("faena.backup").contains("Copies"), "{}", summary("faena.backup"));
}
