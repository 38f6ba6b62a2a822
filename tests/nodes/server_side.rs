//! A server that hangs, that only reads, that is reached by a pooler, and a transaction that somebody forgot.

use std::sync::Arc;

use faena::store::postgres::Postgres;
use faena::store::{Committed, Group, Inserted, Store, StoreError};
use tokio::time::timeout;

use crate::house::{House, PATIENCE, claim, store_at, succeeded, task};
use crate::line::Line;

async fn insert(store: &Postgres) -> Result<(), StoreError> {
    let answer = timeout(PATIENCE, store.insert(vec![task().into()], Group::Each, store.clock().now()));
    let answers = answer.await.expect("an answer comes, whatever it says")?;
    assert!(matches!(answers[..], [Inserted::Accepted(_)]), "{answers:?}");
    Ok(())
}

/// Asks until the answer is there.
async fn until_accepted(store: &Postgres) {
    let accepted = async { while insert(store).await.is_err() {} };
    timeout(PATIENCE, accepted).await.expect("it is accepted again");
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_29_a_server_that_hangs_is_an_answer() {
    let Some(house) = House::new() else { return };
    let line = Line::to(&house.database.url);
    let store = store_at(&format!("{}?lease_ms=3000", line.url), Arc::default()).await;
    insert(&store).await.unwrap();
    line.swallow();
    let now = store.clock().now();
    let (written, read, claimed) = tokio::join!(
        insert(&store),
        timeout(PATIENCE, store.tally(now)),
        timeout(PATIENCE, store.claim(claim(1), now))
    );
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    assert!(matches!(read.unwrap(), Err(StoreError::Unavailable(_))));
    assert!(matches!(claimed.unwrap(), Err(StoreError::Unavailable(_))));
    line.heal();
    until_accepted(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads_is_left_for_the_one_that_writes() {
    let Some(house) = House::new() else { return };
    let store = store_at(&house.database.url, Arc::default()).await;
    let name = house.database.url.rsplit_once('/').unwrap().1.to_owned();
    let set = |what: &str| format!("BEGIN READ WRITE; ALTER DATABASE {name} {what}; COMMIT");
    // What a failover looks like to those who are connected: they are sent away, and come to one that only reads.
    house.database.tell(&set("SET default_transaction_read_only = on"));
    house.database.tell(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let refused = insert(&store).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(text)) if text.contains("25006")), "{refused:?}");
    house.database.tell(&set("RESET default_transaction_read_only"));
    until_accepted(&store).await;
    let taken = store.claim(claim(1), store.clock().now()).await.unwrap().jobs;
    assert_eq!(taken.len(), 1, "and it is handed out");
    store.pause("task".parse().unwrap(), true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_keeps_a_session_keeps_nobody_out() {
    let Some(house) = House::new() else { return };
    let (client, connection) = tokio_postgres::connect(&house.database.url, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let url = format!("{}?prepare=off", house.database.url);
    store_at(&url, Arc::default()).await.close().await.unwrap();
    // Whatever a session holds that went on to others: nobody waits for it who has nothing to change.
    client.batch_execute("SELECT pg_advisory_lock(439772540513)").await.unwrap();
    let opened = timeout(PATIENCE, store_at(&url, Arc::default())).await.expect("it does not wait");
    insert(&opened).await.unwrap();
    let truncates = "SELECT reloptions::text FROM pg_class WHERE oid = 'faena.live'::regclass";
    let options: String = client.query_one(truncates, &[]).await.unwrap().get(0);
    assert!(options.contains("vacuum_truncate=off"), "{options}");
    driver.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_somebody_forgot_holds_up_nobody_else() {
    let Some(house) = House::new() else { return };
    let store = store_at(&format!("{}?lease_ms=3000", house.database.url), Arc::default()).await;
    insert(&store).await.unwrap();
    let job = store.claim(claim(1), store.clock().now()).await.unwrap().jobs.remove(0);
    // As a node that was stopped in the middle of a commit: its session has the time-outs that all have.
    let short = format!("{}?options=-c%20idle_in_transaction_session_timeout%3D500", house.database.url);
    let (client, connection) = tokio_postgres::connect(&short, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("BEGIN; SELECT FROM faena.live FOR UPDATE").await.unwrap();
    let ended = store.commit(vec![succeeded(&job, &store)], store.clock().now()).await.unwrap().remove(0);
    assert!(matches!(ended, Committed::Applied { .. }), "it waits for less than it would wait in vain: {ended:?}");
    assert!(driver.await.unwrap().is_err(), "the session was ended by the server");
}
