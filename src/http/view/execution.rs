//! An execution of a schedule: the job, and what a schedule's history says of it besides.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{JobView, OutcomeWord, Shown};
use crate::clock::Timestamp;
use crate::job::Job;
use crate::store::LogLine;

/// An execution.
#[derive(Serialize)]
pub(crate) struct ExecutionView<'a> {
    #[serde(flatten)]
    job: JobView<'a>,
    #[serde(flatten)]
    more: MoreOfExecution<'a>,
}

/// What an execution has besides its job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MoreOfExecution<'a> {
    /// The tick that it stands for; null when somebody asked for it.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    scheduled_for: Option<Shown<Timestamp>>,
    /// The lines that its processor logged, oldest first; in a list the last few of them.
    output: Vec<&'a str>,
    /// Whether this is not the first try.
    is_retry: bool,
    /// Tries before this one.
    #[schema(minimum = 0)]
    retry_attempt: u32,
    /// How the last try ended; null while one is under way, and before the first.
    #[schema(value_type = Option<OutcomeWord>, required)]
    outcome: Option<&'static str>,
}

impl<'a> ExecutionView<'a> {
    pub(crate) fn of(job: &'a Job, view: JobView<'a>, lines: &'a [LogLine]) -> Self {
        let latest = job.end().map(|end| end.outcome).or(job.attempts().last().map(|attempt| attempt.outcome));
        let retry_attempt = job.life.attempt.saturating_sub(1);
        let more = MoreOfExecution {
            scheduled_for: job.spec.scheduled_for().map(Shown),
            output: lines.iter().map(|line| &*line.text).collect(),
            is_retry: retry_attempt > 0,
            retry_attempt,
            outcome: latest.filter(|_| job.run().is_none()).map(|outcome| outcome.as_str()),
        };
        Self { job: view, more }
    }
}

/// The schema of a job with more properties: a job's own would refuse them.
impl PartialSchema for ExecutionView<'_> {
    fn schema() -> RefOr<Schema> {
        let (mut whole, more) = (JobView::schema(), MoreOfExecution::schema());
        if let (RefOr::T(Schema::Object(whole)), RefOr::T(Schema::Object(more))) = (&mut whole, more) {
            whole.description = Some("A job that a schedule made.".to_owned());
            whole.properties.extend(more.properties);
            whole.required.extend(more.required);
        }
        whole
    }
}

impl ToSchema for ExecutionView<'_> {
    fn name() -> Cow<'static, str> {
        "Execution".into()
    }
}
