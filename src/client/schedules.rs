//! Schedules on the server. A schedule is named by its id or by its name.

use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::wire::{Moment, Pagination};
use super::{Accepted, Client, ClientError, FilterQuery, JobPage, exchange};
use crate::job::Status;
use crate::schedule::{Fold, Gap, Standing};

/// A schedule as the server shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract, under its names")]
pub struct ScheduleView {
    pub id: String,
    pub name: String,
    pub sub_type: String,
    pub cron_expression: String,
    pub timezone: String,
    pub status: Standing,
    pub next_execution_at: Option<Moment>,
    pub last_execution_at: Option<Moment>,
    pub last_execution_status: Option<Status>,
    #[serde(default)]
    pub dst_policy: DstView,
    pub start_at: Option<Moment>,
    pub end_at: Option<Moment>,
    /// What the server says besides.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

/// What becomes of local times that a clock change skips or repeats.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of the contract, under its names")]
pub struct DstView {
    pub gap: Gap,
    pub fold: Fold,
}

/// A page of schedules.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SchedulePage {
    /// True, as in every envelope of an answer.
    pub success: bool,
    /// The schedules.
    pub data: Vec<ScheduleView>,
    /// One sentence.
    #[serde(default)]
    pub message: String,
    /// Where the page lies.
    pub pagination: Pagination,
}

/// What may be done to a schedule without a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It fires.
    Enable,
    /// It does not fire until it is enabled.
    Disable,
    /// Its pause ends.
    Resume,
}

impl Client {
    /// `GET /schedules`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the filter.
    pub async fn schedules(&self, filter: &FilterQuery) -> Result<SchedulePage, ClientError> {
        self.exchange.get(&filter.path("/schedules")).await
    }

    /// `GET /schedules/{id}`.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such schedule.
    pub async fn schedule(&self, which: &str) -> Result<ScheduleView, ClientError> {
        self.exchange.get(&path(which, "")).await
    }

    /// `POST /schedules`, with the terms in the words of the contract. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the terms.
    pub async fn create_schedule(&self, terms: &Value) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::POST, "/schedules").json(terms)).await
    }

    /// `PATCH /schedules/{id}`; if a tag is given, only when nobody has edited it since.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such schedule, or refuses the change.
    pub async fn change_schedule(
        &self,
        which: &str,
        change: &Value,
        if_match: Option<&str>,
    ) -> Result<ScheduleView, ClientError> {
        let mut request = self.exchange.request(Method::PATCH, &path(which, "")).json(change);
        if let Some(tag) = if_match {
            request = request.header(IF_MATCH, tag);
        }
        self.exchange.call(request).await
    }

    /// `DELETE /schedules/{id}`.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such schedule.
    pub async fn remove_schedule(&self, which: &str) -> Result<(), ClientError> {
        self.exchange.send(self.exchange.request(Method::DELETE, &path(which, ""))).await.map(drop)
    }

    /// `POST /schedules/{id}/enable`, `…/disable`, `…/resume`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such schedule.
    pub async fn switch_schedule(&self, which: &str, switch: Switch) -> Result<Value, ClientError> {
        let below = match switch {
            Switch::Enable => "/enable",
            Switch::Disable => "/disable",
            Switch::Resume => "/resume",
        };
        self.exchange.call(self.exchange.request(Method::POST, &path(which, below))).await
    }

    /// `POST /schedules/{id}/pause`, until a moment or until it is resumed. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such schedule, or the moment is past.
    pub async fn pause_schedule(&self, which: &str, until: Option<Moment>) -> Result<Value, ClientError> {
        let body = serde_json::json!({ "until": until });
        self.exchange.call(self.exchange.request(Method::POST, &path(which, "/pause")).json(&body)).await
    }

    /// `POST /schedules/{id}/execute`, with a payload for this one job if one is given.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such schedule, or refuses the payload.
    pub async fn execute_schedule(&self, which: &str, payload: Option<&RawValue>) -> Result<Accepted, ClientError> {
        #[derive(Serialize)]
        struct Body<'a> {
            payload: Option<&'a RawValue>,
        }
        let request = self.exchange.request(Method::POST, &path(which, "/execute")).json(&Body { payload });
        self.accepted(request).await
    }

    /// `POST /schedules/{id}/backfill`: a job for each tick of a time that has passed. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such schedule, or refuses the window.
    pub async fn backfill_schedule(&self, which: &str, from: Moment, until: Moment) -> Result<Value, ClientError> {
        let body = serde_json::json!({ "from": from, "until": until });
        self.exchange.call(self.exchange.request(Method::POST, &path(which, "/backfill")).json(&body)).await
    }

    /// `GET /schedules/{id}/executions`, or `GET /executions` when no schedule is named.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such schedule, or refuses the filter.
    pub async fn executions(&self, which: Option<&str>, filter: &FilterQuery) -> Result<JobPage, ClientError> {
        let path = which.map_or_else(|| "/executions".to_owned(), |which| path(which, "/executions"));
        self.exchange.get(&filter.path(&path)).await
    }
}

/// The path of a schedule, or of something below it. A name is typed by people, so it is escaped.
fn path(which: &str, below: &str) -> String {
    format!("/schedules/{}{below}", exchange::escape(which))
}
