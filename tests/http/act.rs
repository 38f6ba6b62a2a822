//! Acting on one job: cancel, retry, dead letters, pause and resume.

use faena::job::Event;
use serde_json::json;

use crate::server::Server;

#[actix_web::test]
async fn a_waiting_job_is_cancelled_at_once() {
    let server = Server::start();
    let id = server.noop().await;
    let answer = server.delete(&format!("/jobs/{id}")).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let job = server.get(&format!("/jobs/{id}")).await.json();
    assert_eq!((&job["status"], &job["error"]["kind"]), (&json!("cancelled"), &json!("cancelled")));
    assert!(server.claim(1).await.is_empty());
}

#[actix_web::test]
async fn rule_15_a_running_job_is_told_and_never_completes() {
    let server = Server::start();
    let id = server.noop().await;
    let mut stops = server.service.hub().stops();
    server.claim(1).await;
    assert_eq!(server.delete(&format!("/jobs/{id}")).await.status, 204);
    assert_eq!(stops.recv().await.unwrap(), (id, 1), "whoever keeps the runs hears of it");
    assert_eq!(server.delete(&format!("/jobs/{id}")).await.status, 204, "asking twice is asking once");
    server.succeed(id, None).await;
    let job = server.get(&format!("/jobs/{id}")).await.json();
    assert_eq!((&job["status"], &job["error"]["message"]), (&json!("cancelled"), &json!("cancelled by api")));
}

#[actix_web::test]
async fn what_has_finished_is_not_cancelled_any_more() {
    let server = Server::start();
    let id = server.noop().await;
    server.claim(1).await;
    server.succeed(id, None).await;
    let answer = server.delete(&format!("/jobs/{id}")).await;
    assert_eq!(answer.error(), (409, "already_finished".to_owned()));
    assert!(answer.json()["error"].as_str().unwrap().ends_with("as completed"));
    let cancelled = server.noop().await;
    server.delete(&format!("/jobs/{cancelled}")).await;
    assert_eq!(server.delete(&format!("/jobs/{cancelled}")).await.error().0, 409);
}

#[actix_web::test]
async fn a_failed_or_cancelled_job_is_queued_again() {
    let server = Server::start();
    let dead = server.dead().await;
    let cancelled = server.noop().await;
    server.delete(&format!("/jobs/{cancelled}")).await;
    for id in [dead, cancelled] {
        let answer = server.poke(&format!("/jobs/{id}/retry")).await;
        assert_eq!((answer.status, &answer.json()["data"]["status"]), (202, &json!("queued")), "{answer:?}");
        assert_eq!(answer.header("location"), Some(format!("/jobs/{id}").as_str()));
        assert!(answer.header("retry-after").is_some());
        assert_eq!(server.get(&format!("/jobs/{id}")).await.json()["status"], "queued");
    }
    assert_eq!(server.poke(&format!("/jobs/{dead}/retry")).await.status, 202, "it is so already");
    assert_eq!(server.claim(9).await.len(), 2);
    assert_eq!(server.poke(&format!("/jobs/{dead}/retry")).await.error(), (409, "conflict".to_owned()));
    server.succeed(dead, None).await;
    assert_eq!(server.poke(&format!("/jobs/{dead}/retry")).await.error(), (409, "already_finished".to_owned()));
}

#[actix_web::test]
async fn a_job_that_waits_for_its_time_may_run_at_once() {
    let server = Server::start();
    let id = server.job(json!({ "subType": "noop", "payload": {}, "delaySeconds": 3600 })).await;
    assert!(server.claim(1).await.is_empty());
    assert_eq!(server.poke(&format!("/jobs/{id}/retry")).await.status, 202);
    assert_eq!(server.claim(1).await.len(), 1);
}

#[actix_web::test]
async fn dead_letters_are_listed_retried_and_discarded() {
    let server = Server::start();
    let (first, second) = (server.dead().await, server.dead().await);
    let alive = server.noop().await;
    let list = server.get("/dead-letters?sort=createdAt").await.json();
    assert_eq!(list["pagination"]["total"], 2);
    assert_eq!(
        (&list["data"][0]["jobId"], &list["data"][1]["jobId"]),
        (&json!(first.to_string()), &json!(second.to_string()))
    );

    assert_eq!(server.delete(&format!("/dead-letters/{first}")).await.status, 204);
    assert_eq!(server.get("/dead-letters").await.json()["pagination"]["total"], 1);
    assert_eq!(server.get(&format!("/jobs/{first}")).await.json()["status"], "failed", "it stays failed");
    assert_eq!(server.delete(&format!("/dead-letters/{first}")).await.error().0, 404, "it is no dead letter any more");

    assert_eq!(server.poke(&format!("/dead-letters/{second}/retry")).await.status, 202);
    assert_eq!(server.get(&format!("/jobs/{second}")).await.json()["status"], "queued");
    for id in [second, alive] {
        assert_eq!(server.poke(&format!("/dead-letters/{id}/retry")).await.error().0, 404);
        assert_eq!(server.delete(&format!("/dead-letters/{id}")).await.error().0, 404);
    }
}

#[actix_web::test]
async fn a_paused_subtype_is_not_handed_out() {
    let server = Server::start();
    let answer = server.poke("/processors/noop/pause").await;
    assert_eq!((answer.status, &answer.json()["data"]["paused"]), (200, &json!(true)));
    let id = server.noop().await;
    assert!(server.claim(1).await.is_empty());
    let processors = server.get("/processors").await.json();
    let noop = &processors["data"][0];
    assert_eq!((&noop["subType"], &noop["paused"], &noop["queued"]), (&json!("noop"), &json!(true), &json!(1)));
    assert_eq!(server.poke("/processors/noop/resume").await.json()["data"]["paused"], false);
    assert_eq!(server.claim(1).await[0].id, id);
    assert_eq!(server.get("/processors").await.json()["data"][0]["running"], 1);
}

#[actix_web::test]
async fn processors_show_what_they_take() {
    let server = Server::start();
    let processors = server.get("/processors").await.json();
    assert_eq!(processors["pagination"]["total"], 2);
    let mail = &processors["data"][1];
    assert_eq!(
        (&mail["subType"], &mail["type"], &mail["pool"]),
        (&json!("send_mail"), &json!("mail"), &json!("blocking"))
    );
    assert_eq!((&mail["timeoutSeconds"], &mail["summary"]), (&json!(9.0), &json!("sends mail")));
    assert_eq!(mail["payloadSchema"]["properties"]["to"]["type"], "string");
    assert_eq!(mail["retryPolicy"]["maxRetries"], 3);
    assert_eq!((&mail["machineName"], &mail["processId"]), (&json!("bench-3"), &json!(4_711)));
}

#[actix_web::test]
async fn rule_01_a_stale_look_is_decided_anew() {
    let server = Server::start();
    let id = server.noop().await;
    server.claim(1).await;
    // Many cancels and a stream of saved states race for the same job; each cancel is still answered.
    let cancels = (0..8).map(|_| async { server.delete(&format!("/jobs/{id}")).await.status });
    let states = async {
        for n in 0..50 {
            let now = server.service.now();
            let job = server.service.job(id).await.unwrap();
            let event = Event::StateSaved { epoch: job.life.epoch, state: Some(n.to_string().into()) };
            let step = faena::job::decide(&job, event, now).unwrap();
            server.service.store().commit(vec![step], now).await.unwrap();
        }
    };
    let (statuses, ()) = futures_util::join!(futures_util::future::join_all(cancels), states);
    assert!(statuses.iter().all(|status| *status == 204), "{statuses:?}");
}
