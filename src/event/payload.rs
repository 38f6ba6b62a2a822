//! What stands in an event of this program: the fields of the API that matter to whoever was not there, under the same
//! names. Texts of no bound to speak of stay out: results over 4 KiB, stack traces, logs, payloads of jobs.

use std::borrow::Cow;
use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::alert::{Alert, AlertId, Subject};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, ResultRef};
use crate::limits;
use crate::schedule::{Firing, Schedule, ScheduleId, Transition};

/// Something that stands in JSON as its text.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A job.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobTold<'a> {
    job_id: Shown<JobId>,
    status: &'static str,
    r#type: &'a str,
    sub_type: &'a str,
    priority: &'static str,
    progress: u8,
    created_at: Shown<Timestamp>,
    started_at: Option<Shown<Timestamp>>,
    completed_at: Option<Shown<Timestamp>>,
    run_at: Option<Shown<Timestamp>>,
    result_url: Option<Cow<'a, str>>,
    error: Option<ErrorTold<'a>>,
    /// How the latest try ended; null before one has.
    outcome: Option<&'static str>,
    attempt: u32,
    max_attempts: u32,
    user_id: Option<&'a str>,
    tags: &'a [Box<str>],
    schedule_id: Option<&'a str>,
    duration_ms: Option<u64>,
    machine_name: Option<&'a str>,
    process_id: Option<u32>,
}

/// What went wrong.
#[derive(Serialize)]
struct ErrorTold<'a> {
    kind: &'a str,
    message: &'a str,
}

impl<'a> JobTold<'a> {
    pub(super) fn of(job: &'a Job) -> Self {
        let spec = &*job.spec;
        let end = job.end();
        let last = job.attempts().last().filter(|_| job.run().is_none());
        let holder = job.run().map(|run| &run.holder).or_else(|| end?.holder.as_ref());
        let holder = holder.or_else(|| last.map(|attempt| &attempt.holder));
        let outcome = end.map(|end| end.outcome).or_else(|| last.map(|attempt| attempt.outcome));
        let error = match end {
            Some(end) => end.error.as_ref(),
            None => last.and_then(|attempt| attempt.error.as_ref()),
        };
        Self {
            job_id: Shown(job.id),
            status: job.status().as_str(),
            r#type: spec.kind.as_str(),
            sub_type: spec.sub_type.as_str(),
            priority: spec.priority.as_str(),
            progress: job.life.progress.percent,
            created_at: Shown(job.created_at),
            started_at: job.started_at().map(Shown),
            completed_at: end.map(|end| Shown(end.at)),
            run_at: job.run_at().map(Shown),
            result_url: end.and_then(|end| end.result.as_ref()).map(|result| result_url(job.id, result)),
            error: error.map(|error| ErrorTold { kind: &error.kind, message: &error.message }),
            outcome: outcome.map(|outcome| outcome.as_str()),
            attempt: job.life.attempt,
            max_attempts: job.attempts_max(),
            user_id: spec.user_id.as_deref(),
            tags: spec.tags(),
            schedule_id: spec.schedule_id(),
            duration_ms: end.and_then(|end| Some(end.at.millis_since(end.started_at?))),
            machine_name: holder.map(|holder| &*holder.machine),
            process_id: holder.map(|holder| holder.process),
        }
    }
}

/// Where the result is, as lists show it. Who writes an event knows no server's address, so ours has no host.
fn result_url(id: JobId, result: &ResultRef) -> Cow<'_, str> {
    match result {
        ResultRef::Url(url) if url.len() <= limits::LISTED_RESULT_BYTES_MAX => Cow::Borrowed(url),
        _ => Cow::Owned(format!("/jobs/{id}/result")),
    }
}

/// A schedule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleTold<'a> {
    #[serde(flatten)]
    which: Which<'a>,
    r#type: Option<&'a str>,
    cron_expression: &'a str,
    timezone: &'a str,
    enabled: bool,
    status: &'static str,
    next_execution_at: Option<Shown<Timestamp>>,
    created_by: Option<&'a str>,
}

/// Which schedule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Which<'a> {
    id: Shown<ScheduleId>,
    name: &'a str,
    sub_type: &'a str,
}

impl<'a> Which<'a> {
    fn of(schedule: &'a Schedule) -> Self {
        Self { id: Shown(schedule.id), name: &schedule.spec.name, sub_type: schedule.spec.sub_type.as_str() }
    }
}

impl<'a> ScheduleTold<'a> {
    pub(super) fn of(schedule: &'a Schedule, now: Timestamp) -> Self {
        let (cron_expression, timezone) = schedule.written();
        Self {
            which: Which::of(schedule),
            r#type: schedule.spec.kind.as_ref().map(|kind| kind.as_str()),
            cron_expression,
            timezone,
            enabled: schedule.life.enabled,
            status: schedule.standing(now).as_str(),
            next_execution_at: schedule.due_at().map(Shown),
            created_by: schedule.created_by.as_deref(),
        }
    }
}

/// That a schedule made jobs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FiredTold<'a> {
    #[serde(flatten)]
    which: Which<'a>,
    jobs: Vec<Fired>,
    next_execution_at: Option<Shown<Timestamp>>,
}

/// A job that a schedule made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fired {
    job_id: Shown<JobId>,
    /// The tick that it stands for; null when somebody asked for it.
    scheduled_for: Option<Shown<Timestamp>>,
}

impl<'a> FiredTold<'a> {
    pub(super) fn of(schedule: &'a Schedule, step: &Transition) -> Self {
        let job = |job: &crate::job::NewJob| Fired {
            job_id: Shown(job.id),
            scheduled_for: job.options.scheduled_for.map(Shown),
        };
        Self {
            which: Which::of(schedule),
            jobs: step.jobs.iter().map(job).collect(),
            next_execution_at: schedule.due_at().map(Shown),
        }
    }
}

/// That times of a schedule passed without a job.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MissedTold<'a> {
    #[serde(flatten)]
    which: Which<'a>,
    /// Times that nobody was there for and that no job stands for.
    missed: u64,
    /// Times that were passed over because an earlier job had not ended.
    overlapped: u64,
}

impl<'a> MissedTold<'a> {
    pub(super) fn of(schedule: &'a Schedule, firing: &Firing) -> Self {
        let missed = firing.missed.saturating_sub(firing.caught_up);
        Self { which: Which::of(schedule), missed, overlapped: firing.overlapped }
    }
}

/// An alert: all of it, since it is told as the same words at `GET /events`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertTold<'a> {
    id: Shown<AlertId>,
    rule: &'a str,
    kind: &'static str,
    status: &'static str,
    subject: &'static str,
    schedule_id: Option<Shown<ScheduleId>>,
    schedule_name: Option<&'a str>,
    sub_type: Option<&'a str>,
    job_id: Option<Shown<JobId>>,
    value: u64,
    bound: u64,
    unit: &'static str,
    message: &'a str,
    count: u32,
    fired_at: Shown<Timestamp>,
    cleared_at: Option<Shown<Timestamp>>,
}

impl<'a> AlertTold<'a> {
    pub(super) fn of(alert: &'a Alert) -> Self {
        let (subject, schedule_id, schedule_name) = match &alert.subject {
            Subject::Queue => ("queue", None, None),
            Subject::SubType(_) => ("subType", None, None),
            Subject::Schedule { id, name } => ("schedule", Some(Shown(*id)), Some(&**name)),
        };
        Self {
            id: Shown(alert.id),
            rule: alert.rule.as_str(),
            kind: alert.kind.as_str(),
            status: alert.status().as_str(),
            subject,
            schedule_id,
            schedule_name,
            sub_type: alert.sub_type.as_ref().map(|name| name.as_str()),
            job_id: alert.job.map(Shown),
            value: alert.value,
            bound: alert.bound,
            unit: alert.kind.unit(),
            message: &alert.message,
            count: alert.count,
            fired_at: Shown(alert.fired_at),
            cleared_at: alert.cleared_at.map(Shown),
        }
    }
}
