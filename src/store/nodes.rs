//! The side of a store that knows who has it open. An engine that one process alone has open does not need it.

use std::sync::Arc;

use super::Answer;
use crate::clock::Timestamp;
use crate::job::Holder;

/// Those who share a store.
pub trait Nodes: Send + Sync + 'static {
    /// Those that gave a sign of life within the term of a lease, the oldest first.
    fn nodes(&self) -> Answer<'_, Vec<Seen>>;
}

/// A process that has a store open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Who it is.
    pub holder: Holder,
    /// Which release it is of.
    pub version: Arc<str>,
    /// Since when it has the store open.
    pub since: Timestamp,
    /// When it gave its latest sign of life.
    pub seen_at: Timestamp,
    /// Jobs that run inside of it.
    pub running: u64,
}
