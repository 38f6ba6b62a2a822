//! apalis-postgres, with large batches, its handlers on tasks of their own, and a short pause between two polls.

use std::time::Duration;

use anyhow::Result;
use apalis::prelude::*;
use apalis_postgres::{Config, PostgresStorage};
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::runtime::Handle;

use super::{Queue, payload, ran};

/// Connections for producers and workers together.
const CONNECTIONS: u32 = 40;
/// Jobs that one fetch may bring.
const BATCH: usize = 1_000;
const POLL: Duration = Duration::from_millis(5);
const QUEUE: &str = "nothing";

#[derive(Clone)]
pub struct Apalis {
    pool: PgPool,
    payload: Vec<u8>,
}

async fn run(_: Value) -> Result<(), BoxDynError> {
    ran();
    Ok(())
}

impl Queue for Apalis {
    async fn open(url: &str) -> Result<Self> {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).min_connections(4).connect(url).await?;
        PostgresStorage::setup(&pool).await?;
        Ok(Self { pool, payload: serde_json::to_vec(&payload()?)? })
    }

    async fn enqueue(&self) -> Result<()> {
        self.enqueue_many(1).await
    }

    async fn enqueue_many(&self, count: u64) -> Result<()> {
        let tasks = (0..count).map(|_| TaskBuilder::new(self.payload.clone()).build()).collect();
        let mut connection = self.pool.acquire().await?;
        apalis_postgres::queries::push_tasks(&mut *connection, QUEUE, tasks).await?;
        Ok(())
    }

    async fn work(&self) -> Result<()> {
        let config = Config::default().queue(QUEUE).batch_size(BATCH);
        let backend = PostgresStorage::<Value>::new(&self.pool).with_config(config).poll_with_interval(POLL);
        let runtime = Handle::current();
        // Its future cannot go from thread to thread; the handlers can.
        std::thread::spawn(move || {
            let worker = WorkerBuilder::new("nothing").backend(backend).parallelize(tokio::spawn).build(run);
            if let Err(error) = runtime.block_on(worker.run()) {
                eprintln!("apalis: {error}");
            }
        });
        Ok(())
    }
}
