//! What workers report on their jobs, and what becomes of those that do not.

use std::time::Duration;

use serde_json::{Value, json};

use crate::remote::{ALMOST, LEASE, start};

#[actix_web::test]
async fn rule_01_a_late_report_is_stale_and_changes_nothing() {
    let (server, clock) = start();
    let (first, second) = (server.worker(&["resize_image"], 1).await, server.worker(&["resize_image"], 1).await);
    server.resize(json!({})).await;
    let lease = server.lease_one(&first).await;
    let reports = [
        ("heartbeat", json!({})),
        ("progress", json!({ "progress": 50 })),
        ("log", json!({ "lines": ["late"] })),
        ("state", json!({ "state": 1 })),
        ("complete", json!({ "result": 1 })),
        ("fail", json!({ "error": { "message": "late" } })),
        ("release", json!({})),
    ];
    clock.advance(LEASE);
    let before = server.job_of(&lease).await;
    for when in ["nobody has taken it back yet", "it waits again", "somebody else has it"] {
        for (kind, more) in &reports {
            assert_eq!(server.say(&first, &lease, kind, more.clone()).await, "stale", "{kind}: {when}");
        }
        match when {
            "nobody has taken it back yet" => {
                assert_eq!(server.job_of(&lease).await, before);
                assert_eq!(server.reap(&clock).await, 1);
            }
            "it waits again" => {
                let job = server.job_of(&lease).await;
                assert_eq!((&job["status"], &job["progress"]), (&json!("queued"), &json!(0)));
                let taken = server.lease_one(&second).await;
                assert_eq!((&taken["attempt"], &taken["fencingToken"]), (&json!(1), &json!(2)), "rules 2 and 4");
            }
            _ => assert_eq!(server.job_of(&lease).await["status"], "started"),
        }
    }
    let log = server.get(&format!("/jobs/{}/logs", lease["jobId"].as_str().unwrap())).await.json();
    assert_eq!(log["data"], json!([]));
    let attempts = server.get(&format!("/jobs/{}/attempts", lease["jobId"].as_str().unwrap())).await.json();
    assert_eq!(attempts["data"][0]["outcome"], "lost");
}

#[actix_web::test]
async fn rule_01_a_lease_is_its_workers_and_nobody_elses() {
    let (server, _) = start();
    let (first, second) = (server.worker(&["resize_image"], 1).await, server.worker(&["resize_image"], 1).await);
    server.resize(json!({})).await;
    let lease = server.lease_one(&first).await;
    for kind in ["heartbeat", "complete", "release"] {
        assert_eq!(server.say(&second, &lease, kind, json!({})).await, "stale");
        assert_eq!(server.say(&first, &json!({ "leaseToken": "nonsense" }), kind, json!({})).await, "stale");
    }
    let local = server.noop().await;
    server.claim(1).await;
    let of_a_processor_here = json!({ "leaseToken": format!("{local}-1") });
    assert_eq!(server.say(&first, &of_a_processor_here, "complete", json!({})).await, "stale");
    assert_eq!(server.say(&first, &lease, "complete", json!({})).await, "accepted");
}

#[actix_web::test]
async fn rule_05_a_job_is_lost_by_silence_and_not_before() {
    let (server, clock) = start();
    let worker = server.worker(&["resize_image"], 1).await;
    server.resize(json!({})).await;
    let lease = server.lease_one(&worker).await;
    for (kind, more) in [
        ("heartbeat", json!({})),
        ("progress", json!({ "progress": 10 })),
        ("log", json!({ "lines": ["here"] })),
        ("state", json!({ "state": { "at": 7 } })),
        ("heartbeat", json!({})),
    ] {
        clock.advance(ALMOST);
        assert_eq!(server.reap(&clock).await, 0, "{kind}");
        assert_eq!(server.say(&worker, &lease, kind, more).await, "accepted");
    }
    clock.advance(LEASE);
    assert_eq!(server.reap(&clock).await, 1);
    let again = server.lease_one(&worker).await;
    assert_eq!(again["state"], json!({ "at": 7 }), "what the lost try left is there for the next");
}

#[actix_web::test]
async fn a_batch_is_answered_in_order_each_report_for_itself() {
    let (server, clock) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    for _ in 0..3 {
        server.resize(json!({ "retryPolicy": { "maxRetries": 0 } })).await;
    }
    let leases = server.lease(&worker, 9).await;
    clock.advance(Duration::from_secs(5));
    let token = |index: usize| leases[index]["leaseToken"].clone();
    let answer = server
        .report(
            &worker,
            json!([
                { "leaseToken": token(0), "kind": "progress", "progress": 60, "message": "halfway" },
                { "leaseToken": "gone", "kind": "heartbeat" },
                { "leaseToken": token(1), "kind": "progress", "progress": 40 },
                { "leaseToken": token(0), "kind": "progress", "progress": 30 },
                { "leaseToken": token(1), "kind": "log", "lines": ["one", "two"] },
                { "leaseToken": token(1), "kind": "complete", "resultUrl": "https://example.com/x" },
                { "leaseToken": token(1), "kind": "heartbeat" },
                { "leaseToken": token(2), "kind": "fail", "error": { "message": "no luck", "kind": "io" } },
                { "leaseToken": token(0), "kind": "state", "state": [1] },
            ]),
        )
        .await
        .json();
    let answers: Vec<_> =
        answer["data"].as_array().unwrap().iter().map(|one| one["answer"].as_str().unwrap()).collect();
    let expected =
        ["accepted", "stale", "accepted", "accepted", "accepted", "accepted", "stale", "accepted", "accepted"];
    assert_eq!(answers, expected);
    let until: Vec<_> = answer["data"].as_array().unwrap().iter().map(|one| one["leaseUntil"].clone()).collect();
    let term = json!("1970-01-01T00:00:35.000Z");
    assert_eq!((&until[0], &until[3], &until[8]), (&term, &term, &term));
    assert!([1, 2, 4, 5, 6, 7].iter().all(|index| until[*index] == Value::Null), "{until:?}");
    let first = server.job_of(&leases[0]).await;
    assert_eq!((&first["progress"], &first["message"]), (&json!(60), &json!("halfway")), "it never falls");
    let second = server.job_of(&leases[1]).await;
    assert_eq!((&second["status"], &second["resultUrl"]), (&json!("completed"), &json!("https://example.com/x")));
    let third = server.job_of(&leases[2]).await;
    assert_eq!((&third["status"], &third["error"]["kind"]), (&json!("failed"), &json!("io")));
    let log = server.get(&format!("/jobs/{}/logs", leases[1]["jobId"].as_str().unwrap())).await.json();
    assert_eq!(log["data"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn rule_11_the_same_last_report_again_gives_the_same_answer_and_another_is_stale() {
    let (server, _) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    let endings = [
        ("complete", json!({ "result": { "a": 1 } }), json!({ "result": { "a": 2 } })),
        ("complete", json!({ "resultUrl": "https://example.com/x" }), json!({ "result": 1 })),
        ("fail", json!({ "error": { "message": "no" } }), json!({ "error": { "message": "yes" } })),
    ];
    for (kind, same, other) in endings {
        server.resize(json!({})).await;
        let lease = server.lease_one(&worker).await;
        for _ in 0..3 {
            assert_eq!(server.say(&worker, &lease, kind, same.clone()).await, "accepted", "{kind} {same}");
        }
        assert_eq!(server.say(&worker, &lease, kind, other.clone()).await, "stale", "{kind} {other}");
        assert_eq!(server.say(&worker, &lease, "release", json!({})).await, "stale");
        assert_eq!(server.say(&worker, &lease, "heartbeat", json!({})).await, "stale");
    }
    server.resize(json!({})).await;
    let lease = server.lease_one(&worker).await;
    for _ in 0..2 {
        assert_eq!(server.say(&worker, &lease, "release", json!({})).await, "accepted");
    }
    let next = server.lease_one(&worker).await;
    assert_eq!((&next["jobId"], &next["attempt"]), (&lease["jobId"], &json!(1)), "no try is burnt");
    assert_eq!(server.say(&worker, &lease, "release", json!({})).await, "accepted", "even if it is out again");
    assert_eq!(server.say(&worker, &lease, "complete", json!({})).await, "stale");
    assert_eq!(server.say(&worker, &next, "complete", json!({})).await, "accepted");
}

#[actix_web::test]
async fn a_failure_is_tried_again_unless_it_says_that_it_makes_no_sense() {
    let (server, clock) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    server.resize(json!({ "retryPolicy": { "maxRetries": 3, "retryDelay": 1000, "jitter": 0 } })).await;
    let lease = server.lease_one(&worker).await;
    let error = json!({ "message": "x".repeat(9_000), "kind": "io", "stackTrace": "at home" });
    assert_eq!(server.say(&worker, &lease, "fail", json!({ "error": error })).await, "accepted");
    let job = server.job_of(&lease).await;
    assert_eq!((&job["status"], &job["runAt"]), (&json!("queued"), &json!("1970-01-01T00:00:01.000Z")));
    clock.advance(Duration::from_secs(1));
    let lease = server.lease_one(&worker).await;
    assert_eq!(lease["attempt"], 2);
    let error = json!({ "message": "never", "retryable": false });
    assert_eq!(server.say(&worker, &lease, "fail", json!({ "error": error })).await, "accepted");
    assert_eq!(server.job_of(&lease).await["status"], "failed");
    let attempts = server.get(&format!("/jobs/{}/attempts", lease["jobId"].as_str().unwrap())).await.json();
    let first = attempts["data"][0]["error"]["message"].as_str().unwrap();
    assert_eq!(first.len(), faena::limits::ERROR_BYTES_MAX, "what is too long is cut, and the failure kept");
}

#[actix_web::test]
async fn rule_15_a_cancelled_job_is_told_with_the_next_report_and_ends_so_whatever_it_says() {
    let (server, _) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    for ending in ["complete", "release", "fail"] {
        let more = if ending == "fail" { json!({ "error": { "message": "stopped" } }) } else { json!({}) };
        let id = server.resize(json!({})).await;
        let lease = server.lease_one(&worker).await;
        assert_eq!(server.delete(&format!("/jobs/{id}")).await.status, 204);
        assert_eq!(server.job_of(&lease).await["status"], "started");
        for kind in ["heartbeat", "heartbeat"] {
            assert_eq!(server.say(&worker, &lease, kind, json!({})).await, "cancelled");
        }
        for _ in 0..2 {
            assert_eq!(server.say(&worker, &lease, ending, more.clone()).await, "cancelled");
        }
        assert_eq!(server.job_of(&lease).await["status"], "cancelled", "{ending}");
    }
}

#[actix_web::test]
async fn rule_15_a_cancelled_job_ends_in_bounded_time_even_if_its_worker_never_listens() {
    let (server, clock) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    let id = server.resize(json!({})).await;
    let lease = server.lease_one(&worker).await;
    server.delete(&format!("/jobs/{id}")).await;
    for _ in 0..3 {
        clock.advance(LEASE / 4);
        let progress = json!({ "progress": 1 });
        assert_eq!(server.say(&worker, &lease, "progress", progress).await, "cancelled");
        assert_eq!(server.reap(&clock).await, 0);
    }
    clock.advance(LEASE / 4);
    assert_eq!(server.reap(&clock).await, 1);
    assert_eq!(server.job_of(&lease).await["status"], "cancelled");
    assert_eq!(server.say(&worker, &lease, "progress", json!({ "progress": 2 })).await, "cancelled");
}

#[actix_web::test]
async fn a_job_that_takes_longer_than_it_may_times_out_however_much_its_worker_lives() {
    let (server, clock) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    server.resize(json!({ "timeoutSeconds": 40, "retryPolicy": { "maxRetries": 0 } })).await;
    let lease = server.lease_one(&worker).await;
    assert_eq!(lease["leaseUntil"], "1970-01-01T00:00:30.000Z");
    clock.advance(Duration::from_secs(20));
    let token = lease["leaseToken"].clone();
    let answer = server.report(&worker, json!([{ "leaseToken": token, "kind": "heartbeat" }])).await.json();
    assert_eq!(answer["data"][0]["leaseUntil"], "1970-01-01T00:00:40.000Z", "and no longer");
    clock.advance(Duration::from_secs(20));
    assert_eq!(server.say(&worker, &lease, "complete", json!({})).await, "stale");
    assert_eq!(server.reap(&clock).await, 1);
    let job = server.job_of(&lease).await;
    assert_eq!((&job["status"], &job["error"]["kind"]), (&json!("failed"), &json!("timeout")));
}

#[actix_web::test]
async fn a_sign_of_life_is_told_to_nobody_and_progress_to_everybody() {
    let (server, _) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    server.resize(json!({})).await;
    let lease = server.lease_one(&worker).await;
    let mut changes = server.service.hub().changes(None).unwrap();
    for _ in 0..3 {
        server.say(&worker, &lease, "heartbeat", json!({})).await;
    }
    server.say(&worker, &lease, "progress", json!({ "progress": 5 })).await;
    let change = changes.next().await.unwrap();
    assert_eq!((change.number, change.job.life.progress.percent), (1, 5));
}

#[actix_web::test]
async fn what_breaks_a_rule_names_its_field_and_nothing_of_its_batch_is_taken() {
    let (server, _) = start();
    let worker = server.worker(&["resize_image"], 9).await;
    server.resize(json!({})).await;
    let lease = server.lease_one(&worker).await;
    let good = json!({ "leaseToken": lease["leaseToken"], "kind": "complete" });
    let large = "x".repeat(faena::limits::STATE_BYTES_MAX);
    for (kind, more, field) in [
        ("nap", json!({}), "kind"),
        ("", json!({}), "kind"),
        ("progress", json!({}), "progress"),
        ("progress", json!({ "progress": 140 }), "progress"),
        ("progress", json!({ "progress": -1 }), "progress"),
        ("progress", json!({ "progress": "50" }), "progress"),
        ("heartbeat", json!({ "progress": 50 }), "progress"),
        ("log", json!({}), "lines"),
        ("log", json!({ "lines": "one" }), "lines"),
        ("log", json!({ "lines": vec!["x"; 1_001] }), "lines"),
        ("state", json!({}), "state"),
        ("state", json!({ "state": large }), "state"),
        ("complete", json!({ "result": 1, "resultUrl": "https://a.b" }), "resultUrl"),
        ("complete", json!({ "resultUrl": "" }), "resultUrl"),
        ("complete", json!({ "resultUrl": "x".repeat(9_000) }), "resultUrl"),
        ("complete", json!({ "error": { "message": "m" } }), "error"),
        ("fail", json!({}), "error"),
        ("fail", json!({ "error": {} }), "error.message"),
        ("fail", json!({ "error": { "message": "m", "code": 1 } }), "error.code"),
        ("fail", json!({ "error": { "message": "m", "retryable": "no" } }), "error.retryable"),
        ("release", json!({ "reason": "tired" }), "reason"),
    ] {
        let mut bad = json!({ "leaseToken": lease["leaseToken"], "kind": kind });
        bad.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = server.report(&worker, json!([good, bad])).await;
        assert_eq!((refused.error().0, refused.fields()), (400, vec![format!("reports[1].{field}")]), "{kind} {more}");
    }
    let own = format!("http://me/jobs/{}/result", lease["jobId"].as_str().unwrap());
    let never = json!([{ "leaseToken": lease["leaseToken"], "kind": "complete", "resultUrl": own }]);
    assert_eq!(server.report(&worker, never).await.fields(), ["reports[0].resultUrl"]);
    let many = vec![json!({ "leaseToken": "x", "kind": "heartbeat" }); 1_001];
    assert_eq!(server.report(&worker, json!(many)).await.fields(), ["reports"]);
    assert_eq!(server.job_of(&lease).await["status"], "started");
    assert_eq!(server.say(&worker, &lease, "complete", json!({})).await, "accepted");
}
