//! Hears which running jobs were asked to stop, and tells their runs.

use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::run::Why;
use super::workers::Shop;
use crate::job::JobId;

/// Passes stop requests on until the program ends. The ear is open before anything is claimed, not when this is first
/// polled: a request in between would reach nobody.
pub(super) async fn keep(shop: Arc<Shop>, mut stops: Receiver<(JobId, u32)>, ended: CancellationToken) {
    loop {
        let heard = tokio::select! {
            heard = stops.recv() => heard,
            () = ended.cancelled() => return,
        };
        match heard {
            Ok((id, epoch)) => shop.cancel(id, epoch),
            Err(RecvError::Lagged(_)) => look_at_all(&shop).await,
            Err(RecvError::Closed) => return,
        }
    }
}

/// Asks the store about every run, when requests came faster than they were heard.
async fn look_at_all(shop: &Shop) {
    let ids: Vec<JobId> = shop.runs.iter().map(|run| *run.key()).collect();
    for id in ids {
        if let (Some(run), Ok(Some(job))) = (shop.run(id), shop.store.get(id).await)
            && job.run().is_some_and(|run| run.cancel.is_some())
            && job.life.epoch == run.latest().life.epoch
        {
            run.ask_to_stop(Why::Cancel);
        }
    }
}
