//! What a job shares with others: locks, to do something alone, and states, which outlive the jobs that left them.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Context;
use crate::limits;
use crate::store::embedded::Embedded;
use crate::store::{Hold, SharedState, Slug, Store, wait};
use crate::work::Failure;

/// Where locks and states are, and what renews locks.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runtime: Option<Handle>,
}

impl Shared {
    /// Locks and states of a context that is alone in the world.
    pub(crate) fn with_nobody() -> Self {
        Self { store: Arc::new(Embedded::memory()), runtime: Handle::try_current().ok() }
    }
}

impl Context {
    /// Takes a lock until the answer is dropped; none when somebody has it, this job included. It renews itself before
    /// `ttl` is over, and is freed when this process dies.
    ///
    /// ```
    /// # use faena::work::{Completion, Context, Failure};
    /// # use std::time::Duration;
    /// async fn sync(ctx: Context) -> Result<Completion, Failure> {
    ///     let Some(lock) = ctx.lock("blockchain-sync", Duration::from_secs(30)).await? else {
    ///         return Completion::json(&serde_json::json!({ "skipped": "another one is at it" }));
    ///     };
    ///     let state = ctx.shared_state("blockchain-sync")?;
    ///     let from: u64 = state.load().await?.unwrap_or(0);
    ///     let reached = tokio::select! {
    ///         reached = blocks_after(from, lock.fencing_token()) => reached?,
    ///         () = lock.lost() => return Err(Failure::new("the lock was lost")),
    ///     };
    ///     state.save(&reached).await?;
    ///     Completion::json(&serde_json::json!({ "reached": reached }))
    /// }
    /// # async fn blocks_after(from: u64, _token: u64) -> Result<u64, Failure> { Ok(from) }
    /// ```
    ///
    /// # Errors
    /// When the name or the time is out of bounds, or the store cannot commit.
    pub async fn lock(&self, name: &str, ttl: Duration) -> Result<Option<Hold>, Failure> {
        if ttl.as_millis() == 0 || ttl > limits::LOCK_TTL_MAX {
            let hours = limits::LOCK_TTL_MAX.as_secs() / 3_600;
            return Err(Failure::permanent(format!("a lock is taken for a millisecond to {hours} hours")));
        }
        let shared = &self.run.shared;
        let Some(runtime) = &shared.runtime else {
            return Err(Failure::permanent("a lock needs a tokio runtime to be renewed on"));
        };
        let owner: Arc<str> = format!("job {}, try {}", self.job_id(), self.attempt()).into();
        Ok(Hold::take(&shared.store, &self.run.clock, runtime, (slug(name)?, owner, ttl)).await?)
    }

    /// The same for blocking processors: it waits on their thread.
    ///
    /// # Errors
    /// Those of [`lock`](Self::lock).
    pub fn lock_blocking(&self, name: &str, ttl: Duration) -> Result<Option<Hold>, Failure> {
        self.wait(self.lock(name, ttl))
    }

    /// A state that jobs share. Not to be confused with [`state`](Self::state), which is this job's own.
    ///
    /// # Errors
    /// When the name is out of bounds.
    pub fn shared_state(&self, name: &str) -> Result<SharedState, Failure> {
        let shared = &self.run.shared;
        Ok(SharedState::new(shared.store.clone(), self.run.clock.clone(), slug(name)?))
    }

    /// Waits on this thread, for blocking processors: `ctx.wait(state.save(&7))?`. Not for async ones, whose thread serves
    /// others meanwhile.
    pub fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        wait(answer)
    }
}

fn slug(name: &str) -> Result<Slug, Failure> {
    Slug::given(name).map_err(Failure::permanent)
}
