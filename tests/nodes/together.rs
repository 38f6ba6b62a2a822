//! Whichever node is asked, it tells what happens on the others.

use faena::job::Status;
use faena::work::{Completion, Failure};

use crate::house::{House, task, until};

#[tokio::test]
async fn a_desk_sees_what_another_node_does() {
    let Some(house) = House::new() else { return };
    let desk = house.desk().await;
    let worker = house
        .node(|ctx| {
            ctx.progress(40, "reading");
            Completion::json(&7)
        })
        .await;
    let mut all = desk.service().hub().changes(None).unwrap();
    let id = desk.service().enqueue(task()).await.unwrap().id;
    let job = until(&desk, id, faena::job::Job::is_finished).await;
    assert_eq!((job.status(), job.life.progress.percent), (Status::Completed, 100));
    assert!(desk.service().result(id).await.is_ok());
    // Who watches all jobs hears of it, too: its acceptance here, and what became of it there.
    let mut ended = false;
    while !ended {
        let change = all.next().await.unwrap();
        ended = change.job.id == id && change.job.is_finished();
    }
    let nodes = desk.service().nodes().await.unwrap();
    let here: Vec<_> = nodes.iter().map(|seen| &seen.holder).collect();
    assert_eq!(here, [desk.service().node(), worker.service().node()]);
    for node in [worker, desk] {
        node.stop().await.unwrap();
    }
}

#[tokio::test]
async fn rule_15_a_cancel_reaches_a_job_on_another_node() {
    let Some(house) = House::new() else { return };
    let worker = house
        .node(|ctx| {
            while !ctx.is_cancelled() {
                std::thread::yield_now();
            }
            Ok(().into())
        })
        .await;
    let desk = house.desk().await;
    let id = worker.service().enqueue(task()).await.unwrap().id;
    until(&desk, id, |job| job.run().is_some()).await;
    desk.service().cancel(id, "ana").await.unwrap();
    let job = until(&desk, id, faena::job::Job::is_finished).await;
    assert_eq!(job.status(), Status::Cancelled);
    worker.stop().await.unwrap();
    desk.stop().await.unwrap();
}

#[tokio::test]
async fn jobs_are_shared_and_each_is_done_once() {
    let Some(house) = House::new() else { return };
    let done = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let done = done.clone();
        let work = move |ctx: &faena::work::Context| {
            done.lock().push(ctx.job_id());
            Ok(().into())
        };
        nodes.push(house.node(work).await);
    }
    let jobs = (0..300).map(|_| task()).collect();
    let accepted = nodes[0].service().accept_all(jobs, None).await.unwrap();
    for (turn, job) in accepted.iter().enumerate() {
        until(&nodes[turn % 3], job.id(), faena::job::Job::is_finished).await;
    }
    let mut done = done.lock().clone();
    let count = done.len();
    done.sort();
    done.dedup();
    assert_eq!((count, done.len()), (300, 300));
    for node in nodes {
        node.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_stopped_node_held_is_done_by_another() {
    let Some(house) = House::new() else { return };
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let first = house
        .node(move |ctx| {
            begun.send(()).unwrap();
            while !ctx.is_cancelled() {
                std::thread::yield_now();
            }
            Err(Failure::stopped())
        })
        .await;
    let id = first.service().enqueue(task()).await.unwrap().id;
    has_begun.recv().await.unwrap();
    let second = house.node(|_| Ok(().into())).await;
    first.stop().await.unwrap();
    let job = until(&second, id, faena::job::Job::is_finished).await;
    assert_eq!((job.status(), job.life.failures, job.life.epoch), (Status::Completed, 0, 2));
    second.stop().await.unwrap();
}
