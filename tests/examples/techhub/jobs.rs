//! The jobs API beside the shop's own endpoints: look, list, cancel.

use reqwest::StatusCode;
use serde_json::json;

use super::{Shop, users};
use crate::served::answered;

/// So many epochs that it ends only when it is told to.
const ENDLESS: u32 = 100_000_000;

#[tokio::test]
async fn a_running_job_is_cancelled_with_204_and_stays_so() {
    let shop = Shop::open();
    let id = shop.app.accepted("/models/train", &json!({ "name": "stock", "epochs": ENDLESS })).await;
    let running = shop.app.job_once(&id, |job| job["status"] == "progress").await;
    assert_eq!((&running["resultUrl"], &running["completedAt"]), (&json!(null), &json!(null)));

    let path = format!("/jobs/{id}");
    let cancelled = shop.app.delete(&path).send().await.unwrap();
    assert_eq!(cancelled.status(), StatusCode::NO_CONTENT);
    assert_eq!(cancelled.text().await.unwrap(), "");
    let ended = shop.app.ended(&id, "cancelled").await;
    assert_eq!(ended["resultUrl"], json!(null));
    let again = answered(shop.app.delete(&path), StatusCode::CONFLICT).await;
    assert_eq!(again["code"], "already_finished");
    assert_eq!(shop.look::<i64>("SELECT count(*) FROM models"), 0);
}

#[tokio::test]
async fn jobs_are_listed_by_pages() {
    let shop = Shop::open();
    let mut ids = Vec::new();
    for count in 1..=5 {
        ids.push(shop.app.accepted("/users/bulk-import", &users(count)).await);
    }
    let report = shop.app.accepted("/products/inventory-report", &json!({})).await;
    for id in ids.iter().chain([&report]) {
        shop.app.ended(id, "completed").await;
    }

    let mut listed = Vec::new();
    for (offset, length, more) in [(0, 2, true), (2, 2, true), (4, 1, false)] {
        let path = format!("/jobs?type=data_processing&status=completed&limit=2&offset={offset}");
        let page = answered(shop.app.get(&path), StatusCode::OK).await;
        assert_eq!(page["success"], true);
        let jobs = page["data"].as_array().unwrap();
        listed.extend(jobs.iter().map(|job| job["jobId"].as_str().unwrap().to_owned()));
        assert_eq!(jobs.len(), length);
        let pagination = &page["pagination"];
        assert_eq!((&pagination["total"], &pagination["limit"]), (&json!(5), &json!(2)));
        assert_eq!((&pagination["offset"], &pagination["hasMore"]), (&json!(offset), &json!(more)));
    }
    ids.reverse();
    assert_eq!(listed, ids, "the newest come first");
}

#[tokio::test]
async fn what_is_not_there_is_404_in_the_envelope() {
    let shop = Shop::open();
    for path in ["/jobs/01980000-0000-7000-8000-000000000000", "/jobs/nonsense", "/nothing"] {
        let missing = answered(shop.app.get(path), StatusCode::NOT_FOUND).await;
        assert_eq!((&missing["success"], &missing["code"]), (&json!(false), &json!("not_found")), "{path}");
    }
}
