//! Calls that wait for work. Everything happens on one thread here, and everybody is let come to where they wait before a test
//! looks: whoever has not been called by a hint then would have to look by itself, seconds later.

use std::sync::Arc;
use std::time::Duration;

use faena::job::{Job, Name, NewJob, Outcome};
use faena::service::Service;
use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::remote::choice;
use crate::server::service;

const PATIENCE: Duration = Duration::from_secs(30);

async fn worker(service: &Service, sub_type: &str) -> String {
    service.register_worker("w", &[sub_type.to_owned()], 9).await.unwrap().id.to_string()
}

fn waiting(service: &Arc<Service>, worker: &str, max: u32) -> JoinHandle<Vec<Arc<Job>>> {
    let (service, worker) = (service.clone(), worker.to_owned());
    tokio::spawn(async move { service.lease(&worker, max, PATIENCE).await.unwrap() })
}

async fn enqueue(service: &Service, sub_type: &str) -> Arc<Job> {
    service.enqueue(NewJob::new(Name::new(sub_type).unwrap(), "{}")).await.unwrap()
}

/// Lets everybody come to where they wait.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// What a call is answered that has been called by a hint.
async fn called<T>(call: JoinHandle<T>) -> T {
    settle().await;
    assert!(call.is_finished(), "it would have to look by itself");
    call.await.unwrap()
}

#[tokio::test]
async fn rule_25_those_who_wait_hear_of_new_work_at_once() {
    let service = service(choice().0);
    let (a, b) = (worker(&service, "a").await, worker(&service, "b").await);
    let calls: Vec<_> = [&a, &a, &b, &a, &b].into_iter().map(|worker| waiting(&service, worker, 1)).collect();
    settle().await;
    for sub_type in ["b", "a", "a", "b", "a"] {
        enqueue(&service, sub_type).await;
    }
    let got: Vec<_> = join_all(calls.into_iter().map(called)).await;
    assert!(got.iter().all(|jobs| jobs.len() == 1), "{got:?}");
}

#[tokio::test]
async fn work_that_comes_at_once_reaches_all_who_wait() {
    let service = service(choice().0);
    let a = worker(&service, "a").await;
    let calls: Vec<_> = (0..4).map(|_| waiting(&service, &a, 2)).collect();
    settle().await;
    let jobs = (0..8).map(|_| NewJob::new(Name::new("a").unwrap(), "{}")).collect();
    service.accept_all(jobs, None).await.unwrap();
    let got: usize = join_all(calls.into_iter().map(called)).await.into_iter().map(|jobs| jobs.len()).sum();
    assert_eq!(got, 8, "one hint stood for eight jobs");
}

#[tokio::test]
async fn a_resumed_subtype_and_a_job_that_is_given_back_are_heard_of() {
    let service = service(choice().0);
    let (first, second) = (worker(&service, "a").await, worker(&service, "a").await);
    service.pause("a", true).await.unwrap();
    enqueue(&service, "a").await;
    let call = waiting(&service, &first, 1);
    settle().await;
    service.pause("a", false).await.unwrap();
    assert_eq!(called(call).await.len(), 1);
    let call = waiting(&service, &second, 1);
    settle().await;
    assert_eq!(service.leave(&first).await.unwrap(), 1);
    assert_eq!(called(call).await.len(), 1);
}

#[tokio::test]
async fn a_call_ends_with_its_time_or_with_the_program() {
    let service = service(choice().0);
    let a = worker(&service, "a").await;
    assert!(service.lease(&a, 1, Duration::from_millis(1)).await.unwrap().is_empty());
    let call = waiting(&service, &a, 1);
    settle().await;
    service.closing().cancel();
    assert!(called(call).await.is_empty(), "it does not wait for its time");
    enqueue(&service, "a").await;
    let refused = service.lease(&a, 1, PATIENCE).await.unwrap_err();
    assert_eq!(refused.code(), "unavailable", "who is about to stop hands out no work");
}

#[tokio::test]
async fn a_worker_that_leaves_ends_its_other_call_and_takes_nothing_more() {
    let service = service(choice().0);
    let (first, second) = (worker(&service, "a").await, worker(&service, "a").await);
    let call = {
        let (service, first) = (service.clone(), first.clone());
        tokio::spawn(async move { service.lease(&first, 1, PATIENCE).await })
    };
    settle().await;
    let other = waiting(&service, &second, 1);
    settle().await;
    service.leave(&first).await.unwrap();
    enqueue(&service, "a").await;
    assert_eq!(called(other).await.len(), 1);
    assert_eq!(called(call).await.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn rule_04_what_was_claimed_for_a_caller_who_hung_up_goes_back_at_once() {
    let service = service(choice().0);
    let a = worker(&service, "a").await;
    let id = enqueue(&service, "a").await.id;
    {
        let call = service.lease(&a, 1, PATIENCE);
        tokio::pin!(call);
        assert!(futures_util::poll!(&mut call).is_pending(), "it is claiming");
    }
    settle().await;
    let job = service.job(id).await.unwrap();
    assert!(job.run_at().is_some(), "{job:?}");
    assert_eq!((job.attempts()[0].outcome, job.life.failures), (Outcome::Released, 0));
    assert_eq!(waiting(&service, &a, 1).await.unwrap().len(), 1);
}
