//! Statistics, health, metrics, pages.

use faena::store::observed::PoolFigures;
use serde_json::json;

use crate::server::Server;

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
async fn the_status_and_the_board_have_the_shapes_of_their_seeds() {
    let server = Server::start();
    server.poke("/processors/noop/pause").await;
    let status = server.get("/jobs/status").await.json();
    let wanted = json!({ "enabled": true, "jobs": [
        { "name": "noop", "cron": null, "running": false },
        { "name": "send_mail", "cron": null, "running": true },
    ] });
    assert_eq!(status, wanted);
    server.noop().await;
    let board = server.get("/dashboard/data").await.json();
    assert_eq!((&board["totalJobs"], &board["enabledJobs"], &board["runningJobs"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!((&board["nextExecution"]["jobName"], &board["recentFailures"]), (&json!("noop"), &json!(0)));
    assert_eq!(board["avgExecutionTime"], json!(null));
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
