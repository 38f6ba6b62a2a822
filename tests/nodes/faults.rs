//! Connections that are cut, and a process that is silent for too long: what was acknowledged is there, what has ended stays so, and
//! a late report is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use faena::job::{Job, Status};
use faena::store::postgres::Postgres;
use faena::store::{Committed, Group, Inserted, Store};

use crate::house::{House, claim, store_at, succeeded, task, until};

const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

pub async fn open(house: &House) -> Arc<Postgres> {
    store_at(&house.database.url, Arc::default()).await
}

#[tokio::test]
async fn rule_08_connections_that_are_cut_lose_nothing_that_was_acknowledged() {
    let Some(house) = House::new() else { return };
    let store = open(&house).await;
    let stop = Arc::new(AtomicBool::new(false));
    let house = Arc::new(house);
    let cutting = {
        let (house, stop) = (house.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut cuts = 0;
            while !stop.load(Ordering::Acquire) {
                house.database.tell(CUT);
                cuts += 1;
            }
            cuts
        })
    };
    let mut asking = Vec::new();
    for _ in 0..8 {
        let store = store.clone();
        asking.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            let mut ended = Vec::new();
            for _ in 0..12 {
                let answer = store.insert(vec![task().into()], Group::Each, store.clock().now()).await;
                if let Ok([Inserted::Accepted(job)]) = answer.as_deref() {
                    acknowledged.push(job.id);
                }
                let Ok(claimed) = store.claim(claim(2), store.clock().now()).await else { continue };
                for job in claimed.jobs {
                    let step = succeeded(&job, &store);
                    match store.commit(vec![step], store.clock().now()).await.as_deref() {
                        Ok([Committed::Applied { job, .. }]) => ended.push(job.id),
                        Ok(other) => panic!("only this one holds it: {other:?}"),
                        Err(_) => {}
                    }
                }
            }
            (acknowledged, ended)
        }));
    }
    let mut acknowledged = Vec::new();
    let mut ended = Vec::new();
    for asked in asking {
        let (accepted, over) = asked.await.unwrap();
        acknowledged.extend(accepted);
        ended.extend(over);
    }
    stop.store(true, Ordering::Release);
    let cuts = cutting.join().unwrap();
    assert!(cuts > 1 && !acknowledged.is_empty(), "{cuts} cuts, {} acknowledged", acknowledged.len());
    let store = open(&house).await;
    for id in &acknowledged {
        assert!(store.get(*id).await.unwrap().is_some(), "{id} was acknowledged and is gone, after {cuts} cuts");
    }
    let over = ended.len();
    ended.sort();
    ended.dedup();
    assert_eq!(ended.len(), over, "no job ended twice");
    for id in &ended {
        assert_eq!(store.get(*id).await.unwrap().unwrap().status(), Status::Completed);
    }
}

#[tokio::test]
async fn rule_01_a_node_that_was_silent_for_too_long_is_refused() {
    let Some(house) = House::new() else { return };
    let silent = open(&house).await;
    let now = silent.clock().now();
    silent.insert(vec![task().into()], Group::Each, now).await.unwrap();
    let job = silent.claim(claim(1), now).await.unwrap().jobs.remove(0);
    let late = succeeded(&job, &silent);
    house.database.tell("DELETE FROM faena.node");
    let other = open(&house).await;
    assert_eq!(other.health().recovered.crashed, 1);
    let now = other.clock().now().plus(std::time::Duration::from_secs(60));
    let again = other.claim(claim(1), now).await.unwrap().jobs.remove(0);
    assert_eq!((again.id, again.life.epoch, again.life.crashes, again.life.failures), (job.id, 2, 1, 0));
    let answer = silent.commit(vec![late], now).await.unwrap().remove(0);
    assert!(matches!(answer, Committed::Stale(_)), "{answer:?}");
    let ended = other.commit(vec![succeeded(&again, &other)], now).await.unwrap().remove(0);
    assert!(matches!(ended, Committed::Applied { .. }), "{ended:?}");
}

#[tokio::test]
async fn an_ending_that_the_database_does_not_take_is_a_failure_and_not_silence() {
    let Some(house) = House::new() else { return };
    let node = house.node(|ctx: &faena::work::Context| {
        ctx.log("before\0after");
        Ok(().into())
    });
    let node = node.await;
    house.database.tell(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room for success'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON faena.history FOR EACH ROW WHEN (NEW.status = 3) EXECUTE FUNCTION refuse()",
    );
    let id = node.service().enqueue(task()).await.unwrap().id;
    let job = until(&node, id, Job::is_finished).await;
    let error = job.end().unwrap().error.clone().unwrap();
    assert_eq!((job.status(), &*error.kind), (Status::Failed, "unwritable"));
    assert!(error.message.contains("no room for success"), "{}", error.message);
    let lines = node.service().log(id).await.unwrap();
    assert_eq!(lines.iter().map(|line| &*line.text).collect::<Vec<_>>(), ["before\u{fffd}after"]);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let Some(house) = House::new() else { return };
    let store = open(&house).await;
    store.close().await.unwrap();
    house.database.tell("INSERT INTO faena.schema_version VALUES (99)");
    let url = house.database.url.clone();
    let refused = tokio::task::spawn_blocking(move || faena::store::postgres::migrate(&url)).await.unwrap();
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("made by a newer faena (schema 99"), "{text}");
}

#[tokio::test]
async fn whoever_cannot_get_in_is_told_why() {
    let Some(house) = House::new() else { return };
    let url = house.database.url.clone();
    let (base, _) = url.rsplit_once('/').unwrap();
    for (url, told) in [
        (format!("{base}/nowhere"), "make it first: CREATE DATABASE \"nowhere\""),
        (url.replacen("faena:faena", "faena:wrong", 1), "check the user and the password in the URL"),
        ("postgres://127.0.0.1:1/x".to_owned(), "is it running, and is the address right?"),
        ("postgres://".to_owned(), "names no host"),
    ] {
        let refused = tokio::task::spawn_blocking(move || faena::store::postgres::migrate(&url)).await.unwrap();
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(told), "{text}");
    }
}
