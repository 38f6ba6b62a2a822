//! Jobs that schedules make: by hand, for a time that has passed, and how they are told.

use faena::job::{Event, JobError};
use faena::store::LogLine;
use serde_json::{Value, json};

use crate::schedules::at_noon;
use crate::server::Server;

async fn execute(server: &Server, name: &str) -> faena::job::JobId {
    let answer = server.poke(&format!("/schedules/{name}/execute")).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["data"]["jobId"].as_str().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn a_job_by_hand_is_accepted_like_any_other() {
    let (server, _) = at_noon();
    let terms =
        json!({ "subType": "send_mail", "payload": { "to": "a@b.co" }, "priority": "high", "createdBy": "ana" });
    let schedule = server.schedule("a", terms).await;
    server.poke("/schedules/a/disable").await;
    let answer = server.poke("/schedules/a/execute").await;
    assert_eq!(answer.status, 202, "also of a schedule that is disabled: {answer:?}");
    let id = answer.json()["data"]["jobId"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), Some(format!("/jobs/{id}").as_str()));
    assert!(answer.header("retry-after").is_some());
    let job = server.get(&format!("/jobs/{id}")).await.json();
    assert_eq!((&job["scheduleId"], &job["userId"]), (&schedule["id"], &json!("ana")));
    assert_eq!((&job["type"], &job["priority"]), (&json!("mail"), &json!("high")));
    let other = server.post("/schedules/a/execute", json!({ "payload": { "to": "c@d.co" } })).await;
    assert_eq!(other.status, 202, "{other:?}");
    let claimed = server.claim(9).await;
    assert_eq!(claimed.len(), 1, "they follow each other, unless the schedule lets them overlap");
    for (body, field) in [
        (json!({ "payload": { "to": "nobody" } }), "payload.to"),
        (json!({ "payload": 3 }), "payload"),
        (json!({ "playload": {} }), "playload"),
    ] {
        let answer = server.post("/schedules/a/execute", body.clone()).await;
        assert_eq!((answer.error().0, answer.fields()), (400, vec![field.to_owned()]), "{body}");
    }
    let text = server.client.post(server.url("/schedules/a/execute")).body("{}");
    assert_eq!(server.send(text).await.error().0, 415);
    let shown = server.get("/schedules/a").await.json();
    assert_eq!((&shown["totalExecutions"], &shown["lastExecutionStatus"]), (&json!(2), &json!("queued")));
}

#[actix_web::test]
async fn the_answer_is_held_until_the_job_has_finished_if_that_is_preferred() {
    let server = Server::start();
    server.schedule("a", json!({})).await;
    let held = server.send(server.client.post(server.url("/schedules/a/execute")).header("Prefer", "wait=30"));
    let mut changes = server.service.hub().changes(None).unwrap();
    let work = async {
        changes.next().await.unwrap();
        let jobs = server.claim(1).await;
        server.succeed(jobs[0].id, None).await
    };
    let (answer, job) = futures_util::join!(held, work);
    assert_eq!((answer.status, answer.json()["jobId"].clone()), (200, json!(job.id.to_string())));
    let shown = server.get("/schedules/a").await.json();
    assert_eq!(
        (&shown["lastExecutionStatus"], &shown["lastExecutionOutcome"]),
        (&json!("completed"), &json!("success"))
    );
    assert_eq!((&shown["successfulExecutions"], &shown["failedExecutions"]), (&json!(1), &json!(0)));
    assert!(shown["averageDurationMs"].is_u64());
}

#[actix_web::test]
async fn an_execution_has_every_field_of_its_history() {
    let (server, _) = at_noon();
    let schedule =
        server.schedule("a", json!({ "retryPolicy": { "maxRetries": 1, "retryDelay": 0, "jitter": 0 } })).await;
    let id = execute(&server, "a").await;
    let look = async || server.get(&format!("/executions/{id}")).await.json();
    let waiting = look().await;
    for (field, value) in [
        ("jobId", json!(id.to_string())),
        ("scheduleId", schedule["id"].clone()),
        ("scheduledFor", json!(null)),
        ("status", json!("queued")),
        ("output", json!([])),
        ("isRetry", json!(false)),
        ("retryAttempt", json!(0)),
        ("outcome", json!(null)),
        ("machineName", json!(null)),
    ] {
        assert_eq!(waiting[field], value, "{field}");
    }
    let fault = || JobError { kind: "broken".into(), message: "no luck".into(), stack_trace: Some("at line 3".into()) };
    for retryable in [true, false] {
        assert_eq!(server.claim(1).await.len(), 1);
        let line = |text: String| LogLine { at: server.service.now(), epoch: 1, text: text.into() };
        let lines = (0..12).map(|n| (id, line(format!("line {n}")))).collect();
        server.service.store().append_log(lines).await.unwrap();
        let event = |epoch| Event::Failed { epoch, error: fault(), retryable, retry_after: None };
        server.happen(id, event).await;
    }
    let ended = look().await;
    for (field, value) in [
        ("status", json!("failed")),
        ("isRetry", json!(true)),
        ("retryAttempt", json!(1)),
        ("outcome", json!("failed")),
        ("error", json!({ "kind": "broken", "message": "no luck", "stackTrace": "at line 3" })),
        ("machineName", json!("bench-3")),
        ("processId", json!(4_711)),
    ] {
        assert_eq!(ended[field], value, "{field}");
    }
    assert!(
        ended["startedAt"].is_string() && ended["completedAt"].is_string() && ended["durationMs"].is_u64(),
        "{ended}"
    );
    let output = ended["output"].as_array().unwrap();
    assert_eq!((output.len(), &output[0], &output[23]), (24, &json!("line 0"), &json!("line 11")));
    let listed = server.get("/executions").await.json()["data"][0].clone();
    let last: Vec<Value> = (2..12).map(|n| json!(format!("line {n}"))).collect();
    assert_eq!(listed["output"], json!(last), "a list has the last lines");
    let shown = server.get("/schedules/a").await.json();
    assert_eq!((&shown["lastExecutionError"], &shown["failuresInARow"]), (&json!("no luck"), &json!(1)));
    assert_eq!((&shown["lastExecutionId"], &shown["lastExecutionAt"]), (&ended["jobId"], &ended["createdAt"]));
}

#[actix_web::test]
async fn executions_are_filtered_and_cut_as_jobs_are() {
    let (server, _) = at_noon();
    server.noop().await;
    for name in ["a", "b"] {
        server.schedule(name, json!({ "overlapPolicy": "allow" })).await;
    }
    let made = [execute(&server, "a").await, execute(&server, "b").await, execute(&server, "a").await];
    let list = async |path: &str| {
        let list = server.get(path).await.json();
        let ids = list["data"].as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap().parse().unwrap());
        ids.collect::<Vec<faena::job::JobId>>()
    };
    assert_eq!(list("/executions").await, [made[2], made[1], made[0]], "what no schedule made is not among them");
    assert_eq!(list("/schedules/a/executions?sort=createdAt").await, [made[0], made[2]]);
    assert_eq!(list("/executions?limit=1&offset=1").await, [made[1]]);
    let b = server.get("/schedules/b").await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(list(&format!("/executions?scheduleId={b}")).await, [made[1]]);
    assert_eq!(list(&format!("/schedules/{b}/executions")).await, [made[1]]);
    assert_eq!(list("/executions?status=failed").await, []);
    let page = server.get("/executions?limit=2&sort=createdAt").await.json();
    assert_eq!((&page["pagination"]["total"], &page["pagination"]["hasMore"]), (&json!(3), &json!(true)));
    let cursor = page["nextCursor"].as_str().unwrap();
    assert_eq!(list(&format!("/executions?sort=createdAt&cursor={cursor}")).await, [made[2]]);
    for (path, field) in [
        ("/executions?status=done", "status"),
        ("/executions?limit=501", "limit"),
        ("/executions?page=2", "page"),
        ("/schedules/a/executions?scheduleId=b", "scheduleId"),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.error().0, answer.fields()), (400, vec![field.to_owned()]), "{path}");
    }
}

#[actix_web::test]
async fn a_time_that_has_passed_is_made_up_for_once_it_is_asked_for() {
    let (server, _) = at_noon();
    server.schedule("a", json!({ "cronExpression": "0 */6 * * *", "timezone": "Europe/Berlin" })).await;
    let path = "/schedules/a/backfill";
    let day = json!({ "from": "2026-11-22T23:00:00Z", "until": "2026-11-23T22:59:59Z" });
    let answer = server.post(path, day).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let ids: Vec<_> = answer.json()["data"].as_array().unwrap().iter().map(|job| job["jobId"].clone()).collect();
    let listed = server.get("/schedules/a/executions?sort=createdAt").await.json();
    let told: Vec<_> = listed["data"].as_array().unwrap().iter().map(|job| job["scheduledFor"].clone()).collect();
    let hours = ["22T23", "23T05", "23T11", "23T17"].map(|hour| json!(format!("2026-11-{hour}:00:00.000Z")));
    assert_eq!(told, hours);
    assert_eq!(ids.len(), 4);
    for (body, field) in [
        (json!({}), vec!["from", "until"]),
        (json!({ "from": "x", "until": "y" }), vec!["from", "until"]),
        (json!({ "from": "2026-11-23T00:00:00Z", "until": "2026-11-22T00:00:00Z" }), vec!["from"]),
        (json!({ "from": "2026-11-23T00:00:00Z", "until": "2026-11-25T00:00:00Z" }), vec!["until"]),
        (json!({ "from": "2020-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z" }), vec!["until"]),
        (json!({ "from": "2026-11-22T23:00:00Z", "until": "2026-11-23T22:59:59Z", "most": 3 }), vec!["until"]),
        (json!({ "from": "2026-11-22T23:00:00Z", "until": "2026-11-23T22:59:59Z", "most": 0 }), vec!["most"]),
    ] {
        let answer = server.post(path, body.clone()).await;
        let fields: Vec<_> = field.into_iter().map(str::to_owned).collect();
        assert_eq!((answer.error().0, answer.fields()), (400, fields), "{body}");
    }
    let nothing = json!({ "from": "2026-11-23T01:00:00Z", "until": "2026-11-23T02:00:00Z" });
    assert_eq!(server.post(path, nothing).await.json()["data"], json!([]));
    assert_eq!(server.get("/executions").await.json()["pagination"]["total"], 4);
}
