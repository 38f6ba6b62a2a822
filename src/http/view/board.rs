//! The figures of a dashboard.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::Shown;
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Status};
use crate::service::figures::Board;
use crate::store::activity::{Durations, Ended, MINUTE_MS};

/// The figures of a dashboard. They are kept and not counted: however long the history is, the answer takes as long.
/// The last 24 hours are 1,440 minutes of UTC, the one under way included.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Board)]
pub(crate) struct BoardView<'a> {
    /// All jobs that are remembered.
    #[schema(minimum = 0)]
    total_jobs: u64,
    /// Those among them whose subtype is handed out.
    #[schema(minimum = 0)]
    enabled_jobs: u64,
    /// Jobs that run.
    #[schema(minimum = 0)]
    running_jobs: u64,
    /// Jobs that wait: for a worker, for their time, for their next try.
    #[schema(minimum = 0)]
    queued_jobs: u64,
    /// Those among them whose time has not come.
    #[schema(minimum = 0)]
    delayed_jobs: u64,
    /// Failed jobs that wait for somebody to decide.
    #[schema(minimum = 0)]
    dead_letters: u64,
    /// All schedules.
    #[schema(minimum = 0)]
    total_schedules: u64,
    /// Those among them that are switched on.
    #[schema(minimum = 0)]
    enabled_schedules: u64,
    /// Alerts that fire.
    #[schema(minimum = 0)]
    alerts_firing: u64,
    /// What is next: the waiting job that runs next, or the schedule that fires next if that is sooner.
    #[schema(required)]
    next_execution: Option<NextView<'a>>,
    /// Jobs that failed in the last 24 hours; the same as `failedLast24h`.
    #[schema(minimum = 0)]
    recent_failures: u64,
    /// Jobs that completed in the last 24 hours.
    #[serde(rename = "succeededLast24h")]
    #[schema(minimum = 0)]
    succeeded: u64,
    /// Jobs that failed for good in the last 24 hours.
    #[serde(rename = "failedLast24h")]
    #[schema(minimum = 0)]
    failed: u64,
    /// Jobs that were cancelled in the last 24 hours.
    #[serde(rename = "cancelledLast24h")]
    #[schema(minimum = 0)]
    cancelled: u64,
    /// Tries of the last 24 hours that went wrong and are followed by another one.
    #[serde(rename = "retriedLast24h")]
    #[schema(minimum = 0)]
    retried: u64,
    /// The mean duration of the jobs that completed in the last 24 hours, as `HH:MM:SS`; null when none did.
    #[schema(required, example = "00:02:15")]
    avg_execution_time: Option<String>,
    /// The same in milliseconds.
    #[schema(required, minimum = 0)]
    average_duration_ms: Option<u64>,
    /// What so many of a hundred of them did not exceed; null when none completed.
    #[schema(required)]
    duration_percentiles_ms: Option<PercentilesView>,
    /// The job that has been ready for longest; null when none waits for a worker.
    #[schema(required)]
    oldest_waiting: Option<WaitingView<'a>>,
    throughput: ThroughputView,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Shown<Timestamp>,
}

/// What is next.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NextExecution)]
pub(crate) struct NextView<'a> {
    /// The name of the schedule, or the subtype of the job.
    job_name: &'a str,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    scheduled_at: Option<Shown<Timestamp>>,
}

/// Durations in milliseconds that so many of a hundred jobs did not exceed. Up to 16 ms they are exact; above that the
/// answer is never below the true one, and above it by less than a sixteenth.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Percentiles)]
pub(crate) struct PercentilesView {
    #[schema(minimum = 0)]
    p50: u64,
    #[schema(minimum = 0)]
    p90: u64,
    #[schema(minimum = 0)]
    p95: u64,
    #[schema(minimum = 0)]
    p99: u64,
}

/// A job that waits for a worker.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WaitingJob)]
pub(crate) struct WaitingView<'a> {
    #[schema(value_type = String, format = Uuid)]
    job_id: Shown<JobId>,
    sub_type: &'a str,
    /// Since when it may run.
    #[schema(value_type = String, format = DateTime)]
    since: Shown<Timestamp>,
    #[schema(minimum = 0)]
    wait_seconds: u64,
}

/// What ended in each minute of the last 24 hours. Each list has 1,440 numbers, oldest first; the last one is of the
/// minute under way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Throughput)]
pub(crate) struct ThroughputView {
    /// When the first minute begins.
    #[schema(value_type = String, format = DateTime)]
    since: Shown<Timestamp>,
    /// 60.
    #[schema(minimum = 60, maximum = 60)]
    step_seconds: i64,
    succeeded: Vec<u64>,
    failed: Vec<u64>,
    cancelled: Vec<u64>,
    retried: Vec<u64>,
}

impl<'a> BoardView<'a> {
    /// How it looks.
    pub(crate) fn of(board: &'a Board) -> Self {
        let (tally, day) = (&board.tally, board.activity.day());
        Self {
            total_jobs: tally.sum(|_| true),
            enabled_jobs: board.enabled,
            running_jobs: Status::RUNNING.iter().map(|status| tally.of(*status)).sum(),
            queued_jobs: tally.of(Status::Queued),
            delayed_jobs: tally.delayed,
            dead_letters: tally.dead,
            total_schedules: board.schedules.enabled + board.schedules.disabled,
            enabled_schedules: board.schedules.enabled,
            alerts_firing: board.alerts_firing,
            next_execution: NextView::of(board),
            recent_failures: day.failed,
            succeeded: day.completed,
            failed: day.failed,
            cancelled: day.cancelled,
            retried: day.retried,
            avg_execution_time: day.mean().map(hours_minutes_seconds),
            average_duration_ms: day.mean().map(millis),
            duration_percentiles_ms: PercentilesView::of(&board.activity.durations),
            oldest_waiting: tally.oldest.as_deref().and_then(|job| WaitingView::of(job, board.at)),
            throughput: ThroughputView::of(board.activity.since, &board.activity.minutes),
            timestamp: Shown(board.at),
        }
    }
}

impl<'a> NextView<'a> {
    fn of(board: &'a Board) -> Option<Self> {
        let job = board.next.as_deref().and_then(|job| Some((job.run_at()?, job.spec.sub_type.as_str())));
        let next = board.schedules.upcoming.first();
        let schedule = next.and_then(|schedule| Some((schedule.due_at()?, &*schedule.spec.name)));
        let (at, job_name) = job.into_iter().chain(schedule).min_by_key(|(at, _)| *at)?;
        Some(Self { job_name, scheduled_at: Some(Shown(at)) })
    }
}

impl PercentilesView {
    fn of(durations: &Durations) -> Option<Self> {
        let of = |percent| durations.percentile(percent).map(millis);
        Some(Self { p50: of(50)?, p90: of(90)?, p95: of(95)?, p99: of(99)? })
    }
}

impl<'a> WaitingView<'a> {
    fn of(job: &'a Job, now: Timestamp) -> Option<Self> {
        let since = job.run_at()?;
        let wait_seconds = now.millis_since(since) / 1_000;
        Some(Self { job_id: Shown(job.id), sub_type: job.spec.sub_type.as_str(), since: Shown(since), wait_seconds })
    }
}

impl ThroughputView {
    fn of(since: Timestamp, minutes: &[Ended]) -> Self {
        let each = |what: fn(&Ended) -> u64| minutes.iter().map(what).collect();
        Self {
            since: Shown(since),
            step_seconds: MINUTE_MS / 1_000,
            succeeded: each(|ended| ended.completed),
            failed: each(|ended| ended.failed),
            cancelled: each(|ended| ended.cancelled),
            retried: each(|ended| ended.retried),
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn hours_minutes_seconds(span: Duration) -> String {
    let seconds = span.as_secs_f64().round() as u64;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
