//! Lists: every filter, both orders, offset and cursor pages, totals, and long results.

use std::collections::HashSet;

use faena::clock::{Clock, Timestamp};
use faena::job::ResultRef;
use serde_json::{Value, json};

use crate::server::{Choice, Server};

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn every_filter_names_what_it_should() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let server = Server::with(Choice { clock: clock.clone(), ..Choice::default() });
    let old = server.job(json!({ "subType": "noop", "payload": {}, "userId": "ana", "tags": ["x"] })).await;
    clock.advance(std::time::Duration::from_secs(60));
    let new = server
        .job(json!({ "subType": "send_mail", "payload": { "to": "a@b.co" }, "priority": "high", "userId": "bob" }))
        .await;
    let (old, new) = (old.to_string(), new.to_string());
    let both = [new.clone(), old.clone()];
    let middle = "2027-01-15T08:00:30Z";
    let cases: Vec<(String, &[String])> = vec![
        (String::new(), &both),
        ("status=queued".into(), &both),
        ("status=queued,failed".into(), &both),
        ("status=queued&status=failed".into(), &both),
        ("status=completed".into(), &[]),
        ("type=mail".into(), &both[..1]),
        ("subType=noop".into(), &both[1..]),
        ("priority=high".into(), &both[..1]),
        ("userId=ana".into(), &both[1..]),
        ("tag=x".into(), &both[1..]),
        ("scheduleId=none".into(), &[]),
        (format!("createdAfter={middle}"), &both[..1]),
        (format!("createdBefore={middle}"), &both[1..]),
        ("createdAfter=2027-01-15T09:00:30%2B01:00".into(), &both[..1]),
        ("q=SEND_M".into(), &both[..1]),
        ("q=ana&subType=send_mail".into(), &[]),
    ];
    for (query, wanted) in cases {
        let list = server.get(&format!("/jobs?{query}")).await.json();
        assert_eq!(ids(&list), wanted, "{query}");
        assert_eq!(list["pagination"]["total"], wanted.len(), "{query}");
        assert_eq!(list["success"], true);
    }
    server.claim(1).await;
    assert_eq!(ids(&server.get("/jobs?status=started").await.json()).len(), 1);
}

#[actix_web::test]
async fn bad_filters_and_pages_are_named() {
    let server = Server::start();
    let long = format!("q={}", "x".repeat(201));
    for (query, field) in [
        ("status=done", "status"),
        ("type=X", "type"),
        ("subType=a%20b", "subType"),
        ("priority=urgent", "priority"),
        ("userId=", "userId"),
        ("tag=%00", "tag"),
        ("tag=%ff", "tag"),
        ("createdAfter=today", "createdAfter"),
        ("createdBefore=1", "createdBefore"),
        (long.as_str(), "q"),
        ("sort=priority", "sort"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("offset=-1", "offset"),
        ("offset=1000000001", "offset"),
        ("userId=ana&offset=10001", "offset"),
        ("tag=x&offset=10001", "offset"),
        ("scheduleId=x&offset=10001", "offset"),
        ("q=x&offset=10001", "offset"),
        ("cursor=nonsense", "cursor"),
        ("page=2", "page"),
    ] {
        let answer = server.get(&format!("/jobs?{query}")).await;
        assert_eq!((answer.error().0, answer.fields()), (400, vec![field.to_owned()]), "{query}");
    }
    assert_eq!(server.get("/dead-letters?offset=10001").await.fields(), ["offset"]);
    assert_eq!(server.get("/jobs?offset=1000000000&status=queued&createdAfter=2020-01-01T00:00:00Z").await.status, 200);
    assert_eq!(server.get("/jobs?limit=0&sort=x&priority=y").await.fields().len(), 3, "all at once");
}

#[actix_web::test]
async fn pages_by_offset_and_by_cursor_are_the_same_list() {
    let server = Server::start();
    let jobs: Vec<_> = (0..25).map(|_| json!({ "subType": "noop", "payload": {} })).collect();
    let made = ids(&server.post("/jobs/batch", json!(jobs)).await.json());
    let first = server.get("/jobs").await.json();
    assert_eq!(first["pagination"]["limit"], 20);
    assert_eq!((&first["pagination"]["hasMore"], &first["pagination"]["offset"]), (&json!(true), &json!(0)));
    assert_eq!((&first["pagination"]["total"], &first["pagination"]["totalIsExact"]), (&json!(25), &json!(true)));
    for sort in ["createdAt", "-createdAt"] {
        let mut wanted = made.clone();
        if sort == "-createdAt" {
            wanted.reverse();
        }
        let (mut by_offset, mut by_cursor) = (Vec::new(), Vec::new());
        for offset in [0, 10, 20] {
            let page = server.get(&format!("/jobs?sort={sort}&limit=10&offset={offset}")).await.json();
            assert_eq!(page["pagination"]["hasMore"], offset < 20);
            by_offset.extend(ids(&page));
        }
        let mut next = String::new();
        loop {
            let page = server.get(&format!("/jobs?sort={sort}&limit=10{next}")).await.json();
            by_cursor.extend(ids(&page));
            assert_eq!(page["nextCursor"], page["pagination"]["nextCursor"]);
            match page["nextCursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!((by_offset, by_cursor), (wanted.clone(), wanted));
    }
}

#[actix_web::test]
async fn a_cursor_stays_good_when_its_job_is_gone() {
    let server = Server::start();
    let (first, second) = (server.noop().await, server.noop().await);
    let page = server.get("/jobs?sort=createdAt&limit=1").await.json();
    assert_eq!(ids(&page), [first.to_string()]);
    let cursor = page["nextCursor"].as_str().unwrap().to_owned();
    server.delete(&format!("/jobs/{first}")).await;
    let forgotten = server.post("/cleanup", json!({ "olderThanSeconds": 0 })).await;
    // What ended within this millisecond is not older than it.
    assert_eq!(forgotten.status, 200);
    assert_eq!(ids(&server.get(&format!("/jobs?sort=createdAt&cursor={cursor}")).await.json()), [second.to_string()]);
    assert_eq!(
        server.get(&format!("/jobs?cursor={cursor}")).await.fields(),
        ["cursor"],
        "it belongs to the other order"
    );
    assert_eq!(server.get(&format!("/jobs?sort=createdAt&offset=1&cursor={cursor}")).await.fields(), ["cursor"]);
}

#[actix_web::test]
async fn a_walk_by_cursor_misses_nothing_that_was_there_at_its_start() {
    let server = Server::start();
    let mut before = HashSet::new();
    for _ in 0..30 {
        before.insert(server.noop().await.to_string());
    }
    let (mut seen, mut next) = (HashSet::new(), String::new());
    loop {
        let page = server.get(&format!("/jobs?limit=7{next}")).await.json();
        for id in ids(&page) {
            assert!(seen.insert(id), "no job comes twice");
        }
        server.noop().await;
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert!(before.is_subset(&seen));
}

#[actix_web::test]
async fn a_long_result_is_an_address_in_a_list() {
    let server = Server::start();
    let short = format!("data:text/plain,{}", "x".repeat(4_000));
    let long = format!("data:text/plain,{}", "x".repeat(4_096));
    for url in [&short, &long] {
        let id = server.noop().await;
        server.claim(1).await;
        server.succeed(id, Some(ResultRef::Url(url.as_str().into()))).await;
        assert_eq!(server.get(&format!("/jobs/{id}")).await.json()["resultUrl"], **url, "one job shows it whole");
    }
    let list = server.get("/jobs?sort=createdAt").await.json();
    let id = list["data"][1]["jobId"].as_str().unwrap();
    assert_eq!(list["data"][0]["resultUrl"], short);
    assert_eq!(list["data"][1]["resultUrl"], format!("/jobs/{id}/result"));
}

#[actix_web::test]
async fn cleanup_forgets_what_ended_long_ago_and_nothing_else() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let server = Server::with(Choice { clock: clock.clone(), ..Choice::default() });
    let (dead, done, waiting) = (server.dead().await, server.noop().await, server.noop().await);
    server.delete(&format!("/jobs/{done}")).await;
    clock.advance(std::time::Duration::from_secs(100));
    assert_eq!(server.post("/cleanup", json!({ "olderThanSeconds": 200 })).await.json()["data"]["forgotten"], 0);
    let answer = server.post("/cleanup", json!({ "olderThanSeconds": 50 })).await;
    assert_eq!((answer.status, &answer.json()["data"]["forgotten"]), (200, &json!(2)));
    for (id, status) in [(done, 404), (dead, 404), (waiting, 200)] {
        assert_eq!(server.get(&format!("/jobs/{id}")).await.status, status);
    }
    for bad in ["{}", "[]", r#"{"olderThanSeconds": -1}"#, r#"{"olderThanSeconds": 1, "x": 2}"#] {
        assert_eq!(server.post_text("/cleanup", bad).await.error().0, 400, "{bad}");
    }
}
