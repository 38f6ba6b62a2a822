//! What has to be done now and then: one file a service, one table with their periods, one loop.
//!
//! Every service is safe to run on any node and as often as one likes: what it does is decided by compare-and-set.

pub mod alert;
mod expire;
#[cfg(feature = "email")]
pub mod mail;
pub mod prune;
mod reap;
pub mod relay;
pub mod tick;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::store::results::Results;
use crate::store::{Store, StoreError};
pub use alert::Sentinel;
#[cfg(feature = "email")]
pub use mail::Postman;
pub use prune::{Ages, Forgotten, forget, forget_events};
pub use relay::Relayer;
pub use tick::Scheduler;

/// What upkeep works on.
#[derive(Clone)]
pub struct Parts {
    /// Where jobs are; one that tells the hub of changes.
    pub store: Arc<dyn Store>,
    /// Where large results are.
    pub results: Arc<dyn Results>,
    /// Where the time comes from.
    pub clock: Clock,
    /// How long ended jobs are remembered; none when a schedule sees to that.
    pub ages: Option<Ages>,
    /// How long events are remembered.
    pub events: Duration,
}

/// The services, and how often each of them runs.
const REAP_EVERY: Duration = Duration::from_secs(1);
const PRUNE_EVERY: Duration = Duration::from_secs(60);
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// The running upkeep.
pub struct Upkeep {
    ended: CancellationToken,
    loops: Vec<JoinHandle<()>>,
}

impl Upkeep {
    /// Starts the services and the sentinel, and the scheduler if schedules fire in this process.
    pub fn start(parts: Parts, sentinel: Sentinel, scheduler: Option<Scheduler>, runtime: &Handle) -> Self {
        let ended = CancellationToken::new();
        let (reaped, pruned, expired) = (parts.clone(), parts.clone(), parts);
        let mut loops = vec![
            runtime.spawn(every(REAP_EVERY, "reap", ended.clone(), move || reap::reap(reaped.clone()))),
            runtime.spawn(every(PRUNE_EVERY, "prune", ended.clone(), move || prune::prune(pruned.clone()))),
            runtime.spawn(every(EXPIRE_EVERY, "expire", ended.clone(), move || expire::expire(expired.clone()))),
        ];
        loops.push(runtime.spawn(sentinel.run(ended.clone())));
        loops.extend(scheduler.map(|scheduler| runtime.spawn(scheduler.run(ended.clone()))));
        Self { ended, loops }
    }

    /// Starts one that sends letters.
    #[cfg(feature = "email")]
    pub fn with_postman(&mut self, postman: Postman, runtime: &Handle) {
        self.loops.push(runtime.spawn(postman.run(self.ended.clone())));
    }

    /// Starts one that sends events.
    pub fn with_relayer(&mut self, relayer: Relayer, runtime: &Handle) {
        // From now on: whoever asks for a pass right after the start is heard.
        let passes = relayer.passes.heard();
        self.loops.push(runtime.spawn(relayer.run(passes, self.ended.clone())));
    }

    /// Ends the services, each after the step that it is in.
    pub async fn stop(self) {
        self.ended.cancel();
        for ended in self.loops {
            // A service that panicked has nothing left to do.
            let _ = ended.await;
        }
    }
}

/// Decides now on what is overdue: jobs whose lease has run out, and those that waited longer than they may. The answer is how
/// many there were.
///
/// # Errors
/// When the store cannot commit.
pub async fn reap_now(parts: &Parts) -> Result<usize, StoreError> {
    reap::reap(parts.clone()).await
}

/// Forgets now what is older than it may be. The answer is what was forgotten, but for events.
///
/// # Errors
/// When the store does not get through; what was forgotten before stays so.
pub async fn prune_now(parts: &Parts) -> Result<Forgotten, StoreError> {
    prune::prune(parts.clone()).await
}

async fn every<F, T>(period: Duration, name: &'static str, ended: CancellationToken, service: impl Fn() -> F)
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = ended.cancelled() => return,
        }
        if let Err(error) = service().await {
            tracing::warn!(service = name, %error, "upkeep did not get through; it tries again");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_service_that_does_not_get_through_is_called_again() {
        let (ended, calls) = (CancellationToken::new(), AtomicU32::new(0));
        let service = async || {
            if calls.fetch_add(1, Ordering::Relaxed) < 2 {
                return Err(StoreError::Broken("not now".into()));
            }
            ended.cancel();
            Ok(())
        };
        every(Duration::from_millis(1), "test", ended.clone(), service).await;
        assert_eq!(calls.into_inner(), 3);
    }
}
