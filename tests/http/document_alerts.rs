//! The part of the description that is about alerts, operation by operation.

use serde_json::json;

use crate::alerts::fire;
use crate::document::Drive;

pub async fn drive(drive: &mut Drive<'_>) {
    let (server, rule) = (drive.server, "/alerts/rules/{name}");
    drive.get("/alerts/rules", "/alerts/rules").await;
    drive.get("/alerts/rules", "/alerts/rules?limit=1").await;
    let deep = json!({ "kind": "queue_depth", "jobs": 3, "subType": "noop", "enabled": false });
    for (path, body, status) in [
        ("/alerts/rules/deep", deep.clone(), 201),
        ("/alerts/rules/deep", deep, 200),
        ("/alerts/rules/deep", json!({ "kind": "queue_depth" }), 400),
        ("/alerts/rules/NO", json!({ "kind": "queue_depth", "jobs": 3 }), 400),
    ] {
        assert_eq!(drive.put(rule, path, body).await.status, status, "{path}");
    }
    let tag = drive.get(rule, "/alerts/rules/deep").await.header("etag").unwrap().to_owned();
    drive.get(rule, "/alerts/rules/none").await;
    for (method, header, tag, status) in [
        ("get", "If-None-Match", tag.as_str(), 304),
        ("put", "If-Match", "\"0\"", 412),
        ("delete", "If-Match", "\"0\"", 412),
    ] {
        let url = server.url("/alerts/rules/deep");
        let request = match method {
            "get" => server.client.get(url),
            "put" => server.client.put(url).json(&json!({ "kind": "queue_wait", "seconds": 5 })),
            _ => server.client.delete(url),
        };
        assert_eq!(drive.send(method, rule, request.header(header, tag)).await.status, status);
    }
    fire(server).await;
    drive.get("/alerts", "/alerts?status=firing&limit=1").await;
    drive.get("/alerts", "/alerts?status=burning").await;
    let id = server.get("/alerts").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    drive.get("/alerts/{id}", &format!("/alerts/{id}")).await;
    drive.get("/alerts/{id}", "/alerts/17").await;
    drive.delete(rule, "/alerts/rules/deep").await;
    drive.delete(rule, "/alerts/rules/deep").await;
}
