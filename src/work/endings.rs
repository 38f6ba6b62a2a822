//! Endings on their way to the store, many in one step. Whoever comes first commits for all who come while it lets others
//! go first: small jobs end in crowds, and each would take the store's lock, and wait for the disk, by itself.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::context::cut;
use super::finish::{commit, decided};
use super::run::Run;
use super::slots::Slot;
use super::workers::Shop;
use crate::job::{Event, Job, JobError, ResultRef, Transition};
use crate::limits;
use crate::store::{Committed, StoreError};

/// Endings that wait for the one who commits them.
#[derive(Default)]
pub(super) struct Endings {
    waiting: Mutex<Vec<Ending>>,
    /// Those that have given their slots back and are not committed yet.
    under_way: AtomicUsize,
}

/// The end of a try, and the slot that it gives back.
pub(super) struct Ending {
    pub(super) run: Arc<Run>,
    pub(super) event: Event,
    pub(super) slot: Option<Slot>,
}

/// Endings committed in one step: more would hold the store's lock for long.
const AT_ONCE_MAX: usize = 128;
/// Tries to commit an ending that the store says it cannot write.
const BROKEN_MAX: u32 = 5;
/// Pause between two tries to commit an ending while the store cannot.
const AGAIN_EVERY: Duration = Duration::from_millis(500);

/// Commits an ending, or leaves that to somebody who is about to.
pub(super) async fn end(shop: &Shop, ending: Ending) {
    let waiting = {
        let mut waiting = shop.endings.waiting.lock();
        waiting.push(ending);
        waiting.len()
    };
    match waiting {
        1 if shop.entered.load(Ordering::Acquire) > 1 => tokio::task::yield_now().await,
        1 | AT_ONCE_MAX => {}
        _ => return,
    }
    commit_waiting(shop).await;
}

impl Endings {
    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// Endings that are being committed.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }
}

/// Commits the endings that wait.
pub(super) async fn commit_waiting(shop: &Shop) {
    let mut endings = mem::take(&mut *shop.endings.waiting.lock());
    if endings.is_empty() {
        return;
    }
    // New work may be claimed while these go to disk.
    let taken = endings.len();
    shop.endings.under_way.fetch_add(taken, Ordering::SeqCst);
    endings.iter_mut().for_each(|ending| ending.slot = None);
    let alone = commit_together(shop, endings).await;
    futures_util::future::join_all(alone.iter().map(|ending| commit_alone(shop, ending))).await;
    shop.endings.under_way.fetch_sub(taken, Ordering::SeqCst);
    shop.freed.tell();
}

/// Commits what can be committed at once. The answer is the rest: somebody was faster, or the store could not.
async fn commit_together(shop: &Shop, endings: Vec<Ending>) -> Vec<Ending> {
    let now = shop.clock.now();
    let decided = |ending: &Ending| decided(&ending.run, &ending.run.latest(), &ending.event, now).ok();
    let (mut steps, mut going, mut rest) = (Vec::<Transition>::new(), Vec::new(), Vec::new());
    for ending in endings {
        match decided(&ending) {
            Some(step) => {
                steps.push(step);
                going.push(ending);
            }
            None => rest.push(ending),
        }
    }
    let answers = match shop.store.commit(steps, now).await {
        Ok(answers) => answers,
        Err(_) => {
            rest.extend(going);
            return rest;
        }
    };
    for (ending, answer) in going.into_iter().zip(answers) {
        if let Committed::Stale(job) | Committed::Applied { job, .. } = &answer {
            ending.run.learn(job.clone());
        }
        match answer {
            Committed::Stale(_) => rest.push(ending),
            Committed::Applied { .. } | Committed::Taken(_) | Committed::Missing => {
                forget_orphan(shop, &ending.event, &ending.run.latest()).await;
                shop.leave(&ending.run);
            }
        }
    }
    rest
}

/// Commits one ending, however often that has to be tried, unless the claim is lost. One that the store cannot write ends as a
/// failure: a job that nobody ends would run for ever.
async fn commit_alone(shop: &Shop, Ending { run, event, .. }: &Ending) {
    let (mut told, mut broken) = (event.clone(), 0);
    loop {
        let committed = commit(shop, run, told.clone()).await;
        let job = run.latest();
        let Err(error) = committed else {
            forget_orphan(shop, event, &job).await;
            break;
        };
        tracing::error!(job_id = %job.id, %error, "the ending of a try could not be committed");
        if let StoreError::Broken(error) = error {
            broken += 1;
            match broken {
                // What it says may be the reason: then it is said that it could not be said.
                BROKEN_MAX => told = unwritable(job.life.epoch, &error),
                count if count > 2 * BROKEN_MAX => break,
                _ => {}
            }
        }
        // Nobody else will say how it ended. A store that is closed does not come back, but then the runtime ends too.
        tokio::time::sleep(AGAIN_EVERY).await;
    }
    shop.leave(run);
}

fn unwritable(epoch: u32, why: &str) -> Event {
    let message = format!("how it ended could not be stored: {why}");
    let error = JobError::new("unwritable", cut(&message, limits::ERROR_BYTES_MAX));
    Event::Failed { epoch, error, retryable: false, retry_after: None }
}

/// Forgets the stored result of a success that came too late, as after a cancel: no job refers to it, so nothing else
/// would ever find it.
async fn forget_orphan(shop: &Shop, event: &Event, job: &Job) {
    let stored = |result: &Option<ResultRef>| match result {
        Some(ResultRef::Stored { key, .. }) => Some(key.clone()),
        _ => None,
    };
    let Event::Succeeded { result, .. } = event else { return };
    let Some(key) = stored(result) else { return };
    if job.end().and_then(|end| stored(&end.result)).as_ref() == Some(&key) {
        return;
    }
    if let Err(error) = shop.results.delete(&[key]).await {
        tracing::warn!(job_id = %job.id, %error, "the result of a try that came too late could not be removed");
    }
}
