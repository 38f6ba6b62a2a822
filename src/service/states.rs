//! Shared states: small values by name that outlive the jobs that left them.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::error::{Error, FieldError};
use crate::job::SEALED_TEXT;
use crate::limits;
use crate::store::{Deleted, Expected, Kept, Put, SharedState, Slug, State};

impl Service {
    /// A shared state, for code of this process.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the name is out of bounds.
    pub fn shared_state(&self, name: &str) -> Result<SharedState, Error> {
        Ok(SharedState::new(self.store().clone(), self.parts.clock.clone(), named(name)?))
    }

    /// Keeps a value of JSON text, for 24 hours unless `ttl` says otherwise, if what is there is as expected. The answer
    /// says whether nothing was there before.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Unmatched`], [`Error::Full`].
    pub async fn put_state(
        &self,
        name: &str,
        value: &str,
        ttl: Option<Duration>,
        expected: Expected,
    ) -> Result<(Arc<State>, bool), Error> {
        let ttl = ttl.unwrap_or(limits::STATE_TTL_DEFAULT);
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: String| faults.push(FieldError { field: field.to_owned(), message });
        let name = Slug::given(name).map_err(|message| fault("name", message)).ok();
        if value.len() > limits::STATE_BYTES_MAX {
            fault("value", format!("has {} bytes, {} are allowed", value.len(), limits::STATE_BYTES_MAX));
        }
        if let Some(message) = super::out_of_bounds(ttl, limits::STATE_TTL_MAX) {
            fault("ttlSeconds", message);
        }
        let Some(name) = name.filter(|_| faults.is_empty()) else { return Err(Error::fields(faults)) };
        let put = Put { name: name.clone(), value: value.into(), ttl, expected };
        match self.store().states().put_state(put, self.now()).await? {
            Kept::Made(state) => Ok((state, true)),
            Kept::Replaced(state) => Ok((state, false)),
            Kept::Unexpected(there) => Err(unmatched(&name, there.as_deref())),
            Kept::Full => Err(Error::Full { what: "states", max: limits::STATES_MAX }),
        }
    }

    /// A state.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub async fn state(&self, name: &str) -> Result<Arc<State>, Error> {
        let name = named(name)?;
        let state = self.store().states().state(&name, self.now()).await?.ok_or_else(|| no_state(&name))?;
        if state.value.starts_with(SEALED_TEXT) {
            return Err(Error::Unreadable(format!("the state `{name}` is encrypted, and no key is configured here")));
        }
        Ok(state)
    }

    /// Forgets a state, if it is as expected.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::Unmatched`] when it is another one.
    pub async fn delete_state(&self, name: &str, expected: Expected) -> Result<(), Error> {
        let name = named(name)?;
        match self.store().states().delete_state(name.clone(), expected, self.now()).await? {
            Deleted::Done => Ok(()),
            Deleted::Absent => Err(no_state(&name)),
            Deleted::Unexpected(there) => Err(unmatched(&name, Some(&there))),
        }
    }
}

fn named(name: &str) -> Result<Slug, Error> {
    Slug::given(name).map_err(|message| Error::field("name", message))
}

fn no_state(name: &Slug) -> Error {
    Error::NotFound { what: "state", id: name.to_string() }
}

fn unmatched(name: &Slug, there: Option<&State>) -> Error {
    Error::Unmatched(match there {
        Some(state) => format!("state `{name}` is of revision {} now; read it again and decide anew", state.revision),
        None => format!("there is no state `{name}`"),
    })
}
