//! Results in the database: the clauses of all, and what becomes of them when the database does not take or not find them.

use faena::clock::Clock;
use faena::job::Holder;
use faena::store::postgres::{Open, Pieces, Postgres};
use faena::store::{Prune, Store};
use futures_util::TryStreamExt;

use super::*;
use crate::cluster::Database;

/// A store in a database of its own.
struct Bed {
    store: Arc<Postgres>,
    database: Database,
}

impl Bed {
    /// None when there is no PostgreSQL here.
    async fn new() -> Option<Self> {
        let database = Database::fresh()?;
        let holder = Holder { node: JobId::new().to_string().into(), machine: "shed".into(), process: 1 };
        let open = Open { url: database.url.clone(), holder, clock: Clock::System };
        let opened = tokio::task::spawn_blocking(move || Postgres::open(open, Default::default()).unwrap()).await;
        Some(Self { store: Arc::new(opened.unwrap()), database })
    }

    fn results(&self) -> Pieces {
        self.store.results()
    }

    /// Results and pieces that the database holds.
    async fn rows(&self) -> (i64, i64) {
        let (client, connection) = tokio_postgres::connect(&self.database.url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let counted = "SELECT (SELECT count(*) FROM faena.result), (SELECT count(*) FROM faena.result_piece)";
        let row = client.query_one(counted, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }
}

macro_rules! in_database {
    ($($clause:ident),+) => { $(
        #[tokio::test]
        async fn $clause() {
            let Some(bed) = Bed::new().await else { return };
            super::$clause(&bed.results()).await;
            bed.store.close().await.unwrap();
        }
    )+ };
}

in_database!(
    keeps_what_was_put,
    large_ones_come_in_order,
    another_put_replaces_and_another_try_does_not,
    what_is_deleted_is_gone_and_the_rest_stays,
    a_bad_key_touches_nothing_and_spoils_nothing,
    puts_at_once_are_seen_whole
);

#[tokio::test]
async fn what_was_replaced_or_deleted_leaves_no_pieces() {
    let Some(bed) = Bed::new().await else { return };
    let (results, key) = (bed.results(), results::key(JobId::new(), 1));
    results.put(&key, "text/plain", pattern(1_000_000)).await.unwrap();
    assert_eq!(bed.rows().await, (1, 4));
    results.put(&key, "text/plain", pattern(300_000)).await.unwrap();
    assert_eq!(bed.rows().await, (1, 2));
    results.delete(&[key]).await.unwrap();
    assert_eq!(bed.rows().await, (0, 0));
    bed.store.close().await.unwrap();
}

#[tokio::test]
async fn a_reader_holds_one_piece_and_is_told_when_the_rest_is_gone() {
    let Some(bed) = Bed::new().await else { return };
    let (results, key) = (bed.results(), results::key(JobId::new(), 1));
    let bytes = pattern(1_000_000);
    results.put(&key, "text/plain", bytes.clone()).await.unwrap();
    // More of them than there are connections: a slow reader holds none.
    let mut readers = Vec::new();
    for _ in 0..20 {
        let mut found = results.get(&key).await.unwrap().unwrap();
        let first = found.chunks.try_next().await.unwrap().unwrap();
        assert!(first.len() <= 256 * 1024 && bytes.starts_with(&first));
        readers.push(found);
    }
    let whole = readers.pop().unwrap().chunks.try_fold(0, |all, chunk| async move { Ok(all + chunk.len()) });
    assert_eq!(whole.await.unwrap() + 256 * 1024, bytes.len());
    results.put(&key, "text/plain", pattern(10)).await.unwrap();
    let error = readers.pop().unwrap().chunks.try_next().await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("replaced or forgotten")), "{error}");
    bed.store.close().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing_behind() {
    let Some(bed) = Bed::new().await else { return };
    bed.database.tell(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.piece = 2 THEN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END IF; \
             RETURN NEW; END $$; \
         CREATE TRIGGER full_disk BEFORE INSERT ON faena.result_piece FOR EACH ROW EXECUTE FUNCTION full_disk()",
    );
    let (results, key) = (bed.results(), results::key(JobId::new(), 1));
    let error = results.put(&key, "text/plain", pattern(1_000_000)).await.unwrap_err();
    let StoreError::Unavailable(why) = &error else { panic!("{error:?}") };
    assert!(why.contains(&*key) && why.contains("No space left on device"), "{why}");
    assert_eq!((read(&results, &key).await, bed.rows().await), (None, (0, 0)));
    bed.database.tell("DROP TRIGGER full_disk ON faena.result_piece");
    results.put(&key, "text/plain", pattern(1_000_000)).await.unwrap();
    assert_eq!(bed.rows().await, (1, 4));
    bed.store.close().await.unwrap();
}

#[tokio::test]
async fn what_no_job_has_is_swept_up_after_a_while_and_nothing_sooner() {
    let Some(bed) = Bed::new().await else { return };
    let job = faena::job::NewJob::new(faena::job::Name::new("task").unwrap(), "{}");
    let living = job.id;
    let now = bed.store.clock().now();
    bed.store.insert(vec![job.into()], faena::store::Group::Each, now).await.unwrap();
    let (results, orphan, awaited) = (bed.results(), results::key(JobId::new(), 1), results::key(living, 1));
    for key in [&orphan, &awaited] {
        results.put(key, "text/plain", pattern(300_000)).await.unwrap();
    }
    let nothing = Prune { ended_before: now, failed_before: now, limit: 10 };
    bed.store.prune(nothing, now).await.unwrap();
    assert_eq!(bed.rows().await, (2, 4));
    bed.database.tell("UPDATE faena.result SET looked_at = looked_at - interval '2 hours'");
    bed.store.prune(nothing, now).await.unwrap();
    assert_eq!(bed.rows().await, (1, 2));
    assert_eq!(read(&results, &orphan).await, None);
    assert_eq!(read(&results, &awaited).await, Some(pattern(300_000)));
    bed.store.close().await.unwrap();
}
