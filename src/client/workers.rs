//! Workers of other processes, as the server shows them.

use serde::{Deserialize, Serialize};

use super::wire::Moment;
use super::{Client, ClientError};

/// A worker of another process as the server shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract, under its names")]
pub struct WorkerView {
    pub worker_id: String,
    pub name: String,
    pub sub_types: Vec<String>,
    pub concurrency: u32,
    pub held: u64,
    pub live: bool,
    pub registered_at: Moment,
    pub last_seen_at: Moment,
}

/// All workers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkerList {
    /// True, as in every envelope of an answer.
    pub success: bool,
    /// The workers, in the order in which they came.
    pub data: Vec<WorkerView>,
    /// One sentence.
    #[serde(default)]
    pub message: String,
}

impl Client {
    /// `GET /workers`.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn workers(&self) -> Result<WorkerList, ClientError> {
        self.exchange.get("/workers").await
    }
}
