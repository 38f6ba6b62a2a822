//! What a schedule and an alert tell.

use faena::alert::words::Kind as RuleKind;
use faena::alert::{Alert, AlertId, Subject};
use faena::clock::Timestamp;
use faena::event::tell::{of_alert, of_new_schedule, of_removed_schedule, of_schedule};
use faena::job::{JobId, Name, Outcome};
use faena::schedule::{Event, NewSchedule, Schedule, Spec, Timetable, Zone, decide};
use serde_json::json;

use crate::{json, types};

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A schedule that ticks at every full hour, made at noon.
fn hourly() -> Schedule {
    let timetable = Timetable::new("0 * * * *".parse().unwrap(), Zone::new("Europe/Madrid").unwrap());
    let mut new = NewSchedule::new(Spec::new("hourly", Name::new("report").unwrap(), timetable));
    new.created_by = Some("ana".into());
    new.accept(moment("2026-11-24T12:00:00Z"))
}

#[test]
fn a_schedule_tells_that_it_was_made_and_removed() {
    let schedule = hourly();
    let (made, gone) = (
        of_new_schedule(&schedule, None),
        of_removed_schedule(&schedule, moment("2026-11-24T12:30:00Z"), Some("key:ana")),
    );
    assert_eq!((made.kind.as_str(), gone.kind.as_str()), ("schedule.created", "schedule.deleted"));
    assert_ne!(made.id, gone.id);
    assert_eq!(json(&gone)["payload"]["by"], "key:ana");
    let event = json(&made);
    assert_eq!(event["aggregateType"], "schedule");
    assert_eq!(
        event["payload"],
        json!({
            "id": schedule.id.to_string(), "name": "hourly", "subType": "report", "type": null,
            "cronExpression": "0 * * * *", "timezone": "Europe/Madrid", "enabled": true, "status": "enabled",
            "nextExecutionAt": "2026-11-24T13:00:00.000Z", "createdBy": "ana", "by": null,
        })
    );
}

#[test]
fn a_tick_tells_its_jobs_and_what_was_missed() {
    let schedule = hourly();
    let now = moment("2026-11-24T13:00:00Z");
    let step = decide(&schedule, Event::Due { live: vec![] }, now).unwrap();
    let told = of_schedule(&schedule, &step, now);
    assert_eq!(types(&told), ["schedule.fired"]);
    let payload = &json(&told[0])["payload"];
    let job = step.jobs[0].id.to_string();
    assert_eq!(payload["jobs"], json!([{ "jobId": job, "scheduledFor": "2026-11-24T13:00:00.000Z" }]));
    assert_eq!(payload["nextExecutionAt"], "2026-11-24T14:00:00.000Z");

    // Nobody was there for three hours; one job stands for all of them.
    let late = moment("2026-11-24T15:30:00Z");
    let step = decide(&schedule, Event::Due { live: vec![] }, late).unwrap();
    let told = of_schedule(&schedule, &step, late);
    assert_eq!(types(&told), ["schedule.missed", "schedule.fired"]);
    assert_eq!(json(&told[0])["payload"]["missed"], 2);
    assert_ne!(told[0].id, told[1].id);

    // An earlier job has not ended.
    let step = decide(&schedule, Event::Due { live: vec![JobId::new()] }, now).unwrap();
    let told = of_schedule(&schedule, &step, now);
    assert_eq!(types(&told), ["schedule.missed"]);
    let payload = &json(&told[0])["payload"];
    assert_eq!((&payload["missed"], &payload["overlapped"]), (&json!(0), &json!(1)));
}

#[test]
fn what_people_do_is_told_and_what_jobs_come_to_is_not() {
    let schedule = hourly();
    let now = moment("2026-11-24T12:10:00Z");
    let told = |event| {
        let step = decide(&schedule, event, now).unwrap();
        of_schedule(&schedule, &step, now)
    };
    for event in [Event::Disabled, Event::Paused { until: None }] {
        let told = told(event);
        assert_eq!(types(&told), ["schedule.updated"]);
        assert_eq!(json(&told[0])["payload"]["nextExecutionAt"], json!(null));
    }
    let asked = told(Event::RunAsked { payload: None });
    assert_eq!(types(&asked), ["schedule.fired"]);
    assert_eq!(json(&asked[0])["payload"]["jobs"][0]["scheduledFor"], json!(null));
    let ended = Event::Ended { job: JobId::new(), outcome: Outcome::Success, took_ms: Some(1), error: None };
    assert!(told(ended).is_empty());
}

#[test]
fn an_alert_tells_all_of_itself_when_it_fires_and_when_it_clears() {
    let id = "019abcde-0000-7000-8000-000000000001".parse().unwrap();
    let alert = Alert {
        id: AlertId::new(),
        rule: Name::new("failing").unwrap(),
        kind: RuleKind::FailuresInARow,
        subject: Subject::Schedule { id, name: "hourly".into() },
        sub_type: Some(Name::new("report").unwrap()),
        job: None,
        value: 2,
        bound: 2,
        message: "it has failed twice".into(),
        fired_at: moment("2026-11-24T13:00:00Z"),
        cleared_at: None,
        count: 1,
    };
    let (fired, cleared) = (of_alert(&alert), of_alert(&alert.cleared(moment("2026-11-24T14:00:00Z"))));
    assert_eq!((fired.kind.as_str(), cleared.kind.as_str()), ("alert.fired", "alert.cleared"));
    assert_eq!(cleared.occurred_at, moment("2026-11-24T14:00:00Z"));
    assert_ne!(fired.id, cleared.id);
    // The very fields that the API shows: what `GET /events` tells and what a subscriber gets agree.
    let openapi = include_str!("../../openapi.yaml");
    let schema = openapi.split("\n    Alert:\n").nth(1).unwrap();
    let required = schema.split("required:\n").nth(1).unwrap();
    let shown: Vec<_> = required.lines().map_while(|line| line.strip_prefix("      - ")).collect();
    let payload = json(&fired)["payload"].clone();
    assert_eq!(payload.as_object().unwrap().keys().collect::<Vec<_>>(), shown);
}
