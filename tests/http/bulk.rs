//! Acting on all jobs that a filter names.

use serde_json::{Value, json};

use crate::server::Server;

async fn tagged(server: &Server, tag: &str, count: usize) {
    let jobs: Vec<_> = (0..count).map(|_| json!({ "subType": "noop", "payload": {}, "tags": [tag] })).collect();
    assert_eq!(server.post("/jobs/batch", json!(jobs)).await.status, 202);
}

fn outcome(matched: u64, changed: u64) -> Value {
    json!({ "matched": matched, "changed": changed, "skipped": matched - changed })
}

#[actix_web::test]
async fn nobody_acts_on_everything_by_accident() {
    let server = Server::start();
    server.noop().await;
    assert_eq!(server.delete("/jobs").await.error(), (400, "invalid_request".to_owned()));
    assert_eq!(server.poke("/jobs/retry").await.error(), (400, "invalid_request".to_owned()));
    assert_eq!(server.delete("/jobs?all=false").await.error().0, 400);
    assert_eq!(server.delete("/jobs?all=true&tag=x").await.fields(), ["all"]);
    assert_eq!(server.delete("/jobs?stauts=queued").await.fields(), ["stauts"]);
    assert_eq!(server.delete("/jobs?status=waiting").await.fields(), ["status"]);
    assert_eq!(server.post("/jobs/retry?tag=x", json!({ "tag": "y" })).await.error().0, 400, "a filter in the body");
    assert_eq!(server.get("/jobs?status=queued").await.json()["pagination"]["total"], 1);
}

#[actix_web::test]
async fn a_filter_cancels_what_it_names_in_chunks() {
    let server = Server::start();
    tagged(&server, "a", 1_203).await;
    tagged(&server, "b", 2).await;
    server.claim(3).await;
    let answer = server.delete("/jobs?tag=a").await;
    assert_eq!((answer.status, &answer.json()["data"]), (200, &outcome(1_203, 1_203)));
    assert_eq!(server.get("/jobs?status=cancelled").await.json()["pagination"]["total"], 1_200);
    assert_eq!(server.delete("/jobs?tag=a").await.json()["data"], outcome(3, 0), "three run, and were asked already");
    assert_eq!(server.delete("/jobs?all=true").await.json()["data"], outcome(5, 2));
    assert_eq!(server.get("/jobs?status=queued").await.json()["pagination"]["total"], 0);
}

#[actix_web::test]
async fn a_filter_queues_again_what_it_names() {
    let server = Server::start();
    tagged(&server, "a", 4).await;
    let claimed = server.claim(3).await;
    server.fail(claimed[0].id, "x").await;
    server.succeed(claimed[1].id, None).await;
    let cancelled = server.get("/jobs?status=queued").await.json()["data"][0]["jobId"].as_str().unwrap().to_owned();
    server.delete(&format!("/jobs/{cancelled}")).await;
    assert_eq!(server.poke("/jobs/retry?tag=a").await.json()["data"], outcome(2, 2), "one failed, one cancelled");
    assert_eq!(server.poke("/jobs/retry?status=completed,started").await.json()["data"], outcome(2, 0));
    assert_eq!(server.get("/jobs?status=queued").await.json()["pagination"]["total"], 2);
}

#[actix_web::test]
async fn dead_letters_are_retried_and_discarded_together() {
    let server = Server::start();
    for _ in 0..3 {
        server.dead().await;
    }
    tagged(&server, "a", 1).await;
    let claimed = server.claim(1).await;
    server.fail(claimed[0].id, "x").await;
    assert_eq!(server.poke("/dead-letters/retry?tag=a").await.json()["data"], outcome(1, 1));
    assert_eq!(server.delete("/dead-letters?tag=nothing").await.json()["data"], outcome(0, 0));
    assert_eq!(server.delete("/dead-letters").await.json()["data"], outcome(3, 3));
    assert_eq!(server.get("/dead-letters").await.json()["pagination"]["total"], 0);
    assert_eq!(server.poke("/dead-letters/retry").await.json()["data"], outcome(0, 0));
    assert_eq!(server.get("/jobs?status=failed").await.json()["pagination"]["total"], 3);
}
