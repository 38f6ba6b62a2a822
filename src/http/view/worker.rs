//! Workers of other processes, what they are handed, and what their reports are answered.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Shown;
use crate::clock::Timestamp;
use crate::job::{Job, JobId};
use crate::service::workers::{Answered, LeaseToken, Verdict, heartbeat};
use crate::store::{Present, Worker, WorkerId};

/// A worker that was just registered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RegisteredWorker)]
pub(crate) struct RegisteredView {
    #[schema(value_type = String, format = Uuid)]
    worker_id: Shown<WorkerId>,
    /// How long a job is the worker's without a sign of life.
    #[schema(exclusive_minimum = 0)]
    lease_seconds: f64,
    /// How often to give one.
    #[schema(exclusive_minimum = 0)]
    heartbeat_seconds: f64,
}

/// A worker of another process.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Worker)]
pub(crate) struct WorkerView<'a> {
    #[schema(value_type = String, format = Uuid)]
    worker_id: Shown<WorkerId>,
    /// What it calls itself.
    name: &'a str,
    /// What it can do.
    sub_types: Vec<&'a str>,
    /// How many jobs it works on at once.
    #[schema(minimum = 1)]
    concurrency: u32,
    /// Jobs that it holds.
    #[schema(minimum = 0)]
    held: u64,
    /// Whether something was heard of it within the last minute.
    live: bool,
    #[schema(value_type = String, format = DateTime)]
    registered_at: Shown<Timestamp>,
    /// When something was heard of it.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Shown<Timestamp>,
}

/// A job that was handed to a worker.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = LeasedJob)]
pub(crate) struct LeasedView<'a> {
    /// Names the lease in every report; take it as it is.
    #[schema(value_type = String)]
    lease_token: Shown<LeaseToken>,
    /// When the job is given to somebody else, unless there is a sign of life before. Stop working on it by then.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    lease_until: Option<Shown<Timestamp>>,
    /// Rises with every time that the job is handed out. Give it to what you write to, and let it refuse a smaller one.
    #[schema(minimum = 1)]
    fencing_token: u32,
    #[schema(value_type = String, format = Uuid)]
    job_id: Shown<JobId>,
    sub_type: &'a str,
    r#type: &'a str,
    #[schema(value_type = super::PriorityWord)]
    priority: &'static str,
    /// The input of the job.
    #[schema(value_type = Value)]
    payload: Option<&'a RawValue>,
    /// Number of this try, from 1; one that burnt no retry shares it with the next.
    #[schema(minimum = 1)]
    attempt: u32,
    #[schema(minimum = 1)]
    max_attempts: u32,
    /// What an earlier try left for this one; null when there is nothing.
    #[schema(value_type = Value, required)]
    state: Option<&'a RawValue>,
}

/// What became of a report.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ReportAnswer)]
pub(crate) struct AnsweredView<'a> {
    lease_token: &'a str,
    /// `accepted`; `cancelled`: the job was asked to stop, so stop now; `stale`: the lease is lost, and nothing was changed.
    answer: &'static str,
    /// Until when the lease runs now; null when the job is not the worker's any more.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    lease_until: Option<Shown<Timestamp>>,
}

/// A result that was handed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Upload)]
pub(crate) struct UploadView<'a> {
    lease_token: &'a str,
    /// Until when the lease runs now.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    lease_until: Option<Shown<Timestamp>>,
    content_type: &'a str,
    /// How many bytes.
    #[schema(minimum = 0)]
    size: u64,
    /// Where it is when the job has completed. `complete` may name it, and need not.
    result_url: &'a str,
}

impl RegisteredView {
    pub(crate) fn of(worker: &Worker) -> Self {
        Self {
            worker_id: Shown(worker.id),
            lease_seconds: worker.lease.as_secs_f64(),
            heartbeat_seconds: heartbeat(worker.lease).as_secs_f64(),
        }
    }
}

impl<'a> WorkerView<'a> {
    pub(crate) fn of(present: &'a Present, live: bool) -> Self {
        let worker = &*present.worker;
        Self {
            worker_id: Shown(worker.id),
            name: &worker.name,
            sub_types: worker.sub_types.iter().map(|name| name.as_str()).collect(),
            concurrency: worker.concurrency,
            held: present.held,
            live,
            registered_at: Shown(worker.registered_at),
            last_seen_at: Shown(present.heard_at),
        }
    }
}

impl<'a> LeasedView<'a> {
    pub(crate) fn of(job: &'a Job) -> Self {
        // What is no JSON is that job's problem (rule 31): its worker finds nothing there.
        let payload = job.payload.text().and_then(|text| serde_json::from_slice(text).ok());
        Self {
            lease_token: Shown(LeaseToken::of(job)),
            lease_until: job.run().and_then(|run| run.lease_until).map(Shown),
            fencing_token: job.life.epoch,
            job_id: Shown(job.id),
            sub_type: job.spec.sub_type.as_str(),
            r#type: job.spec.kind.as_str(),
            priority: job.spec.priority.as_str(),
            payload,
            attempt: job.life.attempt,
            max_attempts: job.attempts_max(),
            state: job.life.saved.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}

impl<'a> AnsweredView<'a> {
    pub(crate) fn of(lease_token: &'a str, answered: &Answered) -> Self {
        let answer = match answered.verdict {
            Verdict::Accepted => "accepted",
            Verdict::Cancelled => "cancelled",
            Verdict::Stale => "stale",
        };
        Self { lease_token, answer, lease_until: answered.lease_until.map(Shown) }
    }
}

impl<'a> UploadView<'a> {
    pub(crate) fn of(lease_token: &'a str, job: &Job, content_type: &'a str, size: u64, result_url: &'a str) -> Self {
        let lease_until = job.run().and_then(|run| run.lease_until).map(Shown);
        Self { lease_token, lease_until, content_type, size, result_url }
    }
}
