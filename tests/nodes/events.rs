//! The event log of several nodes: whoever reads on misses nothing and hears nothing twice, in whatever order transactions that drew
//! their numbers come to an end, and what happened to one thing is told in its order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use faena::clock::Timestamp;
use faena::event::{Aggregate, Event, EventType, Kind};
use faena::job::{Event as Step, JobError, JobId, Name, NewJob, RetryPolicy, decide};
use faena::postgres::{emit_in, enqueue_in};
use faena::store::events::{EventFilter, EventPage, Events, Place, START, Told};
use faena::store::postgres::Postgres;
use faena::store::{Committed, Group, Store};
use tokio_postgres::Client;

use crate::chance::Chance;
use crate::cluster::Database;
use crate::house::{PATIENCE, claim, store_at, succeeded, task};
use crate::transactions::shop;

/// Jobs that somebody accepts, in order.
async fn accepted(store: &Postgres, count: usize) -> Vec<JobId> {
    let jobs = (0..count).map(|_| task().into()).collect();
    let answers = store.insert(jobs, Group::Each, store.clock().now()).await.unwrap();
    answers
        .into_iter()
        .map(|answer| match answer {
            faena::store::Inserted::Accepted(job) => job.id,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Runs whatever waits; the answer counts it.
async fn run_all(store: &Postgres) -> usize {
    let claimed = store.claim(claim(100), store.clock().now()).await.unwrap();
    let steps = claimed.jobs.iter().map(|job| succeeded(job, store)).collect();
    store.commit(steps, store.clock().now()).await.unwrap();
    claimed.jobs.len()
}

fn whose(told: &[Told]) -> Vec<(JobId, &str)> {
    told.iter().map(|told| (told.event.aggregate.id.parse().unwrap(), told.event.kind.as_str())).collect()
}

fn kinds_of(told: &[Told], id: &str) -> Vec<String> {
    let theirs = told.iter().filter(|told| *told.event.aggregate.id == *id);
    theirs.map(|told| told.event.kind.as_str().to_owned()).collect()
}

/// Numbers of rows, in the order of the log.
async fn numbers(client: &Client) -> Vec<i64> {
    let rows =
        client.query("SELECT n FROM faena.event_batch WHERE place IS NOT NULL ORDER BY place", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn paid(order: u32) -> Event {
    let aggregate = Aggregate { sort: "Order".into(), id: order.to_string().into() };
    let kind = EventType::new("order.paid").unwrap();
    Event::own(kind, aggregate, &serde_json::json!({ "order": order }), Timestamp::from_millis(5)).unwrap()
}

#[tokio::test]
async fn rule_14_what_drew_its_number_early_and_commits_late_is_missed_by_nobody() {
    let Some(database) = Database::fresh() else { return };
    let store = store_at(&database.url, Arc::default()).await;
    let other = store_at(&database.url, Arc::default()).await;
    let (mut client, _) = shop(&database.url).await;
    let mut transaction = client.transaction().await.unwrap();
    let late = enqueue_in(&mut transaction, task()).await.unwrap().id();

    let early = accepted(&store, 3).await;
    let first = store.after(START, 100).await.unwrap();
    assert_eq!(whose(&first), early.iter().map(|id| (*id, "job.queued")).collect::<Vec<_>>(), "it holds nobody up");
    let read = first[2].place;
    assert_eq!(store.after(read, 100).await.unwrap(), []);

    transaction.commit().await.unwrap();
    assert_eq!(run_all(&store).await, 4);
    for reader in [&store, &other] {
        let then = reader.after(read, 100).await.unwrap();
        assert_eq!(kinds_of(&then, &late.to_string()), ["job.queued", "job.started", "job.completed"]);
        for id in &early {
            assert_eq!(kinds_of(&then, &id.to_string()), ["job.started", "job.completed"]);
        }
        assert_eq!(then.len(), 9);
    }
    // Whoever had read on by numbers would have missed it.
    let numbers = numbers(&client).await;
    assert!(!numbers.is_sorted() && numbers[0] != 1, "{numbers:?}");
    for store in [store, other] {
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_transaction_that_idles_holds_nobody_up_and_tells_nothing_when_it_is_taken_back() {
    let Some(database) = Database::fresh() else { return };
    let store = store_at(&database.url, Arc::default()).await;
    let (mut client, _) = shop(&database.url).await;
    let mut idle = client.transaction().await.unwrap();
    enqueue_in(&mut idle, task()).await.unwrap();
    emit_in(&mut idle, paid(1)).await.unwrap();

    let mut news = store.news();
    news.mark_unchanged();
    let id = accepted(&store, 1).await[0];
    tokio::time::timeout(PATIENCE, news.changed()).await.unwrap().unwrap();
    assert_eq!(run_all(&store).await, 1);
    let told = store.after(START, 100).await.unwrap();
    assert_eq!(kinds_of(&told, &id.to_string()), ["job.queued", "job.started", "job.completed"]);
    assert_eq!(told.len(), 3);

    idle.rollback().await.unwrap();
    accepted(&store, 1).await;
    let all = store.after(START, 100).await.unwrap();
    assert_eq!((&all[..3], all.len()), (&told[..], 4));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_claim_tells_of_a_job_that_was_tried_before_and_nothing_of_what_it_saved() {
    let Some(database) = Database::fresh() else { return };
    let store = store_at(&database.url, Arc::default()).await;
    let (client, _) = shop(&database.url).await;
    let now = store.clock().now();
    let again = task().retry(RetryPolicy::default());
    store.insert(vec![again.into()], Group::Each, now).await.unwrap();
    let job = store.claim(claim(1), now).await.unwrap().jobs.remove(0);
    let id = job.id;
    let saved = Step::StateSaved { epoch: 1, state: Some(r#""a-secret\u0000of-the-job""#.into()) };
    let step = decide(&job, saved, now).unwrap();
    let job = match store.commit(vec![step], now).await.unwrap().remove(0) {
        Committed::Applied { job, .. } => job,
        other => panic!("{other:?}"),
    };
    let failed =
        Step::Failed { epoch: 1, error: JobError::new("error", "a-failure"), retryable: true, retry_after: None };
    store.commit(vec![decide(&job, failed, now).unwrap()], now).await.unwrap();
    let due = now.plus(Duration::from_secs(86_400));
    let job = store.claim(claim(1), due).await.unwrap().jobs.remove(0);
    assert_eq!((job.id, job.life.attempt), (id, 2));

    let told = store.after(START, 100).await.unwrap();
    assert_eq!(kinds_of(&told, &id.to_string()), ["job.queued", "job.started", "job.retrying", "job.started"]);
    let again: serde_json::Value = serde_json::from_str(&told[3].event.payload).unwrap();
    assert_eq!((again["attempt"].as_u64(), again["error"].is_null()), (Some(2), true), "{again}");
    let rows =
        client.query("SELECT claimed::text FROM faena.event_batch WHERE claimed IS NOT NULL", &[]).await.unwrap();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let claimed: &str = row.get(0);
        assert!(!claimed.contains("a-secret") && !claimed.contains("a-failure"), "{claimed}");
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_event_of_the_application_is_told_with_its_transaction_or_never() {
    let Some(database) = Database::fresh() else { return };
    let store = store_at(&database.url, Arc::default()).await;
    let (mut client, mut hints) = shop(&database.url).await;
    client.batch_execute("LISTEN faena").await.unwrap();
    let (lost, kept) = (paid(1), paid(2));

    let mut transaction = client.transaction().await.unwrap();
    emit_in(&mut transaction, lost.clone()).await.unwrap();
    transaction.rollback().await.unwrap();
    let mut transaction = client.transaction().await.unwrap();
    transaction.execute("INSERT INTO orders VALUES (2)", &[]).await.unwrap();
    emit_in(&mut transaction, kept.clone()).await.unwrap();
    assert_eq!(store.after(START, 10).await.unwrap(), [], "it is not there yet");
    transaction.commit().await.unwrap();

    let hint = tokio::time::timeout(PATIENCE, hints.recv()).await.unwrap().unwrap();
    assert!(hint.contains("told"), "{hint}");
    let told = store.after(START, 10).await.unwrap();
    assert_eq!(told.iter().map(|told| &told.event).collect::<Vec<_>>(), [&kept]);
    assert_eq!(store.place_of(kept.id.clone()).await.unwrap(), Some(told[0].place));
    assert_eq!(store.place_of(lost.id.clone()).await.unwrap(), None);
    let of = EventFilter { sort: Some("Order".into()), id: Some("2".into()), ..EventFilter::default() };
    let page = EventPage { newest_first: true, after: None, limit: 10 };
    assert_eq!(store.list_events(of, page).await.unwrap().items, told);
    store.close().await.unwrap();
}

/// Reads on from the beginning until `over`, and whatever is there then.
async fn read_on(store: &Postgres, over: &AtomicBool) -> Vec<Told> {
    let mut news = store.news();
    let (mut all, mut at) = (Vec::new(), START);
    loop {
        let was_over = over.load(Ordering::Acquire);
        let told = store.after(at, 7).await.unwrap();
        at = told.last().map_or(at, |told| told.place);
        if told.is_empty() {
            if was_over {
                return all;
            }
            // A hint, or another look.
            let _ = tokio::time::timeout(Duration::from_millis(50), news.changed()).await;
        }
        all.extend(told);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_14_readers_of_all_nodes_read_the_same_once_and_in_order() {
    const ROUNDS: usize = 40;
    let Some(database) = Database::fresh() else { return };
    let mut chance = Chance::thrown();
    let (one, two) = (store_at(&database.url, Arc::default()).await, store_at(&database.url, Arc::default()).await);
    let over = Arc::new(AtomicBool::new(false));
    let readers = [&one, &two].map(|store| {
        let (store, over) = (store.clone(), over.clone());
        tokio::spawn(async move { read_on(&store, &over).await })
    });
    let mut writers = Vec::new();
    for store in [&one, &one, &two, &two] {
        let store = store.clone();
        writers.push(tokio::spawn(async move {
            for round in 0..ROUNDS {
                accepted(&store, 1 + round % 3).await;
                run_all(&store).await;
            }
        }));
    }
    // Applications that keep their transactions open while others go on, and take some of them back.
    let (mut kept, mut keepers) = (Vec::new(), Vec::new());
    for keeper in 0..3u32 {
        let (mut client, _) = shop(&database.url).await;
        let tosses: Vec<_> = (0..ROUNDS).map(|_| (chance.below(20), chance.below(4))).collect();
        keepers.push(tokio::spawn(async move {
            let mut kept = Vec::new();
            for (round, (pauses, toss)) in (0u32..).zip(tosses) {
                let mut transaction = client.transaction().await.unwrap();
                let event = paid(1_000 * keeper + round);
                emit_in(&mut transaction, event.clone()).await.unwrap();
                let job = enqueue_in(&mut transaction, task()).await.unwrap().id();
                for _ in 0..pauses {
                    transaction.execute("SELECT 1", &[]).await.unwrap();
                }
                if toss == 0 {
                    transaction.rollback().await.unwrap();
                } else {
                    transaction.commit().await.unwrap();
                    kept.push((event.id, job));
                }
            }
            kept
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for keeper in keepers {
        kept.extend(keeper.await.unwrap());
    }
    while run_all(&one).await > 0 {}
    over.store(true, Ordering::Release);
    let [first, second] = readers;
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!(first, second);
    assert!(first.is_sorted_by_key(|told| told.place));

    let mut once: HashMap<&str, usize> = HashMap::new();
    let mut jobs: BTreeMap<&str, Vec<Kind>> = BTreeMap::new();
    for told in &first {
        *once.entry(told.event.id.as_str()).or_default() += 1;
        if let Some(kind) = told.event.kind.kind() {
            jobs.entry(&told.event.aggregate.id).or_default().push(kind);
        }
    }
    assert!(once.values().all(|times| *times == 1));
    for (id, kinds) in &jobs {
        assert_eq!(kinds, &[Kind::JobQueued, Kind::JobStarted, Kind::JobCompleted], "{id}");
    }
    for (event, job) in &kept {
        assert!(once.contains_key(event.as_str()) && jobs.contains_key(&*job.to_string()), "{event} {job}");
    }
    let accepted: usize = 4 * (0..ROUNDS).map(|round| 1 + round % 3).sum::<usize>();
    assert_eq!(jobs.len(), accepted + kept.len());
    assert_eq!(first.len(), 3 * jobs.len() + kept.len());
    for store in [one, two] {
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_forgotten_is_gone_and_who_had_read_it_misses_nothing() {
    let Some(database) = Database::fresh() else { return };
    let store = store_at(&database.url, Arc::default()).await;
    let old = accepted(&store, 2).await;
    store.emit(vec![paid(1), paid(2)]).await.unwrap();
    let told = store.after(START, 10).await.unwrap();
    let read: Place = told[3].place;
    assert_eq!((told.len(), store.start().await.unwrap()), (4, START));
    let soon = store.clock().now().plus(Duration::from_secs(60));
    assert_eq!(store.forget(soon, Some(told[0].place), 10).await.unwrap(), 0, "one of it was not read");
    assert_eq!(store.forget(soon, Some(told[1].place), 10).await.unwrap(), 1);
    assert_eq!(store.start().await.unwrap(), told[1].place);
    assert_eq!(store.after(START, 10).await.unwrap(), told[2..]);
    assert_eq!(store.forget(soon, None, 10).await.unwrap(), 1);
    assert_eq!(store.after(START, 10).await.unwrap(), []);
    assert!(store.end().await.unwrap() >= read && store.start().await.unwrap() == read);
    // Its job tells on.
    assert_eq!(run_all(&store).await, 2);
    let then = store.after(read, 10).await.unwrap();
    assert_eq!(kinds_of(&then, &old[0].to_string()), ["job.started", "job.completed"]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_commit_of_many_is_told_whole_and_found_again() {
    let Some(database) = Database::fresh() else { return };
    let store = store_at(&database.url, Arc::default()).await;
    let jobs = (0..5_000).map(|_| NewJob::new(Name::new("task").unwrap(), "{}").user("ana").into()).collect();
    store.insert(jobs, Group::Whole, store.clock().now()).await.unwrap();
    let (mut all, mut at) = (Vec::new(), START);
    loop {
        let told = store.after(at, 999).await.unwrap();
        let Some(last) = told.last() else { break };
        at = last.place;
        all.extend(told);
    }
    assert_eq!(all.len(), 5_000);
    assert_eq!(store.place_of(all[4_321].event.id.clone()).await.unwrap(), Some(all[4_321].place));

    // From page to page, in both directions.
    let filter = EventFilter { user: Some("ana".into()), ..EventFilter::default() };
    for newest_first in [false, true] {
        let mut walked = Vec::new();
        let mut page = EventPage { newest_first, after: None, limit: 1_700 };
        loop {
            let part = store.list_events(filter.clone(), page).await.unwrap();
            page.after = part.next();
            walked.extend(part.items);
            if page.after.is_none() {
                break;
            }
        }
        if newest_first {
            walked.reverse();
        }
        assert!(walked == all, "{newest_first}: {}", walked.len());
    }
    store.close().await.unwrap();
}
