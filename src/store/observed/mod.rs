//! The one place that notices what a store does: [`Observed`] wraps any engine, tells the hub of every change once
//! readers may see it, counts, and learns how long jobs take. Engines know nothing of it, callers need not.
//!
//! | file | holds |
//! | --- | --- |
//! | [`decorator`] | the store that watches another one |
//! | [`metrics`] | counters, histograms and gauges, without globals |
//! | [`histories`] | how long jobs of each subtype take |
//! | [`schedules`] | the same for schedules |
//! | `alerts` | the same for alerts |
//! | `keys` | the same for keys |
//! | `surely` | a future that goes on when its caller has left |

mod alerts;
pub mod decorator;
pub mod histories;
mod keys;
pub mod metrics;
pub mod schedules;
mod surely;

pub use decorator::Observed;
pub use histories::Histories;
pub use metrics::{Metrics, PoolFigures};
pub use schedules::ObservedSchedules;
