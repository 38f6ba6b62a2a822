//! What the engine in a database promises besides: what becomes of a claim whose answer is lost, of those who are in each other's
//! way, and of a member of a batch that cannot be written. Triggers and a second connection play the others.

use std::time::Duration;

use faena::clock::Clock;
use faena::job::{JobId, NewJob, Outcome, Status, UniqueFor};
use faena::store::postgres::{Open, Postgres};
use faena::store::query::{Sort, Start};
use faena::store::{Claim, Filter, Group, Idempotency, Insert, Inserted, Page, Store, Take};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::bed::*;
use crate::{locks, states};

/// Tries a promise in a database, with a connection to the same one.
pub fn in_database<F: Future<Output = ()>>(promise: impl FnOnce(Bed, Client) -> F) {
    run(Engine::Postgres, |bed| async {
        let other = connected(&bed).await;
        promise(bed, other).await;
    });
}

pub async fn connected(bed: &Bed) -> Client {
    let (client, connection) = tokio_postgres::connect(bed.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Another node on the same database.
pub async fn another(bed: &Bed) -> Postgres {
    let open = Open { url: bed.url().to_owned(), holder: holder(), clock: Clock::manual(at(0)) };
    tokio::task::spawn_blocking(move || Postgres::open(open, Default::default()).unwrap()).await.unwrap()
}

/// Has `body` run before rows of a table change; `turn` counts its calls, whatever becomes of their transactions.
async fn on_change(client: &Client, table: &str, change: &str, body: &str) {
    let sql = format!(
        "CREATE SEQUENCE IF NOT EXISTS turn; \
         CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$; \
         CREATE TRIGGER meddle BEFORE {change} ON {table} FOR EACH ROW EXECUTE FUNCTION meddle()"
    );
    client.batch_execute(&sql).await.unwrap();
}

/// Once somebody waits for a lock.
pub async fn somebody_waits(client: &Client) {
    so_many_wait(client, 1).await;
}

/// Once so many wait for a lock.
pub async fn so_many_wait(client: &Client, count: i64) {
    // A transaction remembers who was connected when it looked first.
    const WAITING: &str = "SELECT pg_stat_clear_snapshot(); SELECT FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let rows = |answer: &[SimpleQueryMessage]| {
        answer.iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).count() as i64 - 1
    };
    while rows(&client.simple_query(WAITING).await.unwrap()) < count {
        tokio::task::yield_now().await;
    }
}

fn leased(max: usize) -> Claim {
    Claim { lease: Some(Duration::from_secs(60)), ..claim(max) }
}

fn accepted(inserted: &[Inserted]) -> Vec<JobId> {
    let id = |inserted: &Inserted| match inserted {
        Inserted::Accepted(job) => job.id,
        other => panic!("not accepted: {other:?}"),
    };
    inserted.iter().map(id).collect()
}

const CUT_ONCE: &str = "IF NEW.state = 2 AND nextval('turn') = 1 THEN \
    PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); END IF;";

#[test]
fn rule_01_a_lost_claim_finds_nothing_of_another_node() {
    in_database(|bed, other| async move {
        bed.accept(new_job(), at(0)).await;
        let mine = bed.store().claim(leased(1), at(0)).await.unwrap().jobs;
        assert_eq!(mine.len(), 1);
        let second = another(&bed).await;
        let free = bed.accept(new_job(), at(0)).await;
        on_change(&other, "faena.live", "UPDATE", CUT_ONCE).await;
        let lost = second.claim(leased(1), at(0)).await.unwrap().jobs;
        assert!(lost.is_empty(), "it was cut before it took anything, and got {lost:?}");
        let again = second.claim(leased(2), at(0)).await.unwrap().jobs;
        assert_eq!(again.iter().map(|job| job.id).collect::<Vec<_>>(), [free.id]);
    });
}

#[test]
fn a_claim_that_fails_half_way_tells_what_it_took() {
    in_database(|bed, other| async move {
        let free = bed.accept(new_job(), at(0)).await;
        bed.accept(new_job().concurrency("disk", 1), at(0)).await;
        on_change(
            &other,
            "faena.live",
            "UPDATE",
            "IF NEW.state = 2 AND NEW.gate_key IS NOT NULL THEN RAISE 'no'; END IF;",
        )
        .await;
        assert_eq!(bed.claimed_ids(9, at(0)).await, [free.id]);
    });
}

#[test]
fn a_claim_that_is_begun_anew_tells_what_it_took_before() {
    in_database(|bed, other| async move {
        let free = bed.accept(new_job(), at(0)).await;
        let gated = bed.accept(new_job().concurrency("disk", 1), at(0)).await;
        let body = "IF NEW.state = 2 AND NEW.gate_key IS NOT NULL AND nextval('turn') = 1 THEN \
            RAISE 'deadlock' USING ERRCODE = '40P01'; END IF;";
        on_change(&other, "faena.live", "UPDATE", body).await;
        let mut claimed = bed.claimed_ids(9, at(0)).await;
        claimed.extend(bed.claimed_ids(9, at(0)).await);
        assert_eq!(claimed, [free.id, gated.id]);
    });
}

#[test]
fn what_shows_of_a_lost_claim_when_nobody_asks_any_more_is_given_back() {
    in_database(|bed, other| async move {
        let late = bed.accept(job_of("late"), at(0)).await;
        let told = bed.accept(new_job(), at(0)).await;
        bed.accept(new_job().concurrency("disk", 1), at(0)).await;
        let body = "IF NEW.gate_key IS NOT NULL AND NEW.state = 2 AND nextval('turn') = 1 THEN \
            PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); END IF;";
        on_change(&other, "faena.live", "UPDATE", body).await;
        assert_eq!(bed.claimed_ids(9, at(0)).await, [told.id]);
        // As when its commit had waited for another server.
        let shows = "UPDATE faena.live SET state = 2, revision = revision + 1, epoch = epoch + 1, started_at = 0, \
            (keeper, ticket, holder) = (SELECT keeper, ticket, holder FROM faena.live WHERE sub_type = 'work' AND state = 2) \
            WHERE sub_type = 'late'";
        other.batch_execute(shows).await.unwrap();
        assert_eq!(bed.get(late.id).await.status(), Status::Started);
        bed.claim(0, at(1)).await;
        let back = bed.get(late.id).await;
        assert_eq!((back.status(), back.life.failures, back.attempts().len()), (Status::Queued, 0, 1));
        assert_eq!(back.attempts()[0].outcome, Outcome::Released);
        assert_eq!(bed.get(told.id).await.status(), Status::Started, "somebody works on it");
    });
}

#[test]
fn a_node_that_was_taken_for_dead_takes_nothing_under_its_old_number() {
    in_database(|bed, other| async move {
        bed.accept(new_job(), at(0)).await;
        bed.accept(new_job().concurrency("disk", 1), at(0)).await;
        other.batch_execute("DELETE FROM faena.node").await.unwrap();
        bed.claim(9, at(0)).await;
        // By now it may have made itself known again.
        let nobodys =
            "SELECT count(*) FROM faena.live WHERE state = 2 AND NOT EXISTS (SELECT FROM faena.node WHERE id = keeper)";
        assert_eq!(other.query_one(nobodys, &[]).await.unwrap().get::<_, i64>(0), 0);
    });
}

#[test]
fn a_gated_job_whose_time_changed_meanwhile_is_not_taken() {
    in_database(|bed, other| async move {
        bed.accept(new_job(), at(0)).await;
        let gated = bed.accept(new_job().concurrency("disk", 1), at(0)).await;
        let body = "IF NEW.state = 2 AND NEW.gate_key IS NULL THEN \
            UPDATE faena.live SET run_at = 99000 WHERE gate_key IS NOT NULL; END IF;";
        on_change(&other, "faena.live", "UPDATE", body).await;
        assert_eq!(bed.claim(9, at(0)).await.len(), 1);
        assert_eq!(bed.get(gated.id).await.status(), Status::Queued);
    });
}

#[test]
fn a_lock_that_is_renewed_meanwhile_is_not_forgotten() {
    in_database(|bed, other| async move {
        locks::granted(&bed, locks::take("sync", "ana"), at(0)).await;
        other.batch_execute("BEGIN; UPDATE faena.lock SET until = 90000").await.unwrap();
        let store = bed.store();
        let forgotten = store.locks().prune_locks(at(20_000), 9);
        somebody_waits(&other).await;
        other.batch_execute("COMMIT").await.unwrap();
        assert_eq!(forgotten.await.unwrap(), 0);
        let renewed = Take { ttl: Duration::from_secs(1), ..locks::take("sync", "bob") };
        let refused = store.locks().acquire(renewed, at(20_000)).await.unwrap();
        assert!(matches!(refused, faena::store::Acquired::Held(_)), "{refused:?}");
    });
}

#[test]
fn a_state_that_is_put_meanwhile_is_not_forgotten() {
    in_database(|bed, other| async move {
        let store = bed.store();
        store.states().put_state(states::put("cursor", "1"), at(0)).await.unwrap();
        other.batch_execute("BEGIN; UPDATE faena.state SET until = 9000000000000").await.unwrap();
        let forgotten = store.states().prune_states(at(8_000_000_000_000), 9);
        somebody_waits(&other).await;
        other.batch_execute("COMMIT").await.unwrap();
        assert_eq!(forgotten.await.unwrap(), 0);
        assert!(store.states().state(&locks::slug("cursor"), at(8_000_000_000_000)).await.unwrap().is_some());
    });
}

#[test]
fn rule_12_a_request_that_comes_again_meanwhile_is_not_forgotten() {
    in_database(|bed, other| async move {
        let key = Idempotency { key: "k".into(), body: [1; 32], window: Duration::from_secs(1) };
        bed.insert(Insert { job: new_job(), idempotency: Some(key.clone()) }, at(0)).await;
        other.batch_execute("BEGIN; UPDATE faena.request SET until = 90000").await.unwrap();
        let store = bed.store();
        let forgotten = store.prune(prune(at(0)), at(20_000));
        somebody_waits(&other).await;
        other.batch_execute("COMMIT").await.unwrap();
        assert_eq!(forgotten.await.unwrap().keys, 0);
        let again = bed.insert(Insert { job: new_job(), idempotency: Some(key) }, at(20_000)).await;
        assert!(matches!(again, Inserted::Replayed(_)), "{again:?}");
    });
}

/// Has all of these asked while a first one waits, so that they come together; their answers.
async fn in_one_batch(bed: &Bed, other: &Client, asked: Vec<(Insert, i64)>) -> Vec<Result<Vec<Inserted>, String>> {
    other.batch_execute("BEGIN; LOCK TABLE faena.live IN EXCLUSIVE MODE").await.unwrap();
    let store = bed.store();
    let first = store.insert(vec![new_job().into()], Group::Each, at(0));
    somebody_waits(other).await;
    let together: Vec<_> =
        asked.into_iter().map(|(insert, now)| store.insert(vec![insert], Group::Each, at(now))).collect();
    other.batch_execute("COMMIT").await.unwrap();
    first.await.unwrap();
    let mut answers = Vec::new();
    for answer in together {
        answers.push(answer.await.map_err(|error| error.to_string()));
    }
    answers
}

#[test]
fn a_key_whose_window_passes_within_a_batch_is_taken_twice() {
    in_database(|bed, other| async move {
        let key = Idempotency { key: "k".into(), body: [1; 32], window: Duration::from_secs(5) };
        let unique = || Insert::from(new_job().unique("u", UniqueFor::WindowMs(5_000)));
        let keyed = || Insert { job: new_job(), idempotency: Some(key.clone()) };
        let asked =
            vec![(unique(), 0), (keyed(), 0), (unique(), 5_100), (keyed(), 5_100), (unique(), 5_200), (keyed(), 5_200)];
        let answers = in_one_batch(&bed, &other, asked).await;
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().remove(0)).collect();
        let ids = accepted(&answers[..4]);
        assert!(matches!(&answers[4], Inserted::Taken(id) if *id == ids[2]), "{:?}", answers[4]);
        assert!(matches!(&answers[5], Inserted::Replayed(first) if first.id == ids[3]), "{:?}", answers[5]);
    });
}

#[test]
fn rule_10_one_that_the_database_does_not_take_harms_none_of_its_batch() {
    in_database(|bed, other| async move {
        let body = "IF NEW.user_id = 'poison' THEN RAISE 'no'; END IF;";
        on_change(&other, "faena.live", "INSERT", body).await;
        let users = ["ana", "bob", "poison", "cem", "dee"];
        let asked = users.iter().map(|user| (new_job().user(*user).into(), 0)).collect();
        for (user, answer) in users.iter().zip(in_one_batch(&bed, &other, asked).await) {
            assert_eq!(answer.is_ok(), *user != "poison", "{user}: {answer:?}");
        }
    });
}

#[test]
fn more_keys_than_the_server_has_locks_are_taken_at_once() {
    in_database(|bed, _| async move {
        let key = |number: u32| Idempotency {
            key: format!("k{number}").into(),
            body: [0; 32],
            window: Duration::from_secs(1),
        };
        let keyed = |number| Insert { job: new_job(), idempotency: Some(key(number)) };
        let answers = bed.store().insert((0..20_000).map(keyed).collect(), Group::Each, at(0)).await.unwrap();
        assert_eq!(accepted(&answers).len(), 20_000);
    });
}

/// Rows that were read in a table since its counters began. The sessions that read have ended: then they have told.
async fn rows_read(client: &Client, tables: &str) -> i64 {
    const READ: &str = "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_user_tables \
        WHERE schemaname = 'faena' AND relname LIKE $1";
    client.query_one(READ, &[&tables]).await.unwrap().get(0)
}

#[test]
fn the_first_page_of_many_reads_a_page() {
    in_database(|bed, other| async move {
        let ended = bed.ended(new_job(), Outcome::Success, at(0)).await;
        let many = "INSERT INTO faena.history SELECT h.seq + g, gen_random_uuid(), created_at, ended_at, status, dead, revision, \
                epoch, priority, kind, sub_type, user_id, schedule_id, unique_key, gate_key, gate_limit, result, tags, life, spec, \
                payload FROM faena.history h, generate_series(1, 5000) AS g; SELECT pg_stat_reset()";
        other.batch_execute(many).await.unwrap();
        let page = Page { sort: Sort::CreatedDescending, limit: 10, start: Start::Offset(5) };
        let found = bed.store().list(Filter::default(), page, at(0)).await.unwrap();
        assert_eq!((found.items.len(), found.items[0].seq), (10, ended.seq + 5_000 - 5));
        bed.store().close().await.unwrap();
        gone(&other).await;
        let read = rows_read(&other, "done%").await;
        assert!((15..500).contains(&read), "{read} rows were read");
    });
}

#[test]
fn plans_that_were_made_for_an_empty_table_are_made_anew() {
    in_database(|bed, other| async move {
        for _ in 0..3 {
            bed.ended(new_job(), Outcome::Success, at(0)).await;
        }
        let jobs: Vec<NewJob> = (0..5_000).map(|_| new_job()).collect();
        bed.store().insert(jobs.into_iter().map(Insert::from).collect(), Group::Each, at(0)).await.unwrap();
        other.batch_execute("SELECT pg_stat_reset()").await.unwrap();
        for _ in 0..40 {
            let job = bed.claim(1, at(0)).await.remove(0);
            bed.applied(&job, succeeded(1), at(0)).await;
        }
        bed.store().close().await.unwrap();
        gone(&other).await;
        let read = rows_read(&other, "live").await;
        assert!((40..60_000).contains(&read), "{read} rows were read");
    });
}

/// Once nobody else is connected but those who listen.
pub async fn gone(client: &Client) {
    const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
        AND backend_type = 'client backend' AND query NOT IN ('', 'LISTEN faena')";
    while client.query_one(OTHERS, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::task::yield_now().await;
    }
}
