//! Takes what processors say, and commits it: the first report at once, then at most ten times a second, and the last
//! one in any case. A job that says nothing costs nothing.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::context::Listener;
use super::finish;
use super::run::{Run, Why};
use super::workers::Shop;
use crate::job::{Event, JobId, decide};
use crate::limits;
use crate::store::{Committed, StoreError};

/// The runs that have something to say.
#[derive(Default)]
pub(super) struct Reporter {
    spoken: Mutex<Vec<JobId>>,
    new: Notify,
    runs: std::sync::OnceLock<Arc<super::run::Runs>>,
}

impl Reporter {
    /// Lets it find the runs by their jobs.
    pub(super) fn attend(&self, runs: Arc<super::run::Runs>) {
        let _ = self.runs.set(runs);
    }
}

impl Listener for Reporter {
    fn hear(&self, said: &Context) {
        let id = said.job_id();
        let Some(run) = self.runs.get().and_then(|runs| runs.get(&id).map(|run| run.clone())) else { return };
        if !run.reported.swap(true, Ordering::AcqRel) {
            self.spoken.lock().push(id);
            self.new.notify_one();
        }
    }
}

/// Commits reports until the program ends.
pub(super) async fn report(shop: Arc<Shop>, ended: CancellationToken) {
    loop {
        tokio::select! {
            () = shop.reporter.new.notified() => {}
            () = ended.cancelled() => return,
        }
        let spoken = mem::take(&mut *shop.reporter.spoken.lock());
        let flushes = spoken.into_iter().filter_map(|id| shop.run(id)).map(|run| {
            let shop = &shop;
            async move {
                let _order = run.committing.lock().await;
                flush(shop, &run).await;
            }
        });
        futures_util::future::join_all(flushes).await;
        tokio::time::sleep(limits::PROGRESS_EVERY).await;
    }
}

/// Commits what a run has said since the last time. Whoever calls holds the run's `committing`.
pub(super) async fn flush(shop: &Shop, run: &Run) {
    run.reported.store(false, Ordering::Release);
    let Some(ctx) = run.context() else { return };
    let reports = ctx.take_reports();
    let job = run.latest();
    let epoch = job.life.epoch;
    if !reports.lines.is_empty() {
        let lines = reports.lines.into_iter().map(|line| (job.id, line)).collect();
        tell(&job.id, shop.store.append_log(lines).await);
    }
    if let Some(state) = reports.state {
        tell(&job.id, finish::commit(shop, run, Event::StateSaved { epoch, state }).await.map(drop));
    }
    if let Some((percent, message)) = reports.progress {
        tell(&job.id, progress(shop, run, Event::Progressed { epoch, percent, message }).await);
    }
    let latest = run.latest();
    match latest.run() {
        Some(now) if latest.life.epoch == epoch && now.cancel.is_some() => run.ask_to_stop(Why::Cancel),
        Some(_) if latest.life.epoch == epoch => {}
        _ => run.ask_to_stop(Why::Lost),
    }
}

/// Commits a report of progress, once more if something else changed the job meanwhile.
async fn progress(shop: &Shop, run: &Run, event: Event) -> Result<(), StoreError> {
    for _ in 0..2 {
        let now = shop.clock.now();
        let Ok(transition) = decide(&run.latest(), event.clone(), now) else { return Ok(()) };
        match shop.store.commit(vec![transition], now).await?.pop() {
            Some(Committed::Stale(job)) => run.learn(job),
            Some(Committed::Applied { job, .. }) => {
                run.learn(job);
                return Ok(());
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

fn tell(id: &JobId, committed: Result<(), StoreError>) {
    if let Err(error) = committed {
        tracing::warn!(job_id = %id, %error, "a report could not be committed");
    }
}
