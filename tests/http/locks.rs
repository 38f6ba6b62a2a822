//! `/locks/{name}`: who may do something alone, and every way to ask wrongly.

use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::limits;
use serde_json::{Value, json};

use crate::server::{Choice, Server};

/// A server whose time stands still at its beginning.
fn start() -> (Server, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(0));
    (Server::with(Choice { clock: clock.clone(), ..Choice::default() }), clock)
}

fn wish(owner: &str) -> Value {
    json!({ "owner": owner, "ttlSeconds": 2.5 })
}

#[actix_web::test]
async fn a_lock_is_acquired_shown_renewed_and_released() {
    let (server, clock) = start();
    let acquired = server.put("/locks/blockchain-sync", wish("ana")).await;
    assert_eq!(acquired.status, 201, "{acquired:?}");
    let expected = json!({
        "name": "blockchain-sync",
        "owner": "ana",
        "fencingToken": 1,
        "acquiredAt": "1970-01-01T00:00:00.000Z",
        "expiresAt": "1970-01-01T00:00:02.500Z",
    });
    assert_eq!((&acquired.json()["success"], &acquired.json()["data"]), (&json!(true), &expected));
    assert_eq!(server.get("/locks/blockchain-sync").await.json(), expected);
    clock.advance(Duration::from_secs(2));
    let renewed = server.put("/locks/blockchain-sync", wish("ana")).await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    let renewed = renewed.json()["data"].clone();
    assert_eq!((&renewed["fencingToken"], &renewed["expiresAt"]), (&json!(1), &json!("1970-01-01T00:00:04.500Z")));
    assert_eq!(server.get("/locks/blockchain-sync").await.json(), renewed);
    assert_eq!(server.delete("/locks/blockchain-sync?owner=ana").await.status, 204);
    assert_eq!(server.get("/locks/blockchain-sync").await.error(), (404, "not_found".to_owned()));
    assert_eq!(server.delete("/locks/blockchain-sync?owner=ana").await.status, 404);
    let again = server.put("/locks/blockchain-sync", wish("bob")).await.json();
    assert_eq!(again["data"]["fencingToken"], 2);
    clock.advance(Duration::from_millis(2_500));
    assert_eq!(server.get("/locks/blockchain-sync").await.status, 404, "its term is over");
}

#[actix_web::test]
async fn a_held_lock_is_refused_with_who_and_until_when() {
    let (server, clock) = start();
    server.put("/locks/sync", wish("ana")).await;
    clock.advance(Duration::from_millis(400));
    let refused = server.put("/locks/sync", wish("bob")).await;
    assert_eq!(refused.error(), (409, "conflict".to_owned()));
    assert_eq!(refused.json()["error"], "lock `sync` is held by `ana` until 1970-01-01T00:00:02.500Z");
    assert_eq!(refused.header("retry-after"), Some("3"), "2.1 seconds are left");
    for path in ["/locks/sync?owner=bob", "/locks/sync?fencingToken=7"] {
        assert_eq!(server.delete(path).await.error(), (409, "conflict".to_owned()), "{path}");
    }
    assert_eq!(server.get("/locks/sync").await.json()["owner"], "ana");
    assert_eq!(server.delete("/locks/sync?fencingToken=1").await.status, 204);
}

#[actix_web::test]
async fn an_owner_is_made_when_none_is_given_and_renews_by_its_grant() {
    let (server, clock) = start();
    let acquired = server.put("/locks/sync", json!({ "ttlSeconds": 1 })).await.json()["data"].clone();
    let owner = acquired["owner"].as_str().unwrap();
    assert!(uuid::Uuid::parse_str(owner).is_ok(), "{owner}");
    let another = server.put("/locks/sync", json!({ "ttlSeconds": 1 })).await;
    assert_eq!(another.status, 409, "nobody is the same as nobody");
    let renewal = json!({ "owner": owner, "ttlSeconds": 1, "fencingToken": acquired["fencingToken"] });
    assert_eq!(server.put("/locks/sync", renewal.clone()).await.status, 200);
    clock.advance(Duration::from_secs(1));
    let over = server.put("/locks/sync", renewal).await;
    assert_eq!(over.error(), (409, "conflict".to_owned()));
    assert!(over.json()["error"].as_str().unwrap().contains("is over"), "{over:?}");
    assert_eq!(server.get("/locks/sync").await.status, 404, "and nothing was acquired");
}

#[actix_web::test]
async fn what_breaks_a_rule_names_its_field_and_changes_nothing() {
    let (server, _) = start();
    let day = limits::LOCK_TTL_MAX.as_secs();
    for (body, field) in [
        (json!({}), "ttlSeconds"),
        (json!({ "ttlSeconds": -1 }), "ttlSeconds"),
        (json!({ "ttlSeconds": 0 }), "ttlSeconds"),
        (json!({ "ttlSeconds": 0.0001 }), "ttlSeconds"),
        (json!({ "ttlSeconds": day + 1 }), "ttlSeconds"),
        (json!({ "ttlSeconds": 1e300 }), "ttlSeconds"),
        (json!({ "ttlSeconds": "30" }), "ttlSeconds"),
        (json!({ "ttlSeconds": 30, "owner": "" }), "owner"),
        (json!({ "ttlSeconds": 30, "owner": "a\nb" }), "owner"),
        (json!({ "ttlSeconds": 30, "owner": "o".repeat(201) }), "owner"),
        (json!({ "ttlSeconds": 30, "owner": 7 }), "owner"),
        (json!({ "ttlSeconds": 30, "fencingToken": 1 }), "owner"),
        (json!({ "ttlSeconds": 30, "fencingToken": -1, "owner": "ana" }), "fencingToken"),
        (json!({ "ttlSeconds": 30, "ttl": 1 }), "ttl"),
    ] {
        let answer = server.put("/locks/sync", body.clone()).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{body}");
        assert_eq!(answer.fields(), [field], "{body}");
    }
    let long = "n".repeat(129);
    for name in ["a%20b", "-a", "%C3%A4", "a%2Fb", "%00", long.as_str()] {
        let path = format!("/locks/{name}");
        let answers = [
            server.put(&path, json!({ "ttlSeconds": 30 })).await,
            server.get(&path).await,
            server.delete(&format!("{path}?owner=ana")).await,
        ];
        for answer in answers {
            assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{name}");
            assert_eq!(answer.fields(), ["name"], "{name}");
        }
    }
    for (query, field) in [
        ("", "owner"),
        ("?owner=ana&fencingToken=1", "owner"),
        ("?fencingToken=x", "fencingToken"),
        ("?name=x", "name"),
    ] {
        let answer = server.delete(&format!("/locks/sync{query}")).await;
        assert_eq!((answer.status, answer.fields()), (400, vec![field.to_owned()]), "{query}");
    }
    assert_eq!(server.get("/locks/sync").await.status, 404);
    let first = server.put("/locks/sync", json!({ "ttlSeconds": day })).await;
    assert_eq!(first.json()["data"]["fencingToken"], 1, "no refusal was granted anything");
    assert_eq!(server.poke("/locks/sync").await.status, 405);
}

#[actix_web::test]
async fn more_locks_than_may_be_are_refused() {
    let (server, clock) = start();
    for number in 0..limits::LOCKS_MAX {
        let wish = faena::service::locks::Wish { owner: Some("ana".into()), ttl: Duration::from_secs(9), renews: None };
        server.service.acquire_lock(&format!("l{number}"), wish).await.unwrap();
    }
    let refused = server.put("/locks/more", wish("ana")).await;
    assert_eq!(refused.error(), (429, "limit_reached".to_owned()));
    assert!(refused.header("retry-after").is_some());
    clock.advance(Duration::from_secs(9));
    assert_eq!(server.put("/locks/more", wish("ana")).await.status, 201);
}

#[actix_web::test]
async fn the_client_knows_its_ways() {
    let (server, _) = start();
    let client = faena::client::Client::new(&server.url("")).unwrap();
    let ttl = Duration::from_millis(2_500);
    assert!(client.lock("sync").await.unwrap().is_none());
    let lock = client.acquire_lock("sync", "ana", ttl).await.unwrap().expect("it is free");
    assert_eq!((lock.fencing_token, &*lock.expires_at.to_string()), (1, "1970-01-01T00:00:02.500Z"));
    assert!(client.acquire_lock("sync", "bob", ttl).await.unwrap().is_none());
    assert_eq!(client.lock("sync").await.unwrap().unwrap().owner, "ana");
    assert!(client.release_lock("sync", "bob").await.is_err());
    client.release_lock("sync", "ana").await.unwrap();
    assert!(client.acquire_lock("a b", "ana", ttl).await.is_err(), "a bad name is no held lock");
    let revision = client.put_state("block", &json!(17), Some(ttl)).await.unwrap();
    let state = client.state("block").await.unwrap().unwrap();
    assert_eq!((&state.value, state.revision, state.expires_at), (&json!(17), revision, lock.expires_at));
    assert_eq!(client.put_state_if("block", &json!(18), None, None).await.unwrap(), None);
    let next = client.put_state_if("block", &json!(18), Some(revision), None).await.unwrap();
    assert!(next.is_some_and(|next| next > revision));
    client.delete_state("block").await.unwrap();
    assert!(client.state("block").await.unwrap().is_none());
}

#[actix_web::test]
async fn a_lock_of_this_process_is_seen_and_ends_with_its_guard() {
    let server = Server::start();
    let hold = server.service.lock("sync", Duration::from_secs(60)).await.unwrap().expect("it is free");
    let shown = server.get("/locks/sync").await.json();
    assert_eq!(
        (shown["fencingToken"].as_u64(), shown["owner"].as_str()),
        (Some(hold.fencing_token()), Some(hold.owner()))
    );
    assert!(server.service.lock("sync", Duration::from_secs(60)).await.unwrap().is_none(), "it is not shared");
    assert_eq!(server.put("/locks/sync", wish("ana")).await.status, 409);
    assert!(hold.release().await.unwrap());
    assert_eq!(server.put("/locks/sync", wish("ana")).await.status, 201);
    let refused = server.service.lock("a b", Duration::ZERO).await.err().expect("nonsense is refused");
    assert_eq!(refused.code(), "invalid_request");
}
