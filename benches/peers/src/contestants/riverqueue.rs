//! riverqueue, with what its guide says for throughput: a pool as large as it has use for, many workers at once, and the
//! shortest pause between two fetches.

use std::time::Duration;

use anyhow::Result;
use riverqueue::migrate::PostgresMigrator;
use riverqueue::{BoxError, Client, Job, JobArgs, QueueConfig, RunHandle, WorkContext, WorkOutcome, Workers};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::{Queue, payload, ran};

/// Connections for producers and workers together.
const CONNECTIONS: u32 = 40;
/// Jobs at once: what one fetch may bring.
const WORKERS: usize = 2_000;
const FETCH_COOLDOWN: Duration = Duration::from_millis(1);
const FETCH_POLL: Duration = Duration::from_millis(20);

#[derive(Clone, Deserialize, JobArgs, Serialize)]
#[river(kind = "nothing")]
struct Nothing {
    payload: Value,
}

#[derive(Clone)]
pub struct River {
    client: Client,
    args: Nothing,
}

async fn run(_: WorkContext, _: Job<Nothing>) -> Result<WorkOutcome, BoxError> {
    ran();
    Ok(WorkOutcome::Complete)
}

impl Queue for River {
    async fn open(url: &str) -> Result<Self> {
        let pool: PgPool = PgPoolOptions::new().max_connections(CONNECTIONS).min_connections(4).connect(url).await?;
        PostgresMigrator::new(pool.clone()).migrate_up().await?;
        let mut workers = Workers::new();
        workers.add_fn(run)?;
        let queue = QueueConfig::new(WORKERS).with_fetch_poll_interval(FETCH_POLL);
        let client =
            Client::builder(pool).workers(workers).queue("default", queue).fetch_cooldown(FETCH_COOLDOWN).build()?;
        Ok(Self { client, args: Nothing { payload: payload()? } })
    }

    async fn enqueue(&self) -> Result<()> {
        self.client.insert(self.args.clone()).await?;
        Ok(())
    }

    async fn enqueue_many(&self, count: u64) -> Result<()> {
        self.client.insert_many((0..count).map(|_| self.args.clone())).await?;
        Ok(())
    }

    async fn work(&self) -> Result<()> {
        let running: RunHandle = self.client.start()?;
        running.detach();
        Ok(())
    }
}
