//! What the engine on disk promises of locks and states besides: crashes, orphans, older files, a disk that refuses.

use faena::store::{Acquired, Grant, Proof, Released, StoreError, Take};

use crate::bed::*;
use crate::locks::{granted, slug, take};
use crate::states::{made, put};

/// A lock that the process takes for itself.
fn own(name: &str) -> Take {
    Take { grant: Grant::New, in_process: true, ..take(name, "job 17") }
}

fn on_disk<F: Future<Output = ()>>(clause: impl FnOnce(Bed) -> F) {
    run(Engine::Sqlite, clause);
}

#[test]
fn rule_07_locks_of_the_process_that_died_are_freed_and_counted() {
    on_disk(|bed| async move {
        let ours = granted(&bed, own("ours"), at(0)).await;
        granted(&bed, own("given-up"), at(0)).await;
        bed.store().release(slug("given-up"), Proof::Owner("job 17".into()), at(1)).await.unwrap();
        let theirs = granted(&bed, take("theirs", "ana"), at(0)).await;
        let after = bed.after_a_crash(at(2));
        assert_eq!(after.store().health().recovered.orphans, 1);
        assert_eq!(after.store().holder(&slug("theirs"), at(2)).await.unwrap(), Some(theirs));
        assert_eq!(after.store().holder(&slug("ours"), at(2)).await.unwrap(), None);
        let again = after.after_a_crash(at(3));
        assert_eq!(again.store().health().recovered.orphans, 0, "recovery is done once");
        let next = granted(&again, own("ours"), at(3)).await;
        assert!(next.token > ours.token, "{next:?}");
    });
}

#[test]
fn rule_08_a_grant_that_can_be_seen_survives_a_crash() {
    on_disk(|bed| async move {
        for round in 0..20 {
            let (name, store) = (format!("l{round}"), bed.store());
            let wish = take(&name, "ana");
            let asked = std::thread::spawn(move || block_on(store.acquire(wish, at(0))));
            let seen = loop {
                if let Some(lock) = bed.store().holder(&slug(&name), at(1)).await.unwrap() {
                    break lock;
                }
                std::thread::yield_now();
            };
            let after = bed.after_a_crash(at(1));
            assert_eq!(after.store().holder(&slug(&name), at(1)).await.unwrap(), Some(seen));
            asked.join().unwrap().unwrap();
        }
    });
}

#[test]
fn rule_08_a_refusal_speaks_of_a_grant_that_survives_a_crash() {
    on_disk(|bed| async move {
        for round in 0..20 {
            let name = format!("l{round}");
            drop(bed.store().acquire(take(&name, "ana"), at(0)));
            let refused = bed.store().acquire(take(&name, "bob"), at(1)).await.unwrap();
            let Acquired::Held(lock) = refused else { panic!("not refused: {refused:?}") };
            let after = bed.after_a_crash(at(1));
            assert_eq!(after.store().holder(&slug(&name), at(1)).await.unwrap(), Some(lock));
        }
    });
}

#[test]
fn a_store_of_the_second_form_gets_what_it_lacks() {
    on_disk(|bed| async move {
        let job = bed.accept(new_job(), at(0)).await;
        bed.store().close().await.unwrap();
        let conn = rusqlite::Connection::open(database(bed.folder())).unwrap();
        conn.execute_batch("DROP TABLE lock; DROP TABLE state; DROP TABLE last_number; PRAGMA user_version = 2;")
            .unwrap();
        drop(conn);
        let bed = bed.reopened(at(1));
        granted(&bed, take("sync", "ana"), at(1)).await;
        made(&bed, put("block", "1"), at(1)).await;
        assert_eq!(bed.claimed_ids(9, at(1)).await, [job.id], "what was there is still there");
        let bed = bed.reopened(at(2));
        assert!(bed.store().holder(&slug("sync"), at(2)).await.unwrap().is_some());
    });
}

/// The disk refuses for as long as somebody else holds the database; the engine waits its five seconds for it.
#[test]
fn a_disk_that_refuses_grants_nothing_and_frees_nothing() {
    on_disk(|bed| async move {
        let store = bed.store();
        let lock = granted(&bed, take("old", "ana"), at(0)).await;
        let intruder = rusqlite::Connection::open(database(bed.folder())).unwrap();
        intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (freed, taken) =
            (store.release(slug("old"), Proof::Token(lock.token), at(1)), store.acquire(take("new", "ana"), at(1)));
        let kept = store.put_state(put("block", "1"), at(1));
        assert!(matches!(freed.await, Err(StoreError::Unavailable(_))));
        assert!(matches!(taken.await, Err(StoreError::Unavailable(_))));
        assert!(matches!(kept.await, Err(StoreError::Unavailable(_))));
        intruder.execute_batch("ROLLBACK").unwrap();
        while store.health().degraded.is_some() {
            std::thread::yield_now();
        }
        assert_eq!(store.holder(&slug("old"), at(2)).await.unwrap(), Some(lock.clone()));
        assert_eq!(store.state(&slug("block"), at(2)).await.unwrap(), None);
        granted(&bed, take("new", "bob"), at(2)).await;
        let released = store.release(slug("old"), Proof::Token(lock.token), at(3)).await.unwrap();
        assert_eq!(released, Released::Done);
        let bed = bed.reopened(at(4));
        assert_eq!(bed.store().holder(&slug("old"), at(4)).await.unwrap(), None);
        assert_eq!(&*bed.store().holder(&slug("new"), at(4)).await.unwrap().unwrap().owner, "bob");
    });
}
