//! The part of the description that is about workers of other processes, operation by operation.

use serde_json::json;

use crate::document::Drive;

pub async fn drive(drive: &mut Drive<'_>) {
    let new = json!({ "name": "gpu-3/4711", "subTypes": ["resize_image"], "concurrency": 9 });
    let worker = drive.post("/workers", "/workers", Some(new)).await.json()["data"]["workerId"].clone();
    let worker = worker.as_str().unwrap();
    drive.post("/workers", "/workers", Some(json!({ "name": "w" }))).await;
    let mut leases = Vec::new();
    let (lease, at) = ("/workers/{id}/lease", format!("/workers/{worker}/lease"));
    drive.post(lease, &at, None).await;
    for _ in 0..5 {
        drive.server.job(json!({ "subType": "resize_image", "payload": { "n": 1 } })).await;
    }
    let jobs = drive.post(lease, &at, Some(json!({ "max": 5, "waitSeconds": 1 }))).await.json()["data"].clone();
    leases.extend(jobs.as_array().unwrap().iter().map(|job| job["leaseToken"].as_str().unwrap().to_owned()));
    drive.post(lease, &at, Some(json!({ "max": 0 }))).await;
    drive.post(lease, "/workers/nobody/lease", None).await;
    let (path, at) = ("/leases/{token}/result", format!("/leases/{}/result", leases[0]));
    for (at, body) in [(&*at, "a,b\n"), (&*at, ""), ("/leases/nothing/result", "")] {
        let server = drive.server;
        let upload = server.client.put(server.url(at)).header("content-type", "text/csv").body(body);
        drive.send("put", path, upload).await;
    }
    let of = |index: usize, kind: &str| json!({ "leaseToken": leases[index], "kind": kind });
    let with = |index, kind, field: &str, value| {
        let mut report = of(index, kind);
        report[field] = value;
        report
    };
    let reports = json!([
        of(0, "heartbeat"),
        with(1, "progress", "progress", json!(7.5)),
        with(1, "log", "lines", json!(["a"])),
        with(1, "state", "state", json!(null)),
        with(1, "complete", "result", json!([1, null])),
        with(2, "fail", "error", json!({ "message": "m", "kind": "k", "stackTrace": "s", "retryable": false })),
        with(3, "complete", "resultUrl", json!("https://example.com/x")),
        of(0, "complete"),
        of(0, "release"),
        of(4, "complete"),
    ]);
    let (path, at) = ("/workers/{id}/reports", format!("/workers/{worker}/reports"));
    drive.post(path, &at, Some(json!({ "reports": reports }))).await;
    drive.post(path, &at, Some(json!({ "reports": [{}] }))).await;
    drive.post(path, "/workers/nobody/reports", Some(json!({ "reports": [] }))).await;
    let late = drive.server.client.put(drive.server.url(&format!("/leases/{}/result", leases[0]))).body("late");
    drive.send("put", "/leases/{token}/result", late).await;
    drive.get("/workers", "/workers").await;
    drive.get("/workers", "/workers?x=1").await;
    drive.get("/processors", "/processors").await;
    for _ in 0..2 {
        drive.delete("/workers/{id}", &format!("/workers/{worker}")).await;
    }
}
