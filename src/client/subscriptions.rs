//! Subscriptions of a server, and what came of the events that went to them.

use reqwest::Method;
use serde_json::Value;

use super::{Client, ClientError, FilterQuery, exchange};

impl Client {
    /// `POST /subscriptions`. The secret stands in `data.secret`, this once. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it.
    pub async fn subscribe(&self, terms: &Value) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::POST, "/subscriptions").json(terms)).await
    }

    /// `GET /subscriptions`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it.
    pub async fn subscriptions(&self) -> Result<Value, ClientError> {
        self.exchange.get("/subscriptions").await
    }

    /// `GET /subscriptions/{id}`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such subscription.
    pub async fn subscription(&self, id: &str) -> Result<Value, ClientError> {
        self.exchange.get(&path(id, "")).await
    }

    /// `PATCH /subscriptions/{id}`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such subscription, or refuses the change.
    pub async fn change_subscription(&self, id: &str, change: &Value) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::PATCH, &path(id, "")).json(change)).await
    }

    /// `DELETE /subscriptions/{id}`: nothing more is sent to it.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such subscription.
    pub async fn unsubscribe(&self, id: &str) -> Result<(), ClientError> {
        self.exchange.send(self.exchange.request(Method::DELETE, &path(id, ""))).await.map(drop)
    }

    /// `POST /subscriptions/{id}/secret`. The new one stands in `data.secret`, this once. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such subscription, or refuses the secret.
    pub async fn rotate_secret(&self, id: &str, terms: &Value) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::POST, &path(id, "/secret")).json(terms)).await
    }

    /// `POST /subscriptions/{id}/test`. The answer is the server's own, and says whether the endpoint took the event.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such subscription, or sends nothing itself.
    pub async fn test_subscription(&self, id: &str) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::POST, &path(id, "/test"))).await
    }

    /// `GET /subscriptions/{id}/deliveries`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such subscription, or refuses the filter.
    pub async fn deliveries(&self, id: &str, filter: &FilterQuery) -> Result<Value, ClientError> {
        self.exchange.get(&filter.path(&path(id, "/deliveries"))).await
    }

    /// `POST /subscriptions/{id}/deliveries/replay`: dead deliveries of events in a range of time, or all. The answer is the
    /// server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such subscription, or refuses the range.
    pub async fn replay_deliveries(&self, id: &str, range: &Value) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::POST, &path(id, "/deliveries/replay")).json(range)).await
    }

    /// `POST /subscriptions/{id}/deliveries/{eventId}/replay`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, knows no such delivery, or it is on its way anyway.
    pub async fn replay_delivery(&self, id: &str, event: &str) -> Result<Value, ClientError> {
        let path = path(id, &format!("/deliveries/{}/replay", exchange::escape(event)));
        self.exchange.call(self.exchange.request(Method::POST, &path)).await
    }
}

/// The path of a subscription, or of something below it. An id is typed by people, so it is escaped.
fn path(id: &str, below: &str) -> String {
    format!("/subscriptions/{}{below}", exchange::escape(id))
}
