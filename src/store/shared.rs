//! A state that jobs share, with its name on it: for processors and embedding code, which think in values and not in JSON.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Deleted, Expected, Kept, Put, Slug, State, Store, StoreError};
use crate::clock::Clock;
use crate::limits;

/// A shared state. Clones speak of the same one.
#[derive(Clone)]
pub struct SharedState {
    store: Arc<dyn Store>,
    clock: Clock,
    name: Slug,
}

/// Why a shared state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// What is kept is of another form, or the value is no JSON.
    #[error("the shared state is of another form: {0}")]
    Form(#[from] serde_json::Error),
    /// The value is larger than it may be.
    #[error("the shared state has {0} bytes, {max} are allowed", max = limits::STATE_BYTES_MAX)]
    TooLarge(usize),
    /// It is kept for no time at all, or for longer than may be.
    #[error("a shared state is kept for a millisecond to {} days", limits::STATE_TTL_MAX.as_secs() / 86_400)]
    Term,
    /// There are as many states as there may be.
    #[error("there is as much shared state as there may be")]
    Full,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SharedState {
    /// The state of a name in a store.
    pub fn new(store: Arc<dyn Store>, clock: Clock, name: Slug) -> Self {
        Self { store, clock, name }
    }

    /// What was saved last, by whatever job; none when nothing was, or its time is over.
    ///
    /// # Errors
    /// When it is not a `T`, or the store fails.
    pub async fn load<T: DeserializeOwned>(&self) -> Result<Option<T>, SharedError> {
        Ok(self.load_revision().await?.map(|(value, _)| value))
    }

    /// The same with its revision, for [`save_if`](Self::save_if).
    ///
    /// # Errors
    /// When it is not a `T`, or the store fails.
    pub async fn load_revision<T: DeserializeOwned>(&self) -> Result<Option<(T, u64)>, SharedError> {
        let Some(state) = self.store.states().state(&self.name, self.clock.now()).await? else { return Ok(None) };
        Ok(Some((serde_json::from_str(&state.value)?, state.revision)))
    }

    /// Saves a value for 24 hours, in place of what was there. It is on disk when this returns.
    ///
    /// # Errors
    /// When it is no JSON or too large, or the store fails.
    pub async fn save(&self, value: &impl Serialize) -> Result<u64, SharedError> {
        self.save_for(value, limits::STATE_TTL_DEFAULT).await
    }

    /// The same for a time of your own.
    ///
    /// # Errors
    /// When it is no JSON or too large, the time is out of bounds, or the store fails.
    pub async fn save_for(&self, value: &impl Serialize, ttl: Duration) -> Result<u64, SharedError> {
        let kept = self.put(value, ttl, Expected::Anything).await?;
        kept.map(|state| state.revision).ok_or(SharedError::Full)
    }

    /// Saves a value for 24 hours if what is there is still of the revision that you know; none says that nothing may
    /// be there. The answer is the new revision, or none when somebody else was faster.
    ///
    /// # Errors
    /// When it is no JSON or too large, or the store fails.
    pub async fn save_if(&self, value: &impl Serialize, known: Option<u64>) -> Result<Option<u64>, SharedError> {
        let expected = known.map_or(Expected::Nothing, Expected::Revision);
        let kept = self.put(value, limits::STATE_TTL_DEFAULT, expected).await?;
        Ok(kept.map(|state| state.revision))
    }

    /// Forgets it. The answer is false when there was nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self) -> Result<bool, SharedError> {
        let now = self.clock.now();
        let gone = self.store.states().delete_state(self.name.clone(), Expected::Anything, now).await?;
        Ok(gone == Deleted::Done)
    }

    async fn put(
        &self,
        value: &impl Serialize,
        ttl: Duration,
        expected: Expected,
    ) -> Result<Option<Arc<State>>, SharedError> {
        let value = serde_json::to_string(value)?;
        if value.len() > limits::STATE_BYTES_MAX {
            return Err(SharedError::TooLarge(value.len()));
        }
        if ttl.as_millis() == 0 || ttl > limits::STATE_TTL_MAX {
            return Err(SharedError::Term);
        }
        let put = Put { name: self.name.clone(), value: value.into(), ttl, expected };
        match self.store.states().put_state(put, self.clock.now()).await? {
            Kept::Made(state) | Kept::Replaced(state) => Ok(Some(state)),
            Kept::Unexpected(_) => Ok(None),
            Kept::Full => Err(SharedError::Full),
        }
    }
}
