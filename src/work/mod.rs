//! Doing the work: what a processor is, where it runs, and what it may say meanwhile.
//!
//! | file | holds |
//! | --- | --- |
//! | [`processor`] | what you implement: [`Processor`] (computes) or [`AsyncProcessor`] (waits) |
//! | [`registry`] | which processor does which subtype, with its payload's schema and checks |
//! | [`context`] | what a processor sees of its job: progress, cancel, state, log, follow-ups |
//! | [`outcome`] | what a processor answers: a [`Completion`] or a [`Failure`] |
//! | [`workers`] | the workers of this process: started once, drained once |
//! | `dispatcher`, `slots` | the only one who claims, and the room that it claims for |
//! | `run`, `finish`, `endings` | one try, what its end means, and the commit of many ends |
//! | `reporter`, `keeper` | reports to the store, stop requests from it |
//! | `threads`, `panics` | where blocking work runs, and what becomes of its panics |

pub mod context;
mod dispatcher;
mod endings;
mod finish;
mod keeper;
pub mod outcome;
mod panics;
pub mod processor;
pub mod registry;
mod reporter;
mod run;
mod slots;
mod threads;
pub mod workers;

pub use context::{Context, PartialErrors};
pub use outcome::{Completion, Failure};
pub use processor::{AsyncProcessor, Description, NoPayload, Processor};
pub use registry::Registry;
pub use workers::Workers;
