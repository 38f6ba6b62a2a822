//! Keys of a server: made, listed, taken back.

use reqwest::Method;
use serde_json::Value;

use super::{Client, ClientError, exchange};

impl Client {
    /// `POST /keys`. The secret stands in `data.key`, this once. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it.
    pub async fn create_key(&self, key: &Value) -> Result<Value, ClientError> {
        self.exchange.call(self.exchange.request(Method::POST, "/keys").json(key)).await
    }

    /// `GET /keys`. The answer is the server's own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses it.
    pub async fn keys(&self) -> Result<Value, ClientError> {
        self.exchange.get("/keys").await
    }

    /// `DELETE /keys/{id}`: it opens nothing any more.
    ///
    /// # Errors
    /// When the server cannot be reached, or knows no such key.
    pub async fn revoke_key(&self, id: &str) -> Result<(), ClientError> {
        let request = self.exchange.request(Method::DELETE, &format!("/keys/{}", exchange::escape(id)));
        self.exchange.send(request).await.map(drop)
    }
}
