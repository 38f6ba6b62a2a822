//! Server-sent events: one job, or all jobs. A reader that comes back says where it was; one that reads too slowly
//! misses changes and is told so, and nobody waits for it.
//!
//! Every event has the name `job` and the job as its data. The feed of all jobs has one more, `reset`: changes were
//! missed, so look at the list again; and `alert.fired` and `alert.cleared`, with an alert as their data.
//! Whoever asks for JSON gets a list instead: the event log.

pub(crate) mod all;
mod frame;
mod list;
pub(crate) mod one;
