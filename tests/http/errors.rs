//! Every row of the contract's table of errors, and that each of them changes nothing.

use std::sync::Arc;

use faena::clock::Timestamp;
use faena::job::JobId;
use faena::store::embedded::Embedded;
use faena::store::{Answer, Group, Health, Insert, Inserted, Store, StoreError};
use serde_json::json;

use crate::server::{Choice, Server};
use crate::veil::{Veil, Veiled};

#[actix_web::test]
async fn a_job_that_breaks_a_rule_names_its_fields() {
    let server = Server::start();
    let with = |more: serde_json::Value| {
        let mut body = json!({ "subType": "noop", "payload": {} });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let cases = [
        (json!({}), vec!["subType", "payload"]),
        (json!({ "subType": "noop" }), vec!["payload"]),
        (json!({ "subType": null, "payload": {} }), vec!["subType"]),
        (json!({ "subType": 3, "payload": {} }), vec!["subType"]),
        (json!({ "subType": "No Op", "payload": {} }), vec!["subType"]),
        (with(json!({ "payload": [1] })), vec!["payload"]),
        (with(json!({ "payload": "text" })), vec!["payload"]),
        (with(json!({ "type": "X" })), vec!["type"]),
        (with(json!({ "priority": "urgent" })), vec!["priority"]),
        (with(json!({ "priority": 1 })), vec!["priority"]),
        (with(json!({ "pritority": "high" })), vec!["pritority"]),
        (with(json!({ "userId": "" })), vec!["userId"]),
        (with(json!({ "userId": "u".repeat(201) })), vec!["userId"]),
        (with(json!({ "runAt": "tomorrow" })), vec!["runAt"]),
        (with(json!({ "runAt": "9999-01-01T00:00:00Z" })), vec!["runAt"]),
        (with(json!({ "runAt": "2999-01-01T00:00:00Z", "delaySeconds": 1 })), vec!["delaySeconds"]),
        (with(json!({ "delaySeconds": -1 })), vec!["delaySeconds"]),
        (with(json!({ "delaySeconds": "1" })), vec!["delaySeconds"]),
        (with(json!({ "delaySeconds": 1e300 })), vec!["delaySeconds"]),
        (with(json!({ "timeoutSeconds": 0 })), vec!["timeoutSeconds"]),
        (with(json!({ "timeoutSeconds": 1e9 })), vec!["timeoutSeconds"]),
        (with(json!({ "estimatedDuration": "x".repeat(201) })), vec!["estimatedDuration"]),
        (with(json!({ "retryPolicy": [] })), vec!["retryPolicy"]),
        (with(json!({ "retryPolicy": { "maxRetries": -1 } })), vec!["retryPolicy.maxRetries"]),
        (with(json!({ "retryPolicy": { "maxRetries": 1001 } })), vec!["retryPolicy.maxRetries"]),
        (with(json!({ "retryPolicy": { "retries": 1 } })), vec!["retryPolicy.retries"]),
        (with(json!({ "retryPolicy": { "jitter": 1.5 } })), vec!["retryPolicy.jitter"]),
        (
            with(json!({ "retryPolicy": { "retryDelay": 90_000_000_u32 } })),
            vec!["retryPolicy.retryDelay", "retryPolicy.maxDelay"],
        ),
        (with(json!({ "uniqueFor": 5 })), vec!["uniqueFor"]),
        (with(json!({ "uniqueKey": "k", "uniqueFor": "ever" })), vec!["uniqueFor"]),
        (with(json!({ "uniqueKey": "k", "uniqueFor": true })), vec!["uniqueFor"]),
        (with(json!({ "uniqueKey": "k", "uniqueFor": 0 })), vec!["uniqueFor"]),
        (with(json!({ "uniqueKey": "" })), vec!["uniqueKey"]),
        (with(json!({ "concurrencyLimit": 2 })), vec!["concurrencyLimit"]),
        (with(json!({ "concurrencyKey": "k", "concurrencyLimit": 0 })), vec!["concurrencyLimit"]),
        (with(json!({ "tags": "a" })), vec!["tags"]),
        (with(json!({ "tags": ["a", ""] })), vec!["tags[1]"]),
        (with(json!({ "tags": vec!["t"; 17] })), vec!["tags"]),
        (with(json!({ "callbackUrl": "ftp://example.com" })), vec!["callbackUrl"]),
        (with(json!({ "expiresAt": "2020-01-01T00:00:00Z" })), vec!["expiresAt"]),
        (with(json!({ "priority": 1, "tags": 2, "userId": 3 })), vec!["priority", "tags", "userId"]),
        (
            json!({ "subType": "send_mail", "payload": { "to": "nobody", "copies": 11 } }),
            vec!["payload.copies", "payload.to"],
        ),
        (json!({ "subType": "send_mail", "payload": {} }), vec!["payload"]),
        (json!({ "subType": "send_mail", "payload": { "to": "a@b.co", "cc": 1 } }), vec!["payload.cc"]),
        (json!({ "subType": "send_mail", "payload": { "to": 5 } }), vec!["payload.to"]),
    ];
    for (body, fields) in cases {
        let answer = server.post("/jobs", body.clone()).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{body}");
        assert_eq!(answer.fields(), fields, "{body}");
    }
    assert_eq!(server.get("/jobs").await.json()["pagination"]["total"], 0);
}

#[actix_web::test]
async fn what_is_no_json_object_is_refused_in_words() {
    let server = Server::start();
    for body in
        ["", "null", "3", "true", "\"x\"", "[]", "{", "{\"subType\": \"noop\", \"payload\": {}", "{} {}", "nonsense"]
    {
        let answer = server.post_text("/jobs", body).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{body}");
    }
    let twice = r#"{"subType": "noop", "subType": "noop", "payload": {}}"#;
    assert_eq!(server.post_text("/jobs", twice).await.error().0, 400);
}

#[actix_web::test]
async fn what_is_not_there_is_404() {
    let server = Server::start();
    let nobody = JobId::new();
    for path in
        ["/jobs/{}", "/jobs/{}/attempts", "/jobs/{}/logs", "/jobs/{}/result", "/jobs/{}/explain", "/jobs/{}/events"]
    {
        for id in [nobody.to_string(), "17".to_owned(), "%00".to_owned(), "a".repeat(300)] {
            let path = path.replace("{}", &id);
            assert_eq!(server.get(&path).await.error(), (404, "not_found".to_owned()), "{path}");
        }
    }
    for path in [format!("/jobs/{nobody}"), format!("/dead-letters/{nobody}")] {
        assert_eq!(server.delete(&path).await.error(), (404, "not_found".to_owned()), "{path}");
    }
    for path in [
        format!("/jobs/{nobody}/retry"),
        format!("/dead-letters/{nobody}/retry"),
        "/processors/nope/pause".to_owned(),
        "/processors/NOPE/resume".to_owned(),
    ] {
        assert_eq!(server.poke(&path).await.error(), (404, "not_found".to_owned()), "{path}");
    }
    for path in ["/job", "/jobs/", "/jobs/1/2/3", "/api/jobs", "//"] {
        assert_eq!(server.get(path).await.error(), (404, "not_found".to_owned()), "{path}");
    }
}

#[actix_web::test]
async fn another_method_is_405_and_names_those_there_are() {
    let server = Server::start();
    let id = server.noop().await;
    let cases = [
        ("PUT", "/jobs".to_owned(), "POST, GET, HEAD, DELETE"),
        ("GET", "/jobs/batch".to_owned(), "POST"),
        ("GET", "/jobs/retry".to_owned(), "POST"),
        ("PATCH", format!("/jobs/{id}"), "GET, HEAD, DELETE"),
        ("POST", format!("/jobs/{id}/attempts"), "GET, HEAD"),
        ("HEAD", format!("/jobs/{id}/events"), "GET"),
        ("DELETE", "/processors".to_owned(), "GET, HEAD"),
        ("POST", "/health/live".to_owned(), "GET, HEAD"),
        ("POST", "/".to_owned(), "GET, HEAD"),
    ];
    for (method, path, allowed) in cases {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = server.send(server.client.request(method.clone(), server.url(&path))).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
        if method != "HEAD" {
            assert_eq!(answer.error(), (405, "method_not_allowed".to_owned()));
        }
    }
}

#[actix_web::test]
async fn a_body_that_is_not_json_is_415() {
    let server = Server::start();
    let body = r#"{"subType": "noop", "payload": {}}"#;
    let send = |path: &str, kind: Option<&str>| {
        let request = server.client.post(server.url(path)).body(body);
        server.send(match kind {
            Some(kind) => request.header("content-type", kind),
            None => request,
        })
    };
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonx"),
        Some("application/x-ndjson"),
    ] {
        assert_eq!(send("/jobs", kind).await.error(), (415, "unsupported_media_type".to_owned()), "{kind:?}");
    }
    assert_eq!(send("/jobs/batch", Some("text/csv")).await.error().0, 415);
    let zipped = server.client.post(server.url("/jobs")).header("content-encoding", "gzip").json(&json!({}));
    assert_eq!(server.send(zipped).await.error(), (415, "unsupported_media_type".to_owned()));
    for kind in ["application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(send("/jobs", Some(kind)).await.status, 202, "{kind}");
    }
}

#[actix_web::test]
async fn an_unknown_processor_is_422_and_those_known_are_listed() {
    let server = Server::start();
    let answer = server.post("/jobs", json!({ "subType": "make_coffee", "payload": {} })).await;
    assert_eq!(answer.error(), (422, "unknown_processor".to_owned()));
    let sentence = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(sentence.contains("make_coffee") && sentence.contains("noop, send_mail"), "{sentence}");
}

#[actix_web::test]
async fn a_request_is_known_by_the_id_that_its_client_gave() {
    let server = Server::start();
    let get = |path: &str, id: &str| server.send(server.client.get(server.url(path)).header("x-request-id", id));
    let refused = get("/jobs/17", "trace-1:a/b").await;
    assert_eq!((refused.error().0, refused.header("x-request-id")), (404, Some("trace-1:a/b")));
    assert_eq!(get("/processors", "trace-2").await.header("x-request-id"), Some("trace-2"));
    assert_eq!(server.get("/processors").await.header("x-request-id"), None);
    for insane in ["a b", "<script>", &"x".repeat(129)] {
        let answer = get("/jobs/17", insane).await;
        answer.error();
        assert_ne!(answer.header("x-request-id"), Some(insane));
        assert_eq!(get("/processors", insane).await.header("x-request-id"), None);
    }
}

#[actix_web::test]
async fn a_store_that_cannot_commit_is_503_and_nothing_is_accepted() {
    let broken = Broken { inner: Embedded::memory(), error: StoreError::Unavailable("the disk is full".into()) };
    let server = Server::on(Arc::new(Veiled(broken)), Choice::default());
    let answer = server.post("/jobs", json!({ "subType": "noop", "payload": {} })).await;
    assert_eq!(answer.error(), (503, "unavailable".to_owned()));
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    let ready = server.get("/health/ready").await;
    assert_eq!(ready.error(), (503, "unavailable".to_owned()));
    assert!(ready.json()["error"].as_str().unwrap().contains("the disk is full"));
    assert_eq!(server.get("/health/live").await.status, 200);
    assert_eq!(server.get("/jobs").await.json()["pagination"]["total"], 0);
}

#[actix_web::test]
async fn a_fault_of_ours_is_500_and_keeps_its_secrets() {
    let broken = Broken { inner: Embedded::memory(), error: StoreError::Broken("/secret/path is odd".into()) };
    let server = Server::on(Arc::new(Veiled(broken)), Choice::default());
    let answer = server.post("/jobs", json!({ "subType": "noop", "payload": {} })).await;
    assert_eq!(answer.error(), (500, "internal".to_owned()));
    assert!(!answer.text.contains("secret"), "{answer:?}");
}

/// A store whose disk is full, or worse.
struct Broken {
    inner: Embedded,
    error: StoreError,
}

impl Veil for Broken {
    fn real(&self) -> &dyn Store {
        &self.inner
    }

    fn insert(&self, _: Vec<Insert>, _: Group, _: Timestamp) -> Answer<'_, Vec<Inserted>> {
        Box::pin(async { Err(self.error.clone()) })
    }

    fn health(&self) -> Health {
        Health { degraded: Some(self.error.to_string().into()), ..self.inner.health() }
    }
}
