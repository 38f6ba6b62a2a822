//! What a caller may use up: requests and waiting jobs of a key, event streams, connections, heads.

use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::key::{NewKey, Quota, Scope};
use faena::service::Settings;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Answer, Choice, Server};

const ALL: [Scope; 3] = [Scope::JobsRead, Scope::JobsWrite, Scope::Schedules];

async fn key(server: &Server, scopes: &[Scope], quota: Quota) -> String {
    let new = NewKey { name: "test".into(), scopes: scopes.to_vec(), quota, ..NewKey::default() };
    server.service.create_key(new).await.unwrap().1.reveal().to_owned()
}

/// A server with a first key, whose clock stands still.
async fn keyed(service: Settings) -> (Server, String, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    // Who left a stream is missed when something is written to it.
    let http = faena::http::Settings { heartbeat_every: Duration::from_millis(20), ..faena::http::Settings::default() };
    let server = Server::with(Choice { service, http, clock: clock.clone(), ..Choice::default() });
    let admin = key(&server, &[Scope::Admin], Quota::default()).await;
    (server, admin, clock)
}

async fn get(server: &Server, path: &str, key: &str) -> Answer {
    server.send(server.client.get(server.url(path)).bearer_auth(key)).await
}

async fn post(server: &Server, path: &str, key: &str, body: serde_json::Value) -> Answer {
    server.send(server.client.post(server.url(path)).bearer_auth(key).json(&body)).await
}

#[actix_web::test]
async fn a_key_has_its_requests_of_a_minute_and_is_told_when_there_are_more() {
    let (server, admin, clock) = keyed(Settings::default()).await;
    let made = post(&server, "/keys", &admin, json!({ "scopes": ["jobs:read"], "requestsPerMinute": 3 })).await;
    assert_eq!((made.status, &made.json()["data"]["requestsPerMinute"]), (201, &json!(3)), "{made:?}");
    let slow = made.json()["data"]["key"].as_str().unwrap().to_owned();
    let other = key(&server, &ALL, Quota::default()).await;
    for _ in 0..3 {
        assert_eq!(get(&server, "/jobs", &slow).await.status, 200);
    }
    let refused = get(&server, "/jobs", &slow).await;
    assert_eq!(refused.error(), (429, "rate_limited".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("20"));
    assert_eq!(get(&server, "/jobs", &other).await.status, 200, "each key has its own");
    assert_eq!(get(&server, "/health/live", &slow).await.status, 200, "what needs no key counts for none");
    clock.advance(Duration::from_secs(20));
    assert_eq!(get(&server, "/jobs", &slow).await.status, 200);
    assert_eq!(get(&server, "/jobs", &slow).await.status, 429);
}

#[actix_web::test]
async fn the_usual_bound_is_for_keys_that_have_none_and_not_for_admin() {
    let quota = Quota { requests_per_minute: Some(1), queued_max: Some(1) };
    let (server, admin, _) = keyed(Settings { quota, ..Settings::default() }).await;
    let usual = key(&server, &ALL, Quota::default()).await;
    let own = key(&server, &ALL, Quota { requests_per_minute: Some(2), queued_max: None }).await;
    let statuses = async |key: &str| {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(get(&server, "/jobs", key).await.status);
        }
        statuses
    };
    assert_eq!(statuses(&usual).await, [200, 429, 429]);
    assert_eq!(statuses(&own).await, [200, 200, 429]);
    assert_eq!(statuses(&admin).await, [200, 200, 200]);
}

#[actix_web::test]
async fn a_key_has_so_many_jobs_that_have_not_begun() {
    let (server, _, _) = keyed(Settings::default()).await;
    let mine = key(&server, &ALL, Quota { queued_max: Some(3), ..Quota::default() }).await;
    let other = key(&server, &ALL, Quota::default()).await;
    let noop = || json!({ "subType": "noop", "payload": {} });
    let batch = |jobs: usize| serde_json::Value::Array(vec![noop(); jobs]);
    assert_eq!(post(&server, "/jobs/batch", &mine, batch(4)).await.error(), (429, "quota_reached".to_owned()));
    assert_eq!(post(&server, "/jobs/batch", &mine, batch(2)).await.status, 202, "what was refused took no room");
    assert_eq!(post(&server, "/jobs", &mine, json!({ "subType": "nope", "payload": {} })).await.status, 422);
    assert_eq!(post(&server, "/jobs", &mine, noop()).await.status, 202, "nor what was not accepted");
    let refused = post(&server, "/jobs", &mine, noop()).await;
    assert_eq!(refused.error(), (429, "quota_reached".to_owned()));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(post(&server, "/jobs/batch", &other, batch(50)).await.status, 202, "each key has its own");

    // What has begun waits no more, and is not counted.
    assert_eq!(server.claim(2).await.len(), 2);
    assert_eq!(post(&server, "/jobs/batch", &mine, batch(3)).await.status, 429);
    assert_eq!(post(&server, "/jobs/batch", &mine, batch(2)).await.status, 202);
    assert_eq!(post(&server, "/jobs", &mine, noop()).await.status, 429);
    let plan = json!({ "name": "p", "subType": "noop", "cronExpression": "@daily" });
    assert_eq!(post(&server, "/schedules", &mine, plan).await.status, 201);
    assert_eq!(post(&server, "/schedules/p/execute", &mine, json!({})).await.status, 429, "nor by hand");
}

#[actix_web::test]
async fn the_same_request_again_takes_no_more_room() {
    let (server, _, _) = keyed(Settings::default()).await;
    let mine = key(&server, &ALL, Quota { queued_max: Some(2), ..Quota::default() }).await;
    let ask = async |idempotency_key: &str| {
        let request = server.client.post(server.url("/jobs")).bearer_auth(&mine);
        let request = request.header("idempotency-key", idempotency_key);
        server.send(request.json(&json!({ "subType": "noop", "payload": {} }))).await.status
    };
    let statuses = [ask("a").await, ask("a").await, ask("a").await, ask("b").await, ask("c").await];
    assert_eq!(statuses, [202, 202, 202, 202, 429]);
}

#[actix_web::test]
async fn streams_are_bounded_for_each_key_and_in_all() {
    let settings = Settings { key_streams_max: 2, streams_max: 3, ..Settings::default() };
    let (server, _, _) = keyed(settings).await;
    let ana = key(&server, &[Scope::Events], Quota::default()).await;
    let bo = key(&server, &[Scope::Events], Quota::default()).await;
    let open = async |key: &str| server.client.get(server.url("/events")).bearer_auth(key).send().await.unwrap();
    let (first, second) = (open(&ana).await, open(&ana).await);
    assert_eq!([first.status(), second.status()], [200, 200]);
    let refused = get(&server, "/events", &ana).await;
    assert_eq!(refused.error(), (429, "quota_reached".to_owned()));
    assert!(refused.header("retry-after").is_some());
    let third = open(&bo).await;
    assert_eq!(third.status(), 200, "hers are not his");
    assert_eq!(get(&server, "/events", &bo).await.error(), (503, "unavailable".to_owned()), "and all are full");
    drop(first);
    // The server hears of it when it writes next; until then the place is taken.
    let again = async {
        loop {
            let answer = open(&ana).await;
            if answer.status() == 200 {
                return answer;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), again).await.expect("a place that was left is free");
    drop((second, third));
}

#[actix_web::test]
async fn who_comes_beyond_the_connections_waits_until_somebody_leaves() {
    const ASK: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let server = Server::with(Choice { connections: Some(2), ..Choice::default() });
    let ask = async |socket: &mut TcpStream| {
        socket.write_all(ASK).await.unwrap();
        let mut piece = [0; 4_096];
        let count = socket.read(&mut piece).await.unwrap();
        assert!(piece[..count].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&piece[..count]));
    };
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    ask(&mut first).await;
    ask(&mut second).await;
    let mut third = TcpStream::connect(server.address).await.unwrap();
    third.write_all(ASK).await.unwrap();
    for _ in 0..50 {
        ask(&mut first).await;
    }
    let mut piece = [0; 4_096];
    let early = third.try_read(&mut piece).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock), "nobody has heard of the third");
    drop(second);
    let count = tokio::time::timeout(Duration::from_secs(30), third.read(&mut piece)).await.unwrap().unwrap();
    assert!(piece[..count].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&piece[..count]));
}

#[actix_web::test]
async fn a_head_that_trickles_is_given_up() {
    let mut choice = Choice::default();
    choice.http.head_read_max = Duration::from_millis(100);
    let server = Server::with(choice);
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(b"GET /jobs HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut answer = Vec::new();
    // It ends although we never do.
    let read = tokio::time::timeout(Duration::from_secs(30), socket.read_to_end(&mut answer)).await;
    read.expect("the connection ends").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}

#[actix_web::test]
async fn more_headers_than_anybody_needs_are_refused() {
    let server = Server::start();
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let headers: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    socket.write_all(format!("GET /jobs HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while let Ok(1..) = socket.read_buf(&mut answer).await {}
    assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}
