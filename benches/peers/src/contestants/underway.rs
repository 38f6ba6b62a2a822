//! underway: a task is a transaction of its own, so there is a connection for each of a few at once. It has no way to take
//! several together.

use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;
use sqlx_of_underway::postgres::PgPoolOptions;
use tokio::runtime::Handle;
use underway::{Job, To};

use super::{Queue, payload, ran};

/// Connections for producers and workers together.
const CONNECTIONS: u32 = 40;
/// Tasks at once.
const WORKERS: usize = 32;

#[derive(Clone)]
pub struct Underway {
    job: Arc<Job<Value, ()>>,
    payload: Value,
}

impl Queue for Underway {
    async fn open(url: &str) -> Result<Self> {
        let (url, runtime) = (url.to_owned(), Handle::current());
        // Its futures cannot go from thread to thread.
        tokio::task::spawn_blocking(move || runtime.block_on(connect(&url))).await?
    }

    async fn enqueue(&self) -> Result<()> {
        self.job.enqueue(&self.payload).await?;
        Ok(())
    }

    async fn enqueue_many(&self, count: u64) -> Result<()> {
        // A job has no call for many, and there are few of them.
        for _ in 0..count {
            self.enqueue().await?;
        }
        Ok(())
    }

    async fn work(&self) -> Result<()> {
        let mut worker = self.job.worker();
        worker.set_concurrency_limit(WORKERS);
        tokio::spawn(async move {
            if let Err(error) = worker.run().await {
                eprintln!("underway: {error}");
            }
        });
        Ok(())
    }
}

async fn connect(url: &str) -> Result<Underway> {
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).min_connections(4).connect(url).await?;
    underway::run_migrations(&pool).await?;
    let job = Job::builder()
        .step(|_, _: Value| async move {
            ran();
            To::done()
        })
        .name("nothing")
        .pool(pool)
        .build()
        .await?;
    Ok(Underway { job: Arc::new(job), payload: payload()? })
}
