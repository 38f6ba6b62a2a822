//! A schedule.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{FoldWord, GapWord, MisfireWord, OutcomeWord, OverlapWord, PriorityWord, RetryView, Shown};
use super::{StandingWord, StatusWord};
use crate::clock::Timestamp;
use crate::job::{JobId, Name, Status};
use crate::schedule::{DstPolicy, Schedule, ScheduleId};

/// A schedule.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleView<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: Shown<ScheduleId>,
    /// No other schedule has the same.
    name: &'a str,
    #[schema(required)]
    description: Option<&'a str>,
    /// Key of the processor of its jobs.
    sub_type: &'a str,
    /// Family of work of its jobs.
    r#type: &'a str,
    /// Input of its jobs.
    #[schema(value_type = Object)]
    payload: Option<&'a RawValue>,
    cron_expression: &'a str,
    /// The expression as one English sentence; null when it cannot be read any more.
    #[schema(required, example = "At 02:00 every day.")]
    cron_description: Option<String>,
    timezone: &'a str,
    #[schema(value_type = PriorityWord)]
    priority: &'static str,
    /// When and how often its jobs are tried again; null: as their processor says.
    #[schema(required)]
    retry_policy: Option<RetryView>,
    /// Time that one attempt may take; null: as their processor says.
    #[schema(required)]
    timeout_seconds: Option<f64>,
    /// Whether it is switched on.
    enabled: bool,
    /// Whether it fires: a schedule that is switched on may be paused.
    #[schema(value_type = StandingWord)]
    status: &'static str,
    /// When its pause ends by itself; null when it is not paused, or until it is resumed.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    paused_until: Option<Shown<Timestamp>>,
    /// Why its terms cannot be read any more; null as a rule.
    #[schema(required)]
    fault: Option<&'a str>,
    /// When its latest job was made.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_execution_at: Option<Shown<Timestamp>>,
    /// That job.
    #[schema(value_type = Option<String>, format = Uuid, required)]
    last_execution_id: Option<Shown<JobId>>,
    /// Where that job stands; null when it is no longer remembered, and had not ended.
    #[schema(value_type = Option<StatusWord>, required)]
    last_execution_status: Option<&'static str>,
    /// How that job ended; null before it has.
    #[schema(value_type = Option<OutcomeWord>, required)]
    last_execution_outcome: Option<&'static str>,
    /// What went wrong with it.
    #[schema(required)]
    last_execution_error: Option<&'a str>,
    /// When it fires next, with its jitter; null when it will not.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    next_execution_at: Option<Shown<Timestamp>>,
    /// Jobs that it made.
    #[schema(minimum = 0)]
    total_executions: u64,
    /// Those that completed.
    #[schema(minimum = 0)]
    successful_executions: u64,
    /// Those that failed for good.
    #[schema(minimum = 0)]
    failed_executions: u64,
    /// Failures since the last success.
    #[schema(minimum = 0)]
    failures_in_a_row: u32,
    /// Ticks that nobody was there for and that no job stands for.
    #[schema(minimum = 0)]
    missed_executions: u64,
    /// Ticks that were passed over because an earlier job had not ended.
    #[schema(minimum = 0)]
    overlapped_executions: u64,
    /// What those take that complete; null before the first.
    #[schema(required, minimum = 0)]
    average_duration_ms: Option<u64>,
    #[schema(value_type = MisfireWord)]
    misfire_policy: &'static str,
    /// Missed ticks that `fire_all` fires at most.
    #[schema(minimum = 1)]
    misfire_bound: u32,
    #[schema(value_type = OverlapWord)]
    overlap_policy: &'static str,
    dst_policy: DstView,
    /// Whether no two of its jobs ever run at once.
    singleton: bool,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    start_at: Option<Shown<Timestamp>>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    end_at: Option<Shown<Timestamp>>,
    #[schema(minimum = 0)]
    jitter_seconds: u32,
    notify_on_failure: bool,
    #[schema(value_type = Vec<String>)]
    notification_emails: &'a [Box<str>],
    #[schema(required)]
    created_by: Option<&'a str>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Shown<Timestamp>,
    /// When somebody last changed it: its terms, or whether it fires.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Shown<Timestamp>,
}

/// What becomes of local times that a clock change skips or repeats.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DstPolicy)]
pub(crate) struct DstView {
    #[schema(value_type = GapWord)]
    gap: &'static str,
    #[schema(value_type = FoldWord)]
    fold: &'static str,
}

impl DstView {
    pub(crate) fn of(policy: DstPolicy) -> Self {
        Self { gap: policy.gap.as_str(), fold: policy.fold.as_str() }
    }
}

impl<'a> ScheduleView<'a> {
    /// How `schedule` looks at a moment. `kind` is the family of its processor, `latest` where its latest job stands.
    pub(crate) fn of(schedule: &'a Schedule, kind: Option<&'a Name>, latest: Option<Status>, now: Timestamp) -> Self {
        let (spec, life) = (&*schedule.spec, &schedule.life);
        let (tally, last) = (&life.tally, life.tally.last.as_ref());
        let (cron, zone) = schedule.written();
        let pause = life.pause.filter(|_| life.is_on_hold(now));
        Self {
            id: Shown(schedule.id),
            name: &spec.name,
            description: spec.description.as_deref(),
            sub_type: spec.sub_type.as_str(),
            r#type: spec.kind.as_ref().or(kind).unwrap_or(&spec.sub_type).as_str(),
            payload: serde_json::from_str(&spec.payload).ok(),
            cron_expression: cron,
            cron_description: schedule.fault.is_none().then(|| spec.timetable.cron.describe()),
            timezone: zone,
            priority: spec.priority.as_str(),
            retry_policy: spec.retry.map(RetryView::of),
            timeout_seconds: spec.timeout_ms.map(|ms| Duration::from_millis(ms).as_secs_f64()),
            enabled: life.enabled,
            status: schedule.standing(now).as_str(),
            paused_until: pause.and_then(|pause| pause.until).map(Shown),
            fault: schedule.fault.as_ref().map(|fault| &*fault.message),
            last_execution_at: last.map(|last| Shown(last.at)),
            last_execution_id: last.map(|last| Shown(last.job)),
            last_execution_status: latest.map(|status| status.as_str()),
            last_execution_outcome: last.and_then(|last| last.outcome).map(|outcome| outcome.as_str()),
            last_execution_error: last.and_then(|last| last.error.as_deref()),
            next_execution_at: schedule.due_at().map(Shown),
            total_executions: tally.total,
            successful_executions: tally.succeeded,
            failed_executions: tally.failed,
            failures_in_a_row: tally.failures_in_a_row,
            missed_executions: tally.missed,
            overlapped_executions: tally.overlapped,
            average_duration_ms: tally.average_ms(),
            misfire_policy: spec.misfire.as_str(),
            misfire_bound: spec.catch_up_max,
            overlap_policy: spec.overlap.as_str(),
            dst_policy: DstView::of(spec.timetable.dst),
            singleton: spec.singleton,
            start_at: spec.start_at.map(Shown),
            end_at: spec.end_at.map(Shown),
            jitter_seconds: spec.jitter_seconds,
            notify_on_failure: spec.notify_on_failure,
            notification_emails: &spec.notification_emails,
            created_by: schedule.created_by.as_deref(),
            created_at: Shown(schedule.created_at),
            updated_at: Shown(life.edited_at),
        }
    }
}
