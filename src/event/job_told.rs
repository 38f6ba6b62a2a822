//! What stands in an event about a job: who and how it is now, by whom and why. It is made of the job when the event is written
//! and of the log's bytes when it is read, and becomes JSON only then.

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::Serialize;

use super::Kind;
use super::payload::Shown;
use crate::clock::Timestamp;
use crate::job::{Holder, Job, JobId, Outcome, Priority, ResultRef, Status};
use crate::limits;

/// A job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobTold<'a> {
    #[serde(serialize_with = "shown")]
    pub(super) job_id: JobId,
    pub(super) status: Status,
    pub(super) r#type: &'a str,
    pub(super) sub_type: &'a str,
    pub(super) priority: Priority,
    pub(super) progress: u8,
    #[serde(serialize_with = "shown")]
    pub(super) created_at: Timestamp,
    #[serde(serialize_with = "shown_if_any")]
    pub(super) started_at: Option<Timestamp>,
    #[serde(serialize_with = "shown_if_any")]
    pub(super) completed_at: Option<Timestamp>,
    #[serde(serialize_with = "shown_if_any")]
    pub(super) run_at: Option<Timestamp>,
    pub(super) result_url: Option<Cow<'a, str>>,
    pub(super) error: Option<ErrorTold<'a>>,
    /// How the latest try ended; null before one has.
    pub(super) outcome: Option<Outcome>,
    pub(super) attempt: u32,
    pub(super) max_attempts: u32,
    pub(super) user_id: Option<&'a str>,
    pub(super) tags: Vec<&'a str>,
    pub(super) schedule_id: Option<&'a str>,
    pub(super) duration_ms: Option<u64>,
    pub(super) machine_name: Option<&'a str>,
    pub(super) process_id: Option<u32>,
    /// Who did it, if that is known.
    #[serde(serialize_with = "shown_if_any")]
    pub(super) by: Option<By<'a>>,
    /// Why, in a sentence, if there is one.
    pub(super) reason: Option<&'a str>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct ErrorTold<'a> {
    pub(super) kind: &'a str,
    pub(super) message: &'a str,
}

/// Who did something.
#[derive(Debug, Clone, Copy)]
pub(super) enum By<'a> {
    /// Whoever this text names, such as `key:…`.
    Named(&'a str),
    /// A schedule.
    Schedule(&'a str),
    /// A worker of another process.
    Worker(&'a str),
    /// A node.
    Node {
        /// Its machine.
        machine: &'a str,
        /// Its process there.
        process: u32,
    },
}

impl Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(who) => f.write_str(who),
            Self::Schedule(id) => write!(f, "schedule:{id}"),
            Self::Worker(id) => write!(f, "worker:{id}"),
            Self::Node { machine, process } => write!(f, "node:{machine}/{process}"),
        }
    }
}

impl<'a> By<'a> {
    /// Whoever worked on the job. A worker of another process keeps its process to itself.
    fn holder(holder: &'a Holder) -> Self {
        match holder.process {
            0 => Self::Worker(&holder.node),
            process => Self::Node { machine: &holder.machine, process },
        }
    }
}

impl<'a> JobTold<'a> {
    /// The job as it is after the step that told `kind`. `by` asked for that step; where nobody did, whoever works on the job
    /// did it, or whoever made it.
    pub(super) fn of(kind: Kind, job: &'a Job, by: Option<&'a str>) -> Self {
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
        let error = error.map(|error| ErrorTold { kind: &error.kind, message: &error.message });
        let by = by.map(By::Named).or_else(|| match kind {
            Kind::JobCancelled => end?.by.as_deref().map(By::Named),
            Kind::JobQueued if job.life.revision == 0 => spec.schedule_id().map(By::Schedule),
            // It was given back by whoever had it, or somebody asked who did not say who they are.
            Kind::JobQueued if outcome != Some(Outcome::Released) => None,
            _ => holder.map(By::holder),
        });
        Self {
            job_id: job.id,
            status: job.status(),
            r#type: spec.kind.as_str(),
            sub_type: spec.sub_type.as_str(),
            priority: spec.priority,
            progress: job.life.progress.percent,
            created_at: job.created_at,
            started_at: job.started_at(),
            completed_at: end.map(|end| end.at),
            run_at: job.run_at(),
            result_url: end.and_then(|end| end.result.as_ref()).map(|result| result_url(job.id, result)),
            error,
            outcome,
            attempt: job.life.attempt,
            max_attempts: job.attempts_max(),
            user_id: spec.user_id.as_deref(),
            tags: spec.tags().iter().map(|tag| &**tag).collect(),
            schedule_id: spec.schedule_id(),
            duration_ms: end.and_then(|end| Some(end.at.millis_since(end.started_at?))),
            machine_name: holder.map(|holder| &*holder.machine),
            process_id: holder.map(|holder| holder.process),
            by,
            reason: None,
        }
        .with_reason(kind)
    }

    /// The same, with the reason for the step that told `kind`: what went wrong, or why it was given back. A job that waits
    /// because somebody asked for it has its latest failure behind it.
    pub(super) fn with_reason(self, kind: Kind) -> Self {
        let is_asked = kind == Kind::JobQueued
            && (self.outcome != Some(Outcome::Released) || matches!(self.by, Some(By::Named(_))));
        Self { reason: self.error.filter(|_| !is_asked).map(|error| error.message), ..self }
    }
}

/// Where the result is, as lists show it. Who writes an event knows no server's address, so ours has no host.
fn result_url(id: JobId, result: &ResultRef) -> Cow<'_, str> {
    match result {
        ResultRef::Url(url) if url.len() <= limits::LISTED_RESULT_BYTES_MAX => Cow::Borrowed(url),
        _ => Cow::Owned(own_result(id)),
    }
}

/// The address of a result that is not a URL itself.
pub(super) fn own_result(id: JobId) -> String {
    format!("/jobs/{id}/result")
}

fn shown<S: serde::Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn shown_if_any<S: serde::Serializer>(value: &Option<impl Display>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(Shown).serialize(serializer)
}
