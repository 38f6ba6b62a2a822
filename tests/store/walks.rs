//! Lists in a database that others write to: a walk passes nobody by, no page looks through everything, and what comes faster than
//! it is written is refused.

use faena::job::{Event, JobId, decide};
use faena::limits;
use faena::store::query::{Sort, Start};
use faena::store::{Filter, Group, Insert, Page, PageOf, StoreError};
use tokio_postgres::Client;

use crate::bed::*;
use crate::database::{gone, in_database, somebody_waits};
use crate::list::{page, seqs};

#[test]
fn rule_32_a_walk_does_not_pass_by_what_is_committed_later() {
    in_database(|bed, mut other| async move {
        bed.accept(new_job(), at(0)).await;
        let mut transaction = other.transaction().await.unwrap();
        faena::postgres::enqueue_in(&mut transaction, new_job()).await.unwrap();
        for _ in 0..9 {
            bed.accept(new_job(), at(0)).await;
        }
        let part = async |start| page(&bed, &Filter::default(), Sort::CreatedAscending, 3, start).await;
        let first = part(Start::Offset(0)).await;
        assert_eq!((seqs(&first.items), first.more), (vec![1], true), "it ends where nobody knows yet");
        let newest = page(&bed, &Filter::default(), Sort::CreatedDescending, 3, Start::Offset(0)).await;
        assert_eq!(seqs(&newest.items), [11, 10, 9]);
        let store = bed.store();
        let rest = Page { sort: Sort::CreatedAscending, limit: 3, start: Start::After(first.next().unwrap()) };
        let second = store.list(Filter::default(), rest, at(0));
        let (second, ()) = tokio::join!(second, async { transaction.commit().await.unwrap() });
        assert_eq!(seqs(&second.unwrap().items), [2, 3, 4]);
    });
}

/// So many ended jobs like the first one, the first of which is like none of the others.
async fn history(bed: &Bed, other: &Client, count: i64) -> u64 {
    let rare = bed.ended(job_of("rare").tag("odd"), faena::job::Outcome::Success, at(0)).await;
    let many = format!(
        "INSERT INTO faena.history SELECT h.seq + g, gen_random_uuid(), created_at, ended_at, status, dead, revision, epoch, \
            priority, kind, 'work', user_id, schedule_id, unique_key, gate_key, gate_limit, result, '{{}}', life, spec, payload \
         FROM faena.history h, generate_series(1, {count}) AS g; \
         INSERT INTO faena.tally VALUES ('work', 'work', 1, 3, {count}); \
         SELECT setval('faena.job_seq', (SELECT max(seq) FROM faena.history))"
    );
    other.batch_execute(&many).await.unwrap();
    rare.seq
}

/// Goes on from page to page; the jobs, and how many pages it took.
async fn walk(bed: &Bed, filter: &Filter, sort: Sort) -> (Vec<u64>, usize, PageOf<std::sync::Arc<faena::job::Job>>) {
    let (mut found, mut pages, mut start) = (Vec::new(), 0, Start::Offset(0));
    loop {
        let part = page(bed, filter, sort, 10, start).await;
        found.extend(seqs(&part.items));
        pages += 1;
        match part.next() {
            Some(after) => start = Start::After(after),
            None => return (found, pages, part),
        }
    }
}

#[test]
fn no_page_looks_through_everything() {
    in_database(|bed, other| async move {
        let rare = history(&bed, &other, 60_000).await;
        let tagged = Filter { tag: Some("odd".into()), ..Filter::default() };
        let first = page(&bed, &tagged, Sort::CreatedDescending, 10, Start::Offset(0)).await;
        assert_eq!((first.items.len(), first.total, first.exact, first.more), (0, 0, false, true));
        assert_eq!(first.reached, Some(rare + 10_001), "so many were looked through");
        let sub_type = Filter { sub_type: Some(name("rare")), ..Filter::default() };
        let both = Filter { tag: Some("odd".into()), user_id: Some("nobody".into()), ..Filter::default() };
        for sort in [Sort::CreatedDescending, Sort::CreatedAscending] {
            let (found, pages, _) = walk(&bed, &tagged, sort).await;
            assert_eq!((found, pages), (vec![rare], 2));
            let (found, _, last) = walk(&bed, &sub_type, sort).await;
            assert_eq!((found, last.total, last.exact), (vec![rare], 1, true));
            let (found, pages, _) = walk(&bed, &both, sort).await;
            assert_eq!((found, pages), (vec![], 1), "an index says at once that there is nobody");
        }
        // A job that is found by the counters needs no second page.
        assert_eq!(walk(&bed, &sub_type, Sort::CreatedAscending).await.1, 1);
    });
}

#[test]
fn rule_29_what_comes_faster_than_it_is_written_is_refused() {
    in_database(|bed, other| async move {
        let job = bed.accept(new_job(), at(0)).await;
        let store = bed.store();
        other.batch_execute("BEGIN; LOCK TABLE faena.live IN EXCLUSIVE MODE").await.unwrap();
        let mut waiting = vec![store.insert(vec![new_job().into()], Group::Each, at(0))];
        somebody_waits(&other).await;
        while waiting.len() < limits::UNWRITTEN_CALLS_MAX {
            waiting.push(store.insert(Vec::<Insert>::new(), Group::Each, at(0)));
        }
        let refused = store.insert(vec![new_job().into()], Group::Each, at(0)).await;
        assert!(matches!(&refused, Err(StoreError::Unavailable(text)) if text.contains("try again")), "{refused:?}");
        let claimed = decide(&job, cancel_asked(), at(0)).unwrap();
        let ends = store.commit(vec![claimed], at(0));
        other.batch_execute("COMMIT").await.unwrap();
        for answer in waiting {
            answer.await.unwrap();
        }
        ends.await.unwrap();
        bed.accept(new_job(), at(0)).await;
    });
}

/// What the server was last told of the table is from when the queue was empty, as after every night.
#[test]
fn a_queue_that_was_empty_and_is_full_again_is_not_walked_through_for_each_batch() {
    const WAITING: usize = 3_000;
    const BATCHES: usize = 20;
    const BATCH: usize = 10;
    in_database(|bed, other| async move {
        other.batch_execute("ALTER TABLE faena.live SET (autovacuum_enabled = off)").await.unwrap();
        let store = bed.store();
        let jobs = |count| (0..count).map(|_| new_job().into()).collect::<Vec<Insert>>();
        let fill = || store.insert(jobs(WAITING), Group::Each, at(0));
        fill().await.unwrap();
        while !finish_some(&bed, WAITING).await.is_empty() {}
        other.batch_execute("VACUUM (ANALYZE, TRUNCATE off) faena.live").await.unwrap();
        fill().await.unwrap();
        for _ in 0..BATCHES {
            assert_eq!(finish_some(&bed, BATCH).await.len(), BATCH);
        }
        store.close().await.unwrap();
        gone(&other).await;
        let read = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relid = 'faena.live'::regclass";
        let read: i64 = other.query_one(read, &[]).await.unwrap().get(0);
        let done = (WAITING + BATCHES * BATCH) as i64;
        assert!((done..done * 20).contains(&read), "{read} entries were read for {done} jobs");
    });
}

/// Claims jobs, reports on them, and ends them, all at once.
async fn finish_some(bed: &Bed, max: usize) -> Vec<JobId> {
    let (jobs, store) = (bed.claim(max, at(1)).await, bed.store());
    let steps = |event: fn(u32) -> Event| {
        jobs.iter().map(|job| decide(job, event(job.life.epoch), at(1)).unwrap()).collect::<Vec<_>>()
    };
    store.commit(steps(|epoch| progressed(epoch, 10)), at(1)).await.unwrap();
    store.commit(steps(succeeded), at(1)).await.unwrap();
    jobs.iter().map(|job| job.id).collect()
}
