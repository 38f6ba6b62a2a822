//! What callers find once they are in: the things of their user, streams that end with their key, passes, and how a server closes.

use faena::key::Scope;
use serde_json::{Value, json};

use crate::access::{Keyed, job_id, key};
use crate::server::{Answer, Server};

#[actix_web::test]
async fn what_a_key_of_one_user_makes_and_lists_is_of_that_user() {
    let keyed = Keyed::start().await;
    let all = [Scope::JobsRead, Scope::JobsWrite, Scope::Schedules];
    let (ana, bo) = (keyed.key(&all, Some("ana")).await, keyed.key(&all, Some("bo")).await);
    let hers = job_id(&keyed.job(&ana, json!({})).await);
    let his = job_id(&keyed.job(&bo, json!({ "userId": "bo" })).await);
    job_id(&keyed.job(&keyed.admin, json!({})).await);
    assert_eq!(keyed.server.service.job(hers).await.unwrap().spec.user_id.as_deref(), Some("ana"));
    assert_eq!(keyed.job(&ana, json!({ "userId": "bo" })).await.error(), (403, "forbidden".to_owned()));
    let batch = json!([{ "subType": "noop", "payload": {} }, { "subType": "noop", "payload": {}, "userId": "bo" }]);
    assert_eq!(keyed.ask("post", "/jobs/batch", &ana, Some(batch)).await.status, 403);

    let ids = |answer: Answer| -> Vec<String> {
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        json["data"].as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(keyed.ask("get", "/jobs", &ana, None).await), [hers.to_string()]);
    assert_eq!(ids(keyed.ask("get", "/jobs?userId=ana&status=queued", &ana, None).await), [hers.to_string()]);
    for path in ["/jobs?userId=bo", "/dead-letters?userId=bo", "/executions?userId=bo", "/schedules?createdBy=bo"] {
        assert_eq!(keyed.ask("get", path, &ana, None).await.error(), (403, "forbidden".to_owned()), "{path}");
    }

    // Nobody cancels everything by leaving something out, and all of hers is hers alone.
    assert_eq!(keyed.ask("delete", "/jobs", &ana, None).await.status, 400);
    let cancelled = keyed.ask("delete", "/jobs?all=true", &ana, None).await.json();
    assert_eq!(cancelled["data"]["changed"], 1, "{cancelled}");
    assert!(!keyed.server.service.job(his).await.unwrap().is_finished());
    assert_eq!(keyed.ask("post", "/jobs/retry?status=queued", &ana, None).await.json()["data"]["matched"], 0);
    keyed.dead("bo").await;
    let letter = keyed.dead("ana").await;
    assert_eq!(ids(keyed.ask("get", "/dead-letters", &ana, None).await), [letter.to_string()]);
    assert_eq!(keyed.ask("delete", "/dead-letters", &ana, None).await.json()["data"]["changed"], 1);
    assert_eq!(ids(keyed.ask("get", "/dead-letters", &bo, None).await).len(), 1);

    let plan =
        |by: Value| json!({ "name": format!("p{by}"), "subType": "noop", "cronExpression": "@daily", "createdBy": by });
    let made = keyed.ask("post", "/schedules", &ana, Some(plan(Value::Null))).await;
    assert_eq!((made.status, made.json()["data"]["createdBy"].as_str()), (201, Some("ana")), "{made:?}");
    assert_eq!(keyed.ask("post", "/schedules", &ana, Some(plan(json!("bo")))).await.status, 403);
    keyed.schedule("bo").await;
    let listed = keyed.ask("get", "/schedules", &ana, None).await.json();
    assert_eq!(listed["pagination"]["total"], 1, "{listed}");
    let path = format!("/schedules/{}/execute", made.json()["data"]["id"].as_str().unwrap());
    let run = job_id(&keyed.ask("post", &path, &ana, None).await);
    let executions = keyed.ask("get", "/executions", &ana, None).await.json();
    assert_eq!(executions["pagination"]["total"], 1, "{executions}");
    assert_eq!(keyed.ask("get", &format!("/executions/{run}"), &bo, None).await.status, 404);
}

#[actix_web::test]
async fn an_idempotency_key_of_one_user_is_not_that_of_another() {
    let keyed = Keyed::start().await;
    let (ana, bo) =
        (keyed.key(&[Scope::JobsWrite], Some("ana")).await, keyed.key(&[Scope::JobsWrite], Some("bo")).await);
    let mut ids = Vec::new();
    for key in [&ana, &bo, &keyed.admin, &ana] {
        let request = keyed.request("post", "/jobs", Some(key)).header("Idempotency-Key", "same");
        ids.push(job_id(&keyed.server.send(request.json(&json!({ "subType": "noop", "payload": {} }))).await));
    }
    assert_eq!(ids[0], ids[3]);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
}

#[actix_web::test]
async fn events_of_others_are_not_heard() {
    let keyed = Keyed::start().await;
    let ana = keyed.key(&[Scope::Events], Some("ana")).await;
    let mut stream = keyed.request("get", "/events", Some(&ana)).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    // The first sign of life: from here on everything is heard.
    stream.chunk().await.unwrap().unwrap();
    let other = job_id(&keyed.job(&keyed.admin, json!({ "userId": "bo" })).await);
    let hers = job_id(&keyed.job(&keyed.admin, json!({ "userId": "ana" })).await);
    let heard = until(&mut stream, "event: job").await;
    assert!(heard.contains(&hers.to_string()) && !heard.contains(&other.to_string()), "{heard}");
}

/// What a stream says until it has said this much of a whole event.
async fn until(stream: &mut reqwest::Response, words: &str) -> String {
    let mut heard = String::new();
    while !heard.contains(words) || !heard.ends_with("\n\n") {
        heard.push_str(&String::from_utf8_lossy(&stream.chunk().await.unwrap().expect("it goes on")));
    }
    heard
}

#[actix_web::test]
async fn a_stream_ends_with_the_key_that_opened_it() {
    let keyed = Keyed::start().await;
    let reader = keyed.key(&[Scope::JobsRead], None).await;
    let id = job_id(&keyed.job(&keyed.admin, json!({})).await);
    let mut stream = keyed.request("get", &format!("/jobs/{id}/events"), Some(&reader)).send().await.unwrap();
    until(&mut stream, "event: job").await;
    let keys = keyed.ask("get", "/keys", &keyed.admin, None).await.json();
    let last = keys["data"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["scopes"], json!(["jobs:read"]));
    let path = format!("/keys/{}", last["id"].as_str().unwrap());
    assert_eq!(keyed.ask("delete", &path, &keyed.admin, None).await.status, 204);
    let refused = keyed.ask("get", &format!("/jobs/{id}"), &reader, None).await;
    assert_eq!(refused.error(), (401, "unauthorized".to_owned()), "at once");
    keyed.ask("delete", &format!("/jobs/{id}"), &keyed.admin, None).await;
    let rest = stream.chunk().await;
    assert!(matches!(rest, Ok(None) | Err(_)), "nothing more is told: {rest:?}");
}

#[actix_web::test]
async fn a_token_opens_the_events_of_its_job_and_ends_with_its_key() {
    let keyed = Keyed::start().await;
    let ana = keyed.key(&[Scope::JobsRead], Some("ana")).await;
    let (hers, other) = (keyed.dead("ana").await, keyed.dead("ana").await);
    let his = keyed.dead("bo").await;
    assert_eq!(keyed.ask("post", &format!("/jobs/{his}/events/token"), &ana, None).await.status, 404);
    let made = keyed.ask("post", &format!("/jobs/{hers}/events/token"), &ana, None).await;
    assert_eq!((made.status, made.header("cache-control")), (201, Some("no-store")), "{made:?}");
    let data = made.json()["data"].clone();
    let (token, url) = (data["token"].as_str().unwrap(), data["url"].as_str().unwrap());
    let heard = keyed.server.get(url).await;
    assert!(heard.status == 200 && heard.text.contains(&hers.to_string()), "{heard:?}");
    for path in [
        format!("/jobs/{other}/events?token={token}"),
        format!("/jobs/{hers}/events?token={token}x"),
        format!("/jobs/{hers}/events?token="),
        format!("/jobs/{hers}?token={token}"),
        format!("/jobs/{hers}/events"),
    ] {
        assert_eq!(keyed.server.get(&path).await.status, 401, "{path}");
    }
    let keys = keyed.server.service.keys().await.unwrap();
    keyed.server.service.revoke_key(keys.last().unwrap().id, "test").await.unwrap();
    assert_eq!(keyed.server.get(url).await.status, 401, "its key was revoked");
}

#[actix_web::test]
async fn a_server_closes_with_its_first_key_and_that_one_can_make_others() {
    let server = Server::start();
    assert_eq!(server.get("/jobs").await.status, 200, "without keys everybody is answered");
    let refused = server.post("/keys", json!({ "scopes": ["jobs:read"] })).await;
    assert_eq!((refused.status, refused.fields()), (400, vec!["scopes".to_owned()]), "{refused:?}");
    let id = server.noop().await;
    let token = server.poke(&format!("/jobs/{id}/events/token")).await.json()["data"]["token"].clone();
    assert!(token.as_str().unwrap().starts_with("fp_"), "a page need not know whether there are keys");
    let made = server.post("/keys", json!({ "scopes": ["admin"], "name": "me" })).await;
    assert_eq!((made.status, made.header("cache-control")), (201, Some("no-store")), "{made:?}");
    let secret = made.json()["data"]["key"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/jobs").await.status, 401);
    let keyed = Keyed { server, admin: secret.clone() };
    let listed = keyed.ask("get", "/keys", &secret, None).await;
    assert!(listed.status == 200 && !listed.text.contains(&secret), "a secret is shown once: {listed:?}");
    assert!(listed.json()["data"][0]["lastUsedAt"].is_string(), "{listed:?}");
    for (body, field) in [
        (json!({ "scopes": [] }), "scopes"),
        (json!({ "scopes": ["all"] }), "scopes[0]"),
        (json!({ "scopes": ["admin"], "userId": "ana" }), "userId"),
        (json!({ "scopes": ["events"], "expiresAt": "2001-01-01T00:00:00Z" }), "expiresAt"),
        (json!({ "name": "x" }), "scopes"),
    ] {
        let answer = keyed.ask("post", "/keys", &secret, Some(body)).await;
        assert_eq!((answer.status, answer.fields()), (400, vec![field.to_owned()]), "{answer:?}");
    }
}

/// A body that nobody may send is not waited for.
#[test]
fn who_may_not_come_in_is_told_before_the_body() {
    use std::io::{Read as _, Write as _};
    let keyed = actix_web::rt::System::new().block_on(Keyed::start());
    let mut socket = std::net::TcpStream::connect(keyed.server.address).unwrap();
    let head =
        "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("unauthorized"), "{answer}");
}

/// Whoever has a key is no page of a stranger, whatever name they ask under.
#[actix_web::test]
async fn a_server_with_keys_answers_under_any_name() {
    let hosts = Some(Vec::new());
    let http = faena::http::Settings { hosts, ..faena::http::Settings::default() };
    let server = Server::with(crate::server::Choice { http, ..crate::server::Choice::default() });
    let asked = async |server: &Server, key: &str| {
        let request = server.client.get(server.url("/jobs")).header("host", "jobs.example.com");
        server.send(request.bearer_auth(key)).await.status
    };
    assert_eq!(asked(&server, "none").await, 403, "without keys pages are kept out");
    let admin = key(&server, &[Scope::Admin], None).await;
    assert_eq!((asked(&server, &admin).await, asked(&server, "none").await), (200, 401));
    let health = server.client.get(server.url("/health/live")).header("host", "10.1.2.3:7700");
    assert_eq!(server.send(health).await.status, 200);
}
