//! Attempts, log lines, processors, explanations.

use serde::Serialize;
use utoipa::ToSchema;

use super::{ErrorOfJob, OutcomeWord, Shown, StatusWord};
use crate::clock::Timestamp;
use crate::job::{Holder, Job, JobId, RetryPolicy};
use crate::service::bulk::Bulk;
use crate::service::explain::Reason;
use crate::service::look::Try;
use crate::service::operate::Standing;
use crate::store::LogLine;
use crate::store::nodes::Seen;

/// One try of a job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Attempt)]
pub(crate) struct AttemptView<'a> {
    /// Number of the try, from 1; a try that burnt no retry shares it with the next.
    #[schema(minimum = 0)]
    attempt: u32,
    /// How it ended; null while it runs.
    #[schema(value_type = Option<OutcomeWord>, required)]
    outcome: Option<&'static str>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Shown<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    ended_at: Option<Shown<Timestamp>>,
    #[schema(required, minimum = 0)]
    duration_ms: Option<u64>,
    machine_name: &'a str,
    #[schema(minimum = 0)]
    process_id: u32,
    /// What went wrong, or why it stopped.
    #[schema(required)]
    error: Option<ErrorOfJob<'a>>,
}

impl<'a> AttemptView<'a> {
    pub(crate) fn of(one: &'a Try) -> Self {
        let (number, started_at, ended_at, holder) = match one {
            Try::Ended(attempt) => (attempt.number, attempt.started_at, Some(attempt.ended_at), &attempt.holder),
            Try::UnderWay { number, run } => (*number, run.started_at, None, &run.holder),
        };
        Self {
            attempt: number,
            outcome: one.outcome().map(|outcome| outcome.as_str()),
            started_at: Shown(started_at),
            ended_at: ended_at.map(Shown),
            duration_ms: ended_at.map(|at| at.millis_since(started_at)),
            machine_name: &holder.machine,
            process_id: holder.process,
            error: one.error().map(ErrorOfJob::of),
        }
    }
}

/// A line of a job's log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = LogLine)]
pub(crate) struct LogLineView<'a> {
    #[schema(value_type = String, format = DateTime)]
    at: Shown<Timestamp>,
    /// What the processor logged.
    line: &'a str,
    /// The claim during which it was logged.
    #[schema(minimum = 0)]
    fencing_token: u32,
}

impl<'a> LogLineView<'a> {
    pub(crate) fn of(line: &'a LogLine) -> Self {
        Self { at: Shown(line.at), line: &line.text, fencing_token: line.epoch }
    }
}

/// What became of the jobs that a filter named.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkOutcome)]
pub(crate) struct BulkView {
    /// So many were named.
    #[schema(minimum = 0)]
    matched: u64,
    /// So many of them changed.
    #[schema(minimum = 0)]
    changed: u64,
    /// So many were so already, or could not.
    #[schema(minimum = 0)]
    skipped: u64,
}

impl BulkView {
    pub(crate) fn of(bulk: Bulk) -> Self {
        Self { matched: bulk.matched, changed: bulk.changed, skipped: bulk.matched.saturating_sub(bulk.changed) }
    }
}

/// How many jobs were forgotten.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CleanupOutcome)]
pub(crate) struct CleanupView {
    /// So many.
    #[schema(minimum = 0)]
    pub(crate) forgotten: u64,
}

/// A processor.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Processor)]
pub(crate) struct ProcessorView<'a> {
    sub_type: &'a str,
    /// Family of work.
    r#type: &'a str,
    /// One sentence.
    summary: &'a str,
    /// `blocking` (on a thread of the pool), `async`, or `remote`: done by workers of other processes alone.
    pool: &'static str,
    /// Workers of other processes that live and do it.
    #[schema(minimum = 0)]
    workers: u64,
    /// Time that one attempt may take, for jobs that do not say.
    #[schema(required)]
    timeout_seconds: Option<f64>,
    retry_policy: RetryView,
    /// JSON Schema of the payload; null when only workers of other processes know it.
    #[schema(value_type = Option<Object>, required)]
    payload_schema: Option<&'a serde_json::Value>,
    /// Whether its jobs are not handed out.
    paused: bool,
    /// Jobs of it that wait.
    #[schema(minimum = 0)]
    queued: u64,
    /// Jobs of it that run.
    #[schema(minimum = 0)]
    running: u64,
    /// The machine it is registered on; null for `remote`.
    #[schema(required)]
    machine_name: Option<&'a str>,
    /// The process it is registered in; null for `remote`.
    #[schema(required, minimum = 0)]
    process_id: Option<u32>,
}

/// A process that has the store open.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Node)]
pub(crate) struct NodeView<'a> {
    /// Random identity of its boot.
    node_id: &'a str,
    machine_name: &'a str,
    #[schema(minimum = 0)]
    process_id: u32,
    /// Which release it is of.
    version: &'a str,
    /// Since when it has the store open.
    #[schema(value_type = String, format = DateTime)]
    since: Shown<Timestamp>,
    /// Its latest sign of life.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Shown<Timestamp>,
    /// Jobs that run inside of it.
    #[schema(minimum = 0)]
    running: u64,
    /// Whether it is the one that answers.
    answers: bool,
}

impl<'a> NodeView<'a> {
    pub(crate) fn of(seen: &'a Seen, this: &Holder) -> Self {
        Self {
            node_id: &seen.holder.node,
            machine_name: &seen.holder.machine,
            process_id: seen.holder.process,
            version: &seen.version,
            since: Shown(seen.since),
            last_seen_at: Shown(seen.seen_at),
            running: seen.running,
            answers: seen.holder.node == this.node,
        }
    }
}

/// When and how often a processor's jobs are tried again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RetryPolicy)]
pub(crate) struct RetryView {
    #[schema(minimum = 0)]
    max_retries: u32,
    /// Pause before the first retry, in milliseconds.
    #[schema(minimum = 0)]
    retry_delay: u32,
    exponential_backoff: bool,
    /// Longest pause, in milliseconds.
    #[schema(minimum = 0)]
    max_delay: u32,
    /// Share of the pause that is left to chance.
    jitter: f32,
}

impl RetryView {
    pub(crate) fn of(policy: RetryPolicy) -> Self {
        Self {
            max_retries: policy.max_retries,
            retry_delay: policy.delay_ms,
            exponential_backoff: policy.exponential,
            max_delay: policy.max_delay_ms,
            jitter: policy.jitter,
        }
    }
}

impl<'a> ProcessorView<'a> {
    pub(crate) fn of(standing: &'a Standing, node: &'a crate::job::Holder) -> Self {
        let processor = standing.processor.as_deref();
        Self {
            sub_type: standing.sub_type.as_str(),
            r#type: processor.map_or(&standing.sub_type, |processor| &processor.kind).as_str(),
            summary: processor.map_or("is done by workers of other processes", |processor| processor.summary),
            pool: match processor {
                Some(processor) if processor.is_blocking() => "blocking",
                Some(_) => "async",
                None => "remote",
            },
            workers: standing.workers,
            timeout_seconds: processor.and_then(|processor| processor.timeout).map(|timeout| timeout.as_secs_f64()),
            retry_policy: RetryView::of(processor.map(|processor| processor.retry).unwrap_or_default()),
            payload_schema: processor.map(|processor| &processor.schema),
            paused: standing.paused,
            queued: standing.queued,
            running: standing.running,
            machine_name: processor.map(|_| &*node.machine),
            process_id: processor.map(|_| node.process),
        }
    }
}

/// Why a job is not running.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Explanation)]
pub(crate) struct ExplainView<'a> {
    #[schema(value_type = String, format = Uuid)]
    job_id: Shown<JobId>,
    #[schema(value_type = StatusWord)]
    status: &'static str,
    /// `not_due`, `behind`, `next`, `paused`, `concurrency_key_taken`, `no_worker`, `running`, `stopping` or `finished`.
    code: &'static str,
    /// The same, for a person.
    sentence: String,
    /// Not before then, for `not_due`.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    run_at: Option<Shown<Timestamp>>,
    /// Jobs of its subtype before it, for `behind`.
    #[schema(required, minimum = 0)]
    ahead: Option<u64>,
    /// The key, for `concurrency_key_taken`.
    #[schema(required)]
    concurrency_key: Option<&'a str>,
    /// Some of the jobs that hold that key.
    #[schema(value_type = Vec<String>)]
    taken_by: Vec<Shown<JobId>>,
}

impl<'a> ExplainView<'a> {
    pub(crate) fn of(job: &Job, reason: &'a Reason) -> Self {
        let (key, by) = match reason {
            Reason::ConcurrencyKeyTaken { key, by } => (Some(&**key), by.as_slice()),
            _ => (None, [].as_slice()),
        };
        Self {
            job_id: Shown(job.id),
            status: job.status().as_str(),
            code: reason.code(),
            sentence: reason.sentence(job),
            run_at: match reason {
                Reason::NotDue(at) => Some(Shown(*at)),
                _ => None,
            },
            ahead: match reason {
                Reason::Behind(count) => Some(*count),
                _ => None,
            },
            concurrency_key: key,
            taken_by: by.iter().copied().map(Shown).collect(),
        }
    }
}
