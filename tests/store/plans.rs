//! What the engine on disk promises of schedules besides: starts after crashes, rows that nobody can read, files of
//! earlier forms, a disk that refuses.

use faena::job::{Outcome, Status};
use faena::limits;
use faena::schedule::{Event, Refusal, Standing, decide};
use faena::store::schedules::{ScheduleFilter, ScheduleSort, Stepped, Which};
use faena::store::{Filter, StoreError};

use crate::bed::*;
use crate::schedules::{MINUTE, every_minute, with};

fn on_disk<F: Future<Output = ()>>(test: impl FnOnce(Bed) -> F) {
    run(Engine::Sqlite, test);
}

/// Changes the database of a closed store behind its back.
fn behind_its_back(bed: &Bed, sql: &str) {
    let conn = rusqlite::Connection::open(database(bed.folder())).unwrap();
    conn.execute_batch(sql).unwrap();
}

#[test]
fn a_job_that_is_quarantined_at_start_counts_as_failed() {
    on_disk(|mut bed| async move {
        let schedule = bed.schedule(every_minute("one"), at(0)).await;
        bed.moved(&schedule, Event::RunAsked { payload: None }, at(1)).await;
        for crashes in 1..=limits::CRASHES_MAX {
            let now = i64::from(crashes) * 10_000;
            bed.claim_one(at(now)).await;
            bed = bed.after_a_crash(at(now + 5));
        }
        let tally = bed.found(schedule.id).await.life.tally.clone();
        assert_eq!((tally.total, tally.failed), (1, 1));
        assert_eq!(tally.last.unwrap().outcome, Some(Outcome::Crashed));
        let bed = bed.after_a_crash(at(90_000)).reopened(at(90_000));
        assert_eq!(bed.found(schedule.id).await.life.tally.failed, 1, "once");
        let due = bed.store().due_schedules(at(MINUTE), 9).await.unwrap();
        assert!(due[0].live.is_empty(), "and it is in no tick's way");
    });
}

#[test]
fn a_schedule_that_cannot_be_read_any_more_stops_nobody() {
    on_disk(|bed| async move {
        let lost = bed.schedule(with("lost zone", |spec| spec.priority = faena::job::Priority::High), at(0)).await;
        let worse = bed.schedule(every_minute("lost terms"), at(1)).await;
        let odd = bed.schedule(every_minute("lost life"), at(2)).await;
        let well = bed.schedule(every_minute("well"), at(3)).await;
        bed.store().close().await.unwrap();
        behind_its_back(
            &bed,
            "UPDATE schedule SET spec = replace(spec, '\"UTC\"', '\"Mars/Olympus\"') WHERE name = 'lost zone';
             UPDATE schedule SET spec = '{\"name\":7}' WHERE name = 'lost terms';
             UPDATE schedule_life SET life = '[]' WHERE id = (SELECT id FROM schedule WHERE name = 'lost life');",
        );
        let bed = bed.reopened(at(4));
        let found = bed.store().health().recovered;
        assert_eq!((found.schedules, found.schedules_faulty), (4, 3));
        let due = bed.store().due_schedules(at(MINUTE), 9).await.unwrap();
        assert_eq!(due.iter().map(|due| due.schedule.id).collect::<Vec<_>>(), [well.id]);

        for id in [lost.id, worse.id, odd.id] {
            let schedule = bed.found(id).await;
            assert_eq!((schedule.standing(at(4)), schedule.due_at()), (Standing::Disabled, None));
            assert_eq!(decide(&schedule, Event::Enabled, at(4)), Err(Refusal::Faulty));
        }
        let shown = bed.found(lost.id).await;
        let fault = shown.fault.as_ref().unwrap();
        assert_eq!((&*fault.cron, &*fault.zone), ("* * * * *", "Mars/Olympus"));
        assert!(fault.message.contains("Mars/Olympus"), "{}", fault.message);
        assert_eq!(shown.spec.priority, faena::job::Priority::High, "the rest of its terms can be read");
        let olympus = ScheduleFilter { text: Some("olympus".into()), ..ScheduleFilter::default() };
        assert_eq!(bed.named(olympus, ScheduleSort::Name, at(4)).await, ["lost zone"]);

        // New terms make it whole, a removal rids of it.
        let (mended, _) = bed.moved(&shown, Event::Edited { spec: every_minute("found").spec.into() }, at(5)).await;
        let (mended, _) = bed.moved(&mended, Event::Enabled, at(5)).await;
        assert_eq!((mended.fault.clone(), mended.due_at()), (None, Some(at(MINUTE))));
        bed.store().remove_schedule(worse.id, None, None).await.unwrap();
        let bed = bed.reopened(at(6));
        assert_eq!(bed.found(lost.id).await, mended);
        assert_eq!(bed.store().health().recovered.schedules_faulty, 1);
    });
}

#[test]
fn a_file_of_an_earlier_form_gains_its_tables() {
    on_disk(|bed| async move {
        let job = bed.ended(new_job(), Outcome::Success, at(0)).await;
        bed.store().close().await.unwrap();
        behind_its_back(
            &bed,
            "DROP TABLE schedule; DROP TABLE schedule_life; DROP INDEX history_fired; PRAGMA user_version = 2;",
        );
        let bed = bed.reopened(at(1));
        let schedule = bed.schedule(every_minute("one"), at(2)).await;
        let bed = bed.reopened(at(3));
        assert_eq!(bed.found(schedule.id).await, schedule);
        assert_eq!(bed.get(job.id).await.status(), Status::Completed);
        assert!(bed.all(Filter { fired: true, ..Filter::default() }, at(3)).await.is_empty());
    });
}

/// The disk refuses for as long as somebody else holds the database; the engine waits its five seconds for it.
#[test]
fn a_disk_that_refuses_takes_no_schedule_and_loses_no_tick() {
    on_disk(|bed| async move {
        let schedule =
            bed.schedule(with("one", |spec| spec.overlap = faena::schedule::OverlapPolicy::Allow), at(0)).await;
        let intruder = rusqlite::Connection::open(database(bed.folder())).unwrap();
        intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
        // A tick is under way when the disk begins to refuse: it waits, and is not lost.
        let step = bed.due_step(at(MINUTE)).await;
        let store = bed.store();
        let fired = std::thread::spawn(move || block_on(store.step_schedules(vec![step], at(MINUTE))));
        let refused = bed.store().add_schedule(every_minute("two"), at(MINUTE)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        while bed.store().health().degraded.is_none() {
            std::thread::yield_now();
        }
        let again = decide(&schedule, Event::Disabled, at(MINUTE)).unwrap();
        let refused = bed.store().step_schedules(vec![again], at(MINUTE)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "at once: {refused:?}");
        assert_eq!(bed.found(schedule.id).await, schedule, "nothing is shown that is not on disk");
        assert_eq!(bed.store().schedule(Which::of("two")).await.unwrap(), None);
        intruder.execute_batch("ROLLBACK").unwrap();
        let answers = fired.join().unwrap().unwrap();
        assert!(matches!(answers[..], [Stepped::Applied { .. }]), "{answers:?}");
        while bed.store().health().degraded.is_some() {
            std::thread::yield_now();
        }
        bed.schedule(every_minute("two"), at(MINUTE)).await;
        let bed = bed.reopened(at(MINUTE));
        assert_eq!(bed.found(schedule.id).await.life.last_tick, Some(at(MINUTE)));
        assert_eq!(bed.all(Filter::default(), at(MINUTE)).await.len(), 1);
    });
}
