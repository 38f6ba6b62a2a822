//! Schedules as people see them: made, looked at, changed, switched, fired by hand.
//!
//! | file | holds |
//! | --- | --- |
//! | [`create`] | making and removing them |
//! | [`look`] | reading schedules and their executions |
//! | [`edit`] | new terms and switches |
//! | [`fire`] | jobs out of turn: now, or for a time that has passed |
//! | `terms` | the bounds that terms keep to |
//! | `act` | decide, commit, and decide anew when somebody was faster |

mod act;
pub mod create;
pub mod edit;
pub mod fire;
pub mod look;
mod terms;

pub use act::Asked;
