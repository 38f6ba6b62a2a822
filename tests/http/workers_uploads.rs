//! Results that are handed in before the end, and what outlives the server.

use std::time::Duration;

use faena::job::ResultRef;
use faena::limits;
use faena::store::results::Results;
use serde_json::{Value, json};

use crate::remote::{LEASE, choice, start};
use crate::server::{Answer, Server};

async fn upload(server: &Server, lease: &Value, kind: &str, body: Vec<u8>) -> Answer {
    let at = server.url(&format!("/leases/{}/result", lease["leaseToken"].as_str().unwrap()));
    server.send(server.client.put(at).header("content-type", kind).body(body)).await
}

/// The key of what was uploaded for the try under way.
async fn key_of(server: &Server, lease: &Value) -> String {
    let id = lease["jobId"].as_str().unwrap().parse().unwrap();
    let job = server.service.job(id).await.unwrap();
    match &job.run().unwrap().uploaded {
        Some(ResultRef::Stored { key, .. }) => key.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn is_kept(server: &Server, key: &str) -> bool {
    server.results.get(key).await.unwrap().is_some()
}

#[actix_web::test]
async fn a_result_is_uploaded_with_its_type_and_the_job_completes_with_it() {
    let (server, clock) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    let large = vec![b'x'; limits::INLINE_RESULT_BYTES_MAX + 1];
    for (body, names_it) in [(b"a,b\n".to_vec(), false), (large.clone(), false), (large, true)] {
        server.resize(json!({})).await;
        let lease = server.lease_one(&worker).await;
        clock.advance(Duration::from_secs(7));
        let kept = upload(&server, &lease, "text/csv; charset=utf-8", body.clone()).await;
        assert_eq!(kept.status, 200, "{kept:?}");
        let kept = kept.json()["data"].clone();
        let address = format!("/jobs/{}/result", lease["jobId"].as_str().unwrap());
        assert_eq!((&kept["size"], &kept["resultUrl"]), (&json!(body.len()), &json!(address)));
        assert_ne!(kept["leaseUntil"], lease["leaseUntil"], "an upload is a sign of life");
        let more = if names_it { json!({ "resultUrl": address }) } else { json!({}) };
        for _ in 0..2 {
            assert_eq!(server.say(&worker, &lease, "complete", more.clone()).await, "accepted");
        }
        let result = server.client.get(server.url(&address)).send().await.unwrap();
        let kind = result.headers()["content-type"].to_str().unwrap().replace("; ", ";");
        assert_eq!(kind, "text/csv;charset=utf-8");
        assert_eq!(result.bytes().await.unwrap(), body);
    }
}

#[actix_web::test]
async fn a_large_result_in_a_report_is_kept_like_an_upload() {
    let (server, _) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    server.resize(json!({})).await;
    let lease = server.lease_one(&worker).await;
    let large = json!({ "result": "y".repeat(limits::INLINE_RESULT_BYTES_MAX) });
    for _ in 0..2 {
        assert_eq!(server.say(&worker, &lease, "complete", large.clone()).await, "accepted", "rule 11");
    }
    let result = server.get(&format!("/jobs/{}/result", lease["jobId"].as_str().unwrap())).await;
    assert_eq!((result.json(), result.header("content-type")), (large["result"].clone(), Some("application/json")));
}

#[actix_web::test]
async fn what_nobody_refers_to_any_more_is_not_kept() {
    let (server, clock) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    let large = || vec![b'x'; limits::INLINE_RESULT_BYTES_MAX + 1];
    for ending in ["another upload", "fail", "another result", "cancel", "silence", "leave"] {
        server.resize(json!({})).await;
        let lease = server.lease_one(&worker).await;
        upload(&server, &lease, "text/csv", large()).await;
        let key = key_of(&server, &lease).await;
        assert!(is_kept(&server, &key).await);
        match ending {
            "another upload" => drop(upload(&server, &lease, "text/csv", large()).await),
            "fail" => drop(server.say(&worker, &lease, "fail", json!({ "error": { "message": "no" } })).await),
            "another result" => drop(server.say(&worker, &lease, "complete", json!({ "result": 1 })).await),
            "cancel" => {
                server.delete(&format!("/jobs/{}", lease["jobId"].as_str().unwrap())).await;
                assert_eq!(server.say(&worker, &lease, "complete", json!({})).await, "cancelled");
            }
            "silence" => {
                clock.advance(LEASE);
                server.reap(&clock).await;
            }
            _ => drop(server.delete(&format!("/workers/{worker}")).await),
        }
        assert!(!is_kept(&server, &key).await, "{ending}");
        server.delete("/jobs?status=queued").await;
        if ending == "another upload" {
            server.say(&worker, &lease, "complete", json!({})).await;
        }
    }
}

#[actix_web::test]
async fn rule_01_a_late_upload_is_refused_and_changes_nothing() {
    let (server, clock) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    server.resize(json!({})).await;
    let lease = server.lease_one(&worker).await;
    upload(&server, &lease, "text/plain", b"first".to_vec()).await;
    assert_eq!(server.say(&worker, &lease, "complete", json!({})).await, "accepted");
    let late = upload(&server, &lease, "text/plain", b"late".to_vec()).await;
    assert_eq!(late.error(), (409, "conflict".to_owned()));
    let result = server.get(&format!("/jobs/{}/result", lease["jobId"].as_str().unwrap())).await;
    assert_eq!(result.text, "first");
    server.resize(json!({})).await;
    let lease = server.lease_one(&worker).await;
    clock.advance(LEASE);
    assert_eq!(upload(&server, &lease, "text/plain", b"late".to_vec()).await.status, 409);
    let future = json!({ "leaseToken": format!("{}-9", lease["jobId"].as_str().unwrap()) });
    for unknown in [future, json!({ "leaseToken": "nonsense" })] {
        let refused = upload(&server, &unknown, "text/plain", Vec::new()).await;
        assert_eq!(refused.error(), (404, "not_found".to_owned()));
    }
}

#[actix_web::test]
async fn rule_07_after_a_restart_every_lease_has_a_full_new_term_and_every_worker_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let (first, clock) = choice();
    let server = Server::on_disk(folder.path(), first);
    let worker = server.worker(&["resize_image"], 9).await;
    let (id, cancelled) = (server.resize(json!({})).await, server.resize(json!({})).await);
    let leases = server.lease(&worker, 2).await;
    server.delete(&format!("/jobs/{cancelled}")).await;
    clock.advance(LEASE - Duration::from_secs(1));
    server.service.store().close().await.unwrap();
    drop(server);
    clock.advance(Duration::from_secs(600));
    let (second, _) = choice();
    let server = Server::on_disk(folder.path(), crate::server::Choice { clock: clock.clone(), ..second });
    assert_eq!(server.reap(&clock).await, 0, "nobody has lost anything");
    assert!(server.lease(&worker, 9).await.is_empty());
    clock.advance(LEASE - Duration::from_millis(1));
    assert_eq!(server.reap(&clock).await, 0);
    assert_eq!(server.say(&worker, &leases[1], "heartbeat", json!({})).await, "cancelled");
    assert_eq!(server.say(&worker, &leases[0], "complete", json!({ "result": 7 })).await, "accepted");
    let job = server.get(&format!("/jobs/{id}")).await.json();
    assert_eq!((&job["status"], &job["attempt"]), (&json!("completed"), &json!(1)));
    let listed = server.get("/workers").await.json();
    assert_eq!(listed["data"][0]["workerId"], json!(worker));
    server.delete(&format!("/workers/{worker}")).await;
    server.resize(json!({})).await;
}
