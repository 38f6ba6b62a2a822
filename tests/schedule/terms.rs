//! What terms a schedule may have: each complaint names the field in the word of the wire.

use faena::job::Name;
use faena::limits;
use faena::schedule::{ScheduleId, Spec};

use crate::factory::{at, timetable};

fn spec() -> Spec {
    Spec::new("nightly report", Name::new("example").unwrap(), timetable("0 2 * * *", "Europe/Berlin"))
}

fn complaints(change: impl FnOnce(&mut Spec)) -> Vec<(&'static str, String)> {
    let mut spec = spec();
    change(&mut spec);
    spec.complaints().into_iter().map(|complaint| (complaint.field, complaint.message)).collect()
}

#[test]
fn sensible_terms_pass() {
    assert_eq!(complaints(|_| {}), []);
    for name in ["a", "Daily Vehicle Cleanup", "café", "ñ-1", &"x".repeat(limits::SCHEDULE_NAME_BYTES_MAX)] {
        assert_eq!(complaints(|spec| spec.name = name.into()), [], "{name}");
    }
    let filled = complaints(|spec| {
        spec.start_at = Some(at("2026-01-01T00:00:00Z"));
        spec.end_at = Some(at("2026-01-02T00:00:00Z"));
        spec.notify_on_failure = true;
        spec.notification_emails = vec!["admin@example.com".into(), "o'neil+jobs@localhost".into()];
        spec.jitter_seconds = 3_600;
        spec.catch_up_max = 1_000;
    });
    assert_eq!(filled, []);
}

type Change = Box<dyn FnOnce(&mut Spec)>;

#[test]
fn a_bad_term_is_named() {
    let id = ScheduleId::new().to_string();
    for name in ["", " a", "a ", "a/b", "a\nb", "a\0", &id, &"x".repeat(limits::SCHEDULE_NAME_BYTES_MAX + 1)] {
        let found = complaints(|spec| spec.name = name.into());
        assert!(matches!(found.as_slice(), [("name", _)]), "{name:?}: {found:?}");
    }
    let cases: Vec<(&str, Change)> = vec![
        ("description", Box::new(|spec| spec.description = Some("x".repeat(1_001).into()))),
        ("payload", Box::new(|spec| spec.payload = "x".repeat(limits::SCHEDULE_PAYLOAD_BYTES_MAX + 1).into())),
        ("misfirePolicy", Box::new(|spec| spec.catch_up_max = 0)),
        ("misfirePolicy", Box::new(|spec| spec.catch_up_max = 1_001)),
        ("jitterSeconds", Box::new(|spec| spec.jitter_seconds = 3_601)),
        (
            "jitterSeconds",
            Box::new(|spec| {
                spec.timetable = timetable("*/5 9 * * *", "UTC");
                spec.jitter_seconds = 300;
            }),
        ),
        ("notificationEmails", Box::new(|spec| spec.notify_on_failure = true)),
        ("notificationEmails", Box::new(|spec| spec.notification_emails = vec!["nobody".into()])),
        ("notificationEmails", Box::new(|spec| spec.notification_emails = vec!["a b@c".into()])),
        ("notificationEmails", Box::new(|spec| spec.notification_emails = vec!["a@b@c".into()])),
        ("notificationEmails", Box::new(|spec| spec.notification_emails = vec!["a@b".into(); 21])),
        (
            "endAt",
            Box::new(|spec| {
                spec.start_at = Some(at("2026-01-02T00:00:00Z"));
                spec.end_at = Some(at("2026-01-01T00:00:00Z"));
            }),
        ),
        // 02:00 in Berlin is 01:00 in UTC: the window holds none.
        (
            "endAt",
            Box::new(|spec| {
                spec.start_at = Some(at("2026-01-01T02:00:00Z"));
                spec.end_at = Some(at("2026-01-01T23:00:00Z"));
            }),
        ),
    ];
    for (field, change) in cases {
        let found = complaints(change);
        assert!(matches!(found.as_slice(), [(named, _)] if *named == field), "{field}: {found:?}");
    }
}

#[test]
fn terms_are_stored_whole() {
    let mut full = spec();
    full.description = Some("what it is for".into());
    full.start_at = Some(at("2026-01-01T00:00:00Z"));
    full.notification_emails = vec!["a@b".into()];
    full.singleton = true;
    for spec in [spec(), full] {
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&json).unwrap(), spec, "{json}");
    }
}
