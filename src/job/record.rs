//! The job itself: its terms, and its life so far. A [`Life`] is replaced as a whole by the transitions that
//! [`decide`](fn@super::decide) makes; nothing here sets a state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{JobId, Outcome, Payload, Spec, Status};
use crate::clock::Timestamp;

/// A job, as one moment saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Who it is.
    pub id: JobId,
    /// Its place in the order of acceptance, given by the store.
    pub seq: u64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// What was asked for.
    pub spec: Arc<Spec>,
    /// Its input.
    pub payload: Payload,
    /// What became of it so far.
    pub life: Life,
}

/// What became of a job so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Life {
    /// Where it stands.
    pub state: State,
    /// Rises with every transition but a progress report; a transition names the one that it was decided on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// Rises with every claim: the fencing token (rule 2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u32,
    /// Number of the current or latest try, from 1; 0 before the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// Failures so far; only they use up retries (rule 4).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Processes that it took down (rule 3).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub crashes: u32,
    /// How far the current or latest try came.
    #[serde(default, skip_serializing_if = "Progress::is_none")]
    pub progress: Progress,
    /// Tries that have ended, oldest first, bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Arc<Vec<Attempt>>>,
    /// JSON that a try left for the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<Arc<str>>,
}

/// A new job's life is written half a million times; what it has none of is left out.
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// It may be claimed from `run_at` on.
    Waiting {
        /// Not before then.
        run_at: Timestamp,
    },
    /// Somebody works on it.
    Running(Arc<Run>),
    /// It has ended.
    Finished(Arc<End>),
}

/// One try under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When it was claimed.
    pub started_at: Timestamp,
    /// Who works on it.
    pub holder: Holder,
    /// When the holder's sign of life runs out; none for a holder that shares its store's process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// Somebody asked for it to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelAsked>,
    /// The result that was handed in so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<ResultRef>,
}

/// Who works on a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Random identity of the node's boot; never a host name (rule 21).
    pub node: Arc<str>,
    /// Name of the machine, to show.
    pub machine: Arc<str>,
    /// Process id on that machine, to show.
    pub process: u32,
}

/// Somebody asked for a job to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelAsked {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Arc<str>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// The latest try's start; none when it never ran.
    pub started_at: Option<Timestamp>,
    /// How its last try ended, or would have.
    pub outcome: Outcome,
    /// Whether it waits among the dead letters for somebody to decide.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dead: bool,
    /// Who held it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Who asked for it to stop, when it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// Where its result is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultRef>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<JobError>>,
}

/// One try that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Number of the try, from 1; a try that burnt no retry shares it with the next.
    pub number: u32,
    /// The claim that granted it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u32,
    /// When it was claimed.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// Who worked on it.
    pub holder: Holder,
    /// What went wrong, or why it stopped.
    pub error: Option<Arc<JobError>>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// A stable word: `error`, `invalid_payload`, `panic`, `timeout`, `cancelled`, `crashed`, `lost`, `expired`, or the processor's own.
    pub kind: Box<str>,
    /// What happened, for a person.
    pub message: Box<str>,
    /// Where it happened, if that is known.
    pub stack_trace: Option<Box<str>>,
}

impl JobError {
    /// An error without a stack trace.
    pub fn new(kind: impl Into<Box<str>>, message: impl Into<Box<str>>) -> Self {
        Self { kind: kind.into(), message: message.into(), stack_trace: None }
    }
}

/// Where a result is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResultRef {
    /// A URL that carries or names it: a `data:` URL, or one that the processor gave.
    Url(Arc<str>),
    /// An object in the result store.
    Stored {
        /// Media type of the bytes.
        content_type: Arc<str>,
        /// How many bytes.
        size: u64,
        /// Name in the result store.
        key: Arc<str>,
    },
    /// A URL that is encrypted. Whoever has its key sees [`Url`](Self::Url) instead.
    Sealed(Arc<str>),
}

/// How far a try came. Most jobs never say, and a queued one has said nothing: those pay for a pointer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Progress {
    /// 0 to 100; it never falls within one try.
    pub percent: u8,
    reported: Option<Arc<Reported>>,
}

/// What reports said besides the percentage.
#[derive(Debug, PartialEq, Eq)]
struct Reported {
    first_at: Timestamp,
    at: Timestamp,
    message: Option<Arc<str>>,
}

/// A [`Progress`] as a store writes it.
#[derive(Serialize, Deserialize)]
struct Written {
    percent: u8,
    first_at: Option<Timestamp>,
    at: Option<Timestamp>,
    message: Option<Arc<str>>,
}

impl From<Progress> for Written {
    fn from(Progress { percent, reported }: Progress) -> Self {
        let (first_at, at) = reported.as_ref().map(|reported| (reported.first_at, reported.at)).unzip();
        Self { percent, first_at, at, message: reported.and_then(|reported| reported.message.clone()) }
    }
}

impl From<Written> for Progress {
    fn from(Written { percent, first_at, at, message }: Written) -> Self {
        let reported = at.map(|at| Arc::new(Reported { first_at: first_at.unwrap_or(at), at, message }));
        Self { percent, reported }
    }
}

impl Progress {
    /// After one more report. It says nothing new of what it leaves out, and never less than the one before.
    pub(super) fn report(&self, percent: u8, message: Option<Arc<str>>, now: Timestamp) -> Self {
        let before = self.reported.as_ref();
        let reported = Reported {
            first_at: before.map_or(now, |before| before.first_at),
            at: now,
            message: message.or_else(|| before.and_then(|before| before.message.clone())),
        };
        Self { percent: percent.min(100).max(self.percent), reported: Some(Arc::new(reported)) }
    }

    /// What two reports that were decided on one base come to together: it never falls, and the later one has the last word.
    pub(super) fn joined(self, other: &Self) -> Self {
        let percent = self.percent.max(other.percent);
        let is_older = self.at() < other.at();
        Self { percent, reported: if is_older { other.reported.clone() } else { self.reported } }
    }

    /// At the end of all there was to do.
    pub(super) fn complete(&self) -> Self {
        Self { percent: 100, ..self.clone() }
    }

    /// When the first report of this try came in; none before it.
    pub fn first_at(&self) -> Option<Timestamp> {
        self.reported.as_ref().map(|reported| reported.first_at)
    }

    /// When the latest report came in.
    pub fn at(&self) -> Option<Timestamp> {
        self.reported.as_ref().map(|reported| reported.at)
    }

    /// What the processor says that it is doing.
    pub fn message(&self) -> Option<&str> {
        self.reported.as_ref().and_then(|reported| reported.message.as_deref())
    }

    /// Whether nothing was reported.
    pub fn is_none(&self) -> bool {
        self.reported.is_none() && self.percent == 0
    }
}

impl Life {
    /// The life of a job that was just accepted.
    pub(super) fn accepted(run_at: Timestamp) -> Self {
        Self {
            state: State::Waiting { run_at },
            revision: 0,
            epoch: 0,
            attempt: 0,
            failures: 0,
            crashes: 0,
            progress: Progress::default(),
            attempts: None,
            saved: None,
        }
    }
}

impl Job {
    /// The same job with another life.
    pub(crate) fn with_life(&self, life: Life) -> Self {
        let Self { id, seq, created_at, spec, payload, life: _ } = self;
        Self { id: *id, seq: *seq, created_at: *created_at, spec: spec.clone(), payload: payload.clone(), life }
    }

    /// Where it stands, in the word of the wire.
    pub fn status(&self) -> Status {
        match &self.life.state {
            State::Waiting { .. } => Status::Queued,
            State::Running(_) if self.life.progress.at().is_some() => Status::Progress,
            State::Running(_) => Status::Started,
            State::Finished(end) => match end.outcome {
                Outcome::Success => Status::Completed,
                Outcome::Cancelled => Status::Cancelled,
                _ => Status::Failed,
            },
        }
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        matches!(self.life.state, State::Finished(_))
    }

    /// The try under way, if there is one.
    pub fn run(&self) -> Option<&Run> {
        match &self.life.state {
            State::Running(run) => Some(run),
            _ => None,
        }
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<&End> {
        match &self.life.state {
            State::Finished(end) => Some(end),
            _ => None,
        }
    }

    /// The moment from which it may be claimed, while it waits.
    pub fn run_at(&self) -> Option<Timestamp> {
        match self.life.state {
            State::Waiting { run_at } => Some(run_at),
            _ => None,
        }
    }

    /// The key of a stored result that was handed in for the try under way and that `after`, the same job later, has not
    /// got any more: nobody refers to it.
    pub fn left_behind(&self, after: &Self) -> Option<&Arc<str>> {
        let Some(ResultRef::Stored { key, .. }) = &self.run()?.uploaded else { return None };
        let kept = match &after.life.state {
            State::Waiting { .. } => None,
            State::Running(run) => run.uploaded.as_ref(),
            State::Finished(end) => end.result.as_ref(),
        };
        (!matches!(kept, Some(ResultRef::Stored { key: kept, .. }) if kept == key)).then_some(key)
    }

    /// Tries it may have in all.
    pub fn attempts_max(&self) -> u32 {
        self.spec.retry.max_retries.saturating_add(1)
    }

    /// Tries that have ended, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        self.life.attempts.as_deref().map_or(&[], Vec::as_slice)
    }

    /// When the current or latest try began.
    pub fn started_at(&self) -> Option<Timestamp> {
        match &self.life.state {
            State::Waiting { .. } => None,
            State::Running(run) => Some(run.started_at),
            State::Finished(end) => end.started_at,
        }
    }
}
