//! Schedules: made, looked at, listed, and every way to ask wrongly, each of which changes nothing.

use faena::clock::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::server::{Choice, Server};

/// A server whose clock stands at noon of a Tuesday.
pub fn at_noon() -> (Server, Clock) {
    let clock = Clock::manual("2026-11-24T12:00:00Z".parse::<Timestamp>().unwrap());
    (Server::with(Choice { clock: clock.clone(), ..Choice::default() }), clock)
}

fn names(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_schedule_keeps_every_term() {
    let (server, _) = at_noon();
    let asked = json!({
        "name": "nightly report", "description": "for the board", "subType": "send_mail", "type": "reports",
        "payload": { "to": "a@b.co", "copies": 2 }, "cronExpression": "30  2 * * *", "timezone": "europe/berlin",
        "priority": "high", "timeoutSeconds": 1.5, "enabled": true, "misfirePolicy": "fire_all", "misfireBound": 7,
        "retryPolicy": { "maxRetries": 3, "retryDelay": 300_000, "exponentialBackoff": true, "jitter": 0.5 },
        "overlapPolicy": "cancel_running", "dstPolicy": { "gap": "skip", "fold": "both" }, "singleton": true,
        "startAt": "2026-12-01T00:00:00Z", "endAt": "2027-12-01T00:00:00+01:00", "jitterSeconds": 60,
        "notifyOnFailure": true, "notificationEmails": ["ops@example.com"], "createdBy": "ana",
    });
    let answer = server.post("/schedules", asked.clone()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let made = answer.json()["data"].clone();
    let id = made["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/schedules/{id}").as_str()));
    for (field, value) in asked.as_object().unwrap() {
        let told = match field.as_str() {
            "cronExpression" => json!("30 2 * * *"),
            "timezone" => json!("Europe/Berlin"),
            "startAt" => json!("2026-12-01T00:00:00.000Z"),
            "endAt" => json!("2027-11-30T23:00:00.000Z"),
            "retryPolicy" => json!({ "maxRetries": 3, "retryDelay": 300_000, "exponentialBackoff": true,
                                     "maxDelay": made["retryPolicy"]["maxDelay"], "jitter": 0.5 }),
            _ => value.clone(),
        };
        assert_eq!(made[field], told, "{field}");
    }
    let next: Timestamp = made["nextExecutionAt"].as_str().unwrap().parse().unwrap();
    let tick: Timestamp = "2026-12-01T01:30:00Z".parse().unwrap();
    assert!(next >= tick && next < tick.plus_millis(60_000), "within its jitter: {next}");
    assert_eq!((&made["status"], &made["createdAt"]), (&json!("enabled"), &json!("2026-11-24T12:00:00.000Z")));
    for field in ["lastExecutionAt", "lastExecutionStatus", "lastExecutionError", "averageDurationMs", "pausedUntil"] {
        assert_eq!(made[field], Value::Null, "{field}");
    }
    for path in [format!("/schedules/{id}"), "/schedules/nightly%20report".to_owned()] {
        let seen = server.get(&path).await;
        assert_eq!((seen.status, seen.json()), (200, made.clone()), "{path}");
        assert_eq!(seen.header("etag"), answer.header("etag"));
        let known = server.client.get(server.url(&path)).header("If-None-Match", seen.header("etag").unwrap());
        assert_eq!(server.send(known).await.status, 304);
    }
}

#[actix_web::test]
async fn what_is_left_out_has_the_usual_value() {
    let (server, _) = at_noon();
    let made = server.schedule("a", json!({ "subType": "send_mail", "payload": { "to": "a@b.co" } })).await;
    for (field, value) in [
        ("type", json!("mail")),
        ("timezone", json!("UTC")),
        ("priority", json!("normal")),
        ("retryPolicy", json!(null)),
        ("timeoutSeconds", json!(null)),
        ("enabled", json!(true)),
        ("misfirePolicy", json!("fire_once")),
        ("misfireBound", json!(100)),
        ("overlapPolicy", json!("skip")),
        ("dstPolicy", json!({ "gap": "shift", "fold": "first" })),
        ("jitterSeconds", json!(0)),
        ("singleton", json!(false)),
        ("notificationEmails", json!([])),
        ("createdBy", json!(null)),
        ("totalExecutions", json!(0)),
        ("cronDescription", json!("At 02:00 every day.")),
        ("nextExecutionAt", json!("2026-11-25T02:00:00.000Z")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let off = server.schedule("off", json!({ "enabled": false })).await;
    assert_eq!((&off["status"], &off["nextExecutionAt"]), (&json!("disabled"), &json!(null)));
}

#[actix_web::test]
async fn a_name_may_be_anything_that_an_address_can_hold() {
    let (server, _) = at_noon();
    for (name, path) in
        [("informe ñ", "informe%20%C3%B1"), ("50% + 1?#&", "50%25%20%2B%201%3F%23%26"), ("a.b~c", "a.b~c")]
    {
        let made = server.schedule(name, json!({})).await;
        assert_eq!(server.get(&format!("/schedules/{path}")).await.json()["id"], made["id"], "{name}");
        assert_eq!(server.poke(&format!("/schedules/{path}/disable")).await.json()["data"]["name"], name);
    }
}

#[actix_web::test]
async fn what_is_wrong_is_named_and_changes_nothing() {
    let (server, _) = at_noon();
    let taken = server.schedule("taken", json!({})).await;
    let with = |more: Value| {
        let mut body = json!({ "name": "n", "subType": "noop", "cronExpression": "0 2 * * *" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let cases = [
        (json!({}), vec!["name", "subType", "cronExpression"]),
        (with(json!({ "name": "" })), vec!["name"]),
        (with(json!({ "name": "a/b" })), vec!["name"]),
        (with(json!({ "name": taken["id"] })), vec!["name"]),
        (with(json!({ "name": "n".repeat(101) })), vec!["name"]),
        (with(json!({ "cronExpression": "0 0 30 2 *" })), vec!["cronExpression"]),
        (with(json!({ "cronExpression": "61 * * * *" })), vec!["cronExpression"]),
        (with(json!({ "timezone": "Mars/Olympus" })), vec!["timezone"]),
        (with(json!({ "timezone": 3 })), vec!["timezone"]),
        (with(json!({ "priority": "urgent" })), vec!["priority"]),
        (with(json!({ "misfirePolicy": "maybe" })), vec!["misfirePolicy"]),
        (with(json!({ "misfireBound": 0 })), vec!["misfireBound"]),
        (with(json!({ "misfireBound": 1_001 })), vec!["misfireBound"]),
        (with(json!({ "overlapPolicy": "never" })), vec!["overlapPolicy"]),
        (with(json!({ "dstPolicy": "shift" })), vec!["dstPolicy"]),
        (with(json!({ "dstPolicy": { "gap": "jump", "fold": "third" } })), vec!["dstPolicy.gap", "dstPolicy.fold"]),
        (with(json!({ "dstPolicy": { "spring": "skip" } })), vec!["dstPolicy.spring"]),
        (with(json!({ "jitterSeconds": -1 })), vec!["jitterSeconds"]),
        (with(json!({ "jitterSeconds": 3_601 })), vec!["jitterSeconds"]),
        (with(json!({ "timeoutSeconds": -1 })), vec!["timeoutSeconds"]),
        (with(json!({ "timeoutSeconds": 0 })), vec!["timeoutSeconds"]),
        (with(json!({ "retryPolicy": { "maxRetries": 1_001 } })), vec!["retryPolicy.maxRetries"]),
        (with(json!({ "retryPolicy": { "retries": 1 } })), vec!["retryPolicy.retries"]),
        (with(json!({ "startAt": "soon" })), vec!["startAt"]),
        (with(json!({ "startAt": "2027-01-02T00:00:00Z", "endAt": "2027-01-01T00:00:00Z" })), vec!["endAt"]),
        (with(json!({ "notifyOnFailure": true })), vec!["notificationEmails"]),
        (with(json!({ "notificationEmails": ["nobody"] })), vec!["notificationEmails"]),
        (with(json!({ "description": "d".repeat(1_001) })), vec!["description"]),
        (with(json!({ "createdBy": "" })), vec!["createdBy"]),
        (with(json!({ "payload": [] })), vec!["payload"]),
        (with(json!({ "subType": "send_mail", "payload": { "to": "nobody" } })), vec!["payload.to"]),
        (with(json!({ "jobType": "noop" })), vec!["jobType"]),
        (with(json!({ "timezone": "x", "priority": "x", "endAt": "x" })), vec!["timezone", "priority", "endAt"]),
    ];
    for (body, fields) in cases {
        let answer = server.post("/schedules", body.clone()).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{body}");
        assert_eq!(answer.fields(), fields, "{body}");
    }
    let twice = server.post("/schedules", with(json!({ "name": "taken" }))).await;
    assert_eq!((twice.error(), twice.fields()), ((409, "conflict".to_owned()), vec!["name".to_owned()]));
    let unknown = server.post("/schedules", with(json!({ "subType": "nope" }))).await;
    assert_eq!(unknown.error(), (422, "unknown_processor".to_owned()));
    for body in ["", "null", "[]", "{", "\"0 2 * * *\""] {
        assert_eq!(server.post_text("/schedules", body).await.error().0, 400, "{body}");
    }
    assert_eq!(names(&server.get("/schedules").await.json()), ["taken"]);
}

#[actix_web::test]
async fn what_is_not_there_is_404() {
    let (server, _) = at_noon();
    for which in ["nobody", "01980f5e-5f5a-7d3c-9c0e-1b2a3c4d5e6f", "%FF", "%00", &"n".repeat(3_000)] {
        let path = format!("/schedules/{which}");
        assert_eq!(server.get(&path).await.error(), (404, "not_found".to_owned()), "{which}");
        assert_eq!(server.delete(&path).await.error().0, 404, "{which}");
        assert_eq!(server.patch(&path, json!({})).await.error().0, 404, "{which}");
        let terms = json!({ "name": "n", "subType": "noop", "cronExpression": "@daily" });
        assert_eq!(server.put(&path, terms).await.error().0, 404, "{which}");
        for below in ["enable", "disable", "pause", "resume", "execute"] {
            assert_eq!(server.poke(&format!("{path}/{below}")).await.error().0, 404, "{which}/{below}");
        }
        assert_eq!(server.get(&format!("{path}/executions")).await.error().0, 404, "{which}");
    }
    let job = server.noop().await;
    assert_eq!(server.get(&format!("/executions/{job}")).await.error().0, 404, "no schedule made it");
}

#[actix_web::test]
async fn lists_are_filtered_sorted_and_cut() {
    let (server, _) = at_noon();
    server.schedule("b", json!({ "cronExpression": "0 3 * * *", "createdBy": "ana" })).await;
    server.schedule("a", json!({ "enabled": false, "description": "the last of all" })).await;
    let mail = json!({ "subType": "send_mail", "payload": { "to": "a@b.co" }, "timezone": "Europe/Berlin" });
    server.schedule("c", mail).await;
    server.poke("/schedules/c/pause").await;
    for (query, wanted) in [
        ("", &["c", "a", "b"][..]),
        ("sort=createdAt", &["b", "a", "c"]),
        ("sort=name", &["a", "b", "c"]),
        ("status=enabled", &["b"]),
        ("status=paused,disabled&sort=name", &["a", "c"]),
        ("enabled=true&sort=name", &["b", "c"]),
        ("subType=send_mail", &["c"]),
        ("createdBy=ana", &["b"]),
        ("q=BERLIN", &["c"]),
        ("q=last%20of", &["a"]),
        ("sort=name&limit=1&offset=1", &["b"]),
        ("offset=9", &[]),
    ] {
        let list = server.get(&format!("/schedules?{query}")).await.json();
        assert_eq!(names(&list), wanted, "{query}");
    }
    assert_eq!(names(&server.get("/schedules?sort=nextExecutionAt").await.json())[0], "b", "the others do not fire");
    let page = server.get("/schedules?limit=2").await.json();
    let place =
        json!({ "total": 3, "totalIsExact": true, "limit": 2, "offset": 0, "hasMore": true, "nextCursor": null });
    assert_eq!(page["pagination"], place);
    for (query, field) in [
        ("status=off", "status"),
        ("enabled=1", "enabled"),
        ("subType=A", "subType"),
        ("sort=age", "sort"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("offset=-1", "offset"),
        ("cursor=x", "cursor"),
        ("userId=ana", "userId"),
    ] {
        let answer = server.get(&format!("/schedules?{query}")).await;
        assert_eq!((answer.error().0, answer.fields()), (400, vec![field.to_owned()]), "{query}");
    }
}
