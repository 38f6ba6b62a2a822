//! How the whole stands, and health.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{JobView, Shown};
use crate::clock::Timestamp;

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
    #[schema(value_type = String, format = DateTime)]
    pub(crate) timestamp: Shown<Timestamp>,
}

/// Whether jobs are handed out.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobsStatus)]
pub(crate) struct JobsStatusView<'a> {
    /// Whether this process runs jobs.
    pub(crate) enabled: bool,
    /// One entry for each processor.
    pub(crate) jobs: Vec<StatusJobView<'a>>,
}

/// Whether the jobs of one processor are handed out.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobsStatusEntry)]
pub(crate) struct StatusJobView<'a> {
    /// The processor's subtype.
    pub(crate) name: &'a str,
    /// Its cron expression; null for work that is started by requests alone.
    #[schema(required)]
    pub(crate) cron: Option<&'a str>,
    /// Whether its jobs are handed out.
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
