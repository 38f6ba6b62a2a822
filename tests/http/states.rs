//! `/state/{name}`: values that outlive their jobs, their conditions, and every way to ask wrongly.

use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::limits;
use serde_json::{Value, json};

use crate::server::{Answer, Choice, Server};

fn start() -> (Server, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(0));
    (Server::with(Choice { clock: clock.clone(), ..Choice::default() }), clock)
}

/// A PUT of a number under a condition.
async fn put_if(server: &Server, value: u32, header: &str, tag: &str) -> Answer {
    let request = server.client.put(server.url("/state/block")).header(header, tag);
    server.send(request.json(&json!({ "value": value }))).await
}

async fn value(server: &Server) -> Value {
    server.get("/state/block").await.json()["value"].clone()
}

#[actix_web::test]
async fn a_value_is_kept_read_replaced_and_forgotten() {
    let (server, clock) = start();
    assert_eq!(server.get("/state/block").await.error(), (404, "not_found".to_owned()));
    let kept = server.put("/state/block", json!({ "value": { "last": 17 }, "ttlSeconds": 60 })).await;
    assert_eq!((kept.status, kept.header("etag")), (201, Some("\"1\"")), "{kept:?}");
    let data = json!({
        "name": "block",
        "revision": 1,
        "updatedAt": "1970-01-01T00:00:00.000Z",
        "expiresAt": "1970-01-01T00:01:00.000Z",
    });
    assert_eq!(kept.json()["data"], data);
    let read = server.get("/state/block").await;
    assert_eq!((read.status, read.header("etag")), (200, Some("\"1\"")));
    assert_eq!(read.json()["value"], json!({ "last": 17 }));
    assert_eq!(read.json()["expiresAt"], "1970-01-01T00:01:00.000Z");
    let replaced = server.put("/state/block", json!({ "value": null })).await;
    assert_eq!((replaced.status, replaced.header("etag")), (200, Some("\"2\"")));
    assert_eq!(replaced.json()["data"]["expiresAt"], "1970-01-02T00:00:00.000Z", "a day when nobody says");
    assert_eq!(value(&server).await, Value::Null);
    clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(server.get("/state/block").await.status, 404);
    assert_eq!(server.delete("/state/block").await.status, 404);
    assert_eq!(server.put("/state/block", json!({ "value": 1 })).await.status, 201);
    assert_eq!(server.delete("/state/block").await.status, 204);
    assert_eq!(server.get("/state/block").await.status, 404);
}

#[actix_web::test]
async fn conditions_are_kept_to() {
    let (server, _) = start();
    let failed = (412, "precondition_failed".to_owned());
    assert_eq!(put_if(&server, 1, "If-Match", "*").await.error(), failed);
    assert_eq!(put_if(&server, 1, "If-Match", "\"1\"").await.error(), failed);
    assert_eq!(server.get("/state/block").await.status, 404, "and nothing was kept");
    assert_eq!(put_if(&server, 1, "If-None-Match", "*").await.status, 201);
    assert_eq!(put_if(&server, 2, "If-None-Match", "*").await.error(), failed);
    let etag = server.get("/state/block").await.header("etag").unwrap().to_owned();
    let second = put_if(&server, 2, "If-Match", &etag).await;
    assert_eq!(second.status, 200);
    for stale in [etag.as_str(), "\"99\"", "W/\"2\"", "nonsense"] {
        assert_eq!(put_if(&server, 3, "If-Match", stale).await.error(), failed, "{stale}");
        let request = server.client.delete(server.url("/state/block")).header("If-Match", stale);
        assert_eq!(server.send(request).await.error(), failed, "{stale}");
    }
    assert_eq!(value(&server).await, 2);
    assert_eq!(put_if(&server, 3, "If-Match", "*").await.status, 200);
    for (header, tag, field) in [("If-Match", "\"1\", \"2\"", "if-match"), ("If-None-Match", "\"1\"", "if-none-match")]
    {
        let answer = put_if(&server, 4, header, tag).await;
        assert_eq!((answer.status, answer.fields()), (400, vec![field.to_owned()]));
    }
    let read = server.get("/state/block").await;
    let etag = read.header("etag").unwrap();
    for (known, status) in [(etag, 304), ("*", 304), ("\"1\"", 200)] {
        let request = server.client.get(server.url("/state/block")).header("If-None-Match", known);
        assert_eq!(server.send(request).await.status, status, "{known}");
    }
    let request = server.client.delete(server.url("/state/block")).header("If-Match", etag);
    assert_eq!(server.send(request).await.status, 204);
}

#[actix_web::test]
async fn what_breaks_a_rule_names_its_field_and_changes_nothing() {
    let (server, _) = start();
    server.put("/state/block", json!({ "value": "before" })).await;
    let large = "x".repeat(limits::STATE_BYTES_MAX - 1);
    for (body, field) in [
        (json!({}), "value"),
        (json!({ "value": 1, "ttlSeconds": -1 }), "ttlSeconds"),
        (json!({ "value": 1, "ttlSeconds": 0 }), "ttlSeconds"),
        (json!({ "value": 1, "ttlSeconds": limits::STATE_TTL_MAX.as_secs() + 1 }), "ttlSeconds"),
        (json!({ "value": 1, "ttlSeconds": "60" }), "ttlSeconds"),
        (json!({ "value": 1, "ttl": 60 }), "ttl"),
        (json!({ "value": large }), "value"),
    ] {
        let answer = server.put("/state/block", body).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{field}");
        assert_eq!(answer.fields(), [field]);
    }
    for name in ["a%20b", "-x", "a%2Fb"] {
        let path = format!("/state/{name}");
        let answers =
            [server.put(&path, json!({ "value": 1 })).await, server.get(&path).await, server.delete(&path).await];
        for answer in answers {
            assert_eq!((answer.status, answer.fields()), (400, vec!["name".to_owned()]), "{name}");
        }
    }
    let nul = server.client.put(server.url("/state/block")).header("content-type", "application/json");
    let answer = server.send(nul.body(r#"{"value": "a\u0000b"}"#)).await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "rule 35");
    assert_eq!(value(&server).await, "before");
    let most = "x".repeat(limits::STATE_BYTES_MAX - 2);
    assert_eq!(server.put("/state/block", json!({ "value": most })).await.status, 200);
    assert_eq!(value(&server).await, most);
}

#[actix_web::test]
async fn code_of_this_process_shares_it() {
    let (server, _) = start();
    let state = server.service.shared_state("block").unwrap();
    assert_eq!(state.load::<u64>().await.unwrap(), None);
    server.put("/state/block", json!({ "value": 17 })).await;
    let (last, revision) = state.load_revision::<u64>().await.unwrap().unwrap();
    assert_eq!(last, 17);
    assert!(state.load::<String>().await.is_err(), "of another form");
    assert!(state.save_if(&18, Some(revision)).await.unwrap().is_some());
    assert_eq!(state.save_if(&19, Some(revision)).await.unwrap(), None, "somebody was faster");
    assert_eq!(state.save_if(&19, None).await.unwrap(), None);
    assert_eq!(value(&server).await, 18);
    assert!(state.save(&"x".repeat(limits::STATE_BYTES_MAX)).await.is_err());
    assert!(state.save_for(&1, Duration::ZERO).await.is_err());
    state.save_for(&20, Duration::from_secs(60)).await.unwrap();
    assert_eq!(server.get("/state/block").await.json()["expiresAt"], "1970-01-01T00:01:00.000Z");
    assert!(state.forget().await.unwrap());
    assert!(!state.forget().await.unwrap());
    assert_eq!(server.get("/state/block").await.status, 404);
}
