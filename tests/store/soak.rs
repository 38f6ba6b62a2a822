//! Half of what the engine in a database can, for minutes: what is dead in its tables does not pile up, and a claim reads in the
//! end what it read in the beginning. Counted by the server itself, since a figure in seconds would be one about the machine.
//!
//! `FAENA_SOAK` is how many seconds (300).

use std::time::{Duration, Instant};

use faena::job::{Event, Transition, decide};
use faena::store::{Group, Insert};
use tokio::time::MissedTickBehavior;
use tokio_postgres::Client;

use crate::bed::*;
use crate::database::in_database;

/// Jobs that come, and go, at once.
const BATCH: usize = 50;
/// Parts of the time, each with a look at its end.
const WINDOWS: u32 = 10;
/// Dead rows in the live table: a sweep looks every five seconds whether there are 10,000, and may itself take a while.
const DEAD_MAX: i64 = 100_000;

#[test]
fn a_soak_leaves_no_bloat() {
    in_database(|bed, other| async move {
        let seconds = std::env::var("FAENA_SOAK").map_or(300, |text| text.parse().expect("FAENA_SOAK is seconds"));
        let began = Instant::now();
        let mut rounds = 0;
        while began.elapsed() < Duration::from_secs(3) {
            round(&bed).await;
            rounds += 1;
        }
        let pace = began.elapsed() / rounds * 2;
        eprintln!("{BATCH} jobs every {pace:?}, for {seconds} s");

        let mut turns = tokio::time::interval(pace);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut looks, mut before) = (Vec::new(), Look::at(&other).await);
        for _ in 0..WINDOWS {
            let (until, mut rounds) = (Instant::now() + Duration::from_secs(seconds) / WINDOWS, 0);
            while Instant::now() < until || rounds == 0 {
                turns.tick().await;
                round(&bed).await;
                rounds += 1;
            }
            let look = Look::at(&other).await;
            let jobs = f64::from(rounds) * BATCH as f64;
            let read = (look.read - before.read) as f64 / jobs;
            eprintln!("{jobs} jobs: {} dead rows, {} pages, {read:.1} entries a claim", look.dead, look.pages);
            looks.push((read, look.dead, look.pages));
            before = look;
        }
        // In the first window the counters are behind, and the file has not come to its length.
        let (early, late) = (looks[1], looks[looks.len() - 1]);
        // One window by itself was seen to read 16 entries a claim beside 2 to 3 in all others; why is not known. What stays is bloat.
        let lasting = late.0.min(looks[looks.len() - 2].0);
        assert!(looks.iter().all(|(_, dead, _)| *dead < DEAD_MAX), "dead rows pile up: {looks:?}");
        assert!(late.2 < 2 * early.2 + 1_000, "the table grows: {looks:?}");
        assert!(lasting < 2.0 * early.0 + 10.0, "a claim reads more and more: {looks:?}");
    });
}

/// Jobs are accepted, handed out, reported on and ended.
async fn round(bed: &Bed) {
    let store = bed.store();
    let jobs = (0..BATCH).map(|_| new_job().into()).collect::<Vec<Insert>>();
    store.insert(jobs, Group::Each, at(0)).await.unwrap();
    let claimed = bed.claim(BATCH, at(1)).await;
    assert_eq!(claimed.len(), BATCH);
    let steps = |event: fn(u32) -> Event| -> Vec<Transition> {
        claimed.iter().map(|job| decide(job, event(job.life.epoch), at(1)).unwrap()).collect()
    };
    store.commit(steps(|epoch| progressed(epoch, 50)), at(1)).await.unwrap();
    store.commit(steps(succeeded), at(1)).await.unwrap();
}

/// What the server counts.
struct Look {
    dead: i64,
    /// Of the live table with its indexes.
    pages: i64,
    /// Entries of the index of who is next.
    read: i64,
}

impl Look {
    async fn at(client: &Client) -> Self {
        const LOOK: &str = "SELECT (SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'faena.live'::regclass), \
            pg_total_relation_size('faena.live') / 8192, \
            (SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelid = 'faena.live_ready'::regclass)";
        let row = client.query_one(LOOK, &[]).await.unwrap();
        Self { dead: row.get(0), pages: row.get(1), read: row.get(2) }
    }
}
