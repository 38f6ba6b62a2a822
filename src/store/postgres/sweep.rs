//! Sweeping up: a queue leaves a dead row behind for every step, and whoever looks for the next job walks past what is dead.
//! Autovacuum comes once a minute, when thousands of jobs a second have left hundreds of thousands. So nodes look more often.

use std::sync::Arc;

use tokio::time::Duration;

use super::place::Fault;
use super::session::{Pool, Session};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The more lives in a table, the more a sweep costs, and the more may lie in it.
const LITTERED: &str = "SELECT relname::text FROM pg_stat_user_tables WHERE schemaname = 'faena' \
     AND relname IN ('live', 'mark', 'minute', 'tally', 'event_batch') AND n_dead_tup > 10000 + n_live_tup / 10";

/// Sweeps whatever needs it, for as long as the store is open.
pub(super) async fn sweep_all(pool: Arc<Pool>) {
    loop {
        // Nodes that look together would also sweep together.
        let jitter = Duration::from_millis(4 * u64::from(uuid::Uuid::now_v7().as_bytes()[15]));
        tokio::time::sleep(LOOK_EVERY + jitter).await;
        if let Err(fault) = pool.with(|session| Box::pin(sweep(session))).await {
            // Autovacuum comes by later.
            tracing::debug!(?fault, "dead rows could not be swept up");
        }
    }
}

/// A table that somebody else sweeps meanwhile is passed over. Its file keeps its length: to shorten it would lock everybody out.
async fn sweep(session: &Session) -> Result<(), Fault> {
    for row in session.query(LITTERED, &[]).await? {
        let table: &str = row.try_get(0)?;
        session.run(&format!("VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF) faena.{table}")).await?;
    }
    Ok(())
}
