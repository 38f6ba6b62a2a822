//! Forgetting what ended long ago, in chunks that do not stall the queue (rule 27).

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::disk::{DiskError, PrunedJob, count};
use super::rows::{COLUMNS, Reader};
use crate::clock::Timestamp;
use crate::job::{Job, ResultRef};
use crate::store::query::Sort4;
use crate::store::{Prune, Pruned};

/// Forgets ended jobs and passed keys, within the transaction of the caller.
pub(super) fn prune(
    conn: &Connection,
    prune: &Prune,
    now: Timestamp,
    doom: &mut impl FnMut(Vec<u64>) -> Vec<u64>,
) -> Result<(Pruned, Vec<PrunedJob>), DiskError> {
    let mut victims = Vec::new();
    for (status, before) in
        [("completed", prune.ended_before), ("cancelled", prune.ended_before), ("failed", prune.failed_before)]
    {
        victims.extend(ended_before(conn, status, before, prune.limit)?);
    }
    victims.sort_by_key(|job| (job.end().map(|end| end.at), job.seq));
    victims.truncate(prune.limit);
    let spared = doom(victims.iter().map(|job| job.seq).collect());
    victims.retain(|job| !spared.contains(&job.seq));
    conn.execute("UPDATE pulse SET last_seq = max(last_seq, (SELECT coalesce(max(seq), 0) FROM history))", [])?;
    let mut tally: HashMap<Sort4, i64> = HashMap::new();
    for job in &victims {
        for delete in
            ["DELETE FROM history WHERE seq = ?", "DELETE FROM tag WHERE seq = ?", "DELETE FROM log WHERE seq = ?"]
        {
            conn.prepare_cached(delete)?.execute([job.seq as i64])?;
        }
        *tally.entry(job.sort4()).or_default() -= 1;
    }
    count(conn, &tally)?;
    let keys = prune_keys(conn, now, prune.limit)?;
    let pruned =
        Pruned { jobs: victims.len() as u64, keys, results: victims.iter().filter_map(stored_result).collect() };
    let jobs = victims.iter().map(|job| (job.id, job.sort4(), super::core::dead(job))).collect();
    Ok((pruned, jobs))
}

fn ended_before(conn: &Connection, status: &str, before: Timestamp, limit: usize) -> Result<Vec<Job>, DiskError> {
    let sql = format!("SELECT {COLUMNS} FROM history WHERE status = ? AND ended_at < ? ORDER BY ended_at LIMIT ?");
    let mut select = conn.prepare_cached(&sql)?;
    let mut rows = select.query(params![status, before.as_millis(), limit as i64])?;
    let mut reader = Reader::default();
    let mut jobs = Vec::new();
    while let Some(row) = rows.next()? {
        jobs.push(reader.read(row).map_err(|error| DiskError::Lost(error.to_string().into()))?);
    }
    Ok(jobs)
}

fn prune_keys(conn: &Connection, now: Timestamp, limit: usize) -> Result<u64, DiskError> {
    let mut requests = conn.prepare_cached(
        "DELETE FROM request WHERE key IN (SELECT key FROM request WHERE until <= ? ORDER BY until LIMIT ?)",
    )?;
    let mut windows = conn.prepare_cached("DELETE FROM unique_window WHERE until <= ?")?;
    Ok((requests.execute(params![now.as_millis(), limit as i64])? + windows.execute([now.as_millis()])?) as u64)
}

/// The name of a job's result in the result store, if it has one there.
pub(super) fn stored_result(job: &Job) -> Option<Arc<str>> {
    match job.end()?.result.as_ref()? {
        ResultRef::Stored { key, .. } => Some(key.clone()),
        ResultRef::Url(_) => None,
    }
}
