//! `faena.cleanup`: by the schedule or by the timer, and never by both.

use std::sync::Arc;
use std::time::Duration;

use faena::clock::Clock;
use faena::job::Status;
use faena::store::embedded::Embedded;
use faena::store::results::Memory;
use faena::store::{Filter, Group, Idempotency, Insert, Store};
use faena::upkeep::{Ages, forget};
use serde_json::json;

use crate::house::*;

#[tokio::test]
async fn the_payload_says_how_long_jobs_are_remembered() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = start(settings(folder.path()), &clock).await;
    // The clock must not bring the schedule's own turn in between.
    faena.service().switch_schedule("maintenance-cleanup", false).await.unwrap();
    for sub_type in ["work", "work", "fails"] {
        done(&faena, job(sub_type)).await;
    }
    clock.advance(8 * DAY);
    let late = done(&faena, job("work")).await.id;
    let cleanup = run(&faena, "maintenance-cleanup", None).await;
    assert_eq!(result(&cleanup), json!({ "jobs": 2, "results": 0, "keys": 0 }), "completed ones, after 7 days");
    assert_eq!(cleanup.life.progress.message(), Some("2 jobs forgotten"));
    let lines = log(&faena, cleanup.id).await;
    assert!(lines[0].starts_with("forgot 2 jobs, 0 stored results and 0 keys;"), "{lines:?}");
    let cleanup = run(&faena, "maintenance-cleanup", Some(r#"{"failedSeconds": 60}"#)).await;
    assert_eq!(result(&cleanup)["jobs"], 1, "and the failed one, because somebody said so");
    assert!(faena.service().job(late).await.is_ok());
    let refused = faena.service().run_schedule("maintenance-cleanup", Some(r#"{"failed": 60}"#.into())).await;
    assert!(refused.unwrap_err().to_string().starts_with("payload"), "a typo is no default");
}

#[tokio::test]
async fn it_comes_by_its_schedule() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = start(settings(folder.path()), &clock).await;
    let old = done(&faena, job("work")).await.id;
    let mut changes = faena.service().hub().changes(None).unwrap();
    clock.advance(7 * DAY + HOUR);
    let cleanup = loop {
        let job = changes.next().await.unwrap().job;
        if job.is_finished() && job.spec.sub_type.as_str() == "faena.cleanup" {
            break job;
        }
    };
    assert_eq!((result(&cleanup)["jobs"].as_u64(), cleanup.spec.schedule_id().is_some()), (Some(1), true));
    assert!(faena.service().job(old).await.is_err());
}

/// What the timer does where a schedule forgets jobs: keys alone, whose window is a promise.
#[tokio::test]
async fn without_ages_only_keys_are_forgotten() {
    let (store, results) = (Arc::new(Embedded::memory()), Memory::default());
    let clock = Clock::manual(at("2026-11-24T12:00:00Z"));
    let window = Duration::from_secs(60);
    let key = Idempotency { key: "k".into(), body: [1; 32], window };
    let insert = Insert { job: job("work"), idempotency: Some(key) };
    store.insert(vec![insert], Group::Each, clock.now()).await.unwrap();
    let waiting = store.list(Filter::default(), page(), clock.now()).await.unwrap().items.remove(0);
    let cancel = faena::job::Event::CancelAsked { by: "ana".into() };
    let step = faena::job::decide(&waiting, cancel, clock.now()).unwrap();
    store.commit(vec![step], clock.now()).await.unwrap();
    clock.advance(DAY);
    let forgotten = forget(&*store, &results, &clock, None, |_| {}).await.unwrap();
    assert_eq!((forgotten.jobs, forgotten.keys), (0, 1));
    let cancelled = Filter { status: vec![Status::Cancelled], ..Filter::default() };
    assert_eq!(store.list(cancelled, page(), clock.now()).await.unwrap().items.len(), 1);
    let ages = Ages { ended: HOUR, failed: HOUR };
    let mut heard = Vec::new();
    forget(&*store, &results, &clock, Some(ages), |so_far| heard.push(so_far.jobs)).await.unwrap();
    assert_eq!(heard, [1]);
}

fn page() -> faena::store::Page {
    faena::store::Page { sort: Default::default(), limit: 10, start: faena::store::query::Start::Offset(0) }
}
