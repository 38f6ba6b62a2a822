//! What is sent and what comes back, in the words of the contract.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::ClientError;
use super::exchange;
use crate::clock::Timestamp;
use crate::job::{Priority, Status};

/// A job to ask for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRequest {
    /// Key of the processor.
    pub sub_type: String,
    /// A JSON object.
    pub payload: Box<RawValue>,
    /// Family of work; the processor's own when left out.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How urgent it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Whose job it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Not before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Moment>,
    /// Not before so long from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_seconds: Option<f64>,
    /// Time one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<f64>,
    /// When and how often to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryRequest>,
    /// At most one active job of this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<String>,
    /// Marks to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// When and how often to try again; what is left out is the processor's own.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryRequest {
    /// Tries after the first.
    pub max_retries: u32,
}

impl JobRequest {
    /// A job for the processor `sub_type` with a JSON payload.
    ///
    /// # Errors
    /// When `payload` is not JSON.
    pub fn new(sub_type: impl Into<String>, payload: impl Into<String>) -> Result<Self, ClientError> {
        let payload = RawValue::from_string(payload.into())
            .map_err(|error| ClientError::strange(format!("a payload that is not JSON: {error}")))?;
        Ok(Self::with(sub_type, payload))
    }

    /// A job for the processor `sub_type` with a payload already known to be JSON.
    pub fn with(sub_type: impl Into<String>, payload: Box<RawValue>) -> Self {
        Self {
            sub_type: sub_type.into(),
            payload,
            kind: None,
            priority: None,
            user_id: None,
            run_at: None,
            delay_seconds: None,
            timeout_seconds: None,
            retry_policy: None,
            unique_key: None,
            tags: Vec::new(),
        }
    }
}

/// The server has taken a job on.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The status code: 202.
    pub status: u16,
    /// Path of the job.
    pub location: Option<String>,
    /// Seconds after which a look at it is worth while.
    pub retry_after: Option<String>,
    /// The job.
    pub job_id: String,
    /// The whole answer.
    pub body: Value,
}

/// A job as the server shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract, under its names")]
pub struct JobView {
    pub job_id: String,
    pub status: Status,
    #[serde(rename = "type")]
    pub kind: String,
    pub sub_type: String,
    pub priority: Priority,
    pub progress: u8,
    pub message: Option<String>,
    pub created_at: Moment,
    pub started_at: Option<Moment>,
    pub completed_at: Option<Moment>,
    pub run_at: Option<Moment>,
    pub estimated_duration: Option<String>,
    pub estimated_remaining_seconds: Option<u64>,
    pub result_url: Option<String>,
    pub error: Option<ErrorView>,
    #[serde(default)]
    pub attempt: u32,
    #[serde(default)]
    pub max_attempts: u32,
    pub user_id: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub schedule_id: Option<String>,
    pub duration_ms: Option<u64>,
    pub machine_name: Option<String>,
    pub process_id: Option<u32>,
    /// What a newer server says besides.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

/// What went wrong with a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorView {
    /// A stable word.
    pub kind: String,
    /// A sentence.
    pub message: String,
    /// Where it happened.
    pub stack_trace: Option<String>,
}

/// A page of jobs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobPage {
    /// True, as in every envelope of an answer.
    pub success: bool,
    /// The jobs.
    pub data: Vec<JobView>,
    /// One sentence.
    #[serde(default)]
    pub message: String,
    /// Where the page lies.
    pub pagination: Pagination,
    /// What to ask for the next page with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Where a page lies.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// Jobs in all, or at least how many.
    pub total: u64,
    /// Whether that is all of them.
    #[serde(default = "so_it_is")]
    pub total_is_exact: bool,
    /// Jobs on a page.
    pub limit: u64,
    /// Jobs before it.
    pub offset: Option<u64>,
    /// Whether there are more after it.
    pub has_more: bool,
}

/// Servers that do not say so count them all.
fn so_it_is() -> bool {
    true
}

/// Which jobs, as the query of an address: names of the contract with their values.
#[derive(Debug, Clone, Default)]
pub struct FilterQuery {
    pairs: Vec<(&'static str, String)>,
}

impl FilterQuery {
    /// Adds a condition.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.pairs.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Whether it names all jobs.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The path with this query behind it.
    pub fn path(&self, path: &str) -> String {
        let mut target = path.to_owned();
        for (index, (name, value)) in self.pairs.iter().enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            // Writing to a String cannot fail.
            let _ = write!(target, "{mark}{name}={}", exchange::escape(value));
        }
        target
    }
}

/// A result on its way.
#[derive(Debug)]
pub struct ResultStream {
    answer: reqwest::Response,
    server: String,
}

impl ResultStream {
    pub(super) fn new(answer: reqwest::Response, server: &str) -> Self {
        Self { answer, server: server.to_owned() }
    }

    /// Its media type.
    pub fn content_type(&self) -> Option<&str> {
        self.answer.headers().get(reqwest::header::CONTENT_TYPE)?.to_str().ok()
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.answer.chunk().await.map_err(|error| exchange::broken(&self.server, &error))
    }
}

/// A moment on the wire: RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}
