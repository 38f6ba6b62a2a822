//! Forgetting what ended long ago, in chunks (rule 27), and keys whose window has passed.

use std::sync::Arc;

use tokio_postgres::types::Type;

use super::days;
use super::kept::Kept;
use super::place::Fault;
use super::results::sweep;
use super::session::Session;
use crate::clock::Timestamp;
use crate::store::{Prune, Pruned};

const JOBS: &str = "WITH old AS (SELECT * FROM ( \
         (SELECT ended_at, seq FROM faena.history WHERE status IN (3, 5) AND ended_at < $1 ORDER BY ended_at, seq LIMIT $3) \
         UNION ALL \
         (SELECT ended_at, seq FROM faena.history WHERE status = 4 AND ended_at < $2 ORDER BY ended_at, seq LIMIT $3)) AS ended \
         ORDER BY ended_at, seq LIMIT $3), \
     gone AS (DELETE FROM faena.history h USING old WHERE h.ended_at = ANY(ARRAY[old.ended_at]) AND h.seq = ANY(ARRAY[old.seq]) \
         RETURNING h.seq, h.kind, h.sub_type, h.priority, h.status, h.dead, h.result), \
     silent AS (DELETE FROM faena.log l USING gone WHERE l.seq = ANY(ARRAY[gone.seq])) \
     SELECT kind, sub_type, priority, status, dead, 1::bigint, result FROM gone";
const REQUESTS: &str = "DELETE FROM faena.request WHERE key IN \
     (SELECT key FROM faena.request WHERE until <= $1 ORDER BY until LIMIT $2) AND until <= $1 RETURNING 1";
const KEYS: &str = "DELETE FROM faena.unique_key WHERE key IN \
     (SELECT key FROM faena.unique_key WHERE until <= $1 ORDER BY until LIMIT $2) AND until <= $1 RETURNING 1";

/// Forgets at most so many jobs, oldest first, and keys.
pub(super) async fn prune(session: &Session, prune: Prune, now: Timestamp) -> Result<Pruned, Fault> {
    let limit = prune.limit as i64;
    let (ended, failed) = (prune.ended_before.as_millis(), prune.failed_before.as_millis());
    let params = [(&ended as _, Type::INT8), (&failed as _, Type::INT8), (&limit as _, Type::INT8)];
    let mut kept = Kept::default();
    let (dropped, mut results) = days::drop_past(session, &prune, now, &mut kept).await?;
    let rows = session.query(JOBS, &params).await?;
    for row in &rows {
        kept.forget(row)?;
        results.extend(row.try_get::<_, Option<&str>>(6)?.map(Arc::from));
    }
    kept.write(session).await?;
    sweep(session).await?;
    let mut keys = 0;
    for sql in [REQUESTS, KEYS] {
        keys +=
            session.query(sql, &[(&now.as_millis() as _, Type::INT8), (&limit as _, Type::INT8)]).await?.len() as u64;
    }
    Ok(Pruned { jobs: dropped + rows.len() as u64, keys, results })
}
