//! Jobs that are handed over within a transaction of an application: with it or not at all, and with all that other ways in see
//! to.

use faena::error::Error;
use faena::job::{Job, Name, NewJob, Status, UniqueFor};
use faena::postgres::{Enqueued, enqueue_all_in, enqueue_in};
use faena::service::enqueue::Key;
use faena::store::query::{Sort, Start};
use faena::store::{Filter, Insert, Page, Store};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, IsolationLevel, NoTls};

use crate::cluster::Database;
use crate::house::{House, store_at, task, until};

/// An application's connection, with a table of its own in the database, and what the server notifies it of.
pub async fn shop(url: &str) -> (Client, mpsc::UnboundedReceiver<String>) {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            // That a node has come may still be on its way.
            if let AsyncMessage::Notification(note) = message
                && !note.payload().contains(r#""here":true"#)
            {
                let _ = tell.send(note.payload().to_owned());
            }
        }
    });
    client.batch_execute("CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)").await.unwrap();
    (client, told)
}

async fn orders(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM orders", &[]).await.unwrap().get(0)
}

async fn jobs_of(store: &dyn Store) -> Vec<std::sync::Arc<Job>> {
    let page = Page { sort: Sort::CreatedDescending, limit: 100, start: Start::Offset(0) };
    store.list(Filter::default(), page, Default::default()).await.unwrap().items
}

#[tokio::test]
async fn an_order_and_its_job_commit_together_and_a_node_hears_of_it() {
    let Some(house) = House::new() else { return };
    let desk = house.desk().await;
    let (mut client, mut told) = shop(&house.database.url).await;
    client.batch_execute("LISTEN faena").await.unwrap();
    let heard = desk.service().hub().ready().clone();

    let mut transaction = client.transaction().await.unwrap();
    transaction.execute("INSERT INTO orders VALUES (1)", &[]).await.unwrap();
    let enqueued = enqueue_in(&mut transaction, task().user("ana").tag("urgent")).await.unwrap();
    assert!(enqueued.is_new());
    assert!(matches!(desk.service().job(enqueued.id()).await, Err(Error::NotFound { .. })), "it is not there yet");
    transaction.commit().await.unwrap();

    // Nobody else is there who could tell, and this node runs nothing.
    heard.notified().await;
    let text = told.recv().await.unwrap();
    assert!(text.contains(&enqueued.id().to_string()), "{text}");
    let job = desk.service().job(enqueued.id()).await.unwrap();
    assert_eq!((job.status(), job.spec.user_id.as_deref()), (Status::Queued, Some("ana")));
    assert_eq!(desk.store_tally().await, 1);
    assert_eq!(orders(&client).await, 1);

    let worker = house.node(|_| Ok(().into())).await;
    let done = until(&desk, enqueued.id(), Job::is_finished).await;
    assert_eq!(done.status(), Status::Completed);
    for node in [worker, desk] {
        node.stop().await.unwrap();
    }
}

/// What is kept beside the jobs.
trait Counted {
    async fn store_tally(&self) -> u64;
}

impl Counted for faena::app::Faena {
    async fn store_tally(&self) -> u64 {
        self.service().store().tally(self.service().now()).await.unwrap().of(Status::Queued)
    }
}

#[tokio::test]
async fn rolled_back_nothing_is_left_and_nobody_hears() {
    let Some(house) = House::new() else { return };
    let desk = house.desk().await;
    let (mut client, mut told) = shop(&house.database.url).await;
    client.batch_execute("LISTEN faena").await.unwrap();
    let key = || Key::new("orders", "7", b"body").unwrap();
    let unique = || key().on(task().unique("order-7", UniqueFor::Active));

    let mut transaction = client.transaction().await.unwrap();
    transaction.execute("INSERT INTO orders VALUES (7)", &[]).await.unwrap();
    let lost = enqueue_in(&mut transaction, unique()).await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(jobs_of(&**desk.service().store()).await.is_empty());
    assert_eq!((desk.store_tally().await, orders(&client).await), (0, 0));

    // Its keys are free.
    let mut transaction = client.transaction().await.unwrap();
    let kept = enqueue_in(&mut transaction, unique()).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(kept.is_new());
    let text = told.recv().await.unwrap();
    assert!(text.contains(&kept.id().to_string()) && !text.contains(&lost.id().to_string()), "{text}");
    desk.stop().await.unwrap();
}

#[tokio::test]
async fn keys_are_those_of_every_other_way_in() {
    let Some(house) = House::new() else { return };
    let desk = house.desk().await;
    let (mut client, _) = shop(&house.database.url).await;
    let unique = || task().unique("one", UniqueFor::Active);
    let first = desk.service().enqueue(unique()).await.unwrap().id;

    let mut transaction = client.transaction().await.unwrap();
    let taken = enqueue_in(&mut transaction, unique()).await.unwrap();
    assert!(matches!(taken, Enqueued::Taken(id) if id == first), "{taken:?}");
    let key = |body: &[u8]| Key::new("orders", "7", body).unwrap();
    let new = enqueue_in(&mut transaction, key(b"a").on(task())).await.unwrap();
    let again = enqueue_in(&mut transaction, key(b"a").on(task())).await.unwrap();
    assert!(matches!(&again, Enqueued::Replayed(_)) && again.id() == new.id(), "{again:?}");
    let other = enqueue_in(&mut transaction, key(b"b").on(task())).await;
    assert!(matches!(other, Err(Error::IdempotencyMismatch)), "{other:?}");
    // One that is another's keeps out all of its group, and harms nothing else.
    let several = vec![Insert::from(task()), key(b"b").on(task())];
    assert!(matches!(enqueue_all_in(&mut transaction, several).await, Err(Error::IdempotencyMismatch)));
    let mixed = vec![Insert::from(task()), unique().into(), key(b"a").on(task())];
    let mixed = enqueue_all_in(&mut transaction, mixed).await.unwrap();
    assert_eq!(mixed.iter().map(Enqueued::is_new).collect::<Vec<_>>(), [true, false, false]);
    transaction.execute("INSERT INTO orders VALUES (1)", &[]).await.unwrap();
    transaction.commit().await.unwrap();

    let replayed = desk.service().accept(task(), Some(key(b"a"))).await.unwrap();
    assert_eq!(replayed.id(), new.id());
    assert_eq!((jobs_of(&**desk.service().store()).await.len(), desk.store_tally().await), (3, 3));
    assert_eq!(orders(&client).await, 1);
    desk.stop().await.unwrap();
}

#[tokio::test]
async fn terms_are_checked_and_what_a_service_knows_besides() {
    let Some(house) = House::new() else { return };
    let desk = house.desk().await;
    let (mut client, _) = shop(&house.database.url).await;
    let mut transaction = client.transaction().await.unwrap();
    let wrong = enqueue_in(&mut transaction, task().user("").tag("a\0")).await;
    let Err(Error::Invalid { details, .. }) = wrong else { panic!("{wrong:?}") };
    assert_eq!(details.iter().map(|fault| &*fault.field).collect::<Vec<_>>(), ["userId", "tags[0]"]);
    let list = NewJob::new(Name::new("task").unwrap(), "[1]");
    assert!(matches!(enqueue_in(&mut transaction, list.clone()).await, Err(Error::Invalid { .. })));
    let several = enqueue_all_in(&mut transaction, vec![task().into(), list.into()]).await;
    assert!(several.unwrap_err().to_string().starts_with("[1].payload"));

    let extra = NewJob::new(Name::new("task").unwrap(), r#"{"extra": 1}"#);
    let refused = desk.service().accept_in(&mut transaction, extra, None).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    let unknown = NewJob::new(Name::new("unheard_of").unwrap(), "{}");
    let refused = desk.service().accept_in(&mut transaction, unknown, None).await;
    assert!(matches!(refused, Err(Error::UnknownProcessor { .. })), "{refused:?}");
    let fine = desk.service().accept_in(&mut transaction, task(), None).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(jobs_of(&**desk.service().store()).await.iter().map(|job| job.id).collect::<Vec<_>>(), [fine.id()]);
    desk.stop().await.unwrap();
}

#[cfg(feature = "encryption")]
#[tokio::test]
async fn a_payload_is_encrypted_where_the_application_has_the_keys() {
    use faena::job::SEALED_BYTES;
    use faena::postgres::enqueue_encrypted_in;
    use faena::store::sealed::{EncryptionKey, Keyring, Part};

    let Some(house) = House::new() else { return };
    let desk = house.desk().await;
    let (mut client, _) = shop(&house.database.url).await;
    let key: EncryptionKey = "shop:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".parse().unwrap();
    let keys = Keyring::new(&[key]).unwrap().unwrap();
    let mut transaction = client.transaction().await.unwrap();
    let job = task();
    let plain = job.payload.clone();
    let closed = enqueue_encrypted_in(&mut transaction, &keys, job).await.unwrap().id();
    let list = NewJob::new(Name::new("task").unwrap(), "[1]");
    let refused = enqueue_encrypted_in(&mut transaction, &keys, list).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "it is checked before it is encrypted: {refused:?}");
    transaction.commit().await.unwrap();
    let kept = desk.service().store().payload(closed).await.unwrap().unwrap();
    assert!(kept.starts_with(SEALED_BYTES), "{kept:?}");
    assert_eq!(keys.open(Part::Payload, closed.as_bytes(), &kept).unwrap().as_deref(), Some(&plain[..]));
    desk.stop().await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_stays_open_holds_up_nobody_but_its_own_key() {
    let Some(house) = House::new() else { return };
    let desk = house.desk().await;
    let (mut client, _) = shop(&house.database.url).await;
    let unique = || task().unique("held", UniqueFor::Active);
    let mut transaction = client.transaction().await.unwrap();
    let held = enqueue_in(&mut transaction, unique().concurrency("gate", 1)).await.unwrap();

    // They gather to batches, and one in each of them wants what is held.
    let asked = (0..60).map(|number| match number % 20 {
        7 => desk.service().enqueue(unique()),
        _ => desk.service().enqueue(task().unique(format!("u{number}"), UniqueFor::Active).concurrency("gate", 1)),
    });
    let answers = futures_util::future::join_all(asked).await;
    for (number, answer) in answers.iter().enumerate() {
        match number % 20 {
            7 => assert!(matches!(answer, Err(Error::Unavailable { .. })), "{number}: {answer:?}"),
            _ => assert!(answer.is_ok(), "{number}: {answer:?}"),
        }
    }
    // What is at work goes on meanwhile.
    let worker = house.node(|_| Ok(().into())).await;
    for answer in answers.iter().flatten() {
        until(&desk, answer.id, Job::is_finished).await;
    }
    transaction.commit().await.unwrap();
    until(&desk, held.id(), Job::is_finished).await;
    assert!(desk.service().enqueue(unique()).await.is_ok());
    for node in [worker, desk] {
        node.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_strict_transaction_is_told_to_begin_anew() {
    let Some(house) = House::new() else { return };
    let desk = house.desk().await;
    let (mut client, _) = shop(&house.database.url).await;
    let unique = || task().unique("one", UniqueFor::Active);
    for level in [IsolationLevel::RepeatableRead, IsolationLevel::Serializable] {
        let mut transaction = client.build_transaction().isolation_level(level).start().await.unwrap();
        transaction.query("SELECT FROM orders", &[]).await.unwrap();
        let holder = desk.service().enqueue(unique()).await.unwrap().id;
        let error = enqueue_in(&mut transaction, unique()).await.unwrap_err();
        assert!(matches!(&error, Error::Unavailable { reason, .. } if reason.contains("40001")), "{error:?}");
        transaction.rollback().await.unwrap();
        desk.service().cancel(holder, "ana").await.unwrap();

        let mut transaction = client.build_transaction().isolation_level(level).start().await.unwrap();
        let enqueued = enqueue_in(&mut transaction, unique()).await.unwrap();
        transaction.commit().await.unwrap();
        assert!(enqueued.is_new());
        desk.service().cancel(enqueued.id(), "ana").await.unwrap();
    }
    desk.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_without_the_tables_of_this_version_is_refused_and_the_transaction_goes_on() {
    let Some(database) = Database::fresh() else { return };
    let (mut client, _) = shop(&database.url).await;
    let tables: [(&str, &str); 3] = [
        ("SELECT 1", "it has no tables for jobs; `faena migrate` makes them"),
        ("CREATE SCHEMA faena", "it has no tables for jobs; `faena migrate` makes them"),
        ("CREATE TABLE faena.schema_version AS SELECT 99 AS version", "it is newer"),
    ];
    for (number, (sql, advice)) in tables.iter().enumerate() {
        database.tell(sql);
        let mut transaction = client.transaction().await.unwrap();
        let error = enqueue_in(&mut transaction, task()).await.unwrap_err().to_string();
        assert!(error.contains(advice), "{error}");
        transaction.execute("INSERT INTO orders VALUES ($1)", &[&(number as i64)]).await.unwrap();
        transaction.commit().await.unwrap();
    }
    assert_eq!(orders(&client).await, 3);
}

#[tokio::test]
async fn what_the_documentation_grants_is_enough_and_without_it_nothing_goes() {
    let Some(database) = Database::fresh() else { return };
    let store = store_at(&database.url, Default::default()).await;
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/postgres.rs")).unwrap();
    let role = format!("shop_{}", faena::job::JobId::new().to_string().replace('-', ""));
    let grants: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! GRANT"))
        .fold(String::new(), |all, line| all + "GRANT" + &line.replace("TO shop", &format!("TO {role}")));
    let (mut client, _) = shop(&database.url).await;
    client.batch_execute(&format!("CREATE ROLE {role}; SET ROLE {role}")).await.unwrap();
    let mut transaction = client.transaction().await.unwrap();
    let error = enqueue_in(&mut transaction, task()).await.unwrap_err().to_string();
    assert!(error.contains("permission denied"), "{error}");
    transaction.commit().await.unwrap();

    client.batch_execute(&format!("RESET ROLE; {grants}; SET ROLE {role}")).await.unwrap();
    let key = || Key::new("orders", "7", b"body").unwrap();
    for _ in 0..2 {
        let mut transaction = client.transaction().await.unwrap();
        enqueue_in(&mut transaction, key().on(task().unique("u", UniqueFor::WindowMs(1_000)))).await.unwrap();
        transaction.commit().await.unwrap();
    }
    assert_eq!(jobs_of(&*store).await.len(), 1);
    client.batch_execute(&format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    store.close().await.unwrap();
}
