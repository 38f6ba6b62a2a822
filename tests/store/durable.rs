//! What the engine on disk promises besides: restarts, crashes, and files that are not its own.
//!
//! A crash is a copy of the files as they are at that moment, opened as another process would. A real one, with
//! SIGKILL, is in `tests/crash`.

use std::path::Path;
use std::time::Duration;

use faena::job::{Event, JobId, Outcome, Status, UniqueFor};
use faena::limits;
use faena::store::{Claim, Filter, Group, Idempotency, Insert, Inserted, Store, StoreError};

use crate::bed::*;

/// Tries a clause on disk.
fn on_disk<F: Future<Output = ()>>(clause: impl FnOnce(Bed) -> F) {
    run(Engine::Sqlite, clause);
}

#[test]
fn rule_08_what_can_be_seen_survives_a_crash() {
    on_disk(|bed| async move {
        for _ in 0..20 {
            let new = new_job();
            let id = new.id;
            let store = bed.store();
            let asked = std::thread::spawn(move || block_on(store.insert(vec![new.into()], Group::Each, at(0))));
            while bed.store().get(id).await.unwrap().is_none() {
                std::thread::yield_now();
            }
            let after = bed.after_a_crash(at(1));
            assert_eq!(after.get(id).await.status(), Status::Queued);
            asked.join().unwrap().unwrap();
        }
    });
}

#[test]
fn rule_08_an_ending_that_can_be_seen_survives_a_crash() {
    on_disk(|bed| async move {
        for _ in 0..20 {
            bed.accept(new_job(), at(0)).await;
            let job = bed.claim_one(at(0)).await;
            let step = faena::job::decide(&job, succeeded(1), at(1)).unwrap();
            let store = bed.store();
            let asked = std::thread::spawn(move || block_on(store.commit(vec![step], at(1))));
            while !bed.get(job.id).await.is_finished() {
                std::thread::yield_now();
            }
            let after = bed.after_a_crash(at(2));
            assert_eq!(after.get(job.id).await.status(), Status::Completed);
            asked.join().unwrap().unwrap();
        }
    });
}

#[test]
fn everything_survives_a_restart() {
    on_disk(|bed| async move {
        let mut new = new_job().user("ana").tag("t").concurrency("disk", 3).expires_at(at(99_000));
        new.options.estimated_duration = Some("soon".into());
        let rich = bed.accept(new, at(1)).await;
        let delayed = bed.accept(new_job().run_at(at(70_000)), at(2)).await;
        let retried = bed.accept(job_of("other"), at(3)).await;
        let others = Claim { sub_types: [name("other")].into(), ..claim(1) };
        let claimed = bed.store().claim(others, at(3)).await.unwrap().jobs.remove(0);
        let saved = bed.applied(&claimed, Event::StateSaved { epoch: 1, state: Some("7".into()) }, at(4)).await;
        bed.applied(&saved, failed(1), at(5)).await;
        let ended = bed.ended(job_of("third"), Outcome::Failed, at(6)).await;
        let before = bed.all(Filter::default(), at(10)).await;

        let bed = bed.reopened(at(20));
        let after = bed.all(Filter::default(), at(20)).await;
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            assert_same(before, after);
            assert_eq!(bed.store().payload(after.id).await.unwrap().unwrap(), r#"{"n":1}"#);
        }
        let recovered = bed.store().health().recovered;
        assert_eq!((recovered.waiting, recovered.crashed, recovered.quarantined), (3, 0, 0));
        assert_eq!(bed.claimed_ids(9, at(30)).await, [rich.id]);
        assert_eq!(bed.claimed_ids(9, at(70_000)).await, [delayed.id]);
        assert_eq!(bed.get(retried.id).await.life.saved.as_deref(), Some("7"));
        assert_eq!(bed.get(ended.id).await.end().unwrap().error.as_ref().unwrap().message, "no luck".into());
        assert!(bed.accept(new_job(), at(80_000)).await.seq > ended.seq);
    });
}

#[test]
fn order_survives_a_restart() {
    on_disk(|bed| async move {
        let mut expected = Vec::new();
        for priority in [faena::job::Priority::High, faena::job::Priority::Normal] {
            for n in 0..5 {
                expected.push(bed.accept(new_job().priority(priority), at(n)).await.id);
            }
        }
        let given_back = bed.claim(1, at(6)).await.remove(0);
        bed.applied(&given_back, released(1), at(7)).await;
        expected[..5].rotate_left(1);
        let bed = bed.reopened(at(8));
        assert_eq!(bed.claimed_ids(99, at(9)).await, expected);
    });
}

#[test]
fn rule_12_keys_survive_a_restart() {
    on_disk(|bed| async move {
        let window = Duration::from_secs(60);
        let request = |body| Insert {
            job: new_job(),
            idempotency: Some(Idempotency { key: "k".into(), body: [body; 32], window }),
        };
        let Inserted::Accepted(first) = bed.insert(request(1), at(0)).await else { panic!("not accepted") };
        let active = bed.accept(job_of("other").unique("a", UniqueFor::Active), at(0)).await;
        let windowed =
            bed.ended(job_of("third").unique("w", UniqueFor::WindowMs(9_000)), Outcome::Success, at(0)).await;
        let bed = bed.reopened(at(1_000));
        assert!(
            matches!(bed.insert(request(1), at(2_000)).await, Inserted::Replayed(receipt) if receipt.id == first.id)
        );
        assert!(matches!(bed.insert(request(2), at(2_000)).await, Inserted::Mismatch));
        let again = bed.insert(new_job().unique("a", UniqueFor::Active), at(2_000)).await;
        assert!(matches!(again, Inserted::Taken(by) if by == active.id), "{again:?}");
        let again = bed.insert(new_job().unique("w", UniqueFor::WindowMs(9_000)), at(2_000)).await;
        assert!(matches!(again, Inserted::Taken(by) if by == windowed.id), "{again:?}");
        bed.accept(new_job().unique("w", UniqueFor::WindowMs(9_000)), at(9_000)).await;
        assert!(matches!(bed.insert(request(3), at(60_000)).await, Inserted::Accepted(_)));
    });
}

#[test]
fn rule_03_a_start_that_the_disk_never_saw_is_counted_as_a_crash() {
    on_disk(|bed| async move {
        let id = bed.accept(new_job(), at(0)).await.id;
        let job = bed.claim_one(at(10)).await;
        // The claim has been answered, so its process may die at any moment from now on.
        let bed = bed.after_a_crash(at(5_000));
        let after = bed.get(id).await;
        assert_eq!((after.status(), after.life.crashes, after.life.failures), (Status::Queued, 1, 0));
        assert_eq!((after.life.epoch, after.run_at()), (1, Some(at(5_000).plus(limits::CRASH_DELAY))));
        let attempt = after.attempts().last().unwrap();
        assert_eq!((attempt.outcome, attempt.started_at, attempt.ended_at), (Outcome::Crashed, at(10), at(5_000)));
        let recovered = bed.store().health().recovered;
        assert_eq!((recovered.waiting, recovered.crashed, recovered.quarantined), (0, 1, 0));
        assert_eq!(bed.step_refused(&job).await, "stale");
        let again = bed.claim_one(at(9_000)).await;
        assert_eq!((again.id, again.life.epoch), (id, 2));
    });
}

#[test]
fn rule_03_a_job_that_keeps_killing_its_process_is_quarantined() {
    on_disk(|mut bed| async move {
        let poison = bed.accept(new_job(), at(0)).await.id;
        for crashes in 1..=limits::CRASHES_MAX {
            let now = i64::from(crashes) * 10_000;
            assert_eq!(bed.claim_one(at(now)).await.id, poison);
            bed = bed.after_a_crash(at(now + 5));
            assert_eq!(bed.get(poison).await.life.crashes, crashes);
        }
        let job = bed.get(poison).await;
        let end = job.end().expect("it has ended");
        assert_eq!((end.outcome, end.dead, job.status()), (Outcome::Crashed, true, Status::Failed));
        assert_eq!(bed.store().health().recovered.quarantined, 1);
        assert!(bed.claim(9, at(999_000)).await.is_empty());
        let bed = bed.reopened(at(999_000));
        assert_same(&bed.get(poison).await, &job);
        assert_eq!(bed.store().tally(at(999_000)).await.unwrap().dead, 1);
    });
}

#[test]
fn rule_07_recovery_counts_a_crash_once() {
    on_disk(|bed| async move {
        let id = bed.accept(new_job(), at(0)).await.id;
        bed.claim_one(at(10)).await;
        let bed = bed.after_a_crash(at(1_000));
        let once = bed.get(id).await;
        let bed = bed.after_a_crash(at(2_000)).reopened(at(3_000));
        assert_same(&bed.get(id).await, &once);
        assert_eq!(bed.store().health().recovered.crashed, 0);
    });
}

#[test]
fn rule_03_the_latest_start_is_counted_wherever_its_slot_is() {
    on_disk(|bed| async move {
        let jobs = vec![Insert::from(new_job()), Insert::from(new_job())];
        bed.store().insert(jobs, Group::Each, at(0)).await.unwrap();
        let claimed = bed.claim(2, at(10)).await;
        // The second one ends first, so that its next start gets the slot of the other, before its own old one.
        bed.applied(&claimed[1], released(1), at(20)).await;
        bed.applied(&claimed[0], succeeded(1), at(30)).await;
        assert_eq!(bed.claim_one(at(40)).await.life.epoch, 2);
        let bed = bed.after_a_crash(at(1_000));
        let after = bed.get(claimed[1].id).await;
        assert_eq!((after.life.epoch, after.life.crashes), (2, 1));
    });
}

#[test]
fn an_orderly_close_leaves_a_run_that_nobody_gave_back_as_crashed() {
    on_disk(|bed| async move {
        bed.accept(new_job(), at(0)).await;
        let job = bed.claim_one(at(10)).await;
        let bed = bed.reopened(at(1_000));
        let after = bed.get(job.id).await;
        assert_eq!((after.status(), after.life.crashes), (Status::Queued, 1));
        assert_eq!(after.attempts()[0].holder, holder(), "the disk knows who it was");
    });
}

#[test]
fn a_run_that_was_asked_to_stop_is_cancelled_by_the_crash() {
    on_disk(|bed| async move {
        bed.accept(new_job(), at(0)).await;
        let job = bed.claim_one(at(10)).await;
        bed.applied(&job, cancel_asked(), at(20)).await;
        let bed = bed.after_a_crash(at(1_000));
        let after = bed.get(job.id).await;
        assert_eq!((after.status(), after.life.crashes), (Status::Cancelled, 0));
    });
}

#[test]
fn rule_07_a_lease_of_another_process_gets_a_full_new_term() {
    on_disk(|bed| async move {
        bed.accept(new_job(), at(0)).await;
        let asked = Claim { lease: Some(Duration::from_secs(5)), ..claim(1) };
        let job = bed.store().claim(asked, at(0)).await.unwrap().jobs.remove(0);
        let bed = bed.reopened(at(60_000));
        let after = bed.get(job.id).await;
        assert_eq!((after.status(), after.life.crashes), (Status::Started, 0));
        assert!(bed.store().overdue(at(60_001), 9).await.unwrap().is_empty());
        let late = at(60_000).plus(limits::LEASE);
        assert_eq!(bed.store().overdue(late, 9).await.unwrap().len(), 1);
        bed.applied(&after, succeeded(1), at(60_500)).await;
    });
}

#[test]
fn concurrency_keys_are_kept_over_a_restart() {
    on_disk(|bed| async move {
        for _ in 0..2 {
            bed.accept(new_job().concurrency("disk", 1), at(0)).await;
        }
        let asked = Claim { lease: Some(Duration::from_secs(500)), ..claim(9) };
        let job = bed.store().claim(asked, at(0)).await.unwrap().jobs.remove(0);
        let bed = bed.reopened(at(1_000));
        assert!(bed.claim(9, at(1_000)).await.is_empty(), "the other one still runs elsewhere");
        let job = bed.get(job.id).await;
        bed.applied(&job, succeeded(1), at(1_001)).await;
        bed.claim_one(at(1_002)).await;
    });
}

#[test]
fn a_ledger_of_jobs_that_are_gone_accuses_nobody() {
    on_disk(|bed| async move {
        let first = bed.ended(new_job(), Outcome::Success, at(0)).await;
        bed.store().prune(prune(at(10)), at(10)).await.unwrap();
        let bed = bed.reopened(at(20));
        let innocent: JobId = bed.accept(new_job(), at(20)).await.id;
        let bed = bed.after_a_crash(at(30));
        assert_eq!(bed.get(innocent).await.life.crashes, 0, "it never ran; {} did", first.id);
    });
}

#[test]
fn a_folder_in_use_is_refused() {
    on_disk(|bed| async move {
        let refused = open(bed.folder(), at(0)).err().expect("it is in use").to_string();
        assert!(refused.contains("another process"), "{refused}");
        let bed = bed.reopened(at(1));
        bed.accept(new_job(), at(2)).await;
    });
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let bed = Bed::on_disk();
    block_on(bed.store().close()).unwrap();
    let conn = rusqlite::Connection::open(database(bed.folder())).unwrap();
    conn.pragma_update(None, "user_version", 9_999).unwrap();
    drop(conn);
    let refused = open(bed.folder(), at(0)).err().expect("it is newer");
    assert!(matches!(refused, StoreError::Broken(_)));
    assert!(refused.to_string().contains("newer"), "{refused}");
    let conn = rusqlite::Connection::open(database(bed.folder())).unwrap();
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 9_999);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let conn = rusqlite::Connection::open(database(folder.path())).unwrap();
    conn.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (7);").unwrap();
    drop(conn);
    let refused = open(folder.path(), at(0)).err().expect("it is not ours").to_string();
    assert!(refused.contains("another program"), "{refused}");
    std::fs::write(database(folder.path()), "these are my notes, not a database at all").unwrap();
    let refused = open(folder.path(), at(0)).err().expect("it is no database").to_string();
    assert!(refused.contains("cannot open"), "{refused}");
}

#[test]
fn a_torn_ledger_and_a_missing_one_are_survived() {
    on_disk(|bed| async move {
        let id = bed.accept(new_job(), at(0)).await.id;
        bed.claim_one(at(10)).await;
        bed.store().close().await.unwrap();
        let ruins: [fn(&Path); 2] =
            [|path| std::fs::write(path, "torn").unwrap(), |path| std::fs::remove_file(path).unwrap()];
        for ruin in ruins {
            let copy = copied(bed.folder());
            ruin(&copy.path().join("faena.db.running"));
            let store = open(copy.path(), at(20)).unwrap();
            assert_eq!(store.get(id).await.unwrap().unwrap().life.crashes, 1, "the journal knows it too by now");
        }
    });
}

/// The disk refuses for as long as somebody else holds the database; the engine waits its five seconds for it.
#[test]
fn a_disk_that_refuses_gets_nothing_accepted_and_nothing_lost() {
    on_disk(|bed| async move {
        bed.accept(new_job(), at(0)).await;
        let job = bed.claim_one(at(0)).await;
        let intruder = rusqlite::Connection::open(database(bed.folder())).unwrap();
        intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
        let lost = new_job();
        let answer = bed.store().insert(vec![lost.clone().into()], Group::Each, at(1)).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        assert!(bed.store().health().degraded.is_some());
        let answer = bed.store().insert(vec![new_job().into()], Group::Each, at(2)).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "at once: {answer:?}");
        let step = faena::job::decide(&job, succeeded(1), at(3)).unwrap();
        let store = bed.store();
        let reported = std::thread::spawn(move || block_on(store.commit(vec![step], at(3))));
        assert!(bed.store().get(lost.id).await.unwrap().is_none());
        assert!(!bed.get(job.id).await.is_finished(), "an ending is not shown before the disk has it");
        intruder.execute_batch("ROLLBACK").unwrap();
        reported.join().unwrap().unwrap();
        assert_eq!(bed.get(job.id).await.status(), Status::Completed);
        while bed.store().health().degraded.is_some() {
            std::thread::yield_now();
        }
        bed.accept(new_job(), at(9)).await;
        let bed = bed.reopened(at(10));
        assert_eq!(bed.all(Filter::default(), at(10)).await.len(), 2);
        assert_eq!(bed.get(job.id).await.status(), Status::Completed);
    });
}

impl Bed {
    /// What a late report of a run is told.
    async fn step_refused(&self, job: &faena::job::Job) -> &'static str {
        match self.step(job, succeeded(job.life.epoch), at(6_000)).await {
            faena::store::Committed::Stale(_) => "stale",
            _ => "something else",
        }
    }
}
