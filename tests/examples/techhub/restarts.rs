//! The shop's server dies, or is asked to stop, in the middle of the work.

use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{look, serve, users};
use crate::served::answered;

#[tokio::test]
async fn an_import_that_was_killed_goes_on_after_a_restart_and_stores_each_user_once() {
    const USERS: usize = 30_000;
    let folder = tempfile::tempdir().unwrap();
    let app = serve(folder.path());
    let mut list = users(USERS);
    list["notifyUsers"] = json!(true);
    let id = app.accepted("/users/bulk-import", &list).await;
    app.job_once(&id, |job| job["progress"].as_u64() > Some(5)).await;
    assert_eq!(app.signalled(Signal::KILL).0, None);
    let before: i64 = look(folder.path(), "SELECT count(*) FROM users");
    assert!((1..USERS as i64).contains(&before), "{before} users were stored: it was not killed in the middle");

    let app = serve(folder.path());
    let result = app.result(&id).await;
    assert_eq!(result["summary"], json!({ "total": USERS, "success": USERS, "errors": 0, "created": USERS }));
    assert_eq!(look::<i64>(folder.path(), "SELECT count(*) FROM users"), USERS as i64);
    let tries = answered(app.get(&format!("/jobs/{id}/attempts")), StatusCode::OK).await;
    let outcomes: Vec<_> = tries["data"].as_array().unwrap().iter().map(|tried| &tried["outcome"]).collect();
    assert_eq!(outcomes, ["crashed", "success"]);
    let welcomes = answered(app.get("/jobs?subType=send_welcome_mails"), StatusCode::OK).await;
    assert_eq!(welcomes["pagination"]["total"], 1);
}

#[tokio::test]
async fn a_training_that_was_asked_to_stop_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let app = serve(folder.path());
    let id = app.accepted("/models/train", &json!({ "name": "stock", "epochs": 100_000_000 })).await;
    app.job_once(&id, |job| job["message"].as_str().is_some_and(|message| message.starts_with("Época "))).await;
    assert_eq!(app.signalled(Signal::TERM), (Some(0), "stopped\n".to_owned()));

    let app = serve(folder.path());
    app.job_once(&id, |job| job["status"] == "progress").await;
    assert_eq!(app.delete(&format!("/jobs/{id}")).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    app.ended(&id, "cancelled").await;
    let log = answered(app.get(&format!("/jobs/{id}/logs")), StatusCode::OK).await;
    let lines: Vec<&Value> = log["data"].as_array().unwrap().iter().collect();
    assert!(lines.iter().any(|line| line.to_string().contains("continúa tras la época ")), "{log:#}");
}
