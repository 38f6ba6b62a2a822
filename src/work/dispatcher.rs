//! The only one who claims: whenever there is room and may be work, it asks the store for as many jobs as there are
//! free slots. It wakes by hints, and now and then by itself, since a hint may be lost (rule 25).

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::run;
use super::slots::Slots;
use super::workers::Shop;
use crate::clock::Timestamp;
use crate::job::Name;
use crate::store::{Claim, StoreError};

/// One pool as the dispatcher sees it.
pub(super) struct Lane {
    pub(super) sub_types: Arc<[Name]>,
    pub(super) slots: Slots,
}

/// Jobs claimed in one step: enough to keep a pool of small jobs fed.
const CLAIMED_AT_ONCE_MAX: usize = 64;
/// How long it sleeps without a hint.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// Endings that may wait for their commit before nothing new is claimed: reports go before new work (rule 29).
const ENDING_MAX: usize = 8_192;

/// Claims and starts until told to stop.
pub(super) async fn dispatch(shop: Arc<Shop>, lanes: Vec<Lane>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let mut next_due = None;
        let mut found = false;
        for lane in &lanes {
            match claim(&shop, lane).await {
                Ok((claimed, due)) => {
                    found |= claimed;
                    next_due = [next_due, due].into_iter().flatten().min();
                }
                Err(error) => tracing::warn!(%error, "no work can be claimed at the moment"),
            }
        }
        if !found {
            idle(&shop, next_due, &stop).await;
        }
    }
}

/// Claims for the free slots of a lane and starts what it gets. The answer says whether there may be more, and when the
/// next delayed job is due.
async fn claim(shop: &Arc<Shop>, lane: &Lane) -> Result<(bool, Option<Timestamp>), StoreError> {
    let room = lane.slots.free().min(CLAIMED_AT_ONCE_MAX).min(ENDING_MAX.saturating_sub(shop.runs.len()));
    if room == 0 || lane.sub_types.is_empty() {
        return Ok((false, None));
    }
    let claim = Claim { holder: shop.node.clone(), sub_types: lane.sub_types.clone(), max: room, lease: None };
    let claimed = shop.store.claim(claim, shop.clock.now()).await?;
    let found = !claimed.jobs.is_empty();
    for job in claimed.jobs {
        // A claim names only subtypes of this registry.
        if let Some(processor) = shop.registry.get(job.spec.sub_type.as_str()) {
            run::start(shop, processor.clone(), job, lane.slots.take());
        }
    }
    Ok((found, claimed.next_due))
}

/// Sleeps until there may be work: a hint, a freed slot, the next delayed job, or the poll.
async fn idle(shop: &Shop, next_due: Option<Timestamp>, stop: &CancellationToken) {
    let now = shop.clock.now();
    // Nodes that poll together would also claim together.
    let jitter = Duration::from_millis(u64::from(uuid::Uuid::now_v7().as_bytes()[15]));
    let poll = POLL_EVERY + jitter;
    let nap = next_due.map_or(poll, |due| Duration::from_millis(due.millis_since(now)).min(poll));
    tokio::select! {
        () = shop.hub.ready().notified() => {}
        () = shop.freed.notified() => {}
        () = tokio::time::sleep(nap) => {}
        () = stop.cancelled() => {}
    }
}
