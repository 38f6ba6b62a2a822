//! `GET /events` as a list, the audit trail; and streams that go on where their reader was, from the log.

use std::time::Duration;

use faena::key::Scope;
use serde_json::{Value, json};

use crate::access::{Keyed, job_id};
use crate::events::Reader;
use crate::server::{Answer, Server};

async fn listed(server: &Server, query: &str) -> Answer {
    let request = server.client.get(server.url(&format!("/events{query}")));
    server.send(request.header("Accept", "application/json")).await
}

fn types(answer: &Answer) -> Vec<String> {
    let body: Value = answer.json();
    body["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn what_happened_is_listed_with_who_and_why() {
    let server = Server::start();
    let id = server.noop().await;
    server.claim(1).await;
    server.succeed(id, None).await;
    let other = server.noop().await;
    server.delete(&format!("/jobs/{other}")).await;
    let all = listed(&server, "?sort=occurredAt").await;
    assert_eq!(types(&all), ["job.queued", "job.started", "job.completed", "job.queued", "job.cancelled"]);
    let body = all.json();
    assert_eq!(body["data"][0]["aggregateId"], id.to_string());
    assert_eq!(body["data"][4]["payload"]["by"], "api");
    assert_eq!(body["data"][4]["payload"]["reason"], "cancelled by api before it ran");
    let latest = listed(&server, "?limit=2").await;
    assert_eq!(types(&latest), ["job.cancelled", "job.queued"], "the latest first");
    let cursor = latest.json()["nextCursor"].as_str().unwrap().to_owned();
    let rest = listed(&server, &format!("?limit=10&cursor={cursor}")).await;
    assert_eq!(types(&rest), ["job.completed", "job.started", "job.queued"]);
    assert_eq!(rest.json()["nextCursor"], Value::Null);
    for (query, found) in [
        ("?type=job.completed,job.cancelled", 2),
        ("?type=job.*&aggregateType=job", 5),
        ("?type=schedule.*", 0),
        ("?since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00Z", 0),
        ("?userId=nobody", 0),
    ] {
        assert_eq!(types(&listed(&server, query).await).len(), found, "{query}");
    }
    let of_one = listed(&server, &format!("?aggregateId={other}")).await;
    assert_eq!(types(&of_one), ["job.cancelled", "job.queued"]);
}

#[actix_web::test]
async fn a_list_that_began_with_the_oldest_goes_on_with_what_happens_later() {
    let server = Server::start();
    let cursor = |answer: &Answer| answer.json()["nextCursor"].as_str().unwrap().to_owned();
    let end = listed(&server, "?sort=occurredAt&cursor=end").await;
    assert_eq!(types(&end), [""; 0]);
    let id = server.noop().await;
    let after = async |cursor: &str| listed(&server, &format!("?sort=occurredAt&cursor={cursor}&type=job.*")).await;
    let first = after(&cursor(&end)).await;
    assert_eq!((types(&first), &first.json()["pagination"]["hasMore"]), (vec!["job.queued".to_owned()], &json!(false)));
    let behind = cursor(&first);
    let nothing = after(&behind).await;
    assert_eq!(types(&nothing), [""; 0]);
    server.delete(&format!("/jobs/{id}")).await;
    for cursor in [behind, cursor(&nothing)] {
        assert_eq!(types(&after(&cursor).await), ["job.cancelled"], "{cursor}");
    }
    let end = listed(&server, "?sort=occurredAt&cursor=end").await;
    assert_eq!(types(&end), [""; 0], "what has happened until now is passed over");
    let wrong = listed(&server, "?cursor=end").await;
    assert_eq!(wrong.json()["details"][0]["message"], "is `end`, which goes with sort=occurredAt");
}

#[actix_web::test]
async fn what_is_done_to_schedules_and_keys_says_by_which_key() {
    let keyed = Keyed::start().await;
    let planner = json!({ "scopes": ["schedules"], "name": "planner" });
    let made = keyed.ask("post", "/keys", &keyed.admin, Some(planner)).await;
    let key = made.json()["data"]["key"].as_str().unwrap().to_owned();
    let new = json!({ "name": "nightly", "subType": "noop", "cronExpression": "@daily" });
    assert_eq!(keyed.ask("post", "/schedules", &key, Some(new)).await.status, 201);
    for act in ["disable", "enable", "pause", "resume", "execute"] {
        let done = keyed.ask("post", &format!("/schedules/nightly/{act}"), &key, None).await;
        assert!(done.status < 300, "{act}: {done:?}");
    }
    let change = json!({ "description": "at night" });
    assert_eq!(keyed.ask("patch", "/schedules/nightly", &key, Some(change)).await.status, 200);
    assert_eq!(keyed.ask("delete", "/schedules/nightly", &key, None).await.status, 204);
    let made = keyed.ask("post", "/keys", &keyed.admin, Some(json!({ "scopes": ["events"] }))).await;
    let id = made.json()["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(keyed.ask("delete", &format!("/keys/{id}"), &keyed.admin, None).await.status, 204);
    let list = async |query: &str| {
        let request = keyed.request("get", &format!("/events?sort=occurredAt&{query}"), Some(&keyed.admin));
        keyed.server.send(request.header("Accept", "application/json")).await.json()["data"].clone()
    };
    let by = |events: &Value| -> Vec<(String, Value)> {
        let events = events.as_array().unwrap().iter();
        events.map(|event| (event["type"].as_str().unwrap().to_owned(), event["payload"]["by"].clone())).collect()
    };
    let told = by(&list("type=schedule.*").await);
    let types: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    let updated = "schedule.updated";
    assert_eq!(
        types,
        ["schedule.created", updated, updated, updated, updated, "schedule.fired", updated, "schedule.deleted"]
    );
    assert!(told.iter().all(|(_, by)| by == "key:planner"), "{told:?}");
    let told = by(&list(&format!("aggregateId={id}")).await);
    assert_eq!(told.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["key.created", "key.revoked"]);
    assert!(told.iter().all(|(_, by)| by == "key:test"), "{told:?}");
}

#[actix_web::test]
async fn a_list_refuses_what_it_does_not_know() {
    let server = Server::start();
    for (query, field) in [
        ("?type=job.nonsense", "type"),
        ("?subType=noop", "subType"),
        ("?limit=0", "limit"),
        ("?cursor=x", "cursor"),
        ("?since=yesterday", "since"),
        ("?sort=up", "sort"),
    ] {
        assert_eq!(listed(&server, query).await.fields(), [field], "{query}");
    }
}

/// A reader's id that names a place in the log.
async fn stood(server: &Server, reader: &mut Reader) -> String {
    loop {
        server.noop().await;
        let mut id = reader.event().await.unwrap().id.unwrap();
        // At full speed a second has more in it than anybody is told of who comes back.
        while let Ok(event) = tokio::time::timeout(Duration::from_millis(50), reader.event()).await {
            id = event.unwrap().id.unwrap();
        }
        // Some time after the beginning it names a place in the log besides.
        if id.strip_prefix(&*server.service.node().node).unwrap().matches('-').count() == 2 {
            return id;
        }
    }
}

#[actix_web::test]
async fn a_reader_of_an_earlier_boot_is_told_of_what_it_has_missed() {
    let server = Server::start();
    let mut reader = Reader::open(&server, "/events", None).await;
    let id = stood(&server, &mut reader).await;
    drop(reader);
    let missed = server.noop().await;
    server.delete(&format!("/jobs/{missed}")).await;
    crate::alerts::fire(&server).await;
    // As if it had been started anew.
    let (_, places) = id.split_once(&*server.service.node().node).unwrap();
    let mut again = Reader::open(&server, "/events", Some(&format!("another-boot{places}"))).await;
    let (mut names, mut of_missed) = (Vec::new(), Vec::new());
    while !names.contains(&"alert.fired".to_owned()) {
        let event = again.event().await.unwrap();
        if event.data["jobId"] == missed.to_string() {
            of_missed.push(event.data["status"].clone());
        }
        assert!(event.id.is_some(), "{}: {}", event.name, event.data);
        names.push(event.name);
    }
    assert_eq!(of_missed, [json!("cancelled")], "once, as it is by now");
    assert!(!names.contains(&"reset".to_owned()), "{names:?}");
    let next = server.noop().await;
    loop {
        let event = again.event().await.unwrap();
        if event.data["jobId"] == next.to_string() {
            break;
        }
    }
}

#[actix_web::test]
async fn a_place_that_the_log_never_had_is_told_to_look_again() {
    let server = Server::start();
    let mut reader = Reader::open(&server, "/events", Some("another-boot-1-99999999999")).await;
    assert_eq!(reader.event().await.unwrap().name, "reset");
}

#[actix_web::test]
async fn a_key_of_one_user_finds_what_happened_to_that_user_and_by_which_key() {
    let keyed = Keyed::start().await;
    let all = [Scope::JobsWrite, Scope::Events];
    let (ana, bo) = (keyed.key(&all, Some("ana")).await, keyed.key(&all, Some("bo")).await);
    let hers = job_id(&keyed.job(&ana, json!({})).await);
    job_id(&keyed.job(&bo, json!({})).await);
    let found = |key: &str, path: &str| {
        let request = keyed.request("get", path, Some(key)).header("Accept", "application/json");
        keyed.server.send(request)
    };
    let seen = found(&ana, "/events").await.json();
    let seen = seen["data"].as_array().unwrap();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["aggregateId"], hers.to_string());
    assert_eq!(seen[0]["payload"]["by"], "key:test");
    assert_eq!(found(&ana, "/events?userId=bo").await.error(), (403, "forbidden".to_owned()));
    let keys = found(&keyed.admin, "/events?type=key.created").await.json();
    assert!(keys["data"].as_array().unwrap().len() >= 2, "{keys}");
}
