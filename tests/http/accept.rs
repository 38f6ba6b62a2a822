//! Accepting jobs: the 202, its terms, idempotency, uniqueness, batches.

use faena::clock::{Clock, Timestamp};
use faena::job::{Priority, RetryPolicy};
use serde_json::json;

use crate::server::{Choice, Server};

#[actix_web::test]
async fn a_job_is_answered_with_the_202_of_the_contract() {
    let server = Server::start();
    let answer = server.post("/jobs", json!({ "subType": "send_mail", "payload": { "to": "ana@example.com" } })).await;
    assert_eq!(answer.status, 202);
    let body = answer.json();
    let id = body["data"]["jobId"].as_str().unwrap();
    let created_at = body["data"]["createdAt"].as_str().unwrap();
    assert_eq!(
        body,
        json!({
            "success": true,
            "data": {
                "jobId": id, "status": "queued", "type": "mail", "subType": "send_mail", "priority": "normal",
                "createdAt": created_at, "estimatedDuration": null, "progress": 0,
            },
            "message": "Job send_mail queued. Poll its Location to follow the progress.",
        })
    );
    assert!(created_at.len() == 24 && created_at.ends_with('Z'), "{created_at}");
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
    assert_eq!(answer.header("location"), Some(format!("/jobs/{id}").as_str()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(server.get(answer.header("location").unwrap()).await.json()["jobId"], id);
}

#[actix_web::test]
async fn every_term_is_kept() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let server = Server::with(Choice { clock, ..Choice::default() });
    let id = server
        .job(json!({
            "subType": "noop", "payload": { "a": [1, 2.5] }, "type": "data_processing", "priority": "high",
            "userId": "ana", "delaySeconds": 3600, "estimatedDuration": "5-10 minutes", "timeoutSeconds": 1.5,
            "retryPolicy": { "maxRetries": 7, "retryDelay": 300000, "exponentialBackoff": false, "maxDelay": 900000, "jitter": 0.5 },
            "uniqueKey": "u", "uniqueFor": 60, "concurrencyKey": "c", "concurrencyLimit": 2,
            "tags": ["x", "y"], "expiresAt": "2999-01-01T00:00:00Z", "callbackUrl": null,
        }))
        .await;
    let job = server.service.job(id).await.unwrap();
    let (spec, options) = (&job.spec, job.spec.options().unwrap());
    assert_eq!((spec.kind.as_str(), spec.priority, spec.timeout_ms), ("data_processing", Priority::High, Some(1_500)));
    let retry =
        RetryPolicy { max_retries: 7, delay_ms: 300_000, max_delay_ms: 900_000, jitter: 0.5, exponential: false };
    assert_eq!(spec.retry, retry);
    assert_eq!(job.run_at().unwrap().millis_since(job.created_at), 3_600_000);
    assert_eq!(options.estimated_duration.as_deref(), Some("5-10 minutes"));
    assert_eq!(options.concurrency.as_ref().unwrap().limit, 2);
    assert_eq!(server.service.store().payload(id).await.unwrap().unwrap(), r#"{"a":[1,2.5]}"#.as_bytes());
    let shown = server.get(&format!("/jobs/{id}")).await.json();
    for (field, value) in [
        ("status", json!("queued")),
        ("type", json!("data_processing")),
        ("priority", json!("high")),
        ("userId", json!("ana")),
        ("tags", json!(["x", "y"])),
        ("estimatedDuration", json!("5-10 minutes")),
        ("attempt", json!(0)),
        ("maxAttempts", json!(8)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert!(shown["runAt"].is_string());
}

#[actix_web::test]
async fn what_is_left_out_is_the_processors_own() {
    let server = Server::start();
    let id = server
        .job(
            json!({ "subType": "send_mail", "payload": { "to": "a@example.com" }, "retryPolicy": { "maxRetries": 1 } }),
        )
        .await;
    let job = server.service.job(id).await.unwrap();
    assert_eq!((job.spec.kind.as_str(), job.spec.timeout_ms), ("mail", Some(9_000)));
    assert_eq!(job.spec.retry, RetryPolicy { max_retries: 1, ..RetryPolicy::default() });
}

#[actix_web::test]
async fn rule_12_an_idempotency_key_makes_one_job() {
    let server = Server::start();
    let send = |key: &'static str, body: &'static str| {
        let request = server.client.post(server.url("/jobs")).header("Idempotency-Key", key);
        server.send(request.header("content-type", "application/json").body(body))
    };
    let body = r#"{"subType": "noop", "payload": {}}"#;
    let first = send("k-1", body).await;
    let second = send("k-1", body).await;
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(first.json(), second.json());
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), (None, Some("true")));
    assert_ne!(send("k-2", body).await.json()["data"]["jobId"], first.json()["data"]["jobId"]);
    let other = send("k-1", r#"{"subType": "noop", "payload": {"other": 1}}"#).await;
    assert_eq!(other.error(), (422, "idempotency_mismatch".to_owned()));
    for bad in ["", "ü"] {
        let request = server.client.post(server.url("/jobs")).header("Idempotency-Key", bad.as_bytes());
        let answer = server.send(request.header("content-type", "application/json").body(body)).await;
        assert_eq!((answer.error().0, answer.fields()), (400, vec!["Idempotency-Key".to_owned()]), "{bad}");
    }
    // Its first answer is told again even when the job has long ended.
    let id = first.json()["data"]["jobId"].as_str().unwrap().parse().unwrap();
    server.claim(10).await;
    server.succeed(id, None).await;
    assert_eq!(send("k-1", body).await.json(), first.json());
}

#[actix_web::test]
async fn concurrent_users_of_one_key_get_one_job() {
    let server = Server::start();
    let requests = (0..16).map(|_| {
        let request = server.client.post(server.url("/jobs")).header("Idempotency-Key", "same");
        server.send(request.json(&json!({ "subType": "noop", "payload": {} })))
    });
    let answers = futures_util::future::join_all(requests).await;
    let first = answers[0].json()["data"]["jobId"].clone();
    assert!(answers.iter().all(|answer| answer.status == 202 && answer.json()["data"]["jobId"] == first));
    assert_eq!(server.get("/jobs").await.json()["pagination"]["total"], 1);
}

#[actix_web::test]
async fn a_unique_key_is_taken_until_its_job_has_ended() {
    let server = Server::start();
    let unique = json!({ "subType": "noop", "payload": {}, "uniqueKey": "one", "uniqueFor": "active" });
    let id = server.job(unique.clone()).await;
    let refused = server.post("/jobs", unique.clone()).await;
    assert_eq!(refused.error(), (409, "conflict".to_owned()));
    assert!(refused.json()["error"].as_str().unwrap().contains(&id.to_string()));
    server.delete(&format!("/jobs/{id}")).await;
    server.job(unique).await;
}

#[actix_web::test]
async fn a_batch_is_accepted_in_order_as_array_and_as_lines() {
    let server = Server::start();
    let one = |n: u32| json!({ "subType": "noop", "payload": { "n": n }, "tags": [format!("n{n}")] });
    let array = server.post("/jobs/batch", json!([one(0), one(1), one(2)])).await;
    let lines = format!("{}\n\n{}\r\n{}", one(0), one(1), one(2));
    let request = server.client.post(server.url("/jobs/batch")).header("content-type", "application/x-ndjson");
    let lines = server.send(request.body(lines)).await;
    for answer in [array, lines] {
        assert_eq!(answer.status, 202, "{answer:?}");
        for n in 0..3 {
            let job = &answer.json()["data"][n];
            let id = job["jobId"].as_str().unwrap();
            assert_eq!((job["status"].as_str(), job["progress"].as_u64()), (Some("queued"), Some(0)));
            assert_eq!(server.get(&format!("/jobs/{id}")).await.json()["tags"][0], format!("n{n}"));
        }
    }
}

#[actix_web::test]
async fn a_batch_is_accepted_whole_or_not_at_all() {
    let server = Server::start();
    let good = json!({ "subType": "noop", "payload": {} });
    let bad = [
        (json!([good, { "subType": "noop" }]), 400, "[1].payload"),
        (json!([good, good, { "subType": "noop", "payload": {}, "priority": "urgent" }]), 400, "[2].priority"),
        (json!([good, { "subType": "send_mail", "payload": { "to": "nobody" } }]), 400, "[1].payload.to"),
        (json!([good, 3]), 400, "[1]"),
    ];
    for (body, status, field) in bad {
        let answer = server.post("/jobs/batch", body).await;
        assert_eq!((answer.error().0, answer.fields()), (status, vec![field.to_owned()]));
    }
    let unknown = server.post("/jobs/batch", json!([good, { "subType": "nope", "payload": {} }])).await;
    assert_eq!(unknown.error(), (422, "unknown_processor".to_owned()));
    assert!(unknown.json()["error"].as_str().unwrap().contains("[1].subType"));
    let twice = json!({ "subType": "noop", "payload": {}, "uniqueKey": "k" });
    assert_eq!(server.post("/jobs/batch", json!([twice, good, twice])).await.error().0, 409);
    for empty in ["[]", "{}", "null", "[", "3"] {
        assert_eq!(
            server.post_text("/jobs/batch", empty).await.error(),
            (400, "invalid_request".to_owned()),
            "{empty}"
        );
    }
    assert_eq!(server.get("/jobs").await.json()["pagination"]["total"], 0);
}

#[actix_web::test]
async fn a_batch_may_come_again() {
    let server = Server::start();
    let body = json!([{ "subType": "noop", "payload": {} }, { "subType": "noop", "payload": {} }]);
    let send = || server.send(server.client.post(server.url("/jobs/batch")).header("Idempotency-Key", "b").json(&body));
    assert_eq!(send().await.json(), send().await.json());
    assert_eq!(server.get("/jobs").await.json()["pagination"]["total"], 2);
}

#[actix_web::test]
async fn the_answer_is_held_until_the_job_has_finished_if_that_is_preferred() {
    let server = Server::start();
    let request = server.client.post(server.url("/jobs")).header("Prefer", "wait=30");
    let held = server.send(request.json(&json!({ "subType": "noop", "payload": {} })));
    let mut changes = server.service.hub().changes(None).unwrap();
    let work = async {
        changes.next().await.unwrap();
        let jobs = server.claim(1).await;
        server.succeed(jobs[0].id, None).await
    };
    let (answer, job) = futures_util::join!(held, work);
    assert_eq!((answer.status, answer.header("preference-applied")), (200, Some("wait")));
    assert_eq!(answer.json()["jobId"], job.id.to_string());
    assert_eq!(answer.json()["status"], "completed");
    assert_eq!(answer.header("location"), Some(format!("/jobs/{}", job.id).as_str()));
}

#[actix_web::test]
async fn a_wait_that_was_not_long_enough_is_a_202() {
    let mut choice = Choice::default();
    choice.service.wait_max = std::time::Duration::from_millis(1);
    let server = Server::with(choice);
    let request = server.client.post(server.url("/jobs")).header("Prefer", "respond-async, wait=30");
    let answer = server.send(request.json(&json!({ "subType": "noop", "payload": {} }))).await;
    assert_eq!((answer.status, answer.header("preference-applied")), (202, Some("wait")));
    assert_eq!(answer.json()["data"]["status"], "queued");
}

#[actix_web::test]
async fn a_full_queue_turns_away_and_opens_again() {
    let mut choice = Choice::default();
    choice.service.queue_depth_max = 2;
    let server = Server::with(choice);
    server.noop().await;
    server.noop().await;
    let full = server.post("/jobs", json!({ "subType": "noop", "payload": {} })).await;
    assert_eq!((full.error(), full.header("retry-after")), ((429, "queue_full".to_owned()), Some("1")));
    let two = json!([{ "subType": "noop", "payload": {} }, { "subType": "noop", "payload": {} }]);
    server.claim(1).await;
    assert_eq!(server.post("/jobs/batch", two).await.error().0, 429);
    server.noop().await;
    assert_eq!(server.post("/jobs", json!({ "subType": "noop", "payload": {} })).await.status, 429);
}
