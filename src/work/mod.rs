//! Doing the work: what a processor is, where it runs, and what it may say meanwhile.
//!
//! | file | holds |
//! | --- | --- |
//! | [`processor`] | what you implement: [`Processor`] (computes) or [`AsyncProcessor`] (waits) |
//! | [`registry`] | which processor does which subtype, with its payload's schema and checks |
//! | [`context`] | what a processor sees of its job: progress, cancel, state, log, follow-ups |
//! | [`outcome`] | what a processor answers: a [`Completion`] or a [`Failure`] |

pub mod context;
pub mod outcome;
pub mod processor;
pub mod registry;

pub use context::{Context, PartialErrors};
pub use outcome::{Completion, Failure};
pub use processor::{AsyncProcessor, Description, NoPayload, Processor};
pub use registry::Registry;
