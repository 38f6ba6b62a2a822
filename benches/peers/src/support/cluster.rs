//! One cluster for all: each turn of each contestant has a new database of its own on it.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Row};
use tokio::runtime::Runtime;

/// The cluster.
pub struct Cluster {
    url: String,
    runtime: Runtime,
    next: AtomicU32,
}

/// A database that is gone when nobody holds it any more.
pub struct Database<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl Cluster {
    /// The one that the script has started.
    pub fn of_the_script() -> Result<Self> {
        let url = std::env::var("FAENA_TEST_POSTGRES").context("there is no cluster; use scripts/bench-postgres")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { url, runtime, next: AtomicU32::new(1) })
    }

    /// A new database. What was written before is on disk, so that nobody pays for the one before.
    pub fn database(&self) -> Result<Database<'_>> {
        let name = format!("turn_{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.run(&self.url, &format!("CREATE DATABASE {name}"))?;
        self.run(&self.url, "CHECKPOINT")?;
        Ok(Database { cluster: self, name })
    }

    /// What the server says of itself.
    pub fn about(&self) -> Result<String> {
        let of = |name: &str| self.ask(&self.url, &format!("SELECT current_setting('{name}')"));
        Ok(format!(
            "PostgreSQL {}, fsync {}, synchronous_commit {}, shared_buffers {}, max_wal_size {}",
            of("server_version")?,
            of("fsync")?,
            of("synchronous_commit")?,
            of("shared_buffers")?,
            of("max_wal_size")?
        ))
    }

    fn run(&self, url: &str, sql: &str) -> Result<()> {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect_with(&url.parse::<PgConnectOptions>()?).await?;
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
            Ok(connection.close().await?)
        })
    }

    fn ask(&self, url: &str, sql: &str) -> Result<String> {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect_with(&url.parse::<PgConnectOptions>()?).await?;
            let row = sqlx::query(AssertSqlSafe(format!("SELECT ({sql})::text"))).fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(row.try_get::<Option<String>, _>(0)?.unwrap_or_default())
        })
    }
}

impl Database<'_> {
    /// Where it is.
    pub fn url(&self) -> String {
        match self.cluster.url.rsplit_once('/') {
            Some((server, _)) => format!("{server}/{}", self.name),
            None => self.cluster.url.clone(),
        }
    }

    /// Asks it for one number.
    pub fn number(&self, sql: &str) -> Result<f64> {
        Ok(self.cluster.ask(&self.url(), sql)?.parse().unwrap_or(f64::NAN))
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let dropped = self.cluster.run(&self.cluster.url, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        if let Err(error) = dropped {
            eprintln!("  the database {} is left behind: {error:#}", self.name);
        }
    }
}
