//! The outbox of a server.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, ClientError};

impl Client {
    /// `GET /outbox/stats`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it.
    pub async fn outbox(&self) -> Result<Value, ClientError> {
        self.exchange.get("/outbox/stats").await
    }

    /// `POST /outbox/process`: everything that is to be sent is tried now. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached, or sends nothing itself.
    pub async fn process_outbox(&self) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::POST, "/outbox/process")).await
    }

    /// `POST /outbox/cleanup`: deliveries that ended longer ago than so many days are forgotten. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it.
    pub async fn clean_outbox(&self, days: u32) -> Result<Value, ClientError> {
        let request = self.exchange.request(Method::POST, "/outbox/cleanup");
        self.exchange.call(request.json(&json!({ "days": days }))).await
    }
}
