//! A worker of another process, as far as the wire shows it.

use std::sync::Arc;
use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::service::Settings;
use faena::upkeep;
use faena::watch::Hub;
use serde_json::{Value, json};

use crate::server::{Answer, Choice, Server};

/// A server on which nobody else works, at a moment that stands still, with its clock.
pub fn start() -> (Server, Clock) {
    let (choice, clock) = choice();
    (Server::with(choice), clock)
}

pub fn choice() -> (Choice, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let service = Settings { runs_jobs: false, ..Settings::default() };
    (Choice { service, clock: clock.clone(), hub: Arc::new(Hub::default()), ..Choice::default() }, clock)
}

impl Server {
    /// Registers a worker; its id.
    pub async fn worker(&self, sub_types: &[&str], concurrency: u32) -> String {
        let body = json!({ "name": "gpu-3/4711", "subTypes": sub_types, "concurrency": concurrency });
        let answer = self.post("/workers", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["data"]["workerId"].as_str().unwrap().to_owned()
    }

    /// Jobs that a worker gets at once.
    pub async fn lease(&self, worker: &str, max: u32) -> Vec<Value> {
        let answer = self.post(&format!("/workers/{worker}/lease"), json!({ "max": max })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["data"].as_array().unwrap().clone()
    }

    /// The one job that is there for a worker.
    pub async fn lease_one(&self, worker: &str) -> Value {
        let mut jobs = self.lease(worker, 1).await;
        assert_eq!(jobs.len(), 1);
        jobs.remove(0)
    }

    pub async fn report(&self, worker: &str, reports: Value) -> Answer {
        self.post(&format!("/workers/{worker}/reports"), json!({ "reports": reports })).await
    }

    /// Reports on one lease; what it is answered.
    pub async fn say(&self, worker: &str, lease: &Value, kind: &str, more: Value) -> String {
        let mut report = json!({ "leaseToken": lease["leaseToken"], "kind": kind });
        report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.report(worker, json!([report])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json()["data"][0].clone();
        assert_eq!(answer["leaseToken"], lease["leaseToken"]);
        answer["answer"].as_str().unwrap().to_owned()
    }

    /// The job of a lease, as anybody sees it.
    pub async fn job_of(&self, lease: &Value) -> Value {
        self.get(&format!("/jobs/{}", lease["jobId"].as_str().unwrap())).await.json()
    }

    pub async fn resize(&self, more: Value) -> String {
        let mut body = json!({ "subType": "resize_image", "payload": { "width": 640 } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.job(body).await.to_string()
    }

    /// What upkeep does now and then.
    pub async fn reap(&self, clock: &Clock) -> usize {
        let parts = upkeep::Parts {
            store: self.service.store().clone(),
            results: self.results.clone(),
            clock: clock.clone(),
            ages: None,
            events: faena::limits::EVENTS_KEPT_FOR,
        };
        upkeep::reap_now(&parts).await.unwrap()
    }
}

/// The term of a lease.
pub const LEASE: Duration = faena::limits::LEASE;
/// Just not that.
pub const ALMOST: Duration = LEASE.saturating_sub(Duration::from_millis(1));
