//! Alerts and alert rules on the server.

use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::{Moment, Pagination};
use super::{Client, ClientError, FilterQuery, exchange};
use crate::alert::{AlertStatus, Kind};

/// An alert as the server shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract, under its names")]
pub struct AlertView {
    pub id: String,
    pub rule: String,
    pub kind: Kind,
    pub status: AlertStatus,
    pub subject: String,
    pub schedule_name: Option<String>,
    pub sub_type: Option<String>,
    pub message: String,
    pub fired_at: Moment,
    pub cleared_at: Option<Moment>,
    /// What the server says besides.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

/// A page of alerts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlertPage {
    /// True, as in every envelope of an answer.
    pub success: bool,
    /// The alerts.
    pub data: Vec<AlertView>,
    /// One sentence.
    #[serde(default)]
    pub message: String,
    /// Where the page lies.
    pub pagination: Pagination,
}

/// An alert rule as the server shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract, under its names")]
pub struct RuleView {
    pub name: String,
    pub kind: Kind,
    pub count: Option<u64>,
    pub seconds: Option<u64>,
    pub jobs: Option<u64>,
    pub sub_type: Option<String>,
    pub schedule: Option<String>,
    pub enabled: bool,
    pub revision: u64,
}

/// All alert rules.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RuleList {
    /// The rules, by name.
    pub data: Vec<RuleView>,
}

impl Client {
    /// `GET /alerts`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the filter.
    pub async fn alerts(&self, filter: &FilterQuery) -> Result<AlertPage, ClientError> {
        self.exchange.get(&filter.path("/alerts")).await
    }

    /// `GET /alerts/{id}`.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such alert.
    pub async fn alert(&self, id: &str) -> Result<AlertView, ClientError> {
        self.exchange.get(&format!("/alerts/{}", exchange::escape(id))).await
    }

    /// `GET /alerts/rules`.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn alert_rules(&self) -> Result<RuleList, ClientError> {
        self.exchange.get("/alerts/rules").await
    }

    /// `PUT /alerts/rules/{name}`, with the terms in the words of the contract; if a tag is given, only when nobody has
    /// changed the rule since. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the terms.
    pub async fn put_alert_rule(
        &self,
        name: &str,
        terms: &Value,
        if_match: Option<&str>,
    ) -> Result<Value, ClientError> {
        let mut request = self.exchange.request(Method::PUT, &path(name)).json(terms);
        if let Some(tag) = if_match {
            request = request.header(IF_MATCH, tag);
        }
        self.exchange.call(request).await
    }

    /// `DELETE /alerts/rules/{name}`.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such rule.
    pub async fn remove_alert_rule(&self, name: &str) -> Result<(), ClientError> {
        self.exchange.send(self.exchange.request(Method::DELETE, &path(name))).await.map(drop)
    }
}

/// The path of a rule. A name is typed by people, so it is escaped.
fn path(name: &str) -> String {
    format!("/alerts/rules/{}", exchange::escape(name))
}
