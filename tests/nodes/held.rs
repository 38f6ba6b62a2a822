//! A transaction of somebody else that rests with locks on rows of jobs: it holds up those jobs, and nothing else.

use std::sync::Arc;

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::job::{Job, JobId, Status};
use faena::store::{Committed, Group, Inserted, Store, StoreError};
use faena::work::{Context, Registry};
use parking_lot::Mutex;
use tokio_postgres::{Client, NoTls};

use crate::house::{Does, House, claim, store_at, succeeded, task, until};

/// A lock is waited for for a third of it.
const SHORT: &str = "?lease_ms=3000";

/// An application that has begun a transaction with these rows, and does nothing more.
async fn resting(house: &House, id: JobId) -> Client {
    let (client, connection) = tokio_postgres::connect(&house.database.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("BEGIN; SELECT FROM faena.live WHERE id = '{id}' FOR UPDATE")).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_holds_is_waited_for_in_vain_and_the_others_are_not() {
    let Some(house) = House::new() else { return };
    let store = store_at(&format!("{}{SHORT}", house.database.url), Arc::default()).await;
    let insert = async || {
        let inserted = store.insert(vec![task().into()], Group::Each, store.clock().now()).await.unwrap().remove(0);
        assert!(matches!(inserted, Inserted::Accepted(_)), "{inserted:?}");
    };
    let commit = async |job: &Job| store.commit(vec![succeeded(job, &store)], store.clock().now()).await;
    let take = async || store.claim(claim(1), store.clock().now()).await.unwrap().jobs.remove(0);
    insert().await;
    let held = take().await;
    let application = resting(&house, held.id).await;
    for _ in 0..2 {
        let refused = commit(&held).await;
        assert!(matches!(&refused, Err(StoreError::Unavailable(text)) if text.contains("55P03")), "{refused:?}");
        insert().await;
        let other = take().await;
        assert_ne!(other.id, held.id);
        let ended = commit(&other).await.unwrap().remove(0);
        assert!(matches!(ended, Committed::Applied { .. }), "{ended:?}");
    }
    application.batch_execute("ROLLBACK").await.unwrap();
    let ended = commit(&held).await.unwrap().remove(0);
    assert!(matches!(ended, Committed::Applied { .. }), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_that_somebody_holds_up_is_written_later() {
    let Some(house) = House::new() else { return };
    let (begin, begun) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    let (goes_on, mut begun) = (Mutex::new(Some(goes_on)), begun);
    // The first one waits until it is let go.
    let work = move |_: &Context| {
        if let Some(goes_on) = goes_on.lock().take() {
            begin.send(()).unwrap();
            let _ = goes_on.recv();
        }
        Ok(().into())
    };
    let store = StoreChoice::Postgres(format!("{}{SHORT}", house.database.url).as_str().into());
    let registry = Registry::new().blocking("task", Does(work));
    let node = Faena::start(Settings { store, ..house.settings() }, registry).await.unwrap();
    let id = node.service().enqueue(task()).await.unwrap().id;
    begun.recv().await.unwrap();
    let application = resting(&house, id).await;
    go_on.send(()).unwrap();
    for _ in 0..3 {
        let other = node.service().enqueue(task()).await.unwrap().id;
        assert_eq!(until(&node, other, Job::is_finished).await.status(), Status::Completed);
    }
    assert!(!node.service().job(id).await.unwrap().is_finished());
    application.batch_execute("ROLLBACK").await.unwrap();
    let job = until(&node, id, Job::is_finished).await;
    assert_eq!((job.status(), job.life.epoch, job.life.crashes), (Status::Completed, 1, 0));
    node.stop().await.unwrap();
}
