//! Reports of progress: throttled, never falling, and the last one always arrives.

use std::sync::Arc;
use std::sync::mpsc::channel;

use faena::job::{Job, Status};
use faena::limits;
use faena::watch::Changes;
use faena::work::{Completion, Failure};
use parking_lot::Mutex;

use crate::house::{computes, done, job, retries, start, until, waits};

/// Every state that was told of, up to the end.
async fn told(mut changes: Changes) -> Vec<Arc<Job>> {
    let mut told = Vec::new();
    loop {
        let Ok(change) = changes.next().await else { panic!("the reader fell behind") };
        told.push(change.job.clone());
        if change.job.is_finished() {
            return told;
        }
    }
}

#[tokio::test]
async fn reports_are_throttled_and_never_fall() {
    let faena = start(computes(|_, ctx| {
        for round in 0..20_000_u32 {
            // Up to the round and down again: what falls is taken as before.
            ctx.progress(f64::from(round) / 200.0, format!("round {round}"));
            ctx.progress(1.0, "");
        }
        Ok(Completion::Done)
    }))
    .await;
    let changes = faena.service().hub().changes(None).unwrap();
    faena.service().enqueue(job("task")).await.unwrap();
    let told = told(changes).await;
    let percents: Vec<_> = told.iter().map(|job| job.life.progress.percent).collect();
    assert!(percents.is_sorted(), "{percents:?}");
    let end = told.last().unwrap().end().unwrap();
    let took = end.at.millis_since(end.started_at.unwrap()) as usize;
    // Queued, started, the first report, one in each period, the last report, the end.
    let allowed = 6 + took / limits::PROGRESS_EVERY.as_millis() as usize;
    assert!(told.len() <= allowed, "{} changes told in {took} ms", told.len());
    assert!(percents.len() > 3, "and some of them were told: {percents:?}");
}

#[tokio::test]
async fn the_last_report_arrives_however_the_try_ends() {
    let faena = start(computes(|_, ctx| {
        (0..37).for_each(|percent| ctx.progress(percent, "on the way"));
        ctx.progress(37, "so far and no further");
        Err(Failure::permanent("enough"))
    }))
    .await;
    let failed = done(&faena, job("task")).await;
    let progress = &failed.life.progress;
    assert_eq!((progress.percent, progress.message()), (37, Some("so far and no further")));
    let completed = start(waits(|_, ctx| async move {
        ctx.progress(12, "almost nothing");
        Ok(Completion::Done)
    }))
    .await;
    let completed = done(&completed, job("task")).await;
    let progress = &completed.life.progress;
    assert_eq!((progress.percent, progress.message()), (100, Some("almost nothing")), "what is done is done");
}

#[tokio::test]
async fn an_item_counts_once_the_next_one_is_asked_for() {
    let (go, gone) = channel::<()>();
    let gone = Mutex::new(gone);
    let faena = start(computes(move |_, ctx| {
        for item in ctx.track(["a", "b", "c", "d"]) {
            item?;
            let _ = gone.lock().recv();
        }
        Ok(Completion::Done)
    }))
    .await;
    let id = faena.service().enqueue(job("task")).await.unwrap().id;
    for (percent, message) in [(25, "1 of 4"), (50, "2 of 4"), (75, "3 of 4"), (100, "4 of 4")] {
        go.send(()).unwrap();
        let job = until(&faena, id, |job| job.life.progress.percent >= percent).await;
        assert_eq!((job.life.progress.percent, job.life.progress.message()), (percent, Some(message)));
    }
    assert_eq!(until(&faena, id, Job::is_finished).await.status(), Status::Completed);
}

#[tokio::test]
async fn the_next_try_begins_at_nothing() {
    let faena = start(computes(|_, ctx| {
        match ctx.attempt() {
            1 => ctx.progress(80, "first"),
            _ => ctx.progress(20, "second"),
        }
        Err(Failure::new("again"))
    }))
    .await;
    let failed = done(&faena, job("task").retry(retries(1))).await;
    assert_eq!((failed.life.progress.percent, failed.life.progress.message()), (20, Some("second")));
}

#[tokio::test]
async fn a_long_message_is_cut_between_characters() {
    let faena = start(computes(|_, ctx| {
        ctx.progress(1, "ñ".repeat(limits::MESSAGE_BYTES_MAX));
        Ok(Completion::Done)
    }))
    .await;
    let message = done(&faena, job("task")).await.life.progress.message().unwrap().to_owned();
    assert_eq!(message.len(), limits::MESSAGE_BYTES_MAX);
    assert!(message.chars().all(|letter| letter == 'ñ'));
}
