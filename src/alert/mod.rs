//! Alert rules and alerts, pure: what a rule watches, when it is broken, and what follows. No I/O, no clock, no async.
//!
//! | file | holds |
//! | --- | --- |
//! | [`words`] | the closed vocabularies: kinds, statuses, ids |
//! | [`rule`] | a rule: what it watches, and its bound |
//! | [`seen`] | what somebody has seen of a subject, put into a rule's terms |
//! | [`record`] | the alert itself |
//! | [`decide`](fn@decide) | the only place that knows when an alert fires and when it clears |

mod decide;
pub mod record;
pub mod rule;
pub mod seen;
pub mod words;

pub use decide::{Step, decide};
pub use record::Alert;
pub use rule::Rule;
pub use seen::{Seen, Subject, silent_for};
pub use words::{AlertId, AlertStatus, Kind};
