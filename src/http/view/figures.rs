//! How the whole stands, and health.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{JobView, Shown};
use crate::clock::Timestamp;
use crate::schedule::{Schedule, ScheduleId};
use crate::store::schedules::ScheduleFigures as StoredFigures;

/// How the whole stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Overview)]
pub(crate) struct OverviewView<'a> {
    /// All jobs that are remembered.
    #[schema(minimum = 0)]
    pub(crate) total: u64,
    /// Those among them whose subtype is handed out.
    #[schema(minimum = 0)]
    pub(crate) enabled: u64,
    /// Those whose subtype is paused.
    #[schema(minimum = 0)]
    pub(crate) disabled: u64,
    /// How many of each priority.
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    pub(crate) by_priority: BTreeMap<&'static str, u64>,
    /// How many in each status.
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    pub(crate) by_status: BTreeMap<&'static str, u64>,
    /// Jobs that ran to an end, completed or failed, since the store was made; those forgotten since count too.
    #[schema(minimum = 0)]
    pub(crate) total_executions: u64,
    /// Those among them that failed.
    #[schema(minimum = 0)]
    pub(crate) total_failures: u64,
    /// Up to ten of the jobs that wait, the next ones first.
    pub(crate) upcoming_jobs: Vec<JobView<'a>>,
    pub(crate) schedules: ScheduleFiguresView<'a>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) timestamp: Shown<Timestamp>,
}

/// The schedules, in the same shape. They are kept figures, not counted ones.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ScheduleFigures)]
pub(crate) struct ScheduleFiguresView<'a> {
    /// All schedules.
    #[schema(minimum = 0)]
    total: u64,
    /// Those that are switched on.
    #[schema(minimum = 0)]
    enabled: u64,
    /// Those that are switched off.
    #[schema(minimum = 0)]
    disabled: u64,
    /// Those among the enabled that are on hold.
    #[schema(minimum = 0)]
    paused: u64,
    /// How many of each priority.
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    by_priority: BTreeMap<&'static str, u64>,
    /// Their jobs that ran to an end.
    #[schema(minimum = 0)]
    total_executions: u64,
    /// Those among them that failed.
    #[schema(minimum = 0)]
    total_failures: u64,
    /// Schedules whose latest execution failed.
    #[schema(minimum = 0)]
    failing: u64,
    /// Up to ten, the next one first.
    upcoming: Vec<UpcomingScheduleView<'a>>,
    /// Up to ten of those whose latest execution failed, the latest first.
    recently_failed: Vec<FailedScheduleView<'a>>,
}

/// A schedule that fires next.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UpcomingSchedule)]
pub(crate) struct UpcomingScheduleView<'a> {
    #[schema(value_type = String, format = Uuid)]
    schedule_id: Shown<ScheduleId>,
    name: &'a str,
    cron_expression: &'a str,
    #[schema(value_type = String, format = DateTime)]
    next_execution_at: Option<Shown<Timestamp>>,
}

/// A schedule whose latest execution failed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FailedSchedule)]
pub(crate) struct FailedScheduleView<'a> {
    #[schema(value_type = String, format = Uuid)]
    schedule_id: Shown<ScheduleId>,
    name: &'a str,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_execution_at: Option<Shown<Timestamp>>,
    #[schema(required)]
    last_execution_error: Option<&'a str>,
}

impl<'a> ScheduleFiguresView<'a> {
    /// How they look.
    pub(crate) fn of(figures: &'a StoredFigures) -> Self {
        let failed = figures.failed.iter().map(|schedule| (schedule, schedule.life.tally.last.as_ref()));
        Self {
            total: figures.enabled + figures.disabled,
            enabled: figures.enabled,
            disabled: figures.disabled,
            paused: figures.paused,
            by_priority: figures.by_priority.iter().map(|(priority, count)| (priority.as_str(), *count)).collect(),
            total_executions: figures.executions,
            total_failures: figures.failures,
            failing: figures.failing,
            upcoming: figures.upcoming.iter().map(|schedule| UpcomingScheduleView::of(schedule)).collect(),
            recently_failed: failed
                .map(|(schedule, last)| FailedScheduleView {
                    schedule_id: Shown(schedule.id),
                    name: &schedule.spec.name,
                    last_execution_at: last.map(|last| Shown(last.at)),
                    last_execution_error: last.and_then(|last| last.error.as_deref()),
                })
                .collect(),
        }
    }
}

impl<'a> UpcomingScheduleView<'a> {
    fn of(schedule: &'a Schedule) -> Self {
        Self {
            schedule_id: Shown(schedule.id),
            name: &schedule.spec.name,
            cron_expression: schedule.cron_as_written(),
            next_execution_at: schedule.due_at().map(Shown),
        }
    }
}

/// Whether jobs are handed out.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobsStatus)]
pub(crate) struct JobsStatusView<'a> {
    /// Whether this process runs jobs.
    pub(crate) enabled: bool,
    /// One entry for each schedule, by name, and then one for each processor.
    pub(crate) jobs: Vec<StatusJobView<'a>>,
}

/// Whether a schedule fires, or the jobs of one processor are handed out.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobsStatusEntry)]
pub(crate) struct StatusJobView<'a> {
    /// The schedule's name, or the processor's subtype.
    pub(crate) name: &'a str,
    /// Its cron expression; null for work that is started by requests alone.
    #[schema(required)]
    pub(crate) cron: Option<&'a str>,
    /// Whether it fires (it is enabled and not on hold), or its jobs are handed out.
    pub(crate) running: bool,
}

/// The process answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Live)]
pub(crate) struct LiveView {
    /// `ok`.
    pub(crate) status: &'static str,
    #[schema(minimum = 0)]
    pub(crate) uptime_seconds: u64,
}

/// The process can do its work.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Ready)]
pub(crate) struct ReadyView {
    /// `ok`.
    pub(crate) status: &'static str,
    /// The store's engine.
    pub(crate) store: &'static str,
    /// Whether this process runs jobs.
    pub(crate) runs_jobs: bool,
    /// Jobs that waited when the store was opened.
    #[schema(minimum = 0)]
    pub(crate) recovered_waiting: u64,
    /// Jobs whose process had died under them.
    #[schema(minimum = 0)]
    pub(crate) recovered_crashed: u64,
    /// Locks that the process which died had taken for itself; they are free.
    #[schema(minimum = 0)]
    pub(crate) recovered_orphan_locks: u64,
    /// Schedules that were there when the store was opened.
    #[schema(minimum = 0)]
    pub(crate) recovered_schedules: u64,
    /// Schedules whose time had come while nobody was there; they were caught up with by their misfire policies.
    #[schema(minimum = 0)]
    pub(crate) recovered_schedules_due: u64,
    /// Schedules that cannot be read any more, and do not fire until they get new terms.
    #[schema(minimum = 0)]
    pub(crate) recovered_schedules_faulty: u64,
}

/// What there is.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Index)]
pub(crate) struct IndexView {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Addresses by what they are for.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub(crate) links: BTreeMap<&'static str, String>,
}
