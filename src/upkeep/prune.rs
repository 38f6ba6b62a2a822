//! Forgets what ended long ago, chunk by chunk (rule 27), and then the stored results that went with it.
//!
//! Who does it when is settled once, at the start: a schedule whose terms people can see and change
//! ([`processors::maintenance`](crate::processors::maintenance)), or else the timer here. Keys whose window has passed go
//! by the timer in any case: their window is what their owner was promised, and nobody's to change. So do events.

use std::time::Duration;

use super::Parts;
use crate::clock::{Clock, Timestamp};
use crate::event::SubscriptionId;
use crate::store::results::Results;
use crate::store::{Prune, Store, StoreError};

/// Jobs forgotten in one commit; it shrinks when the store does not get through (rule 27).
const CHUNK: usize = 500;

/// How long ended jobs are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// Completed and cancelled ones.
    pub ended: Duration,
    /// Failed ones.
    pub failed: Duration,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Jobs.
    pub jobs: u64,
    /// Their stored results.
    pub results: u64,
    /// Keys.
    pub keys: u64,
}

/// Forgets jobs that ended longer ago than `ages`, or none without, and keys whose window has passed. After each chunk
/// `hear` is told how many it were so far.
///
/// # Errors
/// When the store does not get through; what was forgotten before stays so.
pub async fn forget(
    store: &dyn Store,
    results: &dyn Results,
    clock: &Clock,
    ages: Option<Ages>,
    mut hear: impl FnMut(Forgotten),
) -> Result<Forgotten, StoreError> {
    let mut forgotten = Forgotten::default();
    let mut limit = CHUNK;
    loop {
        let now = clock.now();
        let before = |age: fn(Ages) -> Duration| {
            // Nothing ended before the beginning of time.
            ages.map_or(Timestamp::from_millis(i64::MIN), |ages| now.minus(age(ages)))
        };
        let what = Prune { ended_before: before(|ages| ages.ended), failed_before: before(|ages| ages.failed), limit };
        let pruned = match store.prune(what, now).await {
            Ok(pruned) => pruned,
            Err(_) if limit > 1 => {
                limit /= 2;
                continue;
            }
            Err(error) => return Err(error),
        };
        // The job is forgotten first: a result without a job is only waste, a job without its result would be a lie.
        results.delete(&pruned.results).await?;
        forgotten.jobs += pruned.jobs;
        forgotten.results += pruned.results.len() as u64;
        forgotten.keys += pruned.keys;
        hear(forgotten);
        if pruned.jobs < limit as u64 {
            break;
        }
        // Between two chunks the queue goes on.
        tokio::task::yield_now().await;
    }
    let before = clock.now().minus(crate::limits::SENDING_RETENTION);
    while store.outbox().forget_sendings(before, CHUNK).await? >= CHUNK as u64 {
        tokio::task::yield_now().await;
    }
    Ok(forgotten)
}

/// Commits of the event log that are forgotten in one step.
const EVENTS_CHUNK: usize = 2_000;

/// Forgets events that are older than `age` and that every subscription has passed, and those beyond
/// [`limits::SENDING_RETENTION`](crate::limits::SENDING_RETENTION) in any case. The answer counts the commits that told them.
///
/// # Errors
/// When the store does not get through; what was forgotten before stays so.
pub async fn forget_events(store: &dyn Store, clock: &Clock, age: Duration) -> Result<u64, StoreError> {
    let passed = passed(store).await?;
    let forgotten = forget_passed(store, clock, age, passed).await?;
    Ok(forgotten + forget_passed(store, clock, age.max(crate::limits::SENDING_RETENTION), None).await?)
}

/// The place up to which every subscription has read that is served; none when there is none.
async fn passed(store: &dyn Store) -> Result<Option<u64>, StoreError> {
    let outbox = store.outbox();
    let served = outbox.subscriptions().await?.into_iter().filter(|terms| terms.enabled);
    let mut least = None;
    for id in served.map(|terms| terms.id).chain([SubscriptionId::OUTBOX, SubscriptionId::CALLBACKS]) {
        // Who is switched off holds nobody up, and the program's own only once they were served.
        let course = outbox.course(id).await?.filter(|course| course.endpoint.off.is_none());
        let course = course.filter(|course| id.own_name().is_none() || course.revision > 0);
        least = [least, course.map(|course| course.cursor)].into_iter().flatten().min();
    }
    Ok(least)
}

async fn forget_passed(store: &dyn Store, clock: &Clock, age: Duration, up_to: Option<u64>) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    let mut limit = EVENTS_CHUNK;
    loop {
        match store.events().forget(clock.now().minus(age), up_to, limit).await {
            Ok(count) => {
                forgotten += count;
                if count < limit as u64 {
                    return Ok(forgotten);
                }
            }
            Err(_) if limit > 1 => limit /= 2,
            Err(error) => return Err(error),
        }
        tokio::task::yield_now().await;
    }
}

/// The timer's turn.
pub(super) async fn prune(parts: Parts) -> Result<Forgotten, StoreError> {
    let forgotten = forget(&*parts.store, &*parts.results, &parts.clock, parts.ages, |_| {}).await?;
    if forgotten.jobs > 0 {
        tracing::info!(jobs = forgotten.jobs, "forgot jobs whose retention has passed");
    }
    let events = forget_events(&*parts.store, &parts.clock, parts.events).await?;
    if events > 0 {
        tracing::debug!(commits = events, "forgot events whose retention has passed");
    }
    Ok(forgotten)
}
