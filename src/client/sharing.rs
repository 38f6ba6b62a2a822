//! Locks and shared states of a running server.

use std::time::Duration;

use reqwest::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::Moment;
use super::{Client, ClientError, exchange};

/// A held lock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract, under its names")]
pub struct LockView {
    pub name: String,
    pub owner: String,
    pub fencing_token: u64,
    pub acquired_at: Moment,
    pub expires_at: Moment,
}

/// A shared state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract, under its names")]
pub struct StateView {
    pub name: String,
    pub value: Value,
    pub revision: u64,
    pub updated_at: Moment,
    pub expires_at: Moment,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct Kept {
    revision: u64,
}

impl Client {
    /// `PUT /locks/{name}`: acquires a lock for an owner, or renews the owner's own. None when somebody else has it.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it for another reason.
    pub async fn acquire_lock(&self, name: &str, owner: &str, ttl: Duration) -> Result<Option<LockView>, ClientError> {
        let body = serde_json::json!({ "owner": owner, "ttlSeconds": ttl.as_secs_f64() });
        let request = self.exchange.request(Method::PUT, &path("locks", name)).json(&body);
        let answer = self.exchange.call::<Envelope<LockView>>(request).await;
        unless(StatusCode::CONFLICT, answer.map(|envelope| envelope.data))
    }

    /// `GET /locks/{name}`; none when nobody has it.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the name.
    pub async fn lock(&self, name: &str) -> Result<Option<LockView>, ClientError> {
        unless(StatusCode::NOT_FOUND, self.exchange.get(&path("locks", name)).await)
    }

    /// `DELETE /locks/{name}`, as its owner.
    ///
    /// # Errors
    /// When the server cannot be reached, nobody has it, or somebody else does.
    pub async fn release_lock(&self, name: &str, owner: &str) -> Result<(), ClientError> {
        let path = format!("{}?owner={}", path("locks", name), exchange::escape(owner));
        self.exchange.send(self.exchange.request(Method::DELETE, &path)).await.map(drop)
    }

    /// `PUT /state/{name}`: keeps a value, for a day unless `ttl` says otherwise. The answer is its revision.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it.
    pub async fn put_state(&self, name: &str, value: &Value, ttl: Option<Duration>) -> Result<u64, ClientError> {
        Ok(self.put(name, value, ttl, None).await?.revision)
    }

    /// The same if what is there is of the revision that you know; none says that nothing may be there. The answer is
    /// the new revision, or none when somebody else was faster.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it for another reason.
    pub async fn put_state_if(
        &self,
        name: &str,
        value: &Value,
        known: Option<u64>,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, ClientError> {
        let condition = match known {
            Some(revision) => (IF_MATCH, format!("\"{revision}\"")),
            None => (IF_NONE_MATCH, "*".to_owned()),
        };
        let kept = self.put(name, value, ttl, Some(condition)).await;
        unless(StatusCode::PRECONDITION_FAILED, kept.map(|kept| kept.revision))
    }

    /// `GET /state/{name}`; none when there is none.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the name.
    pub async fn state(&self, name: &str) -> Result<Option<StateView>, ClientError> {
        unless(StatusCode::NOT_FOUND, self.exchange.get(&path("state", name)).await)
    }

    /// `DELETE /state/{name}`.
    ///
    /// # Errors
    /// When the server cannot be reached, or there is none.
    pub async fn delete_state(&self, name: &str) -> Result<(), ClientError> {
        self.exchange.send(self.exchange.request(Method::DELETE, &path("state", name))).await.map(drop)
    }

    async fn put(
        &self,
        name: &str,
        value: &Value,
        ttl: Option<Duration>,
        condition: Option<(HeaderName, String)>,
    ) -> Result<Kept, ClientError> {
        let body = serde_json::json!({ "value": value, "ttlSeconds": ttl.map(|ttl| ttl.as_secs_f64()) });
        let mut request = self.exchange.request(Method::PUT, &path("state", name)).json(&body);
        if let Some((header, tag)) = condition {
            request = request.header(header, tag);
        }
        Ok(self.exchange.call::<Envelope<Kept>>(request).await?.data)
    }
}

/// A refusal with this status is an answer too: none.
fn unless<T>(status: StatusCode, answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::Refused(refusal)) if refusal.status == status.as_u16() => Ok(None),
        Err(error) => Err(error),
    }
}

fn path(what: &str, name: &str) -> String {
    format!("/{what}/{}", exchange::escape(name))
}
