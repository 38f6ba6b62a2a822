//! Forgetting what ended long ago, in chunks that do not stall the queue (rule 27).

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::core::Core;
use super::counts::Counts;
use super::disk::{DiskError, PrunedJob};
use super::rows::{COLUMNS, Reader};
use super::shown::Shown;
use crate::clock::Timestamp;
use crate::job::{Job, ResultRef, Status};
use crate::store::{Prune, Pruned};

/// Forgets ended jobs and passed keys, within the transaction of the caller.
pub(super) fn prune(
    conn: &Connection,
    prune: &Prune,
    now: Timestamp,
    doom: &mut impl FnMut(Vec<u64>) -> Vec<u64>,
) -> Result<(Pruned, Vec<PrunedJob>, Counts), DiskError> {
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
    let mut counts = Counts::default();
    for job in &victims {
        for delete in
            ["DELETE FROM history WHERE seq = ?", "DELETE FROM tag WHERE seq = ?", "DELETE FROM log WHERE seq = ?"]
        {
            conn.prepare_cached(delete)?.execute([job.seq as i64])?;
        }
        counts.remove(job.sort4(), job);
    }
    counts.write(conn)?;
    let keys = prune_keys(conn, now, prune.limit)?;
    let pruned =
        Pruned { jobs: victims.len() as u64, keys, results: victims.iter().filter_map(stored_result).collect() };
    let jobs = victims.iter().map(|job| (job.id, job.sort4(), super::core::dead(job))).collect();
    Ok((pruned, jobs, counts))
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
        ResultRef::Url(_) | ResultRef::Sealed(_) => None,
    }
}

impl Core {
    /// Forgets ended jobs of the archive.
    pub(super) fn prune_archive(&mut self, prune: &Prune, shown: &Shown) -> Pruned {
        let mut pruned = Pruned::default();
        let horizon = prune.ended_before.max(prune.failed_before);
        let Some(archive) = &self.archive else { return pruned };
        let old: Vec<u64> = archive.before(horizon).collect();
        for seq in old {
            let passed = self.jobs.get(&seq).is_some_and(|job| {
                let before = if job.status() == Status::Failed { prune.failed_before } else { prune.ended_before };
                job.end().is_some_and(|end| end.at < before)
            });
            if pruned.jobs < prune.limit as u64
                && passed
                && let Some(job) = self.forget_archived(seq, shown)
            {
                pruned.jobs += 1;
                pruned.results.extend(stored_result(&job));
            }
        }
        pruned
    }
}
