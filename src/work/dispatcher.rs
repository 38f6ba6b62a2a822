//! The only one who claims: whenever there is room and may be work, it asks the store for as many jobs as there are
//! free slots. It wakes by hints, and now and then by itself, since a hint may be lost (rule 25).

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::endings::commit_waiting;
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

/// Jobs claimed in one step: enough to keep a pool of small jobs fed, also where a step waits for a database.
const CLAIMED_AT_ONCE_MAX: usize = 512;
/// How long it sleeps without a hint.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// Endings that may wait for their commit before nothing new is claimed: reports go before new work (rule 29).
const ENDING_MAX: usize = 8_192;

/// Claims and starts until told to stop.
pub(super) async fn dispatch(shop: Arc<Shop>, lanes: Vec<Lane>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        take_over(&shop);
        let mut next_due = None;
        let mut may_be_more = false;
        for lane in &lanes {
            match claim(&shop, lane).await {
                Ok((is_full, due)) => {
                    may_be_more |= is_full;
                    next_due = [next_due, due].into_iter().flatten().min();
                }
                Err(error) => tracing::warn!(%error, "no work can be claimed at the moment"),
            }
        }
        if !may_be_more {
            idle(&shop, next_due, &stop).await;
        }
    }
}

/// Sees to it that what has ended is reported before new work is claimed (rule 29), even if the one who was to do it
/// stands in a queue behind a processor that does not give its thread back.
pub(super) fn take_over(shop: &Arc<Shop>) {
    if !shop.endings.is_empty() {
        let shop = shop.clone();
        shop.runtime.clone().spawn(async move { commit_waiting(&shop).await });
    }
}

/// Claims for the free slots of a lane and starts what it gets. The answer says whether there may be more, as much as was
/// asked for having come, and when the next delayed job is due.
async fn claim(shop: &Arc<Shop>, lane: &Lane) -> Result<(bool, Option<Timestamp>), StoreError> {
    let room = room(shop, lane);
    if room == 0 {
        return Ok((false, None));
    }
    let claim = Claim { holder: shop.node.clone(), sub_types: lane.sub_types.clone(), max: room, lease: None };
    let claimed = shop.store.claim(claim, shop.clock.now()).await?;
    let is_full = claimed.jobs.len() == room;
    let brings_work = !claimed.jobs.is_empty();
    for job in claimed.jobs {
        // A claim names only subtypes of this registry.
        if let Some(processor) = shop.registry.get(job.spec.sub_type.as_str()) {
            run::start(shop, processor.clone(), job, lane.slots.take());
        }
    }
    if brings_work {
        // What was started begins before anything else is looked for: a lone job does not wait for an idle look round.
        tokio::task::yield_now().await;
    }
    Ok((is_full, claimed.next_due))
}

/// How many jobs a lane may claim. Without room the dispatcher hears of the next that there is.
fn room(shop: &Shop, lane: &Lane) -> usize {
    if lane.sub_types.is_empty() {
        return 0;
    }
    let room = || {
        let ending = ENDING_MAX.saturating_sub(shop.endings.under_way());
        lane.slots.free().min(CLAIMED_AT_ONCE_MAX).min(ending)
    };
    match room() {
        0 => {
            shop.freed.want();
            room()
        }
        room => room,
    }
}

/// Sleeps until there may be work: a hint, a freed slot, the next delayed job, or the poll.
async fn idle(shop: &Shop, next_due: Option<Timestamp>, stop: &CancellationToken) {
    let now = shop.clock.now();
    // Nodes that poll together would also claim together.
    let jitter = Duration::from_millis(u64::from(uuid::Uuid::now_v7().as_bytes()[15]));
    let poll = POLL_EVERY + jitter;
    let nap = next_due.map_or(poll, |due| Duration::from_millis(due.millis_since(now)).min(poll));
    tokio::select! {
        () = shop.hub.work() => {}
        () = shop.freed.told() => {}
        () = tokio::time::sleep(nap) => {}
        () = stop.cancelled() => {}
    }
}
