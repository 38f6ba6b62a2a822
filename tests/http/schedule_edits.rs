//! Schedules that are changed, switched and removed, and whoever comes too late with it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::schedules::at_noon;
use crate::server::{Answer, Server};

async fn if_match(server: &Server, method: reqwest::Method, path: &str, tag: &str, body: &Value) -> Answer {
    server.send(server.client.request(method, server.url(path)).header("If-Match", tag).json(body)).await
}

#[actix_web::test]
async fn a_change_touches_what_it_names() {
    let (server, _) = at_noon();
    let before = server
        .schedule(
            "a",
            json!({ "payload": { "big": 12_345_678_901_234_567_890_u64, "deep": { "x": 1 } }, "timezone": "Europe/Berlin",
                    "description": "d", "retryPolicy": { "maxRetries": 3, "retryDelay": 5_000 },
                    "dstPolicy": { "fold": "both" }, "jitterSeconds": 3, "createdBy": "ana" }),
        )
        .await;
    let mut expected = before.clone();
    let changes = json!({
        "cronExpression": "0 3 * * *", "retryPolicy": { "maxRetries": 9 }, "dstPolicy": { "gap": "skip" },
        "description": null, "jitterSeconds": null,
    });
    let after = server.patch("/schedules/a", changes).await;
    assert_eq!(after.status, 200, "{after:?}");
    expected["cronExpression"] = json!("0 3 * * *");
    expected["cronDescription"] = json!("At 03:00 every day.");
    expected["retryPolicy"]["maxRetries"] = json!(9);
    expected["dstPolicy"]["gap"] = json!("skip");
    expected["description"] = json!(null);
    expected["jitterSeconds"] = json!(0);
    expected["nextExecutionAt"] = json!("2026-11-25T02:00:00.000Z");
    assert_eq!(after.json(), expected);
    let payload = server.patch("/schedules/a", json!({ "payload": { "other": true } })).await.json();
    assert_eq!(payload["payload"], json!({ "other": true }), "a payload is replaced as a whole");
    assert_eq!(server.patch("/schedules/a", json!({})).await.json(), payload, "nothing is no change");
    let same = server.patch("/schedules/a", json!({ "createdBy": "ana", "name": "renamed" })).await;
    assert_eq!((same.status, server.get("/schedules/a").await.status), (200, 404));
    assert_eq!(server.patch("/schedules/renamed", json!({ "enabled": false })).await.json()["status"], "disabled");
}

#[actix_web::test]
async fn other_terms_replace_all_of_them() {
    let (server, _) = at_noon();
    let off = json!({ "description": "d", "priority": "high", "timezone": "Asia/Tokyo", "enabled": false, "createdBy": "ana" });
    let before = server.schedule("a", off).await;
    let terms = json!({ "name": "b", "subType": "noop", "cronExpression": "@hourly" });
    let after = server.put(&format!("/schedules/{}", before["id"].as_str().unwrap()), terms).await;
    assert_eq!(after.status, 200, "{after:?}");
    let after = after.json();
    for (field, value) in [
        ("id", before["id"].clone()),
        ("name", json!("b")),
        ("description", json!(null)),
        ("priority", json!("normal")),
        ("timezone", json!("UTC")),
        ("status", json!("disabled")),
        ("createdBy", json!("ana")),
    ] {
        assert_eq!(after[field], value, "{field}");
    }
    let on = json!({ "name": "b", "subType": "noop", "cronExpression": "@hourly", "enabled": true });
    assert_eq!(server.put("/schedules/b", on).await.json()["nextExecutionAt"], "2026-11-24T13:00:00.000Z");
}

#[actix_web::test]
async fn a_bad_change_is_named_and_changes_nothing() {
    let (server, _) = at_noon();
    server.schedule("other", json!({})).await;
    server.schedule("a", json!({ "createdBy": "ana" })).await;
    let before = server.get("/schedules/a").await;
    for (change, status, fields) in [
        (json!({ "cronExpression": "0 0 31 2 *" }), 400, vec!["cronExpression"]),
        (json!({ "cronExpression": null }), 400, vec!["cronExpression"]),
        (json!({ "timezone": "Nowhere" }), 400, vec!["timezone"]),
        (json!({ "zone": "UTC" }), 400, vec!["zone"]),
        (json!({ "id": "x" }), 400, vec!["id"]),
        (json!({ "retryPolicy": { "maxRetries": -1 } }), 400, vec!["retryPolicy.maxRetries"]),
        (json!({ "dstPolicy": 3 }), 400, vec!["dstPolicy"]),
        (json!({ "createdBy": "bob" }), 400, vec!["createdBy"]),
        (json!({ "payload": 3 }), 400, vec!["payload"]),
        (json!({ "name": "other" }), 409, vec!["name"]),
        (json!({ "subType": "nope" }), 422, vec![]),
        (json!([]), 400, vec![]),
    ] {
        let answer = server.patch("/schedules/a", change.clone()).await;
        assert_eq!(
            (answer.error().0, answer.fields()),
            (status, fields.iter().map(|f| (*f).to_owned()).collect()),
            "{change}"
        );
    }
    let incomplete = server.put("/schedules/a", json!({ "name": "a" })).await;
    assert_eq!(
        (incomplete.error().0, incomplete.fields()),
        (400, vec!["subType".to_owned(), "cronExpression".to_owned()])
    );
    let after = server.get("/schedules/a").await;
    assert_eq!((after.header("etag"), after.json()), (before.header("etag"), before.json()));
}

#[actix_web::test]
async fn whoever_has_seen_an_older_edition_changes_nothing() {
    let (server, _) = at_noon();
    server.schedule("a", json!({})).await;
    let tag = server.get("/schedules/a").await.header("etag").unwrap().to_owned();
    let (put, patch, delete) = (reqwest::Method::PUT, reqwest::Method::PATCH, reqwest::Method::DELETE);
    // A job that is fired meanwhile changes the tag, and is nobody's edit.
    server.poke("/schedules/a/execute").await;
    let fired = server.get("/schedules/a").await.header("etag").unwrap().to_owned();
    assert_ne!(fired, tag);
    let first = if_match(&server, patch.clone(), "/schedules/a", &tag, &json!({ "priority": "high" })).await;
    assert_eq!(first.status, 200, "{first:?}");
    let terms = json!({ "name": "a", "subType": "noop", "cronExpression": "@hourly" });
    for (method, body) in [(patch.clone(), json!({ "priority": "low" })), (put, terms), (delete.clone(), json!({}))] {
        for late in [tag.as_str(), "\"nonsense\"", "W/\"ffff-0\"", "\"\""] {
            let answer = if_match(&server, method.clone(), "/schedules/a", late, &body).await;
            assert_eq!(answer.error(), (412, "precondition_failed".to_owned()), "{method} {late}");
        }
    }
    assert_eq!(server.get("/schedules/a").await.json()["priority"], "high");
    let tags = format!("{tag}, {}", first.header("etag").unwrap());
    let second = if_match(&server, patch.clone(), "/schedules/a", &tags, &json!({ "priority": "low" })).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_eq!(if_match(&server, patch, "/schedules/a", "*", &json!({ "priority": "normal" })).await.status, 200);
    let latest = server.get("/schedules/a").await.header("etag").unwrap().to_owned();
    assert_eq!(if_match(&server, delete, "/schedules/a", &latest, &json!(null)).await.status, 204);
}

#[actix_web::test]
async fn one_of_many_that_saw_the_same_wins() {
    let (server, _) = at_noon();
    server.schedule("a", json!({})).await;
    let tag = server.get("/schedules/a").await.header("etag").unwrap().to_owned();
    let bodies: Vec<_> = (0..8).map(|n| json!({ "description": format!("by {n}") })).collect();
    let changes = bodies.iter().map(|body| if_match(&server, reqwest::Method::PATCH, "/schedules/a", &tag, body));
    let mut statuses: Vec<_> =
        futures_util::future::join_all(changes).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[200].as_slice(), &[412; 7]].concat());
}

#[actix_web::test]
async fn switches_say_what_is_so_after_them() {
    let (server, clock) = at_noon();
    server.schedule("a", json!({ "cronExpression": "0 * * * *" })).await;
    let told = async |answer: Answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = answer.json();
        assert!(told["message"].as_str().unwrap().starts_with("Schedule a is "), "{told}");
        (told["data"]["status"].as_str().unwrap().to_owned(), told["data"]["nextExecutionAt"].clone())
    };
    for _ in 0..2 {
        assert_eq!(told(server.poke("/schedules/a/disable").await).await, ("disabled".to_owned(), json!(null)));
    }
    let one = json!("2026-11-24T13:00:00.000Z");
    assert_eq!(told(server.poke("/schedules/a/enable").await).await, ("enabled".to_owned(), one.clone()));
    let put = server.send(server.client.put(server.url("/schedules/a/disable"))).await;
    assert_eq!(told(put).await.0, "disabled");
    assert_eq!(told(server.send(server.client.put(server.url("/schedules/a/enable"))).await).await.0, "enabled");
    assert_eq!(told(server.poke("/schedules/a/pause").await).await, ("paused".to_owned(), json!(null)));
    assert_eq!(told(server.poke("/schedules/a/resume").await).await, ("enabled".to_owned(), one));
    let until = json!({ "until": "2026-11-24T15:30:00+01:00" });
    let paused = server.post("/schedules/a/pause", until).await;
    assert_eq!(paused.json()["data"]["pausedUntil"], "2026-11-24T14:30:00.000Z");
    assert_eq!(told(paused).await, ("paused".to_owned(), json!("2026-11-24T15:00:00.000Z")));
    let tag = server.get("/schedules/a").await.header("etag").unwrap().to_owned();
    clock.advance(Duration::from_secs(3 * 3_600));
    let after = server.get("/schedules/a").await;
    assert_eq!((&after.json()["status"], &after.json()["pausedUntil"]), (&json!("enabled"), &json!(null)));
    assert_ne!(after.header("etag"), Some(tag.as_str()), "a pause that ends by itself is seen in the tag");
    for (body, field) in [
        (json!({ "until": "2020-01-01T00:00:00Z" }), "until"),
        (json!({ "until": "later" }), "until"),
        (json!({ "until": 5 }), "until"),
        (json!({ "seconds": 5 }), "seconds"),
    ] {
        let answer = server.post("/schedules/a/pause", body.clone()).await;
        assert_eq!((answer.error().0, answer.fields()), (400, vec![field.to_owned()]), "{body}");
    }
    assert_eq!(server.get("/schedules/a").await.json()["status"], "enabled");
}

#[actix_web::test]
async fn a_removed_schedule_frees_its_name_and_leaves_its_jobs() {
    let (server, _) = at_noon();
    let first = server.schedule("a", json!({})).await;
    let job = server.poke("/schedules/a/execute").await.json()["data"]["jobId"].clone();
    assert_eq!(server.delete("/schedules/a").await.status, 204);
    assert_eq!(server.delete("/schedules/a").await.error().0, 404);
    assert_eq!(server.get(&format!("/executions/{}", job.as_str().unwrap())).await.json()["scheduleId"], first["id"]);
    assert_ne!(server.schedule("a", json!({})).await["id"], first["id"]);
}
