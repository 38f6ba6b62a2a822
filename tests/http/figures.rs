//! Statistics, health, metrics, pages.

use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::job::{Event, JobError, Priority};
use faena::schedule::{NewSchedule, Spec, Timetable, Zone};
use faena::store::observed::PoolFigures;
use serde_json::json;

use crate::server::{Choice, Server};

#[actix_web::test]
async fn the_overview_has_the_shape_of_its_seed() {
    let server = Server::start();
    server
        .job(json!({ "subType": "send_mail", "payload": { "to": "a@b.co" }, "priority": "high", "delaySeconds": 60 }))
        .await;
    server.dead().await;
    let done = server.noop().await;
    server.claim(1).await;
    server.succeed(done, None).await;
    server.poke("/processors/send_mail/pause").await;
    let overview = server.get("/jobs/statistics/overview").await.json();
    for (field, value) in [
        ("total", json!(3)),
        ("enabled", json!(2)),
        ("disabled", json!(1)),
        ("byPriority", json!({ "high": 1, "normal": 2, "low": 0 })),
        ("byStatus", json!({ "queued": 1, "started": 0, "progress": 0, "completed": 1, "failed": 1, "cancelled": 0 })),
        ("totalExecutions", json!(2)),
        ("totalFailures", json!(1)),
    ] {
        assert_eq!(overview[field], value, "{field}");
    }
    assert_eq!(overview["upcomingJobs"].as_array().unwrap().len(), 1);
    assert!(overview["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[actix_web::test]
async fn the_overview_counts_what_is_forgotten_and_shows_the_next_jobs_first() {
    let clock = Clock::manual(Timestamp::from_millis(BEGIN));
    let server = Server::with(Choice { clock: clock.clone(), ..Choice::default() });
    for n in (0..12).rev() {
        server.job(json!({ "subType": "noop", "payload": {}, "delaySeconds": 60 + n })).await;
    }
    server.dead().await;
    server.delete("/dead-letters").await;
    clock.advance(Duration::from_secs(5));
    let forgotten = server.post("/cleanup", json!({ "olderThanSeconds": 1 })).await;
    assert_eq!(forgotten.status, 200, "{forgotten:?}");
    let overview = server.get("/jobs/statistics/overview").await.json();
    assert_eq!(overview["total"], 12);
    assert_eq!((&overview["totalExecutions"], &overview["totalFailures"]), (&json!(1), &json!(1)));
    let times: Vec<_> = overview["upcomingJobs"].as_array().unwrap().iter().map(|job| job["runAt"].as_str()).collect();
    assert!(times.len() == 10 && times.is_sorted(), "{times:?}");
}

#[actix_web::test]
async fn the_status_has_the_shape_of_its_seed() {
    let server = Server::start();
    server.poke("/processors/noop/pause").await;
    let status = server.get("/jobs/status").await.json();
    let wanted = json!({ "enabled": true, "jobs": [
        { "name": "noop", "cron": null, "running": false },
        { "name": "send_mail", "cron": null, "running": true },
    ] });
    assert_eq!(status, wanted);
}

/// Some moment that is no border of a minute: 2026-11-24T10:00:10Z.
const BEGIN: i64 = 1_795_514_410_000;

#[actix_web::test]
async fn the_board_has_the_fields_of_its_seed_and_of_the_contract() {
    let clock = Clock::manual(Timestamp::from_millis(BEGIN));
    let server = Server::with(Choice { clock: clock.clone(), ..Choice::default() });
    let empty = server.get("/dashboard/data").await.json();
    for field in ["nextExecution", "avgExecutionTime", "averageDurationMs", "durationPercentilesMs", "oldestWaiting"] {
        assert_eq!(empty[field], json!(null), "{field}");
    }
    // One that took 100 ms in the first minute; one that took 4.5 s, one that failed, one that was cancelled in the next.
    let quick = server.noop().await;
    server.claim(1).await;
    clock.advance(Duration::from_millis(100));
    server.succeed(quick, None).await;
    clock.advance(Duration::from_secs(60));
    let slow = server.noop().await;
    server.claim(1).await;
    clock.advance(Duration::from_millis(4_500));
    server.succeed(slow, None).await;
    server.dead().await;
    let unwanted = server.noop().await;
    server.delete(&format!("/jobs/{unwanted}")).await;
    // One that runs, one that waits for a worker, one for its time, one for its next try.
    let again = server.noop().await;
    server.claim(1).await;
    let error = JobError::new("error", "no luck");
    server
        .happen(again, |epoch| Event::Failed {
            epoch,
            error,
            retryable: true,
            retry_after: Some(Duration::from_secs(600)),
        })
        .await;
    server.noop().await;
    server.claim(1).await;
    let waits = server.job(json!({ "subType": "send_mail", "payload": { "to": "a@b.co" } })).await;
    server.job(json!({ "subType": "noop", "payload": {}, "delaySeconds": 60 })).await;
    let since = server.service.now();
    clock.advance(Duration::from_secs(7));
    server.poke("/processors/noop/pause").await;

    let board = server.get("/dashboard/data").await.json();
    for (field, value) in [
        ("totalJobs", json!(8)),
        ("enabledJobs", json!(1)),
        ("runningJobs", json!(1)),
        ("nextExecution", json!({ "jobName": "send_mail", "scheduledAt": since.to_string() })),
        ("recentFailures", json!(1)),
        ("avgExecutionTime", json!("00:00:02")),
        ("queuedJobs", json!(3)),
        ("delayedJobs", json!(2)),
        ("deadLetters", json!(1)),
        ("succeededLast24h", json!(2)),
        ("failedLast24h", json!(1)),
        ("cancelledLast24h", json!(1)),
        ("retriedLast24h", json!(1)),
        ("averageDurationMs", json!(2_300)),
        ("durationPercentilesMs", json!({ "p50": 103, "p90": 4_607, "p95": 4_607, "p99": 4_607 })),
        (
            "oldestWaiting",
            json!({ "jobId": waits.to_string(), "subType": "send_mail", "since": since.to_string(), "waitSeconds": 7 }),
        ),
        ("timestamp", json!(server.service.now().to_string())),
    ] {
        assert_eq!(board[field], value, "{field}");
    }
    let throughput = &board["throughput"];
    assert_eq!((&throughput["since"], &throughput["stepSeconds"]), (&json!("2026-11-23T10:02:00.000Z"), &json!(60)));
    for (list, ends) in [("succeeded", [1, 1]), ("failed", [0, 1]), ("cancelled", [0, 1]), ("retried", [0, 1])] {
        let minutes = throughput[list].as_array().unwrap();
        assert_eq!(minutes.len(), 1_440, "{list}");
        assert_eq!(minutes[1_438..], ends.map(|count| json!(count)), "{list}");
        assert!(minutes[..1_438].iter().all(|count| *count == 0), "{list}");
    }

    clock.advance(Duration::from_secs(24 * 3600 - 60));
    let board = server.get("/dashboard/data").await.json();
    assert_eq!((&board["succeededLast24h"], &board["throughput"]["succeeded"][0]), (&json!(1), &json!(1)));
    clock.advance(Duration::from_secs(60));
    let board = server.get("/dashboard/data").await.json();
    assert_eq!((&board["succeededLast24h"], &board["recentFailures"]), (&json!(0), &json!(0)));
    assert_eq!(board["avgExecutionTime"], json!(null));
}

/// A schedule of two in the morning, Berlin.
fn schedule(name: &str) -> NewSchedule {
    let timetable = Timetable::new("0 2 * * *".parse().unwrap(), Zone::new("Europe/Berlin").unwrap());
    NewSchedule::new(Spec::new(name, "noop".parse().unwrap(), timetable))
}

#[actix_web::test]
async fn schedules_are_in_all_three() {
    let clock = Clock::manual(Timestamp::from_millis(BEGIN));
    let server = Server::with(Choice { clock: clock.clone(), ..Choice::default() });
    let nightly = server.service.create_schedule(schedule("nightly")).await.unwrap();
    let mut report = schedule("a report");
    report.spec.priority = Priority::High;
    server.service.create_schedule(NewSchedule { enabled: false, ..report }).await.unwrap();
    server.service.run_schedule("nightly", None).await.unwrap();
    let job = server.claim(1).await.remove(0);
    server.fail(job.id, "no luck").await;

    let overview = server.get("/jobs/statistics/overview").await.json();
    let wanted = json!({
        "total": 2, "enabled": 1, "disabled": 1, "paused": 0, "byPriority": { "high": 1, "normal": 1, "low": 0 },
        "totalExecutions": 1, "totalFailures": 1, "failing": 1,
        "upcoming": [{ "scheduleId": nightly.id.to_string(), "name": "nightly", "cronExpression": "0 2 * * *",
            "nextExecutionAt": "2026-11-25T01:00:00.000Z" }],
        "recentlyFailed": [{ "scheduleId": nightly.id.to_string(), "name": "nightly",
            "lastExecutionAt": "2026-11-24T10:00:10.000Z", "lastExecutionError": "no luck" }],
    });
    assert_eq!(overview["schedules"], wanted);
    let status = server.get("/jobs/status").await.json();
    assert_eq!(status["jobs"][0], json!({ "name": "a report", "cron": "0 2 * * *", "running": false }));
    assert_eq!(status["jobs"][1], json!({ "name": "nightly", "cron": "0 2 * * *", "running": true }));
    let board = server.get("/dashboard/data").await.json();
    assert_eq!((&board["totalSchedules"], &board["enabledSchedules"]), (&json!(2), &json!(1)));
    let next = json!({ "jobName": "nightly", "scheduledAt": "2026-11-25T01:00:00.000Z" });
    assert_eq!(board["nextExecution"], next);
    // A job that may run now is sooner.
    server.noop().await;
    assert_eq!(server.get("/dashboard/data").await.json()["nextExecution"]["jobName"], "noop");
}

#[actix_web::test]
async fn health_says_what_it_is() {
    let server = Server::start();
    assert_eq!(server.get("/health/live").await.json()["status"], "ok");
    let ready = server.get("/health/ready").await.json();
    assert_eq!((&ready["status"], &ready["store"], &ready["runsJobs"]), (&json!("ok"), &json!("memory"), &json!(true)));
}

#[actix_web::test]
async fn metrics_count_what_happened() {
    let server = Server::start();
    server.dead().await;
    let done = server.noop().await;
    server.claim(1).await;
    server.succeed(done, None).await;
    server.noop().await;
    server.delete("/dead-letters").await;
    let answer = server.get("/metrics").await;
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "faena_jobs_accepted_total{sub_type=\"noop\"} 3",
        "faena_jobs_ended_total{sub_type=\"noop\",outcome=\"success\"} 1",
        "faena_jobs_ended_total{sub_type=\"noop\",outcome=\"failed\"} 1",
        "faena_job_wait_seconds_count{sub_type=\"noop\"} 2",
        "faena_job_run_seconds_count{sub_type=\"noop\"} 2",
        "faena_store_operation_seconds_count{operation=\"insert\"} 3",
        "faena_jobs{state=\"ready\"} 1",
        "faena_jobs{state=\"dead\"} 0",
        "faena_threads_abandoned 0",
        "# EOF",
    ] {
        assert!(answer.text.lines().any(|have| have == line), "{line}\nis not in\n{}", answer.text);
    }
    assert!(answer.text.contains("faena_uptime_seconds ") && answer.text.contains("faena_build_info{version="));
}

#[actix_web::test]
async fn rule_17_metrics_say_how_many_threads_are_lost() {
    let server = Server::start();
    let pools = [PoolFigures { pool: "blocking", total: 2, busy: 1, abandoned: 1 }];
    server.service.metrics().probe_pools(move || Some(pools.to_vec()));
    let text = server.get("/metrics").await.text;
    for line in ["slots_total{pool=\"blocking\"} 2", "slots_busy{pool=\"blocking\"} 1", "threads_abandoned 1"] {
        assert!(text.contains(&format!("\nfaena_{line}\n")), "{line}\nis not in\n{text}");
    }
}

#[actix_web::test]
async fn the_index_leads_everywhere() {
    let server = Server::start();
    let index = server.get("/").await.json();
    assert_eq!(index["name"], "faena");
    for (name, path) in index["links"].as_object().unwrap() {
        if !["events", "batch"].contains(&name.as_str()) {
            assert_eq!(server.get(path.as_str().unwrap()).await.status, 200, "{name}");
        }
    }
}

#[cfg(feature = "docs")]
#[actix_web::test]
async fn the_pages_of_the_api_need_no_network() {
    let server = Server::start();
    let enter = server.get("/docs").await;
    assert_eq!((enter.status, enter.header("location")), (302, Some("/docs/")));
    let page = server.get("/docs/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    assert!(!page.text.contains("//cdn") && !page.text.contains("https://"), "{}", page.text);
    let start = server.get("/docs/swagger-initializer.js").await;
    assert!(start.text.contains("../openapi.json"), "{}", start.text);
    assert_eq!(server.get("/docs/swagger-ui.css").await.status, 200);
    assert_eq!(server.get("/docs/nothing.js").await.error().0, 404);
}
