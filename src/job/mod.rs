//! The domain, pure: what a job is and how it lives. No I/O, no clock, no async.
//!
//! | file | holds |
//! | --- | --- |
//! | [`words`] | the closed vocabularies: status, priority, outcome, names, ids |
//! | `sealed` | what tells an encrypted value from a plain one |
//! | [`spec`] | what was asked for; it never changes once accepted |
//! | [`record`] | the job itself: its spec and its life so far |
//! | [`event`] | what may happen to a job |
//! | [`decide`](fn@decide) | the only place that knows what happens next |
//! | [`transition`] | the answer of `decide`, for an engine to persist |
//! | `emitted` | what an application tells in the commit of its job |
//! | [`backoff`] | how long to wait before the next try |
//! | [`estimate`] | how long is left |
//! | `map` | a map by job |
//! | [`lifecycle`] | the table in `docs/lifecycle.md`, drawn from `decide` |

pub mod backoff;
mod decide;
mod emitted;
pub mod estimate;
pub mod event;
pub mod lifecycle;
mod map;
pub mod record;
mod sealed;
pub mod spec;
pub mod transition;
pub mod words;

pub use backoff::RetryPolicy;
pub use decide::decide;
pub use emitted::Emitted;
pub use event::{Event, Refusal};
pub use map::{IdHasher, JobMap};
pub use record::{Attempt, CancelAsked, End, Holder, Job, JobError, Life, Progress, ResultRef, Run, State};
pub use sealed::{SEALED_BYTES, SEALED_TEXT, UNREADABLE};
pub use spec::{Concurrency, NewJob, Options, Payload, Spec, Unique, UniqueFor};
pub use transition::{Transition, Visibility};
pub use words::{JobId, Name, Outcome, Priority, Status};
