//! Shared states that another store keeps, encrypted. Each is bound to its name.

use std::sync::Arc;

use super::SealedStore;
use super::keyring::Part;
use super::store::refused;
use crate::clock::Timestamp;
use crate::store::{Answer, Deleted, Expected, Kept, Put, Slug, State, States, StoreError};

impl SealedStore {
    /// A state as readers see it.
    fn opened(&self, state: &Arc<State>) -> Result<Arc<State>, StoreError> {
        match self.keyring.open_text(Part::State, state.name.as_str().as_bytes(), &state.value) {
            Ok(None) => Ok(state.clone()),
            Ok(Some(plain)) => Ok(Arc::new(State { value: plain.into(), ..(**state).clone() })),
            Err(why) => Err(StoreError::Unreadable(format!("the state `{}` {why}", state.name).into())),
        }
    }

    /// The same, where it is not the answer itself but what stood in its way: then its revision is what matters.
    fn in_the_way(&self, state: &Arc<State>) -> Arc<State> {
        self.opened(state).unwrap_or_else(|_| state.clone())
    }
}

impl States for SealedStore {
    fn put_state(&self, put: Put, now: Timestamp) -> Answer<'_, Kept> {
        let value = match self.keyring.seal_text(Part::State, put.name.as_str().as_bytes(), &put.value) {
            Ok(value) => value.into(),
            Err(error) => return refused(error),
        };
        let kept = self.inner.states().put_state(Put { value, ..put }, now);
        Box::pin(async move {
            Ok(match kept.await? {
                Kept::Made(state) => Kept::Made(self.opened(&state)?),
                Kept::Replaced(state) => Kept::Replaced(self.opened(&state)?),
                Kept::Unexpected(there) => Kept::Unexpected(there.map(|state| self.in_the_way(&state))),
                Kept::Full => Kept::Full,
            })
        })
    }

    fn state(&self, name: &Slug, now: Timestamp) -> Answer<'_, Option<Arc<State>>> {
        let state = self.inner.states().state(name, now);
        Box::pin(async move { state.await?.map(|state| self.opened(&state)).transpose() })
    }

    fn delete_state(&self, name: Slug, expected: Expected, now: Timestamp) -> Answer<'_, Deleted> {
        let deleted = self.inner.states().delete_state(name, expected, now);
        Box::pin(async move {
            Ok(match deleted.await? {
                Deleted::Unexpected(there) => Deleted::Unexpected(self.in_the_way(&there)),
                other => other,
            })
        })
    }

    fn prune_states(&self, now: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.inner.states().prune_states(now, limit)
    }
}
