//! A server that answers what a test says, and remembers what it was asked.

use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET /jobs?limit=20`.
    pub line: String,
    /// Headers by their name in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An answer.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Self {
        Self::bytes(status, "application/json", body.to_string())
    }

    pub fn bytes(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// A refusal in the contract's envelope.
    pub fn refusal(status: u16, code: &str, sentence: &str) -> Self {
        Self::json(status, json!({ "success": false, "error": sentence, "code": code, "requestId": "req-1" }))
    }
}

type Answerer = dyn Fn(&Asked) -> Reply + Send + Sync;
type Shared = (Arc<Mutex<Vec<Asked>>>, Arc<Answerer>);

/// The running server; it stops when it is dropped.
pub struct Fake {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    handle: ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Fake {
    pub fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (state, answer): (_, Arc<Answerer>) = (asked.clone(), Arc::new(answer));
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let state = web::Data::new((state, answer));
                let server =
                    HttpServer::new(move || App::new().app_data(state.clone()).default_service(web::to(serve)))
                        .workers(1)
                        .disable_signals()
                        .bind(("127.0.0.1", 0))
                        .unwrap();
                let url = format!("http://{}", server.addrs()[0]);
                let running = server.run();
                tell.send((url, running.handle())).unwrap();
                running.await.unwrap();
            });
        });
        let (url, handle) = told.recv().unwrap();
        Self { url, asked, handle, thread: Some(thread) }
    }

    /// A server that gives one answer to everything.
    pub fn always(status: u16, body: Value) -> Self {
        Self::start(move |_| Reply::json(status, body.clone()))
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    /// The request lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // The request to stop is sent by the call itself; its future only waits.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(request: HttpRequest, body: web::Bytes, state: web::Data<Shared>) -> HttpResponse {
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let headers = request.headers().iter();
    let asked = Asked {
        line: format!("{} {target}", request.method()),
        headers: headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect(),
        body: body.to_vec(),
    };
    let reply = (state.1)(&asked);
    state.0.lock().push(asked);
    let mut response = HttpResponse::build(StatusCode::from_u16(reply.status).unwrap());
    for header in reply.headers {
        response.insert_header(header);
    }
    response.body(reply.body)
}

/// A job of the contract, with some of its fields changed.
pub fn job(changes: Value) -> Value {
    let mut job = json!({
        "jobId": ID, "status": "queued", "type": "sleep", "subType": "sleep", "priority": "normal", "progress": 0,
        "message": null, "createdAt": "2026-11-24T07:00:00.000Z", "startedAt": null, "completedAt": null,
        "runAt": null, "estimatedDuration": null, "estimatedRemainingSeconds": null, "resultUrl": null,
        "error": null, "attempt": 0, "maxAttempts": 4, "userId": null, "tags": [], "scheduleId": null,
        "durationMs": null, "machineName": null, "processId": null
    });
    let fields = job.as_object_mut().unwrap();
    fields.extend(changes.as_object().unwrap().clone());
    job
}

pub const ID: &str = "01980f5e-5f5a-7d3c-9c0e-1b2a3c4d5e6f";

/// The envelope of an accepted job.
pub fn acceptance() -> Value {
    json!({
        "success": true,
        "data": {
            "jobId": ID, "status": "queued", "type": "sleep", "subType": "sleep", "priority": "normal",
            "createdAt": "2026-11-24T07:00:00.000Z", "estimatedDuration": null, "progress": 0
        },
        "message": "accepted"
    })
}

/// A page of jobs.
pub fn page(jobs: &[Value], total: usize) -> Value {
    json!({
        "success": true, "data": jobs, "message": "jobs",
        "pagination": { "total": total, "limit": 20, "offset": 0, "hasMore": total > jobs.len() },
        "nextCursor": if total > jobs.len() { json!("abc") } else { json!(null) }
    })
}
