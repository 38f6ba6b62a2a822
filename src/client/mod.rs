//! A small typed client of a running server, over HTTP. The command line is built on it, and another program may be:
//! it speaks the public contract and nothing else.
//!
//! | file | holds |
//! | --- | --- |
//! | [`wire`] | what is sent and what comes back |
//! | [`workers`] | workers of other processes |
//! | [`error`] | why a call did not do what was asked |
//! | [`alerts`] | alerts and alert rules |
//! | [`events`] | what happened: the event log, and following it |
//! | [`keys`] | keys of the server |
//! | [`outbox`] | what is to be sent to whoever subscribed |
//! | [`sharing`] | locks and shared states |
//! | [`subscriptions`] | who hears of events, and what came of that |
//! | [`schedules`] | schedules: made, changed, switched, fired by hand |
//! | [`watch`] | following one job to its end, across restarts of the server |

pub mod alerts;
pub mod error;
pub mod events;
mod exchange;
pub mod keys;
pub mod outbox;
pub mod schedules;
pub mod sharing;
pub mod subscriptions;
pub mod watch;
pub mod wire;
pub mod workers;

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use serde_json::Value;

pub use error::{ClientError, Refusal};
use exchange::Exchange;
pub use watch::{Seen, Watch};
pub use wire::{Accepted, FilterQuery, JobPage, JobRequest, JobView, ResultStream};

/// A client of one server. Clones share their connections.
///
/// ```no_run
/// # async fn example() -> Result<(), faena::client::ClientError> {
/// use faena::client::{Client, JobRequest};
///
/// let client = Client::new("http://127.0.0.1:7700")?;
/// let accepted = client.enqueue(&JobRequest::new("noop", "{}")?, None).await?;
/// let job = client.watch(accepted.job_id).to_end().await?;
/// println!("{} is {}", job.job_id, job.status);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    exchange: Exchange,
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:7700`, or with the prefix that an application
    /// mounts the routes under.
    ///
    /// # Errors
    /// [`ClientError::Address`] when `base` is not an address of that form.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        Ok(Self { exchange: Exchange::new(base, None)? })
    }

    /// The same for a server whose certificate is signed by one of these, in PEM, and by nobody else: an authority of one's own,
    /// or the server's certificate itself.
    ///
    /// # Errors
    /// [`ClientError::Address`], and [`ClientError::Authority`] when `pem` has no certificate.
    pub fn trusting(base: &str, pem: &[u8]) -> Result<Self, ClientError> {
        Ok(Self { exchange: Exchange::new(base, Some(pem))? })
    }

    /// The same with a key, which every request presents to this server and to no other.
    ///
    /// # Errors
    /// [`ClientError::Key`] when it could not stand in a header.
    pub fn with_key(self, key: &str) -> Result<Self, ClientError> {
        Ok(Self { exchange: self.exchange.with_key(key)? })
    }

    /// The address of a path on the server.
    pub fn url(&self, path: &str) -> String {
        self.exchange.url(path)
    }

    /// `POST /jobs`. With an idempotency key the same request may safely be sent again.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it.
    pub async fn enqueue(&self, job: &JobRequest, idempotency_key: Option<&str>) -> Result<Accepted, ClientError> {
        let mut request = self.exchange.request(Method::POST, "/jobs").json(job);
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.accepted(request).await
    }

    /// Sends a request that a job comes of.
    async fn accepted(&self, request: reqwest::RequestBuilder) -> Result<Accepted, ClientError> {
        let answer = self.exchange.send(request).await?;
        let header = |name| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let (location, retry_after) = (header(LOCATION), header(RETRY_AFTER));
        let status = answer.status().as_u16();
        let body: Value = self.exchange.json(answer).await?;
        let job_id = body.pointer("/data/jobId").and_then(Value::as_str);
        let job_id = job_id.ok_or_else(|| ClientError::strange("an acceptance without data.jobId"))?.to_owned();
        Ok(Accepted { status, location, retry_after, job_id, body })
    }

    /// `GET /jobs/{id}`.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such job.
    pub async fn job(&self, id: &str) -> Result<JobView, ClientError> {
        self.exchange.get(&job_path(id, "")).await
    }

    /// `GET /jobs/{id}` that holds until the job is no longer as it was under `etag`; none when it still is.
    /// The new tag comes with the job.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such job.
    pub async fn job_after(
        &self,
        id: &str,
        etag: Option<&str>,
        wait: Duration,
    ) -> Result<Option<(JobView, Option<String>)>, ClientError> {
        let mut path = job_path(id, "");
        if etag.is_some() {
            path.push_str(&format!("?wait={}", wait.as_secs()));
        }
        let mut request = self.exchange.request(Method::GET, &path).timeout(wait + exchange::ANSWER_MAX);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let answer = self.exchange.send(request).await?;
        if answer.status() == reqwest::StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let etag = answer.headers().get(reqwest::header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok(Some((self.exchange.json(answer).await?, etag)))
    }

    /// Follows a job to its end, across restarts of the server.
    pub fn watch(&self, id: impl Into<String>) -> Watch {
        Watch::new(self.clone(), id.into())
    }

    /// `GET /jobs`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the filter.
    pub async fn jobs(&self, filter: &FilterQuery) -> Result<JobPage, ClientError> {
        self.exchange.get(&filter.path("/jobs")).await
    }

    /// `DELETE /jobs/{id}`: the job never completes after it.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such job, or it has already finished.
    pub async fn cancel(&self, id: &str) -> Result<(), ClientError> {
        let request = self.exchange.request(Method::DELETE, &job_path(id, ""));
        self.exchange.send(request).await.map(drop)
    }

    /// `DELETE /jobs`: cancels all that a filter names. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the filter.
    pub async fn cancel_all(&self, filter: &FilterQuery) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::DELETE, &filter.path("/jobs"))).await
    }

    /// `POST /jobs/{id}/retry`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such job, or it cannot be tried again.
    pub async fn retry(&self, id: &str) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::POST, &job_path(id, "/retry"))).await
    }

    /// `POST /jobs/retry`: all that a filter names. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the filter.
    pub async fn retry_all(&self, filter: &FilterQuery) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::POST, &filter.path("/jobs/retry"))).await
    }

    /// `GET /jobs/{id}/result`, to be read piece by piece. A result that is elsewhere is fetched from there.
    ///
    /// # Errors
    /// When the server cannot be reached, or has no such result.
    pub async fn result(&self, id: &str) -> Result<ResultStream, ClientError> {
        let path = job_path(id, "/result");
        let answer = self.exchange.fetch(&path).await?;
        Ok(ResultStream::new(answer, self.exchange.base()))
    }

    /// `GET /jobs/statistics/overview`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn statistics(&self) -> Result<Value, ClientError> {
        self.exchange.get("/jobs/statistics/overview").await
    }

    /// `GET /dashboard/data`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn board(&self) -> Result<Value, ClientError> {
        self.exchange.get("/dashboard/data").await
    }

    /// `POST /cleanup`: forgets jobs that ended longer ago than this. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the age.
    pub async fn cleanup(&self, older_than: Duration) -> Result<Value, ClientError> {
        let body = serde_json::json!({ "olderThanSeconds": older_than.as_secs() });
        self.exchange.call(self.exchange.request(Method::POST, "/cleanup").json(&body)).await
    }
}

/// The path of a job, or of something below it. An id is typed by people, so it is escaped.
fn job_path(id: &str, below: &str) -> String {
    format!("/jobs/{}{below}", exchange::escape(id))
}
