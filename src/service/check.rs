//! The bounds that a job's terms keep to. Fields are named as on the wire, so that a caller finds them.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::{Error, FieldError};
use crate::job::{NewJob, Options, RetryPolicy, UniqueFor};
use crate::limits;

/// Checks everything but the payload, which its processor knows best.
pub(super) fn terms(job: &NewJob, now: Timestamp) -> Result<(), Error> {
    let mut faults = Faults::default();
    if job.payload.len() > limits::PAYLOAD_BYTES_MAX {
        faults.add("payload", format!("has {} bytes, {} are allowed", job.payload.len(), limits::PAYLOAD_BYTES_MAX));
    }
    if let Some(user_id) = &job.user_id {
        faults.key("userId", user_id);
    }
    if let Some(at) = job.run_at
        && at > now.plus(limits::DELAY_MAX)
    {
        faults.add("runAt", format!("is more than {} days away", limits::DELAY_MAX.as_secs() / 86_400));
    }
    if let Some(timeout) = job.timeout {
        faults.span("timeoutSeconds", timeout, limits::TIMEOUT_MAX);
    }
    if let Some(retry) = &job.retry {
        faults.retry(retry);
    }
    if job.options != Options::default() {
        faults.options(job, now);
    }
    if faults.0.is_empty() { Ok(()) } else { Err(Error::fields(faults.0)) }
}

#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }

    fn key(&mut self, field: &str, key: &str) {
        self.text(field, key, limits::KEY_BYTES_MAX);
    }

    fn text(&mut self, field: &str, text: &str, bytes_max: usize) {
        if text.is_empty() {
            self.add(field, "must not be empty; leave it out instead");
        } else if text.len() > bytes_max {
            self.add(field, format!("has {} bytes, {bytes_max} are allowed", text.len()));
        } else if text.contains('\0') {
            self.add(field, "must not contain U+0000");
        }
    }

    fn span(&mut self, field: &str, span: Duration, max: Duration) {
        if span.is_zero() {
            self.add(field, "must be more than 0");
        } else if span > max {
            self.add(field, format!("must be at most {} seconds", max.as_secs()));
        }
    }

    fn retry(&mut self, retry: &RetryPolicy) {
        let delay_ms_max = limits::RETRY_DELAY_MAX.as_millis();
        if retry.max_retries > limits::RETRIES_MAX {
            self.add("retryPolicy.maxRetries", format!("must be at most {}", limits::RETRIES_MAX));
        }
        for (field, ms) in [("retryPolicy.retryDelay", retry.delay_ms), ("retryPolicy.maxDelay", retry.max_delay_ms)] {
            if u128::from(ms) > delay_ms_max {
                self.add(field, format!("must be at most {delay_ms_max} ms"));
            }
        }
        if !(0.0..=1.0).contains(&retry.jitter) {
            self.add("retryPolicy.jitter", "must be between 0 and 1");
        }
    }

    fn options(&mut self, job: &NewJob, now: Timestamp) {
        let options = &job.options;
        if let Some(at) = options.expires_at {
            let run_at = job.run_at.unwrap_or(now).max(now);
            if at <= run_at {
                self.add("expiresAt", "must be after the moment from which the job may run");
            }
        }
        if let Some(estimate) = &options.estimated_duration {
            self.text("estimatedDuration", estimate, limits::LABEL_BYTES_MAX);
        }
        if let Some(unique) = &options.unique {
            self.key("uniqueKey", &unique.key);
            if let UniqueFor::WindowMs(ms) = unique.during {
                self.span("uniqueFor", Duration::from_millis(ms), limits::UNIQUE_WINDOW_MAX);
            }
        }
        if let Some(concurrency) = &options.concurrency {
            self.key("concurrencyKey", &concurrency.key);
            if !(1..=limits::CONCURRENCY_MAX).contains(&concurrency.limit) {
                self.add("concurrencyLimit", format!("must be between 1 and {}", limits::CONCURRENCY_MAX));
            }
        }
        if options.tags.len() > limits::TAGS_MAX {
            self.add("tags", format!("has {} entries, {} are allowed", options.tags.len(), limits::TAGS_MAX));
        }
        for (index, tag) in options.tags.iter().enumerate().take(limits::TAGS_MAX) {
            self.key(&format!("tags[{index}]"), tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Name;

    fn faults(change: impl FnOnce(NewJob) -> NewJob) -> Vec<String> {
        let now = Timestamp::from_millis(1_000_000);
        match terms(&change(NewJob::new(Name::new("noop").unwrap(), "{}")), now) {
            Ok(()) => Vec::new(),
            Err(Error::Invalid { details, .. }) => details.into_iter().map(|fault| fault.field).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn every_bound_names_its_field() {
        assert!(faults(|job| job).is_empty());
        assert_eq!(faults(|job| job.user("a".repeat(201))), ["userId"]);
        assert_eq!(faults(|job| job.user("")), ["userId"]);
        assert_eq!(faults(|job| job.timeout(Duration::ZERO)), ["timeoutSeconds"]);
        assert_eq!(faults(|job| job.run_at(Timestamp::from_millis(i64::MAX))), ["runAt"]);
        assert_eq!(faults(|job| job.expires_at(Timestamp::from_millis(1_000_000))), ["expiresAt"]);
        assert_eq!(faults(|job| job.unique("k", UniqueFor::WindowMs(0))), ["uniqueFor"]);
        assert_eq!(faults(|job| job.concurrency("", 0)), ["concurrencyKey", "concurrencyLimit"]);
        assert_eq!(faults(|job| job.tag("a").tag("").tag("c\0")), ["tags[1]", "tags[2]"]);
        let wild = RetryPolicy { max_retries: 1_001, delay_ms: u32::MAX, jitter: 2.0, ..RetryPolicy::default() };
        let named = ["retryPolicy.maxRetries", "retryPolicy.retryDelay", "retryPolicy.jitter"];
        assert_eq!(faults(|job| job.retry(wild)), named);
    }
}
