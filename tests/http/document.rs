//! The description of the API: it is the text at the root, every operation of it is driven, and every answer is one
//! that it names, with a body of the shape that it gives.

use std::collections::BTreeSet;

use faena::job::{Event, JobError, ResultRef};
use serde_json::{Value, json};

use crate::server::{Answer, Choice, Server};

#[test]
fn the_text_at_the_root_is_made_from_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let made = faena::http::openapi_yaml();
    assert!(!made.is_empty());
    assert!(kept.trim_end() == made.trim_end(), "openapi.yaml is out of date: cargo run -- openapi > openapi.yaml");
}

/// The description, and what of it was driven.
struct Document {
    value: Value,
    driven: BTreeSet<(String, String)>,
    answered: BTreeSet<(String, String, u16)>,
}

impl Document {
    fn new() -> Self {
        let value = serde_json::to_value(faena::http::openapi()).unwrap();
        Self { value, driven: BTreeSet::new(), answered: BTreeSet::new() }
    }

    fn operations(&self) -> BTreeSet<(String, String)> {
        let mut all = BTreeSet::new();
        for (path, item) in self.value["paths"].as_object().unwrap() {
            all.extend(item.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
        }
        all
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.value.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    /// Checks an answer against what the operation promises.
    fn check(&mut self, method: &str, path: &str, answer: &Answer) {
        let operation = &self.value["paths"][path][method];
        assert!(operation.is_object(), "{method} {path} is not described");
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{method} {path} does not name {}: {}", answer.status, answer.text);
        let response = self.resolve(response);
        for name in response["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
            let optional = ["Preference-Applied", "Idempotency-Replayed", "Retry-After"].contains(&name.as_str());
            assert!(optional || answer.headers.contains_key(name.as_str()), "{method} {path}: no {name}");
        }
        if let Some(content) = response["content"].as_object() {
            let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap();
            let media = content.get(kind).or_else(|| content.get("*/*"));
            let media = media.unwrap_or_else(|| panic!("{method} {path} does not name {kind}"));
            if kind == "application/json" {
                self.validate(&media["schema"], &answer.json(), &format!("{method} {path} {}", answer.status));
            }
        } else {
            assert_eq!(answer.text, "", "{method} {path}");
        }
        self.driven.insert((method.to_owned(), path.to_owned()));
        self.answered.insert((method.to_owned(), path.to_owned(), answer.status));
    }

    fn validate(&self, schema: &Value, body: &Value, what: &str) {
        let schema = json!({ "allOf": [schema], "components": self.value["components"] });
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let faults: Vec<_> = validator.iter_errors(body).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{what}: {faults:#?}\n{body:#}");
    }
}

/// Drives `server`, and has each answer checked.
pub struct Drive<'a> {
    pub server: &'a Server,
    document: Document,
}

impl Drive<'_> {
    pub async fn get(&mut self, template: &str, path: &str) -> Answer {
        let answer = self.server.get(path).await;
        self.document.check("get", template, &answer);
        answer
    }

    pub async fn post(&mut self, template: &str, path: &str, body: Option<Value>) -> Answer {
        let answer = match body {
            Some(body) => self.server.post(path, body).await,
            None => self.server.poke(path).await,
        };
        self.document.check("post", template, &answer);
        answer
    }

    pub async fn put(&mut self, template: &str, path: &str, body: Value) -> Answer {
        let answer = self.server.put(path, body).await;
        self.document.check("put", template, &answer);
        answer
    }

    pub async fn patch(&mut self, template: &str, path: &str, body: Value) -> Answer {
        self.send("patch", template, self.server.client.patch(self.server.url(path)).json(&body)).await
    }

    pub async fn send(&mut self, method: &str, template: &str, request: reqwest::RequestBuilder) -> Answer {
        let answer = self.server.send(request).await;
        self.document.check(method, template, &answer);
        answer
    }

    pub async fn delete(&mut self, template: &str, path: &str) -> Answer {
        let answer = self.server.delete(path).await;
        self.document.check("delete", template, &answer);
        answer
    }
}

#[actix_web::test]
async fn every_operation_answers_as_it_is_described() {
    let mut choice = Choice::default();
    choice.service.queue_depth_max = 12;
    let server = Server::with(choice);
    let mut drive = Drive { server: &server, document: Document::new() };
    // While the queue has room.
    crate::document_alerts::drive(&mut drive).await;
    crate::document_workers::drive(&mut drive).await;
    jobs(&mut drive).await;
    one_job(&mut drive).await;
    results(&mut drive).await;
    dead_letters(&mut drive).await;
    crate::document_schedules::drive(&mut drive).await;
    locks_and_states(&mut drive).await;
    others(&mut drive).await;
    crate::subscriptions::drive(&mut drive).await;
    crate::document_keys::drive(&mut drive).await;
    let missed: Vec<_> = drive.document.operations().difference(&drive.document.driven).cloned().collect();
    assert!(missed.is_empty(), "not driven: {missed:?}");
    for (method, path, status) in [
        ("post", "/jobs", 200),
        ("post", "/jobs", 202),
        ("post", "/jobs", 400),
        ("post", "/jobs", 409),
        ("post", "/jobs", 413),
        ("post", "/jobs", 415),
        ("post", "/jobs", 422),
        ("post", "/jobs", 429),
        ("get", "/jobs/{id}", 304),
        ("get", "/jobs/{id}", 404),
        ("get", "/jobs/{id}/result", 302),
        ("get", "/jobs/{id}/result", 410),
        ("delete", "/jobs/{id}", 409),
        ("get", "/jobs", 414),
        ("get", "/jobs", 431),
        ("get", "/health/ready", 503),
        ("post", "/schedules", 400),
        ("post", "/schedules", 409),
        ("post", "/schedules", 422),
        ("get", "/schedules/{id}", 304),
        ("patch", "/schedules/{id}", 412),
        ("post", "/schedules/{id}/execute", 429),
        ("put", "/alerts/rules/{name}", 412),
    ] {
        let answered = (method.to_owned(), path.to_owned(), status);
        assert!(drive.document.answered.contains(&answered), "{answered:?} was not driven");
    }
}

async fn jobs(drive: &mut Drive<'_>) {
    let noop = json!({ "subType": "noop", "payload": {} });
    let unique = json!({ "subType": "noop", "payload": {}, "uniqueKey": "k" });
    drive.post("/jobs", "/jobs", Some(noop.clone())).await;
    drive.post("/jobs", "/jobs", Some(unique.clone())).await;
    drive.post("/jobs", "/jobs", Some(unique)).await;
    drive.post("/jobs", "/jobs", Some(json!({ "subType": 3 }))).await;
    drive.post("/jobs", "/jobs", Some(json!({ "subType": "nope", "payload": {} }))).await;
    drive.post("/jobs", "/jobs", None).await;
    let server = drive.server;
    let mut huge = server.client.post(server.url("/jobs")).header("content-type", "application/json");
    huge = huge.body(vec![b' '; 33 * 1024 * 1024]);
    if let Ok(answer) = huge.send().await {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let answer = Answer { status, headers, text: answer.text().await.unwrap() };
        drive.document.check("post", "/jobs", &answer);
    }
    drive.post("/jobs/batch", "/jobs/batch", Some(json!([noop, noop]))).await;
    drive.post("/jobs/batch", "/jobs/batch", Some(json!([noop, 3]))).await;
    drive.get("/jobs", "/jobs?limit=1").await;
    drive.get("/jobs", "/jobs?limit=0").await;
    drive.get("/jobs", &format!("/jobs?q={}", "x".repeat(9_000))).await;
    let header = server.send(server.client.get(server.url("/jobs")).header("x-note", "n".repeat(17_000))).await;
    drive.document.check("get", "/jobs", &header);
    drive
        .post(
            "/jobs",
            "/jobs",
            Some(json!({ "subType": "noop", "payload": {}, "delaySeconds": 3600, "userId": "u",
        "priority": "low", "tags": ["t"], "estimatedDuration": "soon" })),
        )
        .await;
    for _ in 0..8 {
        drive.post("/jobs", "/jobs", Some(noop.clone())).await;
    }
    drive.delete("/jobs", "/jobs").await;
    drive.delete("/jobs", "/jobs?all=true").await;
    drive.post("/jobs/retry", "/jobs/retry?subType=noop", None).await;
    drive.delete("/jobs", "/jobs?status=queued").await;
    let request = server.client.post(server.url("/jobs")).header("Prefer", "wait=9").json(&noop);
    let held = server.send(request);
    let work = async {
        let mut claimed = server.claim(1).await;
        while claimed.is_empty() {
            tokio::task::yield_now().await;
            claimed = server.claim(1).await;
        }
        server.succeed(claimed[0].id, None).await;
    };
    let (held, ()) = futures_util::join!(held, work);
    drive.document.check("post", "/jobs", &held);
}

async fn one_job(drive: &mut Drive<'_>) {
    let server = drive.server;
    let id = server.job(json!({ "subType": "noop", "payload": {}, "userId": "u", "tags": ["t"] })).await;
    let path = |below: &str| format!("/jobs/{id}{below}");
    let look = drive.get("/jobs/{id}", &path("")).await;
    let known = server.client.get(server.url(&path(""))).header("If-None-Match", look.header("etag").unwrap());
    drive.document.check("get", "/jobs/{id}", &server.send(known).await);
    drive.get("/jobs/{id}", "/jobs/17").await;
    drive.get("/jobs/{id}/explain", &path("/explain")).await;
    drive.post("/jobs/{id}/retry", &path("/retry"), None).await;
    server.claim(1).await;
    drive.get("/jobs/{id}/explain", &path("/explain")).await;
    server.progress(id, 40, "on").await;
    drive.get("/jobs/{id}", &path("")).await;
    drive.get("/jobs/{id}/attempts", &path("/attempts")).await;
    let line = faena::store::LogLine { at: server.service.now(), epoch: 1, text: "hello".into() };
    server.service.store().append_log(vec![(id, line)]).await.unwrap();
    drive.get("/jobs/{id}/logs", &path("/logs")).await;
    drive.post("/jobs/{id}/retry", &path("/retry"), None).await;
    let error = JobError { kind: "x".into(), message: "y".into(), stack_trace: Some("z".into()) };
    server.happen(id, |epoch| Event::Failed { epoch, error, retryable: true, retry_after: None }).await;
    drive.get("/jobs/{id}", &path("")).await;
    drive.get("/jobs/{id}/attempts", &path("/attempts")).await;
    drive.get("/jobs/{id}/result", &path("/result")).await;
    drive.delete("/jobs/{id}", &path("")).await;
    drive.delete("/jobs/{id}", &path("")).await;
    drive.get("/jobs/{id}/events", &path("/events")).await;
}

async fn results(drive: &mut Drive<'_>) {
    let server = drive.server;
    let stored = ResultRef::Stored { content_type: "text/csv".into(), size: 3, key: "gone".into() };
    let results = [ResultRef::Url("data:text/plain,hi".into()), ResultRef::Url("https://example.com/x".into()), stored];
    for result in results {
        let id = server.noop().await;
        server.claim(1).await;
        server.succeed(id, Some(result)).await;
        drive.get("/jobs/{id}/result", &format!("/jobs/{id}/result")).await;
        drive.get("/jobs/{id}", &format!("/jobs/{id}")).await;
    }
    drive.get("/jobs", "/jobs?sort=createdAt&limit=500").await;
}

async fn dead_letters(drive: &mut Drive<'_>) {
    let (first, second) = (drive.server.dead().await, drive.server.dead().await);
    drive.get("/dead-letters", "/dead-letters").await;
    drive.post("/dead-letters/{id}/retry", &format!("/dead-letters/{first}/retry"), None).await;
    drive.post("/dead-letters/{id}/retry", &format!("/dead-letters/{first}/retry"), None).await;
    drive.delete("/dead-letters/{id}", &format!("/dead-letters/{second}")).await;
    drive.delete("/dead-letters/{id}", &format!("/dead-letters/{second}")).await;
    drive.post("/dead-letters/retry", "/dead-letters/retry", None).await;
    drive.delete("/dead-letters", "/dead-letters").await;
    drive.delete("/dead-letters", "/dead-letters?limit=2").await;
}

async fn locks_and_states(drive: &mut Drive<'_>) {
    let lock = "/locks/{name}";
    let wish = |owner: &str| json!({ "owner": owner, "ttlSeconds": 30 });
    for (owner, status) in [("ana", 201), ("ana", 200), ("bob", 409), ("", 400)] {
        assert_eq!(drive.put(lock, "/locks/sync", wish(owner)).await.status, status);
    }
    drive.get(lock, "/locks/sync").await;
    drive.get(lock, "/locks/none").await;
    for path in ["/locks/sync", "/locks/sync?owner=bob", "/locks/sync?owner=ana", "/locks/sync?fencingToken=1"] {
        drive.delete(lock, path).await;
    }
    let state = "/state/{name}";
    for (value, status) in [(json!({ "a": [1, null] }), 201), (Value::Null, 200)] {
        assert_eq!(drive.put(state, "/state/block", json!({ "value": value })).await.status, status);
        drive.get(state, "/state/block").await;
    }
    let server = drive.server;
    for (method, tag, status) in [("put", "\"0\"", 412), ("get", "*", 304), ("delete", "\"0\"", 412)] {
        let request = match method {
            "put" => server.client.put(server.url("/state/block")).header("If-Match", tag).json(&json!({ "value": 1 })),
            "get" => server.client.get(server.url("/state/block")).header("If-None-Match", tag),
            _ => server.client.delete(server.url("/state/block")).header("If-Match", tag),
        };
        let answer = server.send(request).await;
        assert_eq!(answer.status, status);
        drive.document.check(method, state, &answer);
    }
    drive.delete(state, "/state/block").await;
    drive.delete(state, "/state/block").await;
    drive.get(state, "/state/block").await;
}

async fn others(drive: &mut Drive<'_>) {
    drive.get("/processors", "/processors").await;
    for switch in ["pause", "resume"] {
        let template = format!("/processors/{{subType}}/{switch}");
        drive.post(&template, &format!("/processors/noop/{switch}"), None).await;
        drive.post(&template, &format!("/processors/nope/{switch}"), None).await;
    }
    for path in [
        "/jobs/statistics/overview",
        "/jobs/status",
        "/dashboard/data",
        "/nodes",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/openapi.yaml",
        "/",
    ] {
        drive.get(path, path).await;
        drive.get(path, &format!("{path}?nonsense=1")).await;
    }
    drive.post("/cleanup", "/cleanup", Some(json!({ "olderThanSeconds": 1 }))).await;
    drive.post("/cleanup", "/cleanup", Some(json!({ "olderThan": 1 }))).await;
    // A stream ends when the server is about to, and so does its answer.
    drive.server.service.closing().cancel();
    drive.get("/events", "/events").await;
    drive.get("/health/ready", "/health/ready").await;
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_is_named_once() {
    let document = Document::new();
    let mut open = vec![&document.value];
    while let Some(value) = open.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            assert!(document.value.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        match value {
            Value::Object(fields) => open.extend(fields.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    for (method, path) in document.operations() {
        let operation = &document.value["paths"][&path][&method];
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{method} {path}");
    }
}

#[test]
fn every_example_is_valid() {
    let document = Document::new();
    for (path, item) in document.value["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let bodies = operation["requestBody"]["content"].as_object();
            let answers = operation["responses"].as_object().unwrap().values();
            let answers = answers.filter_map(|answer| document.resolve(answer)["content"].as_object());
            for (kind, media) in bodies.into_iter().chain(answers).flatten() {
                if kind == "application/json" && !media["example"].is_null() {
                    document.validate(&media["schema"], &media["example"], &format!("{method} {path}"));
                }
            }
        }
    }
}
