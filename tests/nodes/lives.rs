//! Signs of life: who is taken for dead and who is not, and what a node does that nobody hears of.

use std::sync::Arc;
use std::time::Duration;

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::job::Job;
use faena::store::postgres::Postgres;
use faena::store::{Claim, Group, Inserted, Store, StoreError};
use faena::watch::Hub;
use faena::work::{Failure, Registry};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::house::{Does, House, PATIENCE, claim, store_at, task};
use crate::line::Line;

/// Terms that end within a test, and not because the machine is busy.
const SHORT: &str = "?lease_ms=4000";

/// A store by a line, and when it lets go of what it runs.
async fn on_a_line(line: &Line) -> (Arc<Postgres>, UnboundedReceiver<()>) {
    let hub = Arc::new(Hub::default());
    let (tell, told) = unbounded_channel();
    hub.when_let_go(move || tell.send(()).unwrap_or_default());
    (store_at(&format!("{}{SHORT}", line.url), hub).await, told)
}

async fn accepted(store: &Postgres) -> Arc<Job> {
    match store.insert(vec![task().into()], Group::Each, store.clock().now()).await.unwrap().remove(0) {
        Inserted::Accepted(job) => job,
        other => panic!("{other:?}"),
    }
}

async fn taken(store: &Postgres, claim: Claim) -> Arc<Job> {
    store.claim(claim, store.clock().now()).await.unwrap().jobs.remove(0)
}

/// Asks until the answer is there; each question is a way to the database and back.
async fn as_soon_as<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, asking).await.expect("it did not come to that")
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_05_a_silence_of_the_database_kills_nobody() {
    let Some(house) = House::new() else { return };
    let line = Line::to(&house.database.url);
    let (first, mut first_let_go) = on_a_line(&line).await;
    let (second, mut second_let_go) = on_a_line(&line).await;
    let mut running = Vec::new();
    for store in [&first, &second] {
        accepted(store).await;
        running.push(taken(store, claim(1)).await);
    }
    line.swallow();
    first_let_go.recv().await.unwrap();
    second_let_go.recv().await.unwrap();
    // Rule 2: until it is heard again it takes nothing on.
    let refused = first.claim(claim(1), first.clock().now()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(text) if text.contains("nothing is handed out")), "{refused}");
    house.database.tell("UPDATE faena.node SET beat = beat - interval '1 day'");
    line.heal();
    for before in running {
        let again = as_soon_as(async || first.claim(claim(1), first.clock().now()).await.ok()?.jobs.pop()).await;
        let life = &again.life;
        assert_eq!((life.epoch, life.crashes, life.failures), (2, 0, 0), "{before:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_02_what_runs_is_asked_to_stop_before_others_take_it() {
    let Some(house) = House::new() else { return };
    let line = Line::to(&house.database.url);
    let (tell, mut told) = unbounded_channel();
    let work = move |ctx: &faena::work::Context| {
        tell.send("begun").unwrap();
        while !ctx.is_cancelled() {
            std::thread::yield_now();
        }
        tell.send("asked to stop").unwrap();
        Err(Failure::stopped())
    };
    let store = StoreChoice::Postgres(format!("{}{SHORT}", line.url).as_str().into());
    let settings = Settings { store, ..house.settings() };
    let node = Faena::start(settings, Registry::new().blocking("task", Does(work))).await.unwrap();
    let id = node.service().enqueue(task()).await.unwrap().id;
    assert_eq!(told.recv().await, Some("begun"));
    line.swallow();
    assert_eq!(timeout(PATIENCE, told.recv()).await.unwrap(), Some("asked to stop"));
    line.heal();
    // It makes itself known anew, and goes on with it.
    assert_eq!(timeout(PATIENCE, told.recv()).await.unwrap(), Some("begun"));
    let job = as_soon_as(async || node.service().job(id).await.ok()).await;
    assert_eq!((job.life.epoch, job.life.crashes, job.life.failures), (2, 0, 0));
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_gone_is_buried_by_one_that_watched() {
    let Some(house) = House::new() else { return };
    let line = Line::to(&house.database.url);
    let (silent, _let_go) = on_a_line(&line).await;
    let witness = store_at(&format!("{}{SHORT}", house.database.url), Arc::default()).await;
    let job = accepted(&silent).await;
    taken(&silent, claim(1)).await;
    line.swallow();
    let again = as_soon_as(async || witness.claim(claim(1), witness.clock().now()).await.unwrap().jobs.pop()).await;
    assert_eq!((again.id, again.life.epoch, again.life.crashes), (job.id, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_of_life_do_not_wait_for_readers() {
    let Some(house) = House::new() else { return };
    let store = store_at(&format!("{}{SHORT}", house.database.url), Arc::default()).await;
    let job = accepted(&store).await;
    let (client, connection) = tokio_postgres::connect(&house.database.url, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE faena.live IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let reads: Vec<_> = (0..200)
        .map(|_| {
            let (store, id) = (store.clone(), job.id);
            tokio::spawn(async move { store.get(id).await.map(drop) })
        })
        .collect();
    let mut beats = std::collections::BTreeSet::new();
    let node = "SELECT beat::text FROM faena.node";
    as_soon_as(async || {
        let row = client.query_one(node, &[]).await.unwrap();
        // In one transaction `clock_timestamp` of another one shows all the same.
        beats.insert(row.get::<_, String>(0));
        (beats.len() > 3).then_some(())
    })
    .await;
    assert!(!reads.iter().all(tokio::task::JoinHandle::is_finished), "readers were waiting meanwhile");
    client.batch_execute("ROLLBACK").await.unwrap();
    driver.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_07_after_a_start_or_a_silence_leases_get_a_full_new_term() {
    let Some(house) = House::new() else { return };
    let line = Line::to(&house.database.url);
    let (store, mut let_go) = on_a_line(&line).await;
    let job = accepted(&store).await;
    let leased = Claim { lease: Some(Duration::from_secs(30)), ..claim(1) };
    taken(&store, leased).await;
    let until = async |store: &Postgres| store.get(job.id).await.unwrap().unwrap().run().unwrap().lease_until.unwrap();
    // One starts beside another, which may be the one that the worker had lost.
    house.database.tell("UPDATE faena.live SET lease_until = 1");
    let other = store_at(&house.database.url, Arc::default()).await;
    assert!(until(&other).await > other.clock().now());
    other.close().await.unwrap();

    line.swallow();
    let_go.recv().await.unwrap();
    house.database.tell("UPDATE faena.live SET lease_until = 1");
    line.heal();
    as_soon_as(async || {
        // Nobody is called lost by one that could not be heard.
        let overdue = store.overdue(store.clock().now(), 10).await;
        assert!(overdue.is_ok_and(|jobs| jobs.is_empty()));
        store.health().degraded.is_none().then_some(())
    })
    .await;
    assert!(until(&store).await > store.clock().now());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_left_is_no_ghost() {
    let Some(house) = House::new() else { return };
    let (client, connection) = tokio_postgres::connect(&house.database.url, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    for _ in 0..12 {
        let store = store_at(&format!("{}?lease_ms=900", house.database.url), Arc::default()).await;
        accepted(&store).await;
        store.close().await.unwrap();
        let left: i64 = client.query_one("SELECT count(*) FROM faena.node", &[]).await.unwrap().get(0);
        assert_eq!(left, 0);
    }
    driver.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_31_jobs_that_cannot_be_read_do_not_hide_those_that_can() {
    let Some(house) = House::new() else { return };
    let store = store_at(&house.database.url, Arc::default()).await;
    let jobs = (0..501).map(|_| task().into()).collect();
    store.insert(jobs, Group::Each, store.clock().now()).await.unwrap();
    let taken = store.claim(claim(501), store.clock().now()).await.unwrap().jobs;
    assert_eq!(taken.len(), 501);
    house.database.tell("UPDATE faena.live SET spec = '?' WHERE seq < (SELECT max(seq) FROM faena.live)");
    house.database.tell("DELETE FROM faena.node");
    let other = store_at(&house.database.url, Arc::default()).await;
    assert_eq!(other.health().recovered.crashed, 1);
}
