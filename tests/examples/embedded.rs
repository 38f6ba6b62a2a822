//! The application with one endpoint of its own, and the jobs API under a prefix.

use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::json;

use crate::served::{Served, answered};

#[tokio::test]
async fn embed_in_actix_answers_202_and_mounts_the_api_under_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let app = Served::start("embed_in_actix", folder.path(), &[("PORT", "0")]);

    let answer = app.post("/greetings", &json!({ "name": "Ana" })).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with("/api/jobs/"), "{location}");

    let held = app.post("/greetings", &json!({ "name": "Eva" })).header("Prefer", "wait=30");
    assert_eq!(answered(held, StatusCode::OK).await["status"], "completed");

    // Without a tag the answer is held until the job has ended.
    let job = answered(app.get(&format!("{location}?wait=30")), StatusCode::OK).await;
    assert_eq!(job["status"], "completed");
    let greeting = app.get(&format!("{location}/result")).send().await.unwrap();
    assert_eq!(greeting.text().await.unwrap(), "Hello, Ana!");

    let refused = answered(app.post("/greetings", &json!({ "name": "" })), StatusCode::BAD_REQUEST).await;
    assert_eq!(refused["code"], "invalid_request");
    assert_eq!(refused["details"][0]["field"], "payload.name");

    assert_eq!(app.signalled(Signal::TERM), (Some(0), String::new()));
}
