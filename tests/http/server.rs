//! A server on a port of its own, and a hand that works on its jobs.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use faena::clock::Clock;
use faena::http;
use faena::http::server::Options;
use faena::job::{Event, Holder, Job, JobError, JobId, ResultRef, decide};
use faena::service::{Parts, Service, Settings};
use faena::store::embedded::{Durability, Embedded, Open};
use faena::store::observed::{Histories, Metrics, Observed};
use faena::store::results::Memory;
use faena::store::{Claim, Committed, Schedules, Store};
use faena::watch::Hub;
use faena::work::{Completion, Context, Failure, NoPayload, Processor, Registry};
use serde_json::Value;

/// A server; it stops when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub service: Arc<Service>,
    pub schedules: Arc<dyn Schedules>,
    pub results: Arc<Memory>,
    pub client: reqwest::Client,
    handle: actix_web::dev::ServerHandle,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The answer's status, its code, and that it has the envelope of an error.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(body["success"], false, "{body}");
        assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        assert!(body["details"].is_array(), "{body}");
        assert_eq!(self.header("x-request-id"), body["requestId"].as_str(), "{body}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        (self.status, body["code"].as_str().unwrap().to_owned())
    }

    /// The fields that a refusal names.
    pub fn fields(&self) -> Vec<String> {
        let body = self.json();
        let details = body["details"].as_array().unwrap().iter();
        details.map(|detail| detail["field"].as_str().unwrap().to_owned()).collect()
    }
}

/// What a test may choose.
#[derive(Default)]
pub struct Choice {
    pub service: Settings,
    pub http: http::Settings,
    pub clock: Clock,
    pub hub: Arc<Hub>,
    pub connections: Option<usize>,
}

impl Server {
    pub fn start() -> Self {
        Self::with(Choice::default())
    }

    pub fn with(choice: Choice) -> Self {
        let engine = Arc::new(Embedded::memory_telling(choice.hub.ready().clone()));
        Self::on_both(engine.clone(), engine, choice)
    }

    /// On a store in a folder that outlives it.
    pub fn on_disk(folder: &std::path::Path, choice: Choice) -> Self {
        let open = Open { path: folder.join("faena.db"), durability: Durability::Full };
        let (now, told) = (choice.clock.now(), choice.hub.ready().clone());
        // Opening waits for the disk, which the thread of a runtime must not.
        let engine = std::thread::spawn(move || Embedded::open_telling(&open, now, told).unwrap()).join().unwrap();
        let engine = Arc::new(engine);
        Self::on_both(engine.clone(), engine, choice)
    }

    /// On a store of the test's own, which keeps no schedules.
    pub fn on(store: Arc<dyn Store>, choice: Choice) -> Self {
        Self::on_both(store, Arc::new(Embedded::memory()), choice)
    }

    fn on_both(store: Arc<dyn Store>, schedules: Arc<dyn Schedules>, choice: Choice) -> Self {
        let results = Arc::new(Memory::default());
        let parts = parts_on(choice.hub, store, schedules.clone(), results.clone(), choice.clock, choice.service);
        let service = Arc::new(Service::new(parts));
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let options =
            Options { settings: choice.http, workers: Some(1), connections: choice.connections, ..Options::default() };
        let (told, heard) = std::sync::mpsc::channel();
        let served = service.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = http::server::serve(served, listener, options).unwrap();
                told.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        let handle = heard.recv().unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        Self { address, service, schedules, results, client, handle }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned();
        Answer { status, headers, text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(self.url(path))).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.client.delete(self.url(path))).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.client.put(self.url(path)).json(&body)).await
    }

    /// A POST without a body.
    pub async fn poke(&self, path: &str) -> Answer {
        self.send(self.client.post(self.url(path))).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.client.post(self.url(path)).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.client.patch(self.url(path)).json(&body)).await
    }

    /// A schedule that must be made, as it is shown then. What is left out is a `noop` at two in the morning.
    pub async fn schedule(&self, name: &str, more: Value) -> Value {
        let mut body = serde_json::json!({ "name": name, "subType": "noop", "cronExpression": "0 2 * * *" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.post("/schedules", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["data"].clone()
    }

    /// A POST of any text that claims to be JSON.
    pub async fn post_text(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.client.post(self.url(path)).header("content-type", "application/json").body(body)).await
    }

    /// Posts a job that must be accepted.
    pub async fn job(&self, body: Value) -> JobId {
        let answer = self.post("/jobs", body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["data"]["jobId"].as_str().unwrap().parse().unwrap()
    }

    pub async fn noop(&self) -> JobId {
        self.job(serde_json::json!({ "subType": "noop", "payload": {} })).await
    }

    /// Takes what may run now, as a worker would.
    pub async fn claim(&self, max: usize) -> Vec<Arc<Job>> {
        let sub_types = self.service.registry().iter().map(|entry| entry.sub_type.clone()).collect();
        let claim = Claim { holder: self.service.node().clone(), sub_types, max, lease: None };
        self.service.store().claim(claim, self.service.now()).await.unwrap().jobs
    }

    /// Has something happen to a job.
    pub async fn happen(&self, id: JobId, event: impl FnOnce(u32) -> Event) -> Arc<Job> {
        let job = self.service.job(id).await.unwrap();
        let now = self.service.now();
        let step = decide(&job, event(job.life.epoch), now).unwrap();
        match self.service.store().commit(vec![step], now).await.unwrap().remove(0) {
            Committed::Applied { job, .. } => job,
            other => panic!("{other:?}"),
        }
    }

    pub async fn progress(&self, id: JobId, percent: u8, message: &str) -> Arc<Job> {
        self.happen(id, |epoch| Event::Progressed { epoch, percent, message: Some(message.into()) }).await
    }

    pub async fn succeed(&self, id: JobId, result: Option<ResultRef>) -> Arc<Job> {
        self.happen(id, |epoch| Event::Succeeded { epoch, result, follow_ups: Vec::new() }).await
    }

    /// Fails a job for good.
    pub async fn fail(&self, id: JobId, message: &str) -> Arc<Job> {
        let error = JobError::new("error", message);
        self.happen(id, |epoch| Event::Failed { epoch, error, retryable: false, retry_after: None }).await
    }

    /// A dead letter, from its request to its end.
    pub async fn dead(&self) -> JobId {
        let id = self.noop().await;
        self.claim(1).await;
        self.fail(id, "no luck").await;
        id
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.service.closing().cancel();
        // The command is on its way when this returns; nobody waits for the end.
        drop(self.handle.stop(false));
    }
}

pub fn parts(
    inner: Arc<dyn Store>,
    schedules: Arc<dyn Schedules>,
    results: Arc<Memory>,
    clock: Clock,
    settings: Settings,
) -> Parts {
    parts_on(Arc::default(), inner, schedules, results, clock, settings)
}

/// The use cases alone, on a store in memory.
pub fn service(choice: Choice) -> Arc<Service> {
    let engine = Arc::new(Embedded::memory_telling(choice.hub.ready().clone()));
    Arc::new(Service::new(parts_on(choice.hub, engine.clone(), engine, Arc::default(), choice.clock, choice.service)))
}

fn parts_on(
    hub: Arc<Hub>,
    inner: Arc<dyn Store>,
    schedules: Arc<dyn Schedules>,
    results: Arc<Memory>,
    clock: Clock,
    settings: Settings,
) -> Parts {
    let (metrics, histories) = (Arc::<Metrics>::default(), Arc::<Histories>::default());
    let store = Observed::new(inner, Arc::clone(&hub), metrics.clone(), histories.clone());
    let node = Holder { node: JobId::new().to_string().into(), machine: "bench-3".into(), process: 4_711 };
    let schedules = Arc::new(store.schedules(schedules));
    Parts {
        store: Arc::new(store),
        schedules,
        hub,
        registry: registry(),
        results,
        clock,
        metrics,
        histories,
        node,
        settings,
    }
}

/// Mail to send, with rules that a payload can break.
#[derive(serde::Deserialize, schemars::JsonSchema, validator::Validate)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    #[validate(email)]
    pub to: String,
    #[validate(range(min = 1, max = 10))]
    #[serde(default = "one")]
    pub copies: u32,
}

fn one() -> u32 {
    1
}

struct Idle;

impl Processor for Idle {
    type Payload = NoPayload;

    fn run(&self, _: NoPayload, _: &Context) -> Result<Completion, Failure> {
        unreachable!("the tests work on jobs themselves")
    }
}

struct Post;

impl Processor for Post {
    type Payload = Mail;

    fn describe(&self) -> faena::work::Description {
        let summary = "sends mail";
        faena::work::Description { kind: Some("mail"), summary, timeout: Some(Duration::from_secs(9)), retry: None }
    }

    fn run(&self, _: Mail, _: &Context) -> Result<Completion, Failure> {
        unreachable!("the tests work on jobs themselves")
    }
}

pub fn registry() -> Registry {
    Registry::new().blocking("noop", Idle).blocking("send_mail", Post)
}
