//! How things look in JSON. Field names are those of the contract; what is unknown is null, never left out.
//!
//! | file | holds |
//! | --- | --- |
//! | `envelope` | the wrapping of lists, creations and errors |
//! | `job` | a job, whole and as it was just accepted |
//! | `parts` | attempts, log lines, processors, explanations |
//! | `named` | locks and shared states |
//! | `cron` | what an expression means and when it comes next |
//! | `figures`, `board` | statistics and health |
//! | `words` | closed vocabularies and small types |

mod board;
mod cron;
mod envelope;
mod figures;
mod job;
mod named;
mod parts;
mod words;

pub(crate) use board::{BoardView, NextView, PercentilesView, ThroughputView, WaitingView};
pub(crate) use cron::{ForecastView, TickView};
pub(crate) use envelope::{Created, ErrorView, FieldView, Listed, Pagination, counted};
pub(crate) use figures::{IndexView, JobsStatusView, LiveView, OverviewView, ReadyView, StatusJobView};
pub(crate) use job::{AcceptedView, ErrorOfJob, JobView, Length, etag};
pub(crate) use named::{KeptView, LockView, StateView};
pub(crate) use parts::{AttemptView, BulkView, CleanupView, ExplainView, LogLineView, ProcessorView, RetryView};
pub(crate) use words::{ClockChangeWord, OutcomeWord, PriorityWord, Shown, StatusWord, unique_for};
