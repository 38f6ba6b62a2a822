//! A job, whole and as it was just accepted.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::{PriorityWord, Shown, StatusWord};
use crate::clock::Timestamp;
use crate::job::{Job, JobError, JobId, ResultRef};
use crate::limits;
use crate::service::enqueue::Acceptance;
use crate::service::wait::Version;

/// A job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Job)]
pub(crate) struct JobView<'a> {
    #[schema(value_type = String, format = Uuid)]
    job_id: Shown<JobId>,
    #[schema(value_type = StatusWord)]
    status: &'static str,
    /// Family of work.
    r#type: &'a str,
    /// Key of the processor.
    sub_type: &'a str,
    #[schema(value_type = PriorityWord)]
    priority: &'static str,
    /// 0 to 100; it never falls within one attempt.
    #[schema(minimum = 0, maximum = 100)]
    progress: u8,
    /// What the processor says that it is doing.
    #[schema(required)]
    message: Option<&'a str>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Shown<Timestamp>,
    /// When the current or latest attempt began.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    started_at: Option<Shown<Timestamp>>,
    /// When it ended, however it ended.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    completed_at: Option<Shown<Timestamp>>,
    /// Not before then, while it waits.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    run_at: Option<Shown<Timestamp>>,
    /// What its caller said that it would take.
    #[schema(required)]
    estimated_duration: Option<&'a str>,
    /// Time left, learned from this attempt's own rate and from earlier jobs; null while nothing supports a guess.
    #[schema(required, minimum = 0)]
    estimated_remaining_seconds: Option<u64>,
    /// Where the result is: a `data:` URL, `…/jobs/{id}/result`, or an address that the processor gave.
    #[schema(value_type = Option<String>, required)]
    result_url: Option<Cow<'a, str>>,
    /// What went wrong, in its ending or in the latest failed attempt.
    #[schema(required)]
    error: Option<ErrorOfJob<'a>>,
    /// Number of the current or latest attempt, from 1; 0 before the first.
    #[schema(minimum = 0)]
    attempt: u32,
    /// Attempts it may have in all.
    #[schema(minimum = 1)]
    max_attempts: u32,
    #[schema(required)]
    user_id: Option<&'a str>,
    #[schema(value_type = Vec<String>)]
    tags: &'a [Box<str>],
    #[schema(required)]
    schedule_id: Option<&'a str>,
    /// How long the last attempt took; null while it runs.
    #[schema(required, minimum = 0)]
    duration_ms: Option<u64>,
    /// The machine that works or worked on it.
    #[schema(required)]
    machine_name: Option<&'a str>,
    /// The process that works or worked on it.
    #[schema(required, minimum = 0)]
    process_id: Option<u32>,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = JobError)]
pub(crate) struct ErrorOfJob<'a> {
    /// `error`, `invalid_payload`, `panic`, `timeout`, `cancelled`, `crashed`, `lost`, `expired`, or the processor's own.
    kind: &'a str,
    /// What happened, for a person.
    message: &'a str,
    #[schema(required)]
    stack_trace: Option<&'a str>,
}

/// How much of a `data:` URL is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// All of it: for one job.
    Whole,
    /// The address of the result in place of a long one: for lists and feeds.
    Short,
}

impl<'a> JobView<'a> {
    /// How `job` looks, with addresses that begin with `base`.
    pub(crate) fn of(job: &'a Job, remaining: Option<Duration>, base: &str, length: Length) -> Self {
        let spec = &*job.spec;
        let end = job.end();
        let holder = match (job.run(), end) {
            (Some(run), _) => Some(&run.holder),
            (None, end) => end.and_then(|end| end.holder.as_ref()),
        };
        Self {
            job_id: Shown(job.id),
            status: job.status().as_str(),
            r#type: spec.kind.as_str(),
            sub_type: spec.sub_type.as_str(),
            priority: spec.priority.as_str(),
            progress: job.life.progress.percent,
            message: job.life.progress.message(),
            created_at: Shown(job.created_at),
            started_at: job.started_at().map(Shown),
            completed_at: end.map(|end| Shown(end.at)),
            run_at: job.run_at().map(Shown),
            estimated_duration: spec.options().and_then(|options| options.estimated_duration.as_deref()),
            estimated_remaining_seconds: remaining.map(|left| left.as_secs_f64().ceil() as u64),
            result_url: end.and_then(|end| end.result.as_ref()).map(|result| result_url(job, result, base, length)),
            error: job.latest_error().map(|error| ErrorOfJob::of(error)),
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

impl<'a> ErrorOfJob<'a> {
    pub(crate) fn of(error: &'a JobError) -> Self {
        Self { kind: &error.kind, message: &error.message, stack_trace: error.stack_trace.as_deref() }
    }
}

fn result_url<'a>(job: &Job, result: &'a ResultRef, base: &str, length: Length) -> Cow<'a, str> {
    match result {
        ResultRef::Url(url)
            if length == Length::Whole || url.len() <= limits::LISTED_RESULT_BYTES_MAX || !url.starts_with("data:") =>
        {
            Cow::Borrowed(url)
        }
        _ => Cow::Owned(format!("{base}/jobs/{}/result", job.id)),
    }
}

/// What tells one state of a job from another, on the wire. It is weak: the estimate in the body moves on by itself.
pub(crate) fn etag(job: &Job) -> String {
    let Version { epoch, revision, percent, progress_at } = Version::of(job);
    format!("W/\"{epoch:x}-{revision:x}-{percent:x}-{progress_at:x}\"")
}

/// A job that was just accepted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AcceptedJob)]
pub(crate) struct AcceptedView<'a> {
    #[schema(value_type = String, format = Uuid)]
    job_id: Shown<JobId>,
    /// `queued`.
    #[schema(value_type = StatusWord)]
    status: &'static str,
    /// Family of work.
    r#type: &'a str,
    /// Key of the processor.
    sub_type: &'a str,
    #[schema(value_type = PriorityWord)]
    priority: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Shown<Timestamp>,
    #[schema(required)]
    estimated_duration: Option<&'a str>,
    /// 0.
    #[schema(minimum = 0, maximum = 100)]
    progress: u8,
}

impl<'a> AcceptedView<'a> {
    pub(crate) fn of(acceptance: &'a Acceptance) -> Self {
        Self {
            job_id: Shown(acceptance.id()),
            status: crate::job::Status::Queued.as_str(),
            r#type: acceptance.kind().as_str(),
            sub_type: acceptance.sub_type().as_str(),
            priority: acceptance.priority().as_str(),
            created_at: Shown(acceptance.created_at()),
            estimated_duration: acceptance.estimated_duration(),
            progress: 0,
        }
    }
}
