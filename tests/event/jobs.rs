//! What each step of a job tells.

use std::time::Duration;

use faena::event::Event as Told;
use faena::event::tell::of_job;
use faena::job::{Event, Holder, Job, JobError, Name, NewJob, ResultRef, RetryPolicy, decide};
use serde_json::json;

use crate::{at, json, types};

fn waiting() -> Job {
    let retry = RetryPolicy { max_retries: 2, delay_ms: 1_000, max_delay_ms: 60_000, jitter: 0.0, exponential: true };
    let job = NewJob::new(Name::new("example").unwrap(), r#"{"secret": 1}"#).retry(retry).user("ana").tag("monthly");
    job.accept(7, at(0))
}

/// The job after a step, and what the step tells.
#[track_caller]
fn step(job: &Job, event: Event, millis: i64) -> (Job, Vec<Told>) {
    let transition = decide(job, event, at(millis)).unwrap();
    let after = Job { life: transition.next, ..job.clone() };
    let told = of_job(Some(job), &after, at(millis));
    (after, told)
}

fn claimed() -> Event {
    let holder = Holder { node: "node-1".into(), machine: "shed".into(), process: 42 };
    Event::Claimed { holder, lease_until: Some(at(30_000)) }
}

fn running() -> Job {
    step(&waiting(), claimed(), 100).0
}

fn failed(epoch: u32, retryable: bool) -> Event {
    Event::Failed { epoch, error: JobError::new("error", "the file was empty"), retryable, retry_after: None }
}

fn done(epoch: u32, url: &str) -> Event {
    Event::Succeeded { epoch, result: Some(ResultRef::Url(url.into())), follow_ups: vec![] }
}

#[test]
fn each_step_tells_what_it_is() {
    assert_eq!(types(&of_job(None, &waiting(), at(0))), ["job.queued"]);
    assert_eq!(types(&step(&waiting(), claimed(), 100).1), ["job.started"]);
    for (event, told) in [
        (done(1, "data:,ok"), &["job.completed"][..]),
        (failed(1, true), &["job.retrying"]),
        (failed(1, false), &["job.failed", "job.dead"]),
        (Event::TimedOut { epoch: 1 }, &["job.retrying"]),
        (Event::Crashed { epoch: 1 }, &["job.retrying"]),
        (Event::Released { epoch: 1, reason: "drain".into() }, &["job.queued"]),
        (Event::CancelAsked { by: "ana".into() }, &[]),
        (Event::Progressed { epoch: 1, percent: 10, message: None }, &[]),
        (Event::Renewed { epoch: 1, lease_until: at(60_000) }, &[]),
        (Event::StateSaved { epoch: 1, state: Some("1".into()) }, &[]),
    ] {
        let (_, found) = step(&running(), event.clone(), 200);
        assert_eq!(types(&found), told, "{event:?}");
    }
    let (_, lost) = step(&running(), Event::LeaseLost { epoch: 1 }, 30_000);
    assert_eq!(types(&lost), ["job.retrying"]);
    let (_, cancelled) = step(&waiting(), Event::CancelAsked { by: "ana".into() }, 50);
    assert_eq!(types(&cancelled), ["job.cancelled"]);
    let asked = step(&running(), Event::CancelAsked { by: "ana".into() }, 150).0;
    assert_eq!(types(&step(&asked, Event::Stopped { epoch: 1 }, 200).1), ["job.cancelled"]);
}

#[test]
fn a_job_that_expires_has_failed_and_is_no_dead_letter() {
    let mut job = NewJob::new(Name::new("example").unwrap(), "{}");
    job.options.expires_at = Some(at(1_000));
    let (_, told) = step(&job.accept(1, at(0)), Event::Expired, 1_000);
    assert_eq!(types(&told), ["job.failed"]);
    assert_eq!(json(&told[0])["payload"]["error"]["kind"], "expired");
}

#[test]
fn a_dead_letter_may_be_done_again_or_put_away() {
    let dead = step(&running(), failed(1, false), 300).0;
    assert_eq!(types(&step(&dead, Event::RetryAsked { by: "eva".into() }, 400).1), ["job.queued"]);
    assert_eq!(types(&step(&dead, Event::Discarded, 400).1), [""; 0]);
}

#[test]
fn the_same_step_has_the_same_id_and_no_other_step_has_it() {
    let mut ids = std::collections::BTreeSet::new();
    let mut job = waiting();
    let mut told = of_job(None, &job, at(0));
    for round in 1..=3 {
        let now = i64::from(round) * 9_000;
        let (after, mut more) = step(&job, claimed(), now);
        told.append(&mut more);
        let event = if round == 3 { failed(round, false) } else { failed(round, true) };
        let (ended, mut more) = step(&after, event.clone(), now + 10);
        // Told again by somebody else, at another moment: of the same step.
        let again = of_job(Some(&after), &ended, at(now + 99));
        assert_eq!(
            more.iter().map(|event| &event.id).collect::<Vec<_>>(),
            again.iter().map(|event| &event.id).collect::<Vec<_>>()
        );
        told.append(&mut more);
        job = ended;
    }
    for event in &told {
        assert!(ids.insert(event.id.clone()), "{} has the id of another", event.kind);
        assert_eq!(event.id.as_str().parse(), Ok(event.id.clone()));
    }
    let started = "job.started";
    assert_eq!(
        types(&told),
        ["job.queued", started, "job.retrying", started, "job.retrying", started, "job.failed", "job.dead"]
    );
    // The form is kept by those who have seen it: an id must not change with a release.
    let of_job = job.id.to_string().replace('-', "");
    assert_eq!(told[0].id.as_str(), format!("evt_{of_job}0000000000"));
    assert_eq!(told[7].id.as_str(), format!("evt_{of_job}0000000606"));
}

#[test]
fn what_is_told_has_the_words_of_the_api_and_nothing_large() {
    let (_, told) = step(&running(), done(1, "data:text/plain,ok"), 350);
    let event = json(&told[0]);
    let job_id = running().id;
    assert_ne!(event["aggregateId"], job_id.to_string(), "each job is its own");
    let id = &event["aggregateId"];
    let expected = json!({
        "jobId": id, "status": "completed", "type": "example", "subType": "example", "priority": "normal", "progress": 100,
        "createdAt": "1970-01-01T00:00:00.000Z", "startedAt": "1970-01-01T00:00:00.100Z",
        "completedAt": "1970-01-01T00:00:00.350Z", "runAt": null, "resultUrl": "data:text/plain,ok", "error": null,
        "outcome": "success", "attempt": 1, "maxAttempts": 3, "userId": "ana", "tags": ["monthly"], "scheduleId": null,
        "durationMs": 250, "machineName": "shed", "processId": 42, "by": "node:shed/42", "reason": null,
    });
    assert_eq!(event["payload"], expected);
    // The names of the API, and beside them how the try ended, by whom and why.
    let schema = include_str!("../../openapi.yaml").split("\n    Job:\n").nth(1).unwrap();
    let required = schema.split("required:\n").nth(1).unwrap();
    let shown: Vec<_> = required.lines().map_while(|line| line.strip_prefix("      - ")).collect();
    let others = event["payload"].as_object().unwrap().keys().filter(|name| !shown.contains(&name.as_str()));
    assert_eq!(others.collect::<Vec<_>>(), ["outcome", "by", "reason"]);
    assert_eq!((&event["aggregateType"], &event["occurredAt"]), (&json!("job"), &json!("1970-01-01T00:00:00.350Z")));

    let large = format!("data:text/plain,{}", "x".repeat(5_000));
    let (job, told) = step(&running(), done(1, &large), 350);
    assert_eq!(json(&told[0])["payload"]["resultUrl"], format!("/jobs/{}/result", job.id));

    let (_, told) = step(&running(), failed(1, true), 350);
    let payload = &json(&told[0])["payload"];
    assert_eq!(payload["error"], json!({ "kind": "error", "message": "the file was empty" }));
    assert_eq!((&payload["outcome"], &payload["machineName"]), (&json!("failed"), &json!("shed")));
    assert_eq!(payload["runAt"], "1970-01-01T00:00:01.350Z");
    assert_eq!(told[0].occurred_at, at(350));
    assert_eq!(at(0).plus(Duration::from_millis(350)), told[0].occurred_at);
}
