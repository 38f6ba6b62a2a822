//! The backend that pays creators, driven by the variables and addresses that its operators know, and whoever keeps the books in
//! a process of its own.

use std::path::Path;

use reqwest::StatusCode;
use rusqlite::Connection;
use rusqlite::types::FromSql;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::served::{Served, answered};

/// Once a year, at another time than tests run: nothing happens that was not asked for.
const HARDLY_EVER: &str = "59 23 31 12 *";
const SECRET: &str = "un secreto que nadie más conoce";

fn look<T: FromSql>(folder: &Path, database: &str, query: &str) -> T {
    let database = Connection::open(folder.join(database).join("apapacho.db")).unwrap();
    database.query_row(query, [], |row| row.get(0)).unwrap()
}

fn receiver(folder: &Path) -> Served {
    let variables = [
        ("PAYOUTS_PLAY", "receiver"),
        ("PAYOUTS_PORT", "0"),
        ("PAYOUTS_DATA", "books"),
        ("OUTBOX_WEBHOOK_SECRET", SECRET),
    ];
    Served::start("payouts", folder, &variables)
}

fn backend(folder: &Path, books: Option<&Served>, cron: &str) -> Served {
    let url = books.map(|books| format!("{}/webhooks", books.url()));
    let mut variables = vec![("PAYOUTS_PORT", "0"), ("PAYOUTS_DATA", "backend")];
    variables.extend(["OUTBOX_CRON", "PAYOUT_CRON", "CLEANUP_CRON", "RETRY_CRON"].map(|name| (name, cron)));
    if let Some(url) = &url {
        variables.extend([
            ("OUTBOX_PUBLISHER_TYPE", "webhook"),
            ("OUTBOX_WEBHOOK_URL", url),
            ("OUTBOX_WEBHOOK_SECRET", SECRET),
        ]);
    }
    Served::start("payouts", folder, &variables)
}

/// Does a job by its old address; what it came to.
async fn done(app: &Served, name: &str) -> Value {
    let id = app.accepted(&format!("/api/admin/jobs/run/{name}"), &json!({})).await;
    app.result(&id).await
}

async fn sent(app: &Served) -> Value {
    answered(app.post("/api/admin/jobs/run/outbox", &json!({})), StatusCode::OK).await["data"].clone()
}

#[tokio::test]
async fn what_is_paid_out_is_told_signed_and_once_though_the_backend_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let books = receiver(folder);
    let app = backend(folder, Some(&books), HARDLY_EVER);

    let status = answered(app.get("/api/jobs/status"), StatusCode::OK).await;
    let names = ["outboxPublisher", "payoutCalculation", "outboxCleanup", "payoutRetry"];
    let jobs = names.map(|name| json!({ "name": name, "cron": HARDLY_EVER, "running": true }));
    assert_eq!(status, json!({ "enabled": true, "jobs": jobs }));

    // Three of fifteen have earned enough whose hold is over. They get that and no more.
    assert_eq!(done(&app, "payout").await, json!({ "created": 3, "skipped": 12, "errors": 0 }));
    let payouts = "SELECT json_group_array(amount_clp) FROM payouts WHERE status = 'pending'";
    assert_eq!(look::<String>(folder, "backend", payouts), "[20000,20000,20000]");
    assert_eq!(look::<i64>(folder, "backend", "SELECT count(*) FROM transactions WHERE payout IS NOT NULL"), 6);

    // The outbox waits for its time, and outlives the process.
    let received = "SELECT count(*) FROM received";
    assert_eq!(look::<i64>(folder, "books", received), 0);
    assert_eq!(app.signalled(Signal::KILL).0, None);
    let app = backend(folder, Some(&books), HARDLY_EVER);
    let stats = answered(app.get("/api/admin/outbox/stats"), StatusCode::OK).await;
    assert!(stats["data"]["unread"].as_u64() >= Some(4), "{stats}");
    let figures = sent(&app).await;
    assert!(figures["processed"].as_u64() >= Some(4) && figures["failed"] == 0, "{figures}");
    let told = |kind: &str| look::<i64>(folder, "books", &format!("{received} WHERE type = '{kind}' AND times = 1"));
    assert_eq!((told("PayoutCalculated"), told("PayoutCalculationJobCompleted")), (3, 1));

    // Nobody is paid twice, and the audit has both calculations.
    assert_eq!(done(&app, "payout").await, json!({ "created": 0, "skipped": 15, "errors": 0 }));
    let audit = app.get("/events?type=PayoutCalculationJobCompleted").header("Accept", "application/json");
    let audit = answered(audit, StatusCode::OK).await;
    let audit: Vec<_> = audit["data"].as_array().unwrap().iter().map(|event| &event["payload"]["created"]).collect();
    assert_eq!(audit, [0, 3], "the latest first");

    // What the bank did not take is tried again, a few times.
    let database = Connection::open(folder.join("backend/apapacho.db")).unwrap();
    database.execute("UPDATE payouts SET status = 'failed', tries = creator / 3 WHERE creator IN (5, 15)", []).unwrap();
    assert_eq!(done(&app, "retry").await, json!({ "retried": 1 }));
    assert!(sent(&app).await["failed"] == 0);
    assert_eq!((told("PayoutCalculationJobCompleted"), told("PayoutRetried")), (2, 1));

    // What was sent is forgotten after 30 days, or when somebody says so.
    let cleaned = answered(app.post("/api/admin/jobs/run/cleanup", &json!({})), StatusCode::OK).await;
    assert_eq!(cleaned["data"]["forgotten"], 0);
    let cleaned = answered(app.post("/api/admin/outbox/cleanup", &json!({ "days": 0 })), StatusCode::OK).await;
    assert!(cleaned["data"]["forgotten"].as_u64() >= Some(4), "{cleaned}");

    let unknown = answered(app.post("/api/admin/jobs/run/nothing", &json!({})), StatusCode::NOT_FOUND).await;
    assert_eq!(unknown["code"], "not_found");
    let forged = books.post("/webhooks", &json!({ "id": "evt_1", "type": "PayoutCalculated" })).send().await.unwrap();
    assert_eq!(forged.status(), StatusCode::UNAUTHORIZED);

    let (code, said) = app.signalled(Signal::TERM);
    assert_eq!(code, Some(0), "{said}");
    for line in ["[Job:Payout] Completado - Creados: 0, Omitidos: 15, Errores: 0", "[Job:Retry] Reintentados: 1"] {
        assert!(said.lines().any(|said| said == line), "{line} is not in {said}");
    }
    assert!(said.contains("[Job:Outbox] Procesados: ") && said.contains(", Fallidos: 0"), "{said}");
    assert!(said.contains("[Job:Cleanup] Limpiados 0 eventos"), "{said}");
}

#[test]
fn it_all_happens_by_itself_at_the_times_of_the_variables() {
    let folder = tempfile::tempdir().unwrap();
    let mut books = receiver(folder.path());
    let _app = backend(folder.path(), Some(&books), "* * * * * *");
    // Only events of one thing come in order.
    let (mut payouts, mut is_told) = (0, false);
    while payouts < 3 || !is_told {
        let line = books.line();
        payouts += u32::from(line.starts_with("PayoutCalculated "));
        is_told |= line.starts_with("PayoutCalculationJobCompleted ");
    }
}

#[tokio::test]
async fn without_a_webhook_events_are_lines_and_without_jobs_nothing_runs() {
    let folder = tempfile::tempdir().unwrap();
    let app = backend(folder.path(), None, HARDLY_EVER);
    done(&app, "payout").await;
    sent(&app).await;
    let (code, said) = app.signalled(Signal::TERM);
    assert_eq!(code, Some(0));
    let events = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let calculated = events.filter(|event| event["type"] == "PayoutCalculated" && event["aggregateType"] == "Payout");
    assert_eq!(calculated.count(), 3, "{said}");

    let variables = [("PAYOUTS_PORT", "0"), ("PAYOUTS_DATA", "idle"), ("ENABLE_JOBS", "false")];
    let idle = Served::start("payouts", folder.path(), &variables);
    let status = answered(idle.get("/api/jobs/status"), StatusCode::OK).await;
    let job = |name, cron| json!({ "name": name, "cron": cron, "running": false });
    let jobs = [
        job("outboxPublisher", "* * * * *"),
        job("payoutCalculation", "0 2 * * 0"),
        job("outboxCleanup", "0 3 * * *"),
        job("payoutRetry", "0 * * * *"),
    ];
    assert_eq!(status, json!({ "enabled": false, "jobs": jobs }));
}
