//! Workers of other processes, and several nodes that they speak to: whichever is asked, a lease is the same.

use std::sync::Arc;
use std::time::Duration;

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::error::Error;
use faena::job::{Job, NewJob, Status};
use faena::service::workers::{Given, LeaseToken, Report, Said, Verdict};
use faena::work::Registry;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use crate::house::{House, PATIENCE, until};
use crate::line::Line;

/// A node that is asked, and does nothing by itself; its leases are short.
async fn desk(house: &House, lease: Duration) -> Arc<Faena> {
    desk_at(house, &house.database.url, lease).await
}

async fn desk_at(house: &House, url: &str, lease: Duration) -> Arc<Faena> {
    let settings = Settings { no_jobs: true, lease, store: StoreChoice::Postgres(url.into()), ..house.settings() };
    Arc::new(Faena::start(settings, Registry::new()).await.unwrap())
}

async fn register(node: &Faena) -> String {
    node.service().register_worker("outside", &["elsewhere".to_owned()], 9).await.unwrap().id.to_string()
}

async fn enqueue(node: &Faena) -> Arc<Job> {
    node.service().enqueue(NewJob::new("elsewhere".parse().unwrap(), "{}")).await.unwrap()
}

/// The one job that is there for a worker, which may have to wait for it.
async fn leased(node: &Faena, worker: &str) -> Arc<Job> {
    let mut jobs = node.service().lease(worker, 1, PATIENCE).await.unwrap();
    assert_eq!(jobs.len(), 1, "there was a job");
    jobs.remove(0)
}

async fn say(node: &Faena, worker: &str, job: &Job, said: Said) -> Verdict {
    let report = Report { lease: Some(LeaseToken::of(job)), said };
    node.service().report(worker, vec![report]).await.unwrap()[0].verdict
}

async fn stop(nodes: impl IntoIterator<Item = Arc<Faena>>) {
    for node in nodes {
        Arc::into_inner(node).unwrap().stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_worker_comes_to_one_node_takes_from_another_and_reports_to_a_third() {
    let Some(house) = House::new() else { return };
    let lease = Duration::from_secs(30);
    let (a, b, c) = (desk(&house, lease).await, desk(&house, lease).await, desk(&house, lease).await);
    let worker = register(&a).await;
    // It waits at one node for a job that comes to another.
    let (there, name) = (b.clone(), worker.clone());
    let waits = tokio::spawn(async move { leased(&there, &name).await });
    let accepted = enqueue(&a).await;
    let job = timeout(PATIENCE, waits).await.unwrap().unwrap();
    assert_eq!((job.id, job.life.epoch), (accepted.id, 1));
    assert_eq!(say(&c, &worker, &job, Said::Progress { percent: 40, message: None }).await, Verdict::Accepted);
    assert_eq!(until(&a, job.id, |job| job.life.progress.percent == 40).await.life.epoch, 1);
    let held: Vec<_> = c.service().workers().await.unwrap().iter().map(|one| one.held).collect();
    assert_eq!(held, [1]);
    for node in [&c, &b] {
        assert_eq!(say(node, &worker, &job, Said::Complete(Given::Nothing)).await, Verdict::Accepted, "rule 11");
    }
    assert_eq!(until(&a, job.id, Job::is_finished).await.status(), Status::Completed);
    assert_eq!(say(&b, &worker, &job, Said::Release).await, Verdict::Stale);
    stop([a, b, c]).await;
}

#[tokio::test]
async fn a_worker_that_left_is_gone_at_every_node_and_burnt_no_try() {
    let Some(house) = House::new() else { return };
    let lease = Duration::from_secs(600);
    let (a, b) = (desk(&house, lease).await, desk(&house, lease).await);
    let (leaves, stays) = (register(&a).await, register(&b).await);
    let accepted = enqueue(&a).await;
    let job = leased(&b, &leaves).await;
    assert_eq!(a.service().leave(&leaves).await.unwrap(), 1, "it held one");
    let again = leased(&b, &stays).await;
    assert_eq!((again.id, again.life.failures, again.life.epoch), (accepted.id, 0, 2));
    let gone = async {
        loop {
            match b.service().lease(&leaves, 1, Duration::ZERO).await {
                Err(Error::NotFound { .. }) => return,
                other => assert!(other.unwrap().is_empty(), "there is no other job"),
            }
        }
    };
    timeout(PATIENCE, gone).await.expect("the other node hears that it left");
    let report = Report { lease: Some(LeaseToken::of(&job)), said: Said::Heartbeat };
    assert!(matches!(a.service().report(&leaves, vec![report]).await, Err(Error::NotFound { .. })));
    stop([a, b]).await;
}

#[tokio::test]
async fn rule_05_a_silent_worker_loses_its_job_after_the_lease_and_comes_too_late() {
    let Some(house) = House::new() else { return };
    let (a, b) = (desk(&house, Duration::from_secs(2)).await, desk(&house, Duration::from_secs(2)).await);
    let (silent, waits) = (register(&a).await, register(&b).await);
    enqueue(&a).await;
    let first = leased(&a, &silent).await;
    let second = leased(&b, &waits).await;
    assert_eq!((second.id, second.life.epoch, second.life.failures), (first.id, 2, 0), "rule 4");
    let taken_at = second.run().unwrap().started_at;
    assert!(taken_at >= first.run().unwrap().lease_until.unwrap(), "not before its lease had run out");
    for node in [&a, &b] {
        assert_eq!(say(node, &silent, &first, Said::Complete(Given::Nothing)).await, Verdict::Stale, "rule 1");
    }
    assert_eq!(say(&a, &waits, &second, Said::Complete(Given::Nothing)).await, Verdict::Accepted);
    stop([a, b]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_07_after_an_outage_of_the_database_every_lease_has_a_full_new_term() {
    let Some(house) = House::new() else { return };
    let line = Line::to(&house.database.url);
    // It ends while nobody reaches the database: a node lets go after four seconds of silence, of which a second may have passed.
    let lease = Duration::from_secs(2);
    let node = desk_at(&house, &format!("{}?lease_ms=6000", line.url), lease).await;
    let worker = register(&node).await;
    enqueue(&node).await;
    let job = leased(&node, &worker).await;
    let (tell, mut let_go) = unbounded_channel();
    node.service().hub().when_let_go(move || tell.send(()).unwrap_or_default());
    line.swallow();
    timeout(PATIENCE, let_go.recv()).await.unwrap().unwrap();
    assert!(node.service().now() >= job.run().unwrap().lease_until.unwrap());
    line.hang_up();
    line.heal();
    let heard = async {
        loop {
            let report = Report { lease: Some(LeaseToken::of(&job)), said: Said::Heartbeat };
            match node.service().report(&worker, vec![report]).await {
                // It is not told that its lease was lost, not even by the first answer after the outage.
                Ok(answers) => return assert_eq!(answers[0].verdict, Verdict::Accepted),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(PATIENCE, heard).await.expect("the lease lives");
    let after = node.service().job(job.id).await.unwrap();
    assert_eq!((after.life.epoch, after.attempts().len()), (1, 0), "it was never lost");
    assert_eq!(say(&node, &worker, &job, Said::Complete(Given::Nothing)).await, Verdict::Accepted);
    stop([node]).await;
}
