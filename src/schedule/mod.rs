//! Schedules, pure: when they tick, what becomes of each tick. No I/O, no clock, no async.
//!
//! | file | holds |
//! | --- | --- |
//! | [`words`] | the closed vocabularies: policies, standing, ids |
//! | [`cron`] | the expression; `field` and `pattern` read it, `calendar` searches it, `describe` says it in English |
//! | [`zone`] | time zones of the built-in database |
//! | [`timetable`] | expression, zone and the rule for clock changes: the ticks |
//! | [`spec`] | the terms; replaced as a whole when somebody edits them |
//! | [`record`] | the schedule itself: its terms and its life so far |
//! | [`event`] | what may happen to a schedule |
//! | [`decide`](fn@decide) | the only place that knows what happens next |
//! | [`plan`] | which ticks fire: misfires, overlaps, jitter |
//! | [`transition`] | the answer of `decide`, for an engine to persist |

mod calendar;
pub mod cron;
mod decide;
mod describe;
pub mod event;
mod field;
mod pattern;
pub mod plan;
pub mod record;
pub mod spec;
pub mod timetable;
pub mod transition;
pub mod words;
pub mod zone;

pub use cron::{Cron, CronError};
pub use decide::decide;
pub use event::{Event, Refusal};
pub use record::{Execution, Fault, Life, Pause, Schedule, Tally};
pub use spec::{Complaint, NewSchedule, Spec};
pub use timetable::{DstPolicy, Tick, Timetable, TooMany};
pub use transition::{Firing, Transition};
pub use words::{ClockChange, Fold, Gap, MisfirePolicy, OverlapPolicy, ScheduleId, Standing};
pub use zone::{UnknownZone, Zone};
