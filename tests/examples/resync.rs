//! The exchange that must not get anything wrong: it is killed, and its database is looked into.

use std::path::Path;

use reqwest::StatusCode;
use rusqlite::Connection;
use rusqlite::types::FromSql;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::example;
use crate::served::{Served, answered};

/// Once a year, at another time than tests run: nothing fires that was not asked for.
const HARDLY_EVER: &str = "59 59 23 31 12 *";

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("exchange/exchange.db")).unwrap()
}

fn look<T: FromSql>(folder: &Path, query: &str) -> T {
    database(folder).query_row(query, [], |row| row.get(0)).unwrap()
}

fn printed(folder: &Path, options: &[&str]) -> Vec<String> {
    let output = example("resync", folder).args(["--data", "exchange"]).args(options).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn serve(folder: &Path, more: &[(&str, &str)]) -> Served {
    let mut variables = vec![("RESYNC_PORT", "0"), ("RESYNC_DATA", "exchange"), ("RESYNC_CRON", HARDLY_EVER)];
    variables.extend(more);
    Served::start("resync", folder, &variables)
}

/// Each block of the chain is there once, in order, and so is what it did.
#[track_caller]
fn all_is_applied_once(folder: &Path, height: i64) {
    let blocks = "SELECT json_array(count(*), count(DISTINCT number), min(number), max(number)) FROM blocks";
    assert_eq!(look::<String>(folder, blocks), json!([height, height, 1, height]).to_string());
    let disorder =
        "SELECT count(*) FROM blocks AS one JOIN blocks AS two ON two.rowid > one.rowid AND two.rowid < one.rowid + 9
                    WHERE two.number <= one.number";
    assert_eq!(look::<i64>(folder, disorder), 0);
    // Each order is paid once, and all but the last three are settled.
    assert_eq!(look::<i64>(folder, "SELECT count(*) FROM events"), 2 * height - 3);
    let amount = |order: i64| 100 + order * 37 % 900;
    let sum: i64 = (1..=height).map(amount).sum();
    assert_eq!(look::<i64>(folder, "SELECT sum(amount) FROM escrows"), sum);
    let disputes = (height - 3) / 10;
    assert_eq!(look::<i64>(folder, "SELECT count(*) FROM disputes"), disputes);
    assert_eq!(look::<i64>(folder, "SELECT count(*) FROM escrows WHERE status = 'held'"), disputes + 3);
}

#[tokio::test]
async fn a_sync_that_is_killed_again_and_again_applies_each_block_once() {
    const HEIGHT: i64 = 900;
    const KILLS: usize = 3;
    /// Blocks that are applied before each kill, at least.
    const STRETCH: i64 = 150;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let height = HEIGHT.to_string();
    let played = [("RESYNC_PLAY", "chain"), ("RESYNC_PORT", "0"), ("RESYNC_HEIGHT", &height)];
    let chain = Served::start("resync", folder, &played);
    let variables = [("RESYNC_CHAIN", chain.url()), ("RESYNC_HEIGHT", &height)];

    let mut app = serve(folder, &variables);
    let id = app.accepted("/jobs", &json!({ "subType": "blockchain_sync", "payload": {} })).await;
    let mut reached = 0;
    for _ in 0..KILLS {
        app.job_once(&id, |job| block_of(job) > reached + STRETCH).await;
        assert_eq!(app.signalled(Signal::KILL).0, None);
        reached = look(folder, "SELECT block FROM cursor");
        assert!(reached < HEIGHT, "it was not killed in the middle");
        app = serve(folder, &variables);
    }
    let result = app.result(&id).await;
    assert_eq!(result, json!({ "reached": HEIGHT, "applied": HEIGHT }));
    let tries = answered(app.get(&format!("/jobs/{id}/attempts")), StatusCode::OK).await;
    let outcomes: Vec<_> = tries["data"].as_array().unwrap().iter().map(|tried| &tried["outcome"]).collect();
    assert_eq!(outcomes, ["crashed", "crashed", "crashed", "success"]);
    all_is_applied_once(folder, HEIGHT);

    // Whoever asks for the state finds it; whoever dies with the lock does not keep it.
    let state = answered(app.get("/state/blockchain-sync"), StatusCode::OK).await;
    assert!(state.to_string().contains(&format!("\"lastBlock\":{HEIGHT}")), "{state}");
    let lock = app.get("/locks/blockchain-sync").send().await.unwrap();
    assert_eq!(lock.status(), StatusCode::NOT_FOUND);
}

/// The block that a job says it has reached.
fn block_of(job: &Value) -> i64 {
    job["message"].as_str().and_then(|text| text.strip_prefix("block ")).map_or(0, |block| block.parse().unwrap())
}

#[tokio::test]
async fn what_does_not_fit_together_is_found_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sound = |applied, cancelled| {
        [
            format!("Re-sync Blockchain: completed {}", json!({ "reached": 100, "applied": applied })),
            format!("Expired orders: completed {}", json!({ "cancelled": cancelled })),
            format!("Inconsistencies: completed {}", json!({ "issues": [] })),
        ]
    };
    let expected = [&sound(100, 250)[..], &sound(0, 0), &["stopped".to_owned()]].concat();
    assert_eq!(printed(folder, &["--rounds", "2", "--height", "100"]), expected);
    all_is_applied_once(folder, 100);
    assert_eq!(look::<i64>(folder, "SELECT count(DISTINCT order_id) FROM notices"), 250);
    assert_eq!(look::<i64>(folder, "SELECT count(*) FROM orders WHERE status = 'cancelled'"), 250);
    assert_eq!(look::<i64>(folder, "SELECT count(*) FROM orders WHERE status = 'open'"), 250);

    database(folder)
        .execute_batch(
            "DELETE FROM escrows WHERE order_id = 5;
             INSERT INTO escrows VALUES (99001, 'held', 10);
             UPDATE orders SET status = 'completed' WHERE id = 99;
             UPDATE escrows SET amount = amount + 1 WHERE order_id = 7;
             INSERT INTO disputes VALUES (99002, 'open');
             UPDATE orders SET status = 'completed' WHERE id = 20;
             UPDATE escrows SET status = 'released' WHERE order_id = 20;
             INSERT INTO blocks SELECT * FROM blocks WHERE number = 33;
             DELETE FROM blocks WHERE number = 44;",
        )
        .unwrap();
    let issues = [
        ("order without escrow", 5),
        ("escrow without order", 99_001),
        ("order and escrow disagree", 99),
        ("escrow holds another amount than was paid", 7),
        ("dispute without order", 99_002),
        ("open dispute of an order that is not disputed", 20),
        ("block applied twice or left out", 33),
        ("block applied twice or left out", 44),
    ]
    .map(|(issue, subject)| json!({ "issue": issue, "subject": subject }));

    let app = serve(folder, &[("RESYNC_HEIGHT", "100")]);
    let id = app.accepted("/jobs", &json!({ "subType": "consistency_check", "payload": {} })).await;
    assert_eq!(app.result(&id).await, json!({ "issues": issues }));
    let state = answered(app.get("/state/consistency"), StatusCode::OK).await;
    assert!(state.to_string().contains("\"count\":8"), "{state}");

    // The chain knows which blocks those are.
    let emergency = json!({ "subType": "blockchain_sync", "payload": { "fromBlock": 30 } });
    let id = app.accepted("/jobs", &emergency).await;
    let differing = ["block 33", "block 44"].map(|item| json!({ "item": item, "message": "differs from the chain" }));
    let expected = json!({ "reached": 100, "applied": 0, "errorCount": 2, "errors": differing });
    assert_eq!(app.result(&id).await, expected);
}

#[test]
fn the_three_schedules_fire_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let lines = printed(folder.path(), &["--rounds", "2", "--height", "100", "--cron", "* * * * * *"]);
    assert_eq!(lines, ["Re-sync Blockchain: fired", "Expired orders: fired", "Inconsistencies: fired", "stopped"]);
    all_is_applied_once(folder.path(), 100);
    assert_eq!(look::<i64>(folder.path(), "SELECT count(*) FROM notices"), 250);
}
