//! Many jobs at once: no more than there is room for, the urgent ones first, each of them once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use faena::job::{Priority, Status};
use faena::work::Completion;
use parking_lot::Mutex;
use tokio::sync::Barrier;

use crate::house::{Computes, Door, Waits, computes, done, ended, job, numbered, running, start, waits};

#[tokio::test]
async fn ten_thousand_jobs_complete_once_each() {
    const JOBS: usize = 10_000;
    let runs: Arc<Mutex<HashMap<u64, u32>>> = Arc::default();
    let noted = runs.clone();
    let faena = start(waits(move |number, _| {
        *noted.lock().entry(number).or_default() += 1;
        async { Ok(Completion::Done) }
    }))
    .await;
    let jobs: Vec<_> = (0..JOBS as u64).map(numbered).collect();
    let accepted = faena.service().accept_all(jobs, None).await.unwrap();
    for acceptance in &accepted {
        assert_eq!(ended(&faena, acceptance.id()).await.status(), Status::Completed);
    }
    let runs = runs.lock().clone();
    assert_eq!(runs.len(), JOBS);
    assert!(runs.values().all(|count| *count == 1), "each of them once");
    let overview = faena.service().overview().await.unwrap();
    assert_eq!((overview.total, overview.executions, overview.failures), (JOBS as u64, JOBS as u64, 0));
}

#[tokio::test]
async fn a_concurrency_key_is_never_above_its_limit_and_reaches_it() {
    const LIMIT: usize = 2;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, seen) = (now.clone(), most.clone());
    // Each waits for another one: were fewer than two let in at once, none would ever end.
    let pair = Arc::new(Barrier::new(LIMIT));
    let faena = start(waits(move |_, _| {
        let (counted, seen, pair) = (counted.clone(), seen.clone(), pair.clone());
        async move {
            seen.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            pair.wait().await;
            for _ in 0..20 {
                seen.fetch_max(counted.load(Ordering::SeqCst), Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
            counted.fetch_sub(1, Ordering::SeqCst);
            Ok(Completion::Done)
        }
    }))
    .await;
    let jobs = (0..200).map(|_| job("task").concurrency("shop", LIMIT as u32)).collect();
    let accepted = faena.service().accept_all(jobs, None).await.unwrap();
    for acceptance in &accepted {
        assert_eq!(ended(&faena, acceptance.id()).await.status(), Status::Completed);
    }
    assert_eq!((now.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (0, LIMIT));
}

#[tokio::test]
async fn a_full_gate_does_not_hold_up_other_keys() {
    let door = Door::default();
    let at = door.clone();
    let registry = waits(|_, ctx| async move {
        ctx.cancelled().await;
        Ok(Completion::Done)
    });
    let registry = registry.asynchronous("other", Waits(|_, _| async { Ok(Completion::Done) }));
    let registry = registry.blocking(
        "blocked",
        Computes(move |_, _: &_| {
            at.wait();
            Ok(Completion::Done)
        }),
    );
    let faena = start(registry).await;
    let service = faena.service();
    let holder = service.enqueue(job("task").concurrency("shop", 1)).await.unwrap().id;
    let gated = service.enqueue(job("other").concurrency("shop", 1)).await.unwrap().id;
    let blocked = service.enqueue(job("blocked")).await.unwrap().id;
    let free = done(&faena, job("other").concurrency("bakery", 1)).await;
    assert_eq!(free.status(), Status::Completed);
    assert_eq!(service.job(gated).await.unwrap().status(), Status::Queued);
    service.cancel(holder, "ana").await.unwrap();
    assert_eq!(ended(&faena, gated).await.status(), Status::Completed, "it is let in when the holder has left");
    door.open();
    ended(&faena, blocked).await;
}

#[tokio::test]
async fn an_urgent_job_is_the_next_one_whatever_waits() {
    let (door, order) = (Door::default(), Arc::new(Mutex::new(Vec::new())));
    let (at, noted) = (door.clone(), order.clone());
    let faena = start(computes(move |number, _| {
        at.wait();
        noted.lock().push(number);
        Ok(Completion::Done)
    }))
    .await;
    // One runs; those behind it are not claimed before there is room, so the urgent one overtakes all of them.
    running(&faena).await;
    let low = (1..=30).map(|number| numbered(number).priority(Priority::Low)).collect();
    let mut ids: Vec<_> = faena.service().accept_all(low, None).await.unwrap().iter().map(|one| one.id()).collect();
    ids.push(faena.service().enqueue(numbered(77)).await.unwrap().id);
    ids.push(faena.service().enqueue(numbered(99).priority(Priority::High)).await.unwrap().id);
    door.open();
    for id in ids {
        ended(&faena, id).await;
    }
    let expected: Vec<u64> = [0, 99, 77].into_iter().chain(1..=30).collect();
    assert_eq!(*order.lock(), expected);
}

#[tokio::test]
async fn a_paused_subtype_is_not_handed_out_until_it_is_resumed() {
    let registry = waits(|_, _| async { Ok(Completion::Done) });
    let faena = start(registry.asynchronous("other", Waits(|_, _| async { Ok(Completion::Done) }))).await;
    faena.service().pause("task", true).await.unwrap();
    let paused = faena.service().enqueue(job("task")).await.unwrap().id;
    done(&faena, job("other")).await;
    assert_eq!(faena.service().job(paused).await.unwrap().status(), Status::Queued);
    faena.service().pause("task", false).await.unwrap();
    assert_eq!(ended(&faena, paused).await.status(), Status::Completed);
}
