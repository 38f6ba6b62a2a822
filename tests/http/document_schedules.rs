//! The part of the description that is about schedules, operation by operation.

use serde_json::json;

use crate::document::Drive;

pub async fn drive(drive: &mut Drive<'_>) {
    let path = "/schedules/validate/cron";
    let question = json!({ "cronExpression": "30 2 * * *", "timezone": "Europe/Berlin", "count": 400 });
    drive.post(path, path, Some(question)).await;
    drive.post(path, path, Some(json!({ "cronExpression": "0 0 30 2 *" }))).await;
    many(drive).await;
    one(drive).await;
    fired(drive).await;
}

async fn many(drive: &mut Drive<'_>) {
    let whole = json!({
        "name": "all of it", "description": "d", "subType": "send_mail", "type": "mail", "payload": { "to": "a@b.co" },
        "cronExpression": "0 0 2 * * MON", "timezone": "Europe/Berlin", "priority": "low",
        "retryPolicy": { "maxRetries": 1 }, "timeoutSeconds": 1.5, "enabled": true, "misfirePolicy": "fire_all",
        "misfireBound": 7, "overlapPolicy": "queue", "dstPolicy": { "fold": "both" }, "singleton": true,
        "startAt": "2027-01-01T00:00:00Z", "endAt": "2028-01-01T00:00:00Z", "jitterSeconds": 5, "notifyOnFailure": true,
        "notificationEmails": ["ops@example.com"], "createdBy": "ana",
    });
    drive.post("/schedules", "/schedules", Some(whole.clone())).await;
    drive.post("/schedules", "/schedules", Some(whole)).await;
    let least = json!({ "name": "least", "subType": "noop", "cronExpression": "@daily" });
    drive.post("/schedules", "/schedules", Some(least)).await;
    drive.post("/schedules", "/schedules", Some(json!({ "name": "x" }))).await;
    let unknown = json!({ "name": "y", "subType": "nope", "cronExpression": "@daily" });
    drive.post("/schedules", "/schedules", Some(unknown)).await;
    drive.get("/schedules", "/schedules?sort=nextExecutionAt&limit=1").await;
    drive.get("/schedules", "/schedules?sort=x").await;
}

async fn one(drive: &mut Drive<'_>) {
    let (one, least) = ("/schedules/{id}", "/schedules/least");
    let tag = drive.get(one, least).await.header("etag").unwrap().to_owned();
    let server = drive.server;
    let known = server.client.get(server.url(least)).header("If-None-Match", &tag);
    drive.send("get", one, known).await;
    drive.get(one, "/schedules/nobody").await;
    let terms = json!({ "name": "least", "subType": "noop", "cronExpression": "@hourly" });
    drive.put(one, least, terms).await;
    let late = server.client.patch(server.url(least)).header("If-Match", &tag).json(&json!({ "priority": "high" }));
    drive.send("patch", one, late).await;
    drive.patch(one, least, json!({ "priority": "high" })).await;
    drive.patch(one, least, json!({ "priority": "urgent" })).await;
    drive.patch(one, least, json!({ "name": "all of it" })).await;
    for switch in ["disable", "enable"] {
        let template = format!("/schedules/{{id}}/{switch}");
        drive.post(&template, &format!("{least}/{switch}"), None).await;
        drive.send("put", &template, server.client.put(server.url(&format!("{least}/{switch}")))).await;
    }
    drive.post("/schedules/{id}/pause", &format!("{least}/pause"), None).await;
    drive
        .post("/schedules/{id}/pause", &format!("{least}/pause"), Some(json!({ "until": "2020-01-01T00:00:00Z" })))
        .await;
    drive.post("/schedules/{id}/resume", &format!("{least}/resume"), None).await;
}

async fn fired(drive: &mut Drive<'_>) {
    let (execute, path) = ("/schedules/{id}/execute", "/schedules/all%20of%20it/execute");
    drive.server.client.delete(drive.server.url("/jobs?status=queued")).send().await.unwrap();
    let answer = drive.post(execute, path, None).await;
    let id = answer.json()["data"]["jobId"].as_str().unwrap().to_owned();
    drive.post(execute, path, Some(json!({ "payload": { "to": "nobody" } }))).await;
    drive.server.claim(1).await;
    drive.server.fail(id.parse().unwrap(), "no luck").await;
    drive.get("/schedules/{id}", "/schedules/all%20of%20it").await;
    let day = json!({ "from": "2026-01-01T00:00:00Z", "until": "2026-01-01T05:00:00Z" });
    drive.post("/schedules/{id}/backfill", "/schedules/least/backfill", Some(day)).await;
    let year = json!({ "from": "2025-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z" });
    drive.post("/schedules/{id}/backfill", "/schedules/least/backfill", Some(year)).await;
    drive.get("/executions", "/executions?limit=2").await;
    drive.get("/schedules/{id}/executions", "/schedules/least/executions?status=queued").await;
    drive.get("/executions/{id}", &format!("/executions/{id}")).await;
    drive.get("/executions/{id}", "/executions/17").await;
    let most = json!({ "from": "2026-01-01T00:00:00Z", "until": "2026-01-01T06:00:00Z" });
    drive.post("/schedules/{id}/backfill", "/schedules/least/backfill", Some(most)).await;
    for _ in 0..12 {
        drive.post(execute, path, None).await;
    }
    let prefer = drive.server.client.post(drive.server.url("/schedules/least/execute")).header("Prefer", "wait=1");
    drive.send("post", execute, prefer).await;
    drive.delete("/schedules/{id}", "/schedules/least").await;
    drive.delete("/schedules/{id}", "/schedules/least").await;
}
