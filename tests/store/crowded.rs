//! Several that want the same in one database: locks are taken in one order, whoever is locked out harms none of its neighbours,
//! and what takes long holds up nothing that must not wait.

use faena::clock::Clock;
use faena::job::{Event, Job, JobId, NewJob, Outcome, Transition, UniqueFor, decide};
use faena::schedule::{OverlapPolicy, ScheduleId};
use faena::store::postgres::{Open, Postgres};
use faena::store::schedules::Stepped;
use faena::store::{Committed, Group, Store, StoreError};
use tokio_postgres::Client;

use crate::bed::*;
use crate::database::{connected, gone, in_database, so_many_wait, somebody_waits};
use crate::locks;
use crate::schedules::{MINUTE, with};

/// Another node on the same database; what it waits for it gives up after a second.
async fn hasty(bed: &Bed) -> Postgres {
    let open = Open { url: format!("{}?lease_ms=3000", bed.url()), holder: holder(), clock: Clock::manual(at(0)) };
    tokio::task::spawn_blocking(move || Postgres::open(open, Default::default()).unwrap()).await.unwrap()
}

/// Another node with the time-outs that all have.
async fn patient(bed: &Bed) -> Postgres {
    let open = Open { url: bed.url().to_owned(), holder: holder(), clock: Clock::manual(at(0)) };
    tokio::task::spawn_blocking(move || Postgres::open(open, Default::default()).unwrap()).await.unwrap()
}

/// Deadlocks that the server had to end. Those who had them are gone: then they have told.
async fn deadlocks(client: &Client) -> i64 {
    gone(client).await;
    let counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    client.query_one(counted, &[]).await.unwrap().get(0)
}

fn all_applied(answers: &[Committed]) -> bool {
    answers.iter().all(|answer| matches!(answer, Committed::Applied { .. }))
}

fn step(job: &Job, event: Event) -> Transition {
    decide(job, event, at(0)).unwrap()
}

/// As if a schedule had made it.
fn of(schedule: ScheduleId, mut job: NewJob) -> NewJob {
    job.options.schedule_id = Some(schedule.to_string().into());
    job
}

async fn hold(client: &Client, table: &str, id: JobId) {
    client.batch_execute(&format!("BEGIN; SELECT FROM faena.{table} WHERE id = '{id}' FOR UPDATE")).await.unwrap();
}

#[test]
fn rule_34_gates_come_before_schedules_whoever_ends_their_jobs() {
    in_database(|bed, other| async move {
        let planned = bed.schedule(with("sync", |spec| spec.overlap = OverlapPolicy::CancelRunning), at(0)).await;
        let gated = || new_job().concurrency("disk", 1);
        let replaced = bed.accept(of(planned.id, gated()), at(1)).await;
        let ended = bed.accept(of(planned.id, gated()), at(1)).await;
        let mut due = bed.due_step(at(MINUTE)).await;
        due.cancels.retain(|id| *id == replaced.id);
        assert_eq!(due.cancels.len(), 1, "it stops what its last tick has fired");

        other.batch_execute("BEGIN; SELECT FROM faena.schedule_life FOR UPDATE").await.unwrap();
        let store = bed.store();
        let fired = store.step_schedules(vec![due], at(MINUTE));
        so_many_wait(&other, 1).await;
        let cancelled = store.commit(vec![step(&ended, cancel_asked())], at(1));
        so_many_wait(&other, 2).await;
        other.batch_execute("COMMIT").await.unwrap();
        assert!(matches!(fired.await.unwrap()[..], [Stepped::Applied { .. }]));
        assert!(all_applied(&cancelled.await.unwrap()));
        store.close().await.unwrap();
        assert_eq!(deadlocks(&other).await, 0);
    });
}

#[test]
fn rule_34_keys_come_after_gates_for_a_job_that_is_brought_back() {
    in_database(|bed, other| async move {
        let dead = bed.ended(new_job().unique("u", UniqueFor::Active), Outcome::Failed, at(0)).await;
        let planned = bed.schedule(with("sync", |_| {}), at(0)).await;
        let gated = || new_job().concurrency("disk", 2);
        bed.accept(gated(), at(0)).await;
        bed.accept(of(planned.id, gated()), at(0)).await;
        let running = bed.claim(2, at(0)).await;
        let of_schedule = running.iter().find(|job| job.spec.schedule_id().is_some()).unwrap();
        let plain = running.iter().find(|job| job.spec.schedule_id().is_none()).unwrap();
        let second = patient(&bed).await;

        hold(&other, "schedule_life", JobId::from_bytes(*planned.id.as_bytes())).await;
        let follow_ups = vec![new_job().unique("u", UniqueFor::Active)];
        let followed = step(of_schedule, Event::Succeeded { epoch: 1, result: None, follow_ups });
        let followed = second.commit(vec![followed], at(0));
        so_many_wait(&other, 1).await;
        let store = bed.store();
        let back = store.commit(vec![step(&dead, retry_asked()), step(plain, succeeded(1))], at(0));
        so_many_wait(&other, 2).await;
        other.batch_execute("COMMIT").await.unwrap();
        assert!(all_applied(&followed.await.unwrap()));
        let back = back.await.unwrap();
        assert!(matches!(back[..], [Committed::Taken(_), Committed::Applied { .. }]), "{back:?}");
        store.close().await.unwrap();
        second.close().await.unwrap();
        assert_eq!(deadlocks(&other).await, 0);
    });
}

#[test]
fn rule_34_jobs_come_in_their_order_whatever_becomes_of_them() {
    in_database(|bed, other| async move {
        bed.accept(new_job(), at(0)).await;
        bed.accept(new_job(), at(0)).await;
        let jobs = bed.claim(2, at(0)).await;
        let second = patient(&bed).await;
        hold(&other, "live", jobs[0].id).await;
        let cancels = jobs.iter().map(|job| step(job, cancel_asked())).collect();
        let asked = second.commit(cancels, at(0));
        so_many_wait(&other, 1).await;
        let store = bed.store();
        let mixed = store.commit(vec![step(&jobs[0], progressed(1, 10)), step(&jobs[1], succeeded(1))], at(0));
        so_many_wait(&other, 2).await;
        other.batch_execute("COMMIT").await.unwrap();
        assert!(all_applied(&asked.await.unwrap()));
        let mixed = mixed.await.unwrap();
        assert!(matches!(mixed[..], [Committed::Stale(_), Committed::Stale(_)]), "{mixed:?}");
        store.close().await.unwrap();
        second.close().await.unwrap();
        assert_eq!(deadlocks(&other).await, 0);
    });
}

#[test]
fn rule_10_a_locked_row_fails_one_request_and_not_its_batch() {
    in_database(|bed, other| async move {
        let store = hasty(&bed).await;
        for _ in 0..3 {
            bed.accept(new_job(), at(0)).await;
        }
        let jobs = store.claim(claim(3), at(0)).await.unwrap().jobs;
        let holding = connected(&bed).await;
        hold(&holding, "live", jobs[1].id).await;
        hold(&other, "live", jobs[0].id).await;
        let first = store.commit(vec![step(&jobs[0], succeeded(1))], at(0));
        so_many_wait(&other, 1).await;
        // These come together.
        let locked = store.commit(vec![step(&jobs[1], succeeded(1))], at(0));
        let free = store.commit(vec![step(&jobs[2], succeeded(1))], at(0));
        let new = store.insert(vec![new_job().into()], Group::Each, at(0));
        other.batch_execute("COMMIT").await.unwrap();
        assert!(all_applied(&first.await.unwrap()));
        let locked = locked.await;
        assert!(matches!(&locked, Err(StoreError::Unavailable(text)) if text.contains("55P03")), "{locked:?}");
        assert!(all_applied(&free.await.unwrap()));
        new.await.unwrap();
        holding.batch_execute("COMMIT").await.unwrap();
        assert!(all_applied(&store.commit(vec![step(&jobs[1], succeeded(1))], at(0)).await.unwrap()));
    });
}

#[test]
fn forgetting_holds_up_no_lock() {
    in_database(|bed, other| async move {
        let old = bed.ended(new_job(), Outcome::Success, at(0)).await;
        hold(&other, "history", old.id).await;
        let store = bed.store();
        let mut pruned = store.prune(prune(at(1_000)), at(2_000));
        somebody_waits(&other).await;
        locks::granted(&bed, locks::take("sync", "ana"), at(0)).await;
        let waits = tokio::select! { biased; _ = &mut pruned => false, () = std::future::ready(()) => true };
        assert!(waits, "the lock was granted before the row was free");
        other.batch_execute("COMMIT").await.unwrap();
        assert_eq!(pruned.await.unwrap().jobs, 1);
    });
}

#[test]
fn what_a_dead_node_left_behind_is_no_reason_not_to_start() {
    in_database(|bed, other| async move {
        let job = bed.accept(new_job(), at(0)).await;
        bed.claim_one(at(0)).await;
        hold(&other, "live", job.id).await;
        let holding = connected(&bed).await;
        holding.batch_execute("DELETE FROM faena.node").await.unwrap();
        let second = hasty(&bed).await;
        assert_eq!(second.health().recovered.crashed, 0, "it is not seen to yet");
        other.batch_execute("COMMIT").await.unwrap();
        while second.get(job.id).await.unwrap().unwrap().life.crashes == 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn who_was_left_beside_a_gate_with_room_is_let_out() {
    in_database(|bed, other| async move {
        let store = hasty(&bed).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(bed.accept(new_job().concurrency("disk", 2), at(0)).await.id);
        }
        other.batch_execute("UPDATE faena.live SET state = 1").await.unwrap();
        let mut taken = Vec::new();
        while taken.len() < 2 {
            taken.extend(store.claim(claim(3), at(0)).await.unwrap().jobs.iter().map(|job| job.id));
        }
        assert_eq!(taken, ids[..2]);
    });
}
