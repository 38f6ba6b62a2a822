//! What a client sends to have a job done, and how it becomes a [`NewJob`]. Unknown fields are refused, so that a typo
//! is never silently ignored; wrong ones are all named at once.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::complaints;
use crate::clock::Timestamp;
use crate::error::{Error, FieldError};
use crate::job::{Concurrency, Name, NewJob, RetryPolicy, Unique, UniqueFor};
use crate::work::Registry;

/// A job to accept.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewJob)]
pub(crate) struct JobRequest<'a> {
    /// Key of the processor; `GET /processors` lists them.
    #[serde(borrow)]
    #[schema(value_type = String, pattern = "^[a-z][a-z0-9_.-]{0,63}$", example = "process_data")]
    sub_type: Cow<'a, str>,
    /// Input of the processor, as its JSON Schema describes it.
    #[serde(borrow)]
    #[schema(value_type = Object)]
    payload: &'a RawValue,
    /// Family of work; the processor's own when left out.
    #[serde(rename = "type")]
    #[schema(pattern = "^[a-z][a-z0-9_.-]{0,63}$")]
    kind: Option<String>,
    /// `high`, `normal` (the default) or `low`.
    #[schema(value_type = Option<super::view::PriorityWord>)]
    priority: Option<String>,
    /// Whose job it is.
    #[schema(min_length = 1, max_length = 200)]
    user_id: Option<String>,
    /// Not before then (RFC 3339). Not together with `delaySeconds`.
    #[schema(format = DateTime)]
    run_at: Option<String>,
    /// Not before so many seconds from now.
    #[schema(minimum = 0)]
    delay_seconds: Option<f64>,
    /// What you say that it will take, in words.
    #[schema(min_length = 1, max_length = 200, example = "5-10 minutes")]
    estimated_duration: Option<String>,
    /// Time that one attempt may take; the processor's own when left out.
    #[schema(exclusive_minimum = 0)]
    timeout_seconds: Option<f64>,
    /// When and how often to try again; what is left out is the processor's own.
    retry_policy: Option<RetryRequest>,
    /// At most one job of this key; a second one is refused with 409.
    #[schema(min_length = 1, max_length = 200)]
    unique_key: Option<String>,
    /// How long `uniqueKey` is taken: `"active"` (the default, until the job has ended) or a number of seconds.
    #[schema(schema_with = super::view::unique_for)]
    unique_for: Option<UniqueForRequest>,
    /// At most `concurrencyLimit` running jobs of this key.
    #[schema(min_length = 1, max_length = 200)]
    concurrency_key: Option<String>,
    /// How many jobs of `concurrencyKey` may run at once; 1 when left out.
    #[schema(minimum = 1, maximum = 10000)]
    concurrency_limit: Option<u32>,
    /// Marks to find it by.
    #[schema(max_items = 16)]
    tags: Option<Vec<String>>,
    /// Who is told of its end, by a `POST` of that event. An address that is not public is refused unless `webhook_allow` names it.
    #[schema(max_length = 2048)]
    callback_url: Option<String>,
    /// A job that has not started by then fails as `expired` (RFC 3339).
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// When and how often to try again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewRetryPolicy)]
pub(crate) struct RetryRequest {
    /// Tries after the first one.
    #[schema(minimum = 0, maximum = 1000)]
    max_retries: Option<u32>,
    /// Pause before the first retry, in milliseconds.
    #[schema(minimum = 0)]
    retry_delay: Option<u32>,
    /// Whether each pause is twice the one before.
    exponential_backoff: Option<bool>,
    /// Longest pause, in milliseconds.
    #[schema(minimum = 0)]
    max_delay: Option<u32>,
    /// Share of the pause that is left to chance.
    #[schema(minimum = 0, maximum = 1)]
    jitter: Option<f32>,
}

/// `"active"` or a number of seconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum UniqueForRequest {
    Word(String),
    Seconds(f64),
}

/// Reads one job.
///
/// # Errors
/// [`Error::Invalid`] with every field at fault.
pub(crate) fn job(text: &[u8], registry: &Registry, now: Timestamp) -> Result<NewJob, Error> {
    let request: JobRequest<'_> =
        serde_json::from_slice(text).map_err(|error| complaints::about(&complaints::JOB, text, &error))?;
    request.into_job(registry, now)
}

impl JobRequest<'_> {
    fn into_job(self, registry: &Registry, now: Timestamp) -> Result<NewJob, Error> {
        let mut faults = Faults::default();
        // The registry's own copy of the name saves one for each job.
        let entry = registry.get(&self.sub_type);
        let sub_type = match entry {
            Some(entry) => Some(entry.sub_type.clone()),
            None => faults.take("subType", Name::new(&self.sub_type)),
        };
        let kind = self.kind.and_then(|kind| faults.take("type", Name::new(kind)));
        let priority = self.priority.and_then(|word| faults.take("priority", word.parse()));
        let run_at = self.run_at.and_then(|text| faults.take("runAt", text.parse::<Timestamp>()));
        let delay = self.delay_seconds.and_then(|seconds| faults.span("delaySeconds", seconds));
        if run_at.is_some() && delay.is_some() {
            faults.add("delaySeconds", "give runAt or delaySeconds, not both");
        }
        let timeout = self.timeout_seconds.and_then(|seconds| faults.span("timeoutSeconds", seconds));
        let expires_at = self.expires_at.and_then(|text| faults.take("expiresAt", text.parse::<Timestamp>()));
        let unique = faults.unique(self.unique_key, self.unique_for);
        let concurrency = faults.concurrency(self.concurrency_key, self.concurrency_limit);
        let (Some(sub_type), true) = (sub_type, faults.is_empty()) else { return Err(faults.into()) };

        // A copy, so that the job does not keep the whole read buffer of its connection alive.
        let mut job = NewJob::new(sub_type, Bytes::copy_from_slice(self.payload.get().as_bytes()));
        job.kind = kind;
        job.priority = priority.unwrap_or_default();
        job.user_id = self.user_id.map(Into::into);
        job.run_at = run_at.or_else(|| delay.map(|delay| now.plus(delay)));
        job.timeout = timeout;
        job.retry = self.retry_policy.map(|retry| retry.over(entry.map(|entry| entry.retry).unwrap_or_default()));
        job.options.expires_at = expires_at;
        job.options.callback_url = self.callback_url.map(Into::into);
        job.options.estimated_duration = self.estimated_duration.map(Into::into);
        job.options.unique = unique;
        job.options.concurrency = concurrency;
        job.options.tags = self.tags.unwrap_or_default().into_iter().map(Into::into).collect();
        Ok(job)
    }
}

impl RetryRequest {
    /// The policy that this makes of another one.
    pub(crate) fn over(self, base: RetryPolicy) -> RetryPolicy {
        RetryPolicy {
            max_retries: self.max_retries.unwrap_or(base.max_retries),
            delay_ms: self.retry_delay.unwrap_or(base.delay_ms),
            max_delay_ms: self.max_delay.unwrap_or(base.max_delay_ms.max(self.retry_delay.unwrap_or(0))),
            jitter: self.jitter.unwrap_or(base.jitter),
            exponential: self.exponential_backoff.unwrap_or(base.exponential),
        }
    }
}

/// What is wrong with a request, gathered so that a client sees all of it at once.
#[derive(Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl From<Faults> for Error {
    fn from(faults: Faults) -> Self {
        Self::fields(faults.0)
    }
}

impl Faults {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    pub(crate) fn take<T>(&mut self, field: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|message| self.add(field, message)).ok()
    }

    pub(crate) fn span(&mut self, field: &str, seconds: f64) -> Option<Duration> {
        let span = Duration::try_from_secs_f64(seconds);
        span.map_err(|_| self.add(field, "must be a number of seconds, not negative and not endless")).ok()
    }

    fn unique(&mut self, key: Option<String>, during: Option<UniqueForRequest>) -> Option<Unique> {
        let Some(key) = key else {
            if during.is_some() {
                self.add("uniqueFor", "needs a uniqueKey");
            }
            return None;
        };
        let during = match during {
            None => UniqueFor::Active,
            Some(UniqueForRequest::Word(word)) if word == "active" => UniqueFor::Active,
            Some(UniqueForRequest::Word(word)) => {
                self.add("uniqueFor", format!("`{word}` is neither \"active\" nor a number of seconds"));
                return None;
            }
            Some(UniqueForRequest::Seconds(seconds)) => {
                UniqueFor::WindowMs(self.span("uniqueFor", seconds)?.as_millis() as u64)
            }
        };
        Some(Unique { key: key.into(), during })
    }

    fn concurrency(&mut self, key: Option<String>, limit: Option<u32>) -> Option<Concurrency> {
        match (key, limit) {
            (Some(key), limit) => Some(Concurrency { key: key.into(), limit: limit.unwrap_or(1) }),
            (None, None) => None,
            (None, Some(_)) => {
                self.add("concurrencyLimit", "needs a concurrencyKey");
                None
            }
        }
    }
}
