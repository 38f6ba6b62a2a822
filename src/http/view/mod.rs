//! How things look in JSON. Field names are those of the contract; what is unknown is null, never left out.
//!
//! | file | holds |
//! | --- | --- |
//! | `alert` | alerts and alert rules |
//! | `envelope` | the wrapping of lists, creations and errors |
//! | `event` | an event |
//! | `execution` | a job that a schedule made |
//! | `job` | a job, whole and as it was just accepted |
//! | `parts` | attempts, log lines, processors, explanations |
//! | `named` | locks and shared states |
//! | `cron` | what an expression means and when it comes next |
//! | `figures`, `board` | statistics and health |
//! | `schedule` | a schedule |
//! | `subscription` | subscriptions, deliveries, the outbox |
//! | `worker` | workers of other processes |
//! | `words` | closed vocabularies and small types |

mod alert;
mod board;
mod cron;
mod envelope;
mod event;
mod execution;
mod figures;
mod job;
mod key;
mod named;
mod parts;
mod schedule;
mod subscription;
mod words;
mod worker;

pub(crate) use alert::{AlertView, RuleView};
pub(crate) use board::{BoardView, NextView, PercentilesView, ThroughputView, WaitingView};
pub(crate) use cron::{ForecastView, TickView};
pub(crate) use envelope::{Created, ErrorView, FieldView, Listed, Pagination, counted};
pub(crate) use event::EventView;
pub(crate) use execution::ExecutionView;
pub(crate) use figures::{
    FailedScheduleView, IndexView, JobsStatusView, LiveView, OverviewView, ReadyView, ScheduleFiguresView,
    StatusJobView, UpcomingScheduleView,
};
pub(crate) use job::{AcceptedView, ErrorOfJob, JobView, Length, etag};
pub(crate) use key::{KeyView, MadeKeyView, PassView};
pub(crate) use named::{KeptView, LockView, StateView};
pub(crate) use parts::{
    AttemptView, BulkView, CleanupView, ExplainView, LogLineView, NodeView, ProcessorView, RetryView,
};
pub(crate) use schedule::{DstView, ScheduleView};
pub(crate) use subscription::{
    DeliveryView, OutboxView, ProcessedView, ReplayedView, SecretView, SubscriptionView, TriedView,
};
pub(crate) use words::{
    AlertKindWord, AlertStatusWord, ClockChangeWord, FoldWord, GapWord, MisfireWord, OutcomeWord, OverlapWord,
    PriorityWord, ScopeWord, Shown, StandingWord, StatusWord, ViaWord, unique_for,
};
pub(crate) use worker::{AnsweredView, LeasedView, RegisteredView, UploadView, WorkerView};
