//! What an application tells in the commit of its job. A job knows nothing of events: here it is text, and
//! [`event::Event`](crate::event::Event) gives it its form and its rules.

use std::sync::Arc;

use crate::clock::Timestamp;

/// An application's own event, on its way into the commit of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// Who it is: however often its job's step is decided anew, the same.
    pub id: Box<str>,
    /// What has happened.
    pub kind: Arc<str>,
    /// The sort of what it happened to.
    pub sort: Arc<str>,
    /// Which one of them.
    pub of: Arc<str>,
    /// JSON text about it.
    pub payload: Arc<str>,
    /// When.
    pub at: Timestamp,
}
