//! Workers of other processes: coming, taking jobs, leaving, and what others see of them.

use std::time::Duration;

use faena::limits;
use serde_json::{Value, json};

use crate::remote::{LEASE, start};

#[actix_web::test]
async fn a_worker_comes_takes_a_job_and_completes_it() {
    let (server, clock) = start();
    let body = json!({ "name": "gpu-3/4711", "subTypes": ["resize_image", "blur"], "concurrency": 4 });
    let registered = server.post("/workers", body).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let data = registered.json()["data"].clone();
    assert_eq!((&data["leaseSeconds"], &data["heartbeatSeconds"]), (&json!(30.0), &json!(10.0)));
    let worker = data["workerId"].as_str().unwrap();
    let id = server.resize(json!({ "priority": "high", "retryPolicy": { "maxRetries": 2 } })).await;
    clock.advance(Duration::from_secs(1));
    let lease = server.lease_one(worker).await;
    let expected = json!({
        "leaseToken": lease["leaseToken"],
        "leaseUntil": "1970-01-01T00:00:31.000Z",
        "fencingToken": 1,
        "jobId": id,
        "subType": "resize_image",
        "type": "resize_image",
        "priority": "high",
        "payload": { "width": 640 },
        "attempt": 1,
        "maxAttempts": 3,
        "state": null,
    });
    assert_eq!(lease, expected);
    assert!(server.lease(worker, 1).await.is_empty(), "it was the only one");
    assert_eq!(server.job_of(&lease).await["status"], "started");
    assert_eq!(server.say(worker, &lease, "complete", json!({ "result": { "ok": true } })).await, "accepted");
    let job = server.job_of(&lease).await;
    assert_eq!((&job["status"], &job["machineName"]), (&json!("completed"), &json!("gpu-3/4711")));
    let result = server.get(&format!("/jobs/{id}/result")).await;
    assert_eq!((result.json(), result.header("content-type")), (json!({ "ok": true }), Some("application/json")));
}

#[actix_web::test]
async fn operators_see_who_is_there_what_it_holds_and_when_it_spoke() {
    let (server, clock) = start();
    let (first, second) = (server.worker(&["resize_image"], 2).await, server.worker(&["blur", "blur"], 1).await);
    server.resize(json!({})).await;
    clock.advance(Duration::from_secs(40));
    server.lease(&first, 2).await;
    clock.advance(Duration::from_secs(30));
    let listed = server.get("/workers").await.json();
    assert_eq!(listed["pagination"]["total"], 2);
    let expected = json!([
        { "workerId": first, "name": "gpu-3/4711", "subTypes": ["resize_image"], "concurrency": 2, "held": 1,
          "live": true, "registeredAt": "1970-01-01T00:00:00.000Z", "lastSeenAt": "1970-01-01T00:00:40.000Z" },
        { "workerId": second, "name": "gpu-3/4711", "subTypes": ["blur"], "concurrency": 1, "held": 0,
          "live": false, "registeredAt": "1970-01-01T00:00:00.000Z", "lastSeenAt": "1970-01-01T00:00:00.000Z" },
    ]);
    assert_eq!(listed["data"], expected);
}

#[actix_web::test]
async fn rule_04_a_worker_that_leaves_gives_back_at_once_and_burns_no_try() {
    let (server, _) = start();
    let (first, second) = (server.worker(&["resize_image"], 9).await, server.worker(&["resize_image"], 9).await);
    for _ in 0..3 {
        server.resize(json!({})).await;
    }
    let leases = server.lease(&first, 2).await;
    assert_eq!(server.delete(&format!("/workers/{first}")).await.status, 204);
    let job = server.job_of(&leases[0]).await;
    assert_eq!((&job["status"], &job["attempt"]), (&json!("queued"), &json!(1)));
    let taken = server.lease(&second, 9).await;
    assert_eq!(taken.len(), 3);
    assert!(taken.iter().all(|lease| lease["attempt"] == 1));
    let gone = server.report(&first, json!([{ "leaseToken": leases[0]["leaseToken"], "kind": "complete" }])).await;
    assert_eq!(gone.error(), (404, "not_found".to_owned()));
    for path in ["lease", "reports"] {
        let answer = server.post(&format!("/workers/{first}/{path}"), json!({ "reports": [] })).await;
        assert!([400, 404].contains(&answer.status), "{answer:?}");
    }
    assert_eq!(server.delete(&format!("/workers/{first}")).await.status, 404);
    assert_eq!(server.delete("/workers/nobody").await.status, 404);
}

#[actix_web::test]
async fn a_subtype_is_unknown_until_a_worker_brings_it_and_known_ever_after() {
    let (server, _) = start();
    let body = json!({ "subType": "resize_image", "payload": {} });
    assert_eq!(server.post("/jobs", body.clone()).await.error(), (422, "unknown_processor".to_owned()));
    assert_eq!(server.post("/processors/resize_image/pause", json!({})).await.status, 404);
    let worker = server.worker(&["resize_image"], 1).await;
    assert_eq!(server.delete(&format!("/workers/{worker}")).await.status, 204);
    let id = server.job(body).await;
    let unknown = server.post("/jobs", json!({ "subType": "nope", "payload": {} })).await.json();
    assert!(unknown["error"].as_str().unwrap().contains("noop, resize_image, send_mail"), "{unknown}");
    let refused = server.post("/jobs", json!({ "subType": "resize_image", "payload": 7 })).await;
    assert_eq!((refused.status, refused.fields()), (400, vec!["payload".to_owned()]));
    let explained = server.get(&format!("/jobs/{id}/explain")).await.json();
    assert_eq!(explained["data"]["code"], "no_worker", "{explained}");
    server.worker(&["resize_image"], 1).await;
    assert_eq!(server.get(&format!("/jobs/{id}/explain")).await.json()["data"]["code"], "next");
    let schedule = json!({ "name": "nightly", "subType": "resize_image", "cronExpression": "@daily" });
    assert_eq!(server.post("/schedules", schedule).await.status, 201);
}

#[actix_web::test]
async fn a_silent_worker_is_no_live_one() {
    let (server, clock) = start();
    let worker = server.worker(&["resize_image"], 1).await;
    let id = server.resize(json!({})).await;
    clock.advance(limits::WORKER_SILENT_MAX + Duration::from_millis(1));
    assert_eq!(server.get(&format!("/jobs/{id}/explain")).await.json()["data"]["code"], "no_worker");
    assert_eq!(server.report(&worker, json!([])).await.status, 200, "any word will do");
    assert_eq!(server.get(&format!("/jobs/{id}/explain")).await.json()["data"]["code"], "next");
}

#[actix_web::test]
async fn processors_of_workers_are_listed_and_may_be_paused() {
    let (server, _) = start();
    server.worker(&["noop", "resize_image"], 1).await;
    let worker = server.worker(&["resize_image"], 1).await;
    let listed = server.get("/processors").await.json();
    let named = |name: &str| {
        let all = listed["data"].as_array().unwrap();
        all.iter().find(|one| one["subType"] == name).unwrap().clone()
    };
    assert_eq!(named("noop")["pool"], "blocking", "it is done here as well");
    assert_eq!((&named("noop")["workers"], &named("send_mail")["workers"]), (&json!(1), &json!(0)));
    let remote = named("resize_image");
    assert_eq!((&remote["pool"], &remote["workers"]), (&json!("remote"), &json!(2)));
    assert_eq!((&remote["payloadSchema"], &remote["machineName"]), (&Value::Null, &Value::Null));
    assert_eq!(server.poke("/processors/resize_image/pause").await.status, 200);
    let id = server.resize(json!({})).await;
    assert!(server.lease(&worker, 1).await.is_empty());
    assert_eq!(server.get(&format!("/jobs/{id}/explain")).await.json()["data"]["code"], "paused");
    server.poke("/processors/resize_image/resume").await;
    server.lease_one(&worker).await;
}

#[actix_web::test]
async fn processors_here_and_workers_elsewhere_share_one_queue_by_urgency() {
    let (server, _) = start();
    let worker = server.worker(&["noop"], 9).await;
    let mut ids = Vec::new();
    for priority in ["low", "normal", "high", "high"] {
        let body = json!({ "subType": "noop", "payload": {}, "priority": priority });
        ids.push(server.job(body).await.to_string());
    }
    assert_eq!(server.lease_one(&worker).await["jobId"], *ids[2]);
    assert_eq!(server.claim(1).await[0].id.to_string(), ids[3]);
    let rest = server.lease(&worker, 9).await;
    assert_eq!(rest.iter().map(|lease| lease["jobId"].as_str().unwrap()).collect::<Vec<_>>(), [&ids[1], &ids[0]]);
}

#[actix_web::test]
async fn no_more_are_handed_out_than_a_worker_does_at_once() {
    let (server, _) = start();
    let worker = server.worker(&["resize_image"], 2).await;
    for _ in 0..5 {
        server.resize(json!({})).await;
    }
    assert_eq!(server.lease(&worker, 50).await.len(), 2);
    let answer = server.poke(&format!("/workers/{worker}/lease")).await;
    assert_eq!(answer.json()["data"].as_array().unwrap().len(), 1, "one when nothing is said");
}

#[actix_web::test]
async fn what_breaks_a_rule_names_its_field_and_changes_nothing() {
    let (server, _) = start();
    let many: Vec<_> = (0..=limits::WORKER_SUB_TYPES_MAX).map(|number| format!("s{number}")).collect();
    let of = |name: Value, sub_types: Value, concurrency: Value| json!({ "name": name, "subTypes": sub_types, "concurrency": concurrency });
    for (body, field) in [
        (json!({ "subTypes": ["a"] }), "name"),
        (json!({ "name": "w" }), "subTypes"),
        (of(json!(""), json!(["a"]), json!(1)), "name"),
        (of(json!("x".repeat(201)), json!(["a"]), json!(1)), "name"),
        (of(json!("w"), json!([]), json!(1)), "subTypes"),
        (of(json!("w"), json!(many), json!(1)), "subTypes"),
        (of(json!("w"), json!(["a", "Not A Name"]), json!(1)), "subTypes[1]"),
        (of(json!("w"), json!("a"), json!(1)), "subTypes"),
        (of(json!("w"), json!(["a"]), json!(0)), "concurrency"),
        (of(json!("w"), json!(["a"]), json!(-1)), "concurrency"),
        (of(json!("w"), json!(["a"]), json!(10_001)), "concurrency"),
        (json!({ "name": "w", "subTypes": ["a"], "pool": 3 }), "pool"),
    ] {
        let refused = server.post("/workers", body.clone()).await;
        assert_eq!((refused.error().0, refused.fields()), (400, vec![field.to_owned()]), "{body}");
    }
    assert!(server.get("/workers").await.json()["data"].as_array().unwrap().is_empty());
    let worker = server.worker(&["resize_image"], 1).await;
    server.resize(json!({})).await;
    for (body, field) in [
        (json!({ "max": 0 }), "max"),
        (json!({ "max": 101 }), "max"),
        (json!({ "max": "1" }), "max"),
        (json!({ "waitSeconds": -1 }), "waitSeconds"),
        (json!({ "wait": 1 }), "wait"),
    ] {
        let refused = server.post(&format!("/workers/{worker}/lease"), body.clone()).await;
        assert_eq!((refused.error().0, refused.fields()), (400, vec![field.to_owned()]), "{body}");
    }
    assert_eq!(server.post("/workers/nobody/lease", json!({})).await.error(), (404, "not_found".to_owned()));
    server.lease_one(&worker).await;
}

#[actix_web::test]
async fn a_worker_that_is_long_away_is_forgotten() {
    let (server, clock) = start();
    server.worker(&["resize_image"], 1).await;
    let parts = faena::upkeep::Parts {
        store: server.service.store().clone(),
        results: server.results.clone(),
        clock: clock.clone(),
        ages: None,
        events: faena::limits::EVENTS_KEPT_FOR,
    };
    clock.advance(limits::WORKER_FORGOTTEN_AFTER);
    let worker = server.worker(&["resize_image"], 1).await;
    let silent_since = clock.now().minus(LEASE);
    assert_eq!(parts.store.roster().forget_workers(silent_since, 9).await.unwrap(), 1);
    let left = server.get("/workers").await.json();
    assert_eq!((&left["data"][0]["workerId"], &left["pagination"]["total"]), (&json!(worker), &json!(1)));
}
