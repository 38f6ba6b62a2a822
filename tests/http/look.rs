//! Looking at one job: its fields through its life, tags and 304, held requests, attempts, logs, explanations.

use std::time::Duration;

use faena::job::{Event, JobError};
use faena::store::LogLine;
use serde_json::{Value, json};

use crate::server::Server;

/// The fields of the contract, in its order.
const FIELDS: &[&str] = &[
    "jobId",
    "status",
    "type",
    "subType",
    "priority",
    "progress",
    "message",
    "createdAt",
    "startedAt",
    "completedAt",
    "runAt",
    "estimatedDuration",
    "estimatedRemainingSeconds",
    "resultUrl",
    "error",
    "attempt",
    "maxAttempts",
    "userId",
    "tags",
    "scheduleId",
    "durationMs",
    "machineName",
    "processId",
];

#[actix_web::test]
async fn every_field_is_there_through_a_whole_life() {
    let server = Server::start();
    let id = server.noop().await;
    let look = async || server.get(&format!("/jobs/{id}")).await;
    let fields = |job: &Value| {
        let mut names: Vec<_> = job.as_object().unwrap().keys().cloned().collect();
        let mut wanted = FIELDS.to_vec();
        names.sort();
        wanted.sort_unstable();
        assert_eq!(names, wanted);
    };
    let queued = look().await;
    fields(&queued.json());
    assert_eq!((queued.json()["status"].as_str(), queued.header("retry-after")), (Some("queued"), Some("1")));

    server.claim(1).await;
    let started = look().await.json();
    assert_eq!(
        (&started["status"], &started["attempt"], &started["progress"]),
        (&json!("started"), &json!(1), &json!(0))
    );
    assert_eq!((&started["machineName"], &started["processId"]), (&json!("bench-3"), &json!(4_711)));
    assert!(started["startedAt"].is_string() && started["runAt"].is_null());

    server.progress(id, 45, "halfway").await;
    let progress = look().await.json();
    assert_eq!((&progress["status"], &progress["progress"]), (&json!("progress"), &json!(45)));
    assert_eq!(progress["message"], "halfway");
    assert!(progress["estimatedRemainingSeconds"].is_u64(), "{progress}");

    server.succeed(id, Some(faena::job::ResultRef::Url("data:application/json;base64,e30=".into()))).await;
    let completed = look().await;
    let body = completed.json();
    fields(&body);
    assert_eq!((&body["status"], &body["progress"]), (&json!("completed"), &json!(100)));
    assert_eq!(body["resultUrl"], "data:application/json;base64,e30=");
    assert!(body["completedAt"].is_string() && body["durationMs"].is_u64());
    assert_eq!((&body["error"], &body["estimatedRemainingSeconds"]), (&Value::Null, &Value::Null));
    assert_eq!(completed.header("retry-after"), None);
}

#[actix_web::test]
async fn a_failure_says_what_went_wrong() {
    let server = Server::start();
    let id = server.noop().await;
    server.claim(1).await;
    let error = JobError { kind: "bad_gateway".into(), message: "no route".into(), stack_trace: Some("a\nb".into()) };
    server.happen(id, |epoch| Event::Failed { epoch, error, retryable: true, retry_after: None }).await;
    let waiting = server.get(&format!("/jobs/{id}")).await.json();
    let error = json!({ "kind": "bad_gateway", "message": "no route", "stackTrace": "a\nb" });
    assert_eq!((&waiting["status"], &waiting["error"]), (&json!("queued"), &error));
    assert!(waiting["runAt"].as_str() > waiting["createdAt"].as_str());

    let dead = server.dead().await;
    let failed = server.get(&format!("/jobs/{dead}")).await.json();
    assert_eq!((&failed["status"], &failed["error"]["message"]), (&json!("failed"), &json!("no luck")));
    assert_eq!(failed["error"]["stackTrace"], Value::Null);
}

#[actix_web::test]
async fn a_known_tag_is_304_until_the_job_changes() {
    let server = Server::start();
    let id = server.noop().await;
    let path = format!("/jobs/{id}");
    let known = |tag: String| server.send(server.client.get(server.url(&path)).header("If-None-Match", tag));
    let tag = server.get(&path).await.header("etag").unwrap().to_owned();
    for same in [tag.clone(), "*".to_owned(), format!("\"x\", {tag}"), tag.trim_start_matches("W/").to_owned()] {
        let unchanged = known(same).await;
        assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
        assert_eq!((unchanged.header("etag"), unchanged.header("retry-after")), (Some(tag.as_str()), Some("1")));
    }
    let mut tags = vec![tag];
    server.claim(1).await;
    tags.push(server.get(&path).await.header("etag").unwrap().to_owned());
    for percent in [10, 20] {
        server.progress(id, percent, "on").await;
        tags.push(server.get(&path).await.header("etag").unwrap().to_owned());
    }
    server.succeed(id, None).await;
    let changed = known(tags.last().unwrap().clone()).await;
    assert_eq!(changed.status, 200);
    tags.push(changed.header("etag").unwrap().to_owned());
    let distinct: std::collections::HashSet<_> = tags.iter().collect();
    assert_eq!(distinct.len(), tags.len(), "{tags:?}");
}

#[actix_web::test]
async fn a_held_look_answers_when_the_job_changes() {
    let server = Server::start();
    let id = server.noop().await;
    let path = format!("/jobs/{id}");
    let tag = server.get(&path).await.header("etag").unwrap().to_owned();
    let held = server.send(server.client.get(server.url(&format!("{path}?wait=30"))).header("If-None-Match", &tag));
    let (changed, _) = futures_util::join!(held, server.claim(1));
    assert_eq!((changed.status, &changed.json()["status"]), (200, &json!("started")));

    // Without a tag it is held until the end.
    let until_its_end = format!("{path}?wait=30");
    let held = server.get(&until_its_end);
    let work = async {
        server.progress(id, 50, "half").await;
        server.succeed(id, None).await
    };
    let (ended, _) = futures_util::join!(held, work);
    assert_eq!(ended.json()["status"], "completed");
    // An ending is no longer waited for, and a tag of before is no longer right.
    let request = server.client.get(server.url(&format!("{path}?wait=30"))).header("If-None-Match", &tag);
    assert_eq!(server.send(request).await.status, 200);
}

#[actix_web::test]
async fn a_held_look_ends_with_its_time_or_with_the_server() {
    let mut choice = crate::server::Choice::default();
    choice.service.wait_max = Duration::from_millis(1);
    let server = Server::with(choice);
    let id = server.noop().await;
    let path = format!("/jobs/{id}?wait=30");
    let tag = server.get(&format!("/jobs/{id}")).await.header("etag").unwrap().to_owned();
    let request = server.client.get(server.url(&path)).header("If-None-Match", &tag);
    assert_eq!(server.send(request).await.status, 304);
    assert_eq!(server.get(&path).await.json()["status"], "queued");

    let server = Server::start();
    let id = server.noop().await;
    server.service.closing().cancel();
    assert_eq!(server.get(&format!("/jobs/{id}?wait=30")).await.json()["status"], "queued");
    assert_eq!(server.get("/health/ready").await.error(), (503, "unavailable".to_owned()));
}

#[actix_web::test]
async fn bad_parameters_are_named() {
    let server = Server::start();
    let id = server.noop().await;
    for (query, field) in
        [("wait=soon", "wait"), ("wait=-1", "wait"), ("wait=1&wait=2", "wait"), ("weight=1", "weight")]
    {
        let answer = server.get(&format!("/jobs/{id}?{query}")).await;
        assert_eq!((answer.error().0, answer.fields()), (400, vec![field.to_owned()]), "{query}");
    }
}

#[actix_web::test]
async fn each_try_is_told_with_the_one_under_way() {
    let server = Server::start();
    let id =
        server.job(json!({ "subType": "noop", "payload": {}, "retryPolicy": { "retryDelay": 0, "jitter": 0 } })).await;
    let look = async || server.get(&format!("/jobs/{id}/attempts")).await.json();
    assert_eq!(look().await["data"], json!([]));
    server.claim(1).await;
    let error = JobError::new("error", "first");
    server.happen(id, |epoch| Event::Failed { epoch, error, retryable: true, retry_after: None }).await;
    server.claim(1).await;
    let tries = look().await;
    assert_eq!(tries["pagination"]["total"], 2);
    let (first, second) = (&tries["data"][0], &tries["data"][1]);
    assert_eq!((&first["attempt"], &first["outcome"]), (&json!(1), &json!("failed")));
    assert_eq!(first["error"], json!({ "kind": "error", "message": "first", "stackTrace": null }));
    assert_eq!((&first["machineName"], &first["processId"]), (&json!("bench-3"), &json!(4_711)));
    assert!(first["startedAt"].is_string() && first["endedAt"].is_string() && first["durationMs"].is_u64());
    assert_eq!((&second["attempt"], &second["outcome"], &second["endedAt"]), (&json!(2), &Value::Null, &Value::Null));
    server.succeed(id, None).await;
    assert_eq!(look().await["data"][1]["outcome"], "success");
}

#[actix_web::test]
async fn the_log_is_told_in_order() {
    let server = Server::start();
    let id = server.noop().await;
    let line = |text: &str| (id, LogLine { at: server.service.now(), epoch: 1, text: text.into() });
    server.service.store().append_log(vec![line("one"), line("two")]).await.unwrap();
    let log = server.get(&format!("/jobs/{id}/logs")).await.json();
    let lines: Vec<_> = log["data"].as_array().unwrap().iter().map(|line| line["line"].as_str().unwrap()).collect();
    assert_eq!(lines, ["one", "two"]);
    assert_eq!((&log["pagination"]["total"], &log["data"][0]["fencingToken"]), (&json!(2), &json!(1)));
}

#[actix_web::test]
async fn an_explanation_has_a_code_and_a_sentence_for_every_reason() {
    let server = Server::start();
    let explain = async |id| {
        let body = server.get(&format!("/jobs/{id}/explain")).await.json();
        assert!(body["data"]["sentence"].as_str().is_some_and(|text| text.ends_with('.')), "{body}");
        body["data"].clone()
    };
    let later = server.job(json!({ "subType": "noop", "payload": {}, "delaySeconds": 3600 })).await;
    let reason = explain(later).await;
    assert_eq!(reason["code"], "not_due");
    assert!(reason["runAt"].is_string());

    let first = server.noop().await;
    let second = server.noop().await;
    assert_eq!(explain(first).await["code"], "next");
    let reason = explain(second).await;
    assert_eq!((&reason["code"], &reason["ahead"]), (&json!("behind"), &json!(1)));

    server.poke("/processors/noop/pause").await;
    assert_eq!(explain(first).await["code"], "paused");
    server.poke("/processors/noop/resume").await;

    server.claim(2).await;
    assert_eq!(explain(first).await["code"], "running");
    server.delete(&format!("/jobs/{first}")).await;
    assert_eq!(explain(first).await["code"], "stopping");
    server.succeed(second, None).await;
    assert_eq!(explain(second).await["code"], "finished");

    let keyed = json!({ "subType": "noop", "payload": {}, "concurrencyKey": "shop-7" });
    let holder = server.job(keyed.clone()).await;
    server.claim(1).await;
    let gated = server.job(keyed).await;
    let reason = explain(gated).await;
    assert_eq!((&reason["code"], &reason["concurrencyKey"]), (&json!("concurrency_key_taken"), &json!("shop-7")));
    assert_eq!(reason["takenBy"], json!([holder.to_string()]));
}

#[actix_web::test]
async fn a_job_that_nobody_here_can_do_says_so() {
    let mut choice = crate::server::Choice::default();
    choice.service.runs_jobs = false;
    let server = Server::with(choice);
    let id = server.noop().await;
    assert_eq!(server.get(&format!("/jobs/{id}/explain")).await.json()["data"]["code"], "no_worker");
}
