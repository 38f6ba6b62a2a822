//! The side of a store that keeps states: small JSON values by name, which outlive the jobs that left them.

use std::sync::Arc;
use std::time::Duration;

use super::{Answer, Slug};
use crate::clock::Timestamp;

/// States by name.
pub trait States: Send + Sync + 'static {
    /// Keeps a value in place of what was there, if that is as expected.
    ///
    /// - The comparison and the write are one step; an unmet expectation changes nothing.
    /// - A revision is larger than every revision given before, of any state, across deletion, expiry and restart.
    /// - What is answered is durable, a refusal too. What `state` shows is committed.
    /// - Beyond [`limits::STATES_MAX`](crate::limits::STATES_MAX) states, or
    ///   [`limits::STATES_BYTES_MAX`](crate::limits::STATES_BYTES_MAX) bytes, the answer is [`Kept::Full`].
    fn put_state(&self, put: Put, now: Timestamp) -> Answer<'_, Kept>;

    /// A state as committed; none when there is none, or its term is over.
    fn state(&self, name: &Slug, now: Timestamp) -> Answer<'_, Option<Arc<State>>>;

    /// Forgets a state, if it is as expected.
    fn delete_state(&self, name: Slug, expected: Expected, now: Timestamp) -> Answer<'_, Deleted>;

    /// Forgets at most `limit` states whose term is over. The answer counts them.
    fn prune_states(&self, now: Timestamp, limit: usize) -> Answer<'_, u64>;
}

/// A kept state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What it is called.
    pub name: Slug,
    /// JSON text.
    pub value: Arc<str>,
    /// Changes with every write, and never comes back.
    pub revision: u64,
    /// When it was written.
    pub updated_at: Timestamp,
    /// Until when it is kept.
    pub until: Timestamp,
}

/// A value to keep.
#[derive(Debug, Clone)]
pub struct Put {
    /// Under which name.
    pub name: Slug,
    /// JSON text.
    pub value: Arc<str>,
    /// How long, from now.
    pub ttl: Duration,
    /// What must be there.
    pub expected: Expected,
}

/// What must be there for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever.
    Anything,
    /// Nothing.
    Nothing,
    /// Something.
    Something,
    /// This revision.
    Revision(u64),
}

/// What became of a value to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is kept, where nothing was.
    Made(Arc<State>),
    /// It is kept in place of another one.
    Replaced(Arc<State>),
    /// Something else was there than was expected: this.
    Unexpected(Option<Arc<State>>),
    /// There is as much as there may be.
    Full,
}

/// What became of a state to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// It is forgotten.
    Done,
    /// There was none.
    Absent,
    /// Another one was there than was expected: this.
    Unexpected(Arc<State>),
}

impl State {
    /// Whether its term is not over yet.
    pub fn binds(&self, now: Timestamp) -> bool {
        self.until > now
    }
}

impl Expected {
    /// Whether what is there will do.
    pub fn allows(self, there: Option<&State>) -> bool {
        self.allows_revision(there.map(|state| state.revision))
    }

    /// Whether something of this revision will do, or nothing when there is none.
    pub fn allows_revision(self, there: Option<u64>) -> bool {
        match self {
            Self::Anything => true,
            Self::Nothing => there.is_none(),
            Self::Something => there.is_some(),
            Self::Revision(revision) => there == Some(revision),
        }
    }
}
