//! Reading jobs: what is shown is what is committed (rule 8).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::Service;
use crate::error::Error;
use crate::job::estimate::remaining;
use crate::job::{Attempt, Job, JobError, JobId, Outcome, ResultRef};
use crate::limits;
use crate::store::query::Start;
use crate::store::results::Found;
use crate::store::{Filter, LogLine, Page, PageOf};

/// One try of a job, ended or under way.
#[derive(Debug, Clone, PartialEq)]
pub enum Try {
    /// It has ended.
    Ended(Attempt),
    /// Somebody works on it.
    UnderWay {
        /// Number of the try, from 1.
        number: u32,
        /// The run itself.
        run: crate::job::Run,
    },
}

/// A job's result.
pub enum ResultBody {
    /// Bytes that were kept in the job's record.
    Inline {
        /// Media type of the bytes.
        content_type: String,
        /// The result itself.
        bytes: Bytes,
    },
    /// Bytes that are kept in the result store.
    Stored {
        /// Media type of the bytes.
        content_type: Arc<str>,
        /// The result itself, to be read piece by piece.
        found: Found,
    },
    /// It is elsewhere.
    Elsewhere(Arc<str>),
}

impl Service {
    /// The job.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn job(&self, id: JobId) -> Result<Arc<Job>, Error> {
        self.store().get(id).await?.ok_or_else(|| Error::no_job(id))
    }

    /// A page of the jobs that a filter names, with their total.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the page is larger or deeper than the bounds allow.
    pub async fn jobs(&self, filter: Filter, page: Page) -> Result<PageOf<Arc<Job>>, Error> {
        if !(1..=limits::PAGE_MAX).contains(&page.limit) {
            return Err(Error::field("limit", format!("must be between 1 and {}", limits::PAGE_MAX)));
        }
        let deepest = if filter.is_placed() { limits::OFFSET_MAX } else { limits::OFFSET_SEARCHED_MAX };
        match page.start {
            Start::Offset(offset) if offset > deepest => {
                let message = format!("must be at most {deepest} for this list; go further by cursor");
                Err(Error::field("offset", message))
            }
            _ => Ok(self.store().list(filter, page, self.now()).await?),
        }
    }

    /// The tries of a job, oldest first, with the one under way.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn tries(&self, id: JobId) -> Result<Vec<Try>, Error> {
        let job = self.job(id).await?;
        let mut tries: Vec<_> = job.attempts().iter().cloned().chain(job.last_attempt()).map(Try::Ended).collect();
        if let Some(run) = job.run() {
            tries.push(Try::UnderWay { number: job.life.attempt, run: run.clone() });
        }
        Ok(tries)
    }

    /// The lines that are kept of a job's log, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn log(&self, id: JobId) -> Result<Vec<LogLine>, Error> {
        self.job(id).await?;
        Ok(self.store().log(id).await?)
    }

    /// The result of a job.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such job or it has no result, [`Error::Gone`] when the result was kept
    /// apart and is there no more.
    pub async fn result(&self, id: JobId) -> Result<ResultBody, Error> {
        let job = self.job(id).await?;
        match job.end().and_then(|end| end.result.as_ref()) {
            None => Err(Error::NotFound { what: "result of a job", id: id.to_string() }),
            Some(ResultRef::Url(url)) => match url.strip_prefix("data:") {
                Some(data) => decode_data_url(data),
                None => Ok(ResultBody::Elsewhere(url.clone())),
            },
            Some(ResultRef::Sealed(_)) => Err(Error::Unreadable(format!(
                "the result of job {id} is encrypted with a key that is not configured here; name it in encryption_keys"
            ))),
            Some(ResultRef::Stored { content_type, key, .. }) => match self.parts.results.get(key).await? {
                Some(found) => Ok(ResultBody::Stored { content_type: content_type.clone(), found }),
                None => Err(Error::Gone(format!("the result of job {id} is no longer kept"))),
            },
        }
    }

    /// The time left until a job ends, if anything supports a guess.
    pub fn remaining(&self, job: &Job) -> Option<Duration> {
        if job.is_finished() {
            return None;
        }
        remaining(job, self.parts.histories.of(&job.spec.sub_type), self.now())
    }
}

/// The outcome, error and span of a try, whether it has ended or not.
impl Try {
    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Ended(attempt) => Some(attempt.outcome),
            Self::UnderWay { .. } => None,
        }
    }

    /// What went wrong, if anything did.
    pub fn error(&self) -> Option<&JobError> {
        match self {
            Self::Ended(attempt) => attempt.error.as_deref(),
            Self::UnderWay { .. } => None,
        }
    }
}

/// Decodes what follows `data:` (RFC 2397).
fn decode_data_url(data: &str) -> Result<ResultBody, Error> {
    let broken = || Error::internal("the job's data URL is not well formed");
    let (head, body) = data.split_once(',').ok_or_else(broken)?;
    let (content_type, bytes) = match head.strip_suffix(";base64") {
        Some(content_type) => (content_type, STANDARD.decode(body).map_err(Error::internal)?),
        None => (head, percent_decode(body)),
    };
    let content_type = if content_type.is_empty() { "text/plain;charset=US-ASCII" } else { content_type };
    Ok(ResultBody::Inline { content_type: content_type.to_owned(), bytes: bytes.into() })
}

/// Undoes `%41`; what does not decode is left as it is.
fn percent_decode(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        match (first, digit(rest.first()), digit(rest.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                bytes = &rest[2..];
            }
            _ => decoded.push(*first),
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(data: &str) -> (String, Vec<u8>) {
        match decode_data_url(data).unwrap() {
            ResultBody::Inline { content_type, bytes } => (content_type, bytes.to_vec()),
            _ => panic!("not inline"),
        }
    }

    #[test]
    fn data_urls_are_read_in_both_forms() {
        assert_eq!(decoded("application/json;base64,e30="), ("application/json".to_owned(), b"{}".to_vec()));
        assert_eq!(decoded("text/plain,a%20b%2"), ("text/plain".to_owned(), b"a b%2".to_vec()));
        assert_eq!(decoded(",x").0, "text/plain;charset=US-ASCII");
        assert!(decode_data_url("no comma").is_err());
        assert!(decode_data_url(";base64,***").is_err());
    }
}
