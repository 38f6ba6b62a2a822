//! Cancels and time-outs: a try that listens ends at once, one that does not is given up on time.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use faena::error::Error;
use faena::job::{Outcome, Status};
use faena::work::Completion;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::house::{Computes, Door, computes, done, ended, job, retries, running, sooner_or_later, start, waits};

const FOREVER: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_cancel_reaches_a_blocking_processor_that_says_nothing() {
    let faena = start(computes(|_, ctx| {
        ctx.sleep(FOREVER)?;
        Ok(Completion::Done)
    }))
    .await;
    let id = running(&faena).await;
    faena.service().cancel(id, "ana").await.unwrap();
    let job = ended(&faena, id).await;
    assert_eq!((job.status(), job.end().unwrap().outcome), (Status::Cancelled, Outcome::Cancelled));
    assert_eq!(&*job.end().unwrap().error.as_ref().unwrap().message, "cancelled by ana");
    let again = faena.service().cancel(id, "ben").await.unwrap_err();
    assert!(matches!(again, Error::AlreadyFinished { .. }), "{again}");
}

#[tokio::test]
async fn a_cancel_drops_a_processor_that_waits() {
    let dropped = CancellationToken::new();
    let told = dropped.clone();
    let faena = start(waits(move |_, _| {
        let guard: DropGuard = told.clone().drop_guard();
        async move {
            let _guard = guard;
            pending().await
        }
    }))
    .await;
    let id = running(&faena).await;
    assert!(!dropped.is_cancelled());
    faena.service().cancel(id, "ana").await.unwrap();
    dropped.cancelled().await;
    assert_eq!(ended(&faena, id).await.status(), Status::Cancelled);
}

#[tokio::test]
async fn rule_15_what_is_finished_after_a_cancel_is_not_completed() {
    let faena = start(computes(|_, ctx| {
        while !ctx.is_cancelled() {
            std::thread::yield_now();
        }
        ctx.complete_json(&"all done")
    }))
    .await;
    let id = running(&faena).await;
    faena.service().cancel(id, "ana").await.unwrap();
    let job = ended(&faena, id).await;
    assert_eq!((job.status(), &job.end().unwrap().result), (Status::Cancelled, &None), "the cancel was first");
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_without_having_run() {
    let (door, ran) = (Door::default(), Arc::new(AtomicBool::new(false)));
    let (at, note) = (door.clone(), ran.clone());
    let registry = computes(move |_, _| {
        at.wait();
        Ok(Completion::Done)
    });
    let registry = registry.blocking(
        "other",
        Computes(move |_, _: &_| {
            note.store(true, Ordering::SeqCst);
            Ok(Completion::Done)
        }),
    );
    let faena = start(registry).await;
    let first = running(&faena).await;
    let other = faena.service().enqueue(job("other")).await.unwrap().id;
    faena.service().cancel(other, "ana").await.unwrap();
    let cancelled = ended(&faena, other).await;
    assert_eq!((cancelled.status(), cancelled.started_at()), (Status::Cancelled, None));
    door.open();
    ended(&faena, first).await;
    // Whatever was claimed next has run by now, were it the cancelled one.
    done(&faena, job("task")).await;
    assert!(!ran.load(Ordering::SeqCst));
}

/// The one test that has to wait for the grace of a thread that does not listen.
#[tokio::test]
async fn rule_17_a_thread_that_does_not_listen_is_given_up_and_its_late_words_are_refused() {
    let door = Door::default();
    let at = door.clone();
    let registry = computes(move |_, ctx| {
        ctx.progress(10, "deaf");
        at.wait();
        ctx.progress(99, "too late");
        ctx.log("too late");
        ctx.save_state(&"too late")?;
        ctx.enqueue(job("other"))?;
        ctx.complete_json(&"too late")
    });
    let faena = start(registry.blocking("other", Computes(|_, _: &_| Ok(Completion::Done)))).await;
    let id = running(&faena).await;
    faena.service().cancel(id, "ana").await.unwrap();
    let given_up = ended(&faena, id).await;
    assert_eq!(given_up.status(), Status::Cancelled);
    let figures = || faena.workers().unwrap().figures().0;
    assert_eq!((figures().total, figures().busy, figures().abandoned), (1, 0, 1), "the pool says so");

    let other = done(&faena, job("other")).await;
    assert_eq!(other.status(), Status::Completed, "another thread has taken its place");
    door.open();
    sooner_or_later(|| figures().abandoned == 0).await;
    // A whole job later everything that it said would have been heard.
    done(&faena, job("other")).await;
    let after = faena.service().job(id).await.unwrap();
    assert_eq!(after.life, given_up.life);
    assert!(faena.service().log(id).await.unwrap().is_empty());
    let total = faena.service().overview().await.unwrap().total;
    assert_eq!(total, 3, "its follow-up was not accepted");
}

#[tokio::test]
async fn a_try_out_of_time_is_told_and_tried_again() {
    let blocking = computes(|_, ctx| {
        ctx.sleep(FOREVER)?;
        Ok(Completion::Done)
    });
    let waiting = waits(|_, _| pending());
    for registry in [blocking, waiting] {
        let faena = start(registry).await;
        let job = job("task").timeout(Duration::from_millis(20)).retry(retries(1));
        let job = done(&faena, job).await;
        let end = job.end().unwrap();
        assert_eq!((job.status(), end.outcome, end.dead), (Status::Failed, Outcome::Timeout, true));
        let error = end.error.as_ref().unwrap();
        assert_eq!((&*error.kind, &*error.message), ("timeout", "took longer than the 0.02 s it was allowed"));
        let tries = faena.service().tries(job.id).await.unwrap();
        assert_eq!(tries.iter().map(|one| one.outcome()).collect::<Vec<_>>(), [Some(Outcome::Timeout); 2]);
    }
}

#[tokio::test]
async fn a_try_that_ends_in_time_is_not_stopped() {
    let faena = start(waits(|_, _| async { Ok(Completion::Done) })).await;
    let job = done(&faena, job("task").timeout(FOREVER)).await;
    assert_eq!(job.status(), Status::Completed);
}
