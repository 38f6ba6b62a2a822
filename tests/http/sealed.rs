//! What is encrypted with a key that this server does not have: who asks is told so, and workers are not bothered with it.
#![cfg(feature = "encryption")]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faena::job::ResultRef;
use faena::store::embedded::Embedded;
use faena::store::sealed::{Keyring, SealedStore};
use serde_json::json;

use crate::server::{Choice, Server};

fn server_on(engine: &Arc<Embedded>, key: u8) -> Server {
    let key = format!("key-{key}:{}", STANDARD.encode([key; 32])).parse().unwrap();
    let ring = Arc::new(Keyring::new(&[key]).unwrap().unwrap());
    Server::on(Arc::new(SealedStore::new(engine.clone(), ring)), Choice::default())
}

#[actix_web::test]
async fn what_cannot_be_read_here_is_told_so() {
    let engine = Arc::new(Embedded::memory());
    let (first, second) = (server_on(&engine, 1), server_on(&engine, 2));
    let id = first.noop().await;
    first.claim(1).await;
    first.succeed(id, Some(ResultRef::Url("data:text/plain,mine".into()))).await;
    assert_eq!(first.get(&format!("/jobs/{id}")).await.json()["resultUrl"], "data:text/plain,mine");
    assert_eq!(first.get(&format!("/jobs/{id}/result")).await.text, "mine");
    assert_eq!(first.put("/state/s", json!({ "value": 7 })).await.status, 201);

    let job = second.get(&format!("/jobs/{id}")).await.json();
    assert_eq!(job["resultUrl"], format!("/jobs/{id}/result"), "the job itself is there: {job}");
    for path in [format!("/jobs/{id}/result"), "/state/s".to_owned()] {
        let refused = second.get(&path).await;
        assert_eq!(refused.error(), (503, "unreadable".to_owned()), "{path}");
        assert!(refused.header("retry-after").is_some());
        assert!(refused.json()["error"].as_str().unwrap().contains("name it in encryption_keys"), "{refused:?}");
    }
}

#[actix_web::test]
async fn a_worker_is_handed_what_can_be_read() {
    let engine = Arc::new(Embedded::memory());
    let (first, second) = (server_on(&engine, 1), server_on(&engine, 2));
    let body = json!({ "name": "w", "subTypes": ["noop"], "concurrency": 9 });
    let registered = second.post("/workers", body).await.json();
    let lease = format!("/workers/{}/lease", registered["data"]["workerId"].as_str().unwrap());
    let closed = first.job(json!({ "subType": "noop", "payload": {}, "retryPolicy": { "maxRetries": 0 } })).await;
    let open = second.noop().await;
    let leased = second.post(&lease, json!({ "max": 9 })).await.json();
    let ids: Vec<_> = leased["data"].as_array().unwrap().iter().map(|lease| lease["jobId"].clone()).collect();
    assert_eq!(ids, [json!(open)], "{leased}");
    let waiting = second.get(&format!("/jobs/{closed}")).await.json();
    assert_eq!((&waiting["status"], &waiting["attempt"]), (&json!("queued"), &json!(1)), "{waiting}");
    let tries = second.get(&format!("/jobs/{closed}/attempts")).await.json();
    let last = &tries["data"][0];
    assert_eq!((&last["outcome"], &last["error"]["kind"]), (&json!("released"), &json!("unreadable")), "{tries}");
    first.post(&format!("/jobs/{closed}/retry"), json!({})).await;
    assert_eq!(first.claim(9).await.len(), 1, "who has the key takes it up");
}
