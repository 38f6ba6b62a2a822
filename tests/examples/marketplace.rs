//! The marketplace: its eight jobs by hand and by the clock, with its databases looked into afterwards.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::StatusCode;
use rusqlite::Connection;
use rusqlite::types::FromSql;
use serde_json::{Value, json};

use crate::program::example;
use crate::served::{Served, answered};

/// Eight in the morning where the marketplace is.
const MORNING: &str = "2026-03-02T12:00:00Z";

fn printed(folder: &Path, options: &[&str]) -> Vec<String> {
    let output = example("marketplace", folder).args(["--data", "market"]).args(options).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn look<T: FromSql>(folder: &Path, database: &str, query: &str) -> T {
    let database = Connection::open(folder.join("market").join(database)).unwrap();
    database.query_row(query, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn each_job_does_its_work_and_finds_nothing_left_to_do_the_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let unknown = json!([{ "item": "vehicle 7", "message": "nobody knows what it is worth" }]);
    let well = |gateway| json!({ "authservice": true, "gateway": gateway, "vehiclessaleservice": true });
    let prices = |updated, tries| json!({ "updated": updated, "tries": tries, "errorCount": 1, "errors": unknown });
    let health = |gateway, alert| json!({ "healthy": well(gateway), "alerts": [alert] });
    let page = "text/html;charset=utf-8";
    let databases = json!(["vehiclessaleservice", "authservice", "userservice"]);
    let expected = [
        format!("1 Expired tokens: completed {}", json!({ "refresh": 30, "verification": 45 })),
        format!("1 Daily reports: completed {page}"),
        format!("1 Reminders: completed {}", json!({ "sent": 8 })),
        "1 Old logs: completed application/x-ndjson, in the result store".to_owned(),
        format!("1 Expired listings: completed {}", json!({ "expired": 27 })),
        // The service turned one question away: the second try asked what was left.
        format!("1 Suggested prices: completed {}", prices(26, 2)),
        format!("1 Backup Database: completed {}", json!({ "made": databases })),
        format!("1 Health of services: completed {}", health(false, "Service gateway is unhealthy!")),
        format!("2 Expired tokens: completed {}", json!({ "refresh": 0, "verification": 0 })),
        format!("2 Daily reports: completed {page}"),
        format!("2 Reminders: completed {}", json!({ "sent": 0 })),
        "2 Old logs: completed application/x-ndjson".to_owned(),
        format!("2 Expired listings: completed {}", json!({ "expired": 0 })),
        format!("2 Suggested prices: completed {}", prices(0, 1)),
        format!("2 Backup Database: completed {}", json!({ "made": [] })),
        format!("2 Health of services: completed {}", health(true, "Service gateway is healthy again!")),
        "stopped".to_owned(),
    ];
    assert_eq!(printed(folder, &["--rounds", "2", "--at", MORNING]), expected);

    everything_is_in_the_databases(folder);
    the_backups_hold_what_the_databases_held(folder);
    what_is_archived_is_deleted_and_nothing_else(folder).await;
}

fn everything_is_in_the_databases(folder: &Path) {
    let vehicles = |query: &str| look::<i64>(folder, "vehiclessaleservice.db", query);
    assert_eq!(look::<i64>(folder, "authservice.db", "SELECT count(*) FROM refresh_tokens"), 60);
    assert_eq!(look::<i64>(folder, "authservice.db", "SELECT count(*) FROM verification_tokens"), 45);
    assert_eq!(vehicles("SELECT count(*) FROM vehicles WHERE status = 'Expired'"), 27);
    assert_eq!(vehicles("SELECT count(*) FROM vehicles WHERE status = 'Active' AND suggested_cents > 0"), 26);
    assert_eq!(vehicles("SELECT count(*) FROM vehicles WHERE status != 'Active' AND suggested_cents > 0"), 0);

    // Tomorrow there is the 3rd of March by the clocks of Santo Domingo, four hours behind.
    let tomorrow = "at >= unixepoch('2026-03-03T04:00Z') * 1000 AND at < unixepoch('2026-03-04T04:00Z') * 1000";
    assert_eq!(vehicles(&format!("SELECT count(*) FROM appointments WHERE reminder_sent != ({tomorrow})")), 0);
    for (subject, count) in
        [("Reminder: Appointment Tomorrow", 8), ("Listing Expired", 27), ("Daily Sales Report", 3), ("Health", 2)]
    {
        assert_eq!(vehicles(&format!("SELECT count(*) FROM notices WHERE subject = '{subject}'")), count, "{subject}");
    }
    let report = "SELECT body FROM notices WHERE recipient = 'manager1@okla.example'";
    let report: String = look(folder, "vehiclessaleservice.db", report);
    let sold = "sold_at >= unixepoch('2026-03-01T04:00Z') * 1000 AND sold_at < unixepoch('2026-03-02T04:00Z') * 1000";
    let cents = vehicles(&format!("SELECT sum(price_cents) FROM sales WHERE {sold}"));
    let sum = format!("<th>8 sales<th>{}.{:02}<", cents / 100, cents % 100);
    assert!(report.contains("Sales of 2026-03-01") && report.contains(&sum), "{sum} is not in {report}");
}

fn the_backups_hold_what_the_databases_held(folder: &Path) {
    let files: Vec<_> = std::fs::read_dir(folder.join("market/backups")).unwrap().collect();
    assert_eq!(files.len(), 3);
    let moment = MORNING.parse::<faena::clock::Timestamp>().unwrap().as_millis();
    for (service, query, count) in [
        ("vehiclessaleservice", "SELECT count(*) FROM vehicles WHERE status = 'Expired'", 27),
        ("authservice", "SELECT count(*) FROM refresh_tokens", 60),
        ("userservice", "SELECT count(*) FROM users", 40),
    ] {
        let backup = format!("backups/{service}-{moment}.db");
        assert_eq!(look::<String>(folder, &backup, "PRAGMA integrity_check"), "ok");
        assert_eq!(look::<i64>(folder, &backup, query), count, "{service}");
    }
}

/// The archive is still there for a server that is started afterwards.
async fn what_is_archived_is_deleted_and_nothing_else(folder: &Path) {
    let variables = [("MARKETPLACE_PORT", "0"), ("MARKETPLACE_DATA", "market"), ("MARKETPLACE_AT", MORNING)];
    let market = Served::start("marketplace", folder, &variables);
    all_schedules_wait_for_their_times(&market).await;
    let jobs = answered(market.get("/jobs?subType=cleanup_old_logs"), StatusCode::OK).await;
    let jobs = jobs["data"].as_array().unwrap();
    let mut archived = BTreeSet::new();
    for job in jobs {
        let path = format!("/jobs/{}/result", job["jobId"].as_str().unwrap());
        let lines = market.get(&path).send().await.unwrap().text().await.unwrap();
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert!(archived.insert(line["id"].as_i64().unwrap()), "it is archived twice: {line}");
        }
    }
    let left = look::<String>(folder, "vehiclessaleservice.db", "SELECT json_group_array(id) FROM logs");
    let left: BTreeSet<i64> = serde_json::from_str(&left).unwrap();
    // One line an hour, and 90 days that they are kept.
    assert_eq!((archived.len(), left.len()), (6_000 - 90 * 24 - 1, 90 * 24 + 1));
    assert_eq!(&archived | &left, (1..=6_000).collect::<BTreeSet<i64>>());
}

/// They were run by hand twice; one may have fired since.
async fn all_schedules_wait_for_their_times(market: &Served) {
    let schedules = answered(market.get("/schedules"), StatusCode::OK).await;
    let schedules = schedules["data"].as_array().unwrap();
    assert_eq!(schedules.len(), 8);
    for schedule in schedules {
        assert_eq!((&schedule["status"], &schedule["timezone"]), (&json!("enabled"), &json!("America/Santo_Domingo")));
        assert!(schedule["successfulExecutions"].as_u64() >= Some(2) && schedule["nextExecutionAt"].is_string());
    }
}

#[test]
fn all_schedules_fire_by_themselves_and_no_tick_twice() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "Expired tokens",
        "Daily reports",
        "Reminders",
        "Old logs",
        "Expired listings",
        "Suggested prices",
        "Backup Database",
        "Health of services",
    ];
    let mut expected: Vec<_> = names.map(|name| format!("{name}: fired: true; failed: 0; fired twice: 0")).into();
    expected.push("stopped".to_owned());
    assert_eq!(printed(folder.path(), &["--rounds", "2", "--cron", "* * * * * *"]), expected);
    assert_eq!(look::<i64>(folder.path(), "authservice.db", "SELECT count(*) FROM refresh_tokens"), 60);
    assert_eq!(
        look::<i64>(folder.path(), "vehiclessaleservice.db", "SELECT count(*) FROM vehicles WHERE suggested_cents > 0"),
        26
    );
}

#[test]
fn a_bad_option_is_told_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for (options, message) in [
        (["--cron", "0 0 30 2 *"], "a date that never comes"),
        (["--rounds", "many"], "`many` is not a number"),
        (["--colour", "red"], "`--colour` is unknown"),
    ] {
        let output = example("marketplace", folder.path()).args(options).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(message), "{options:?}: {stderr}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
