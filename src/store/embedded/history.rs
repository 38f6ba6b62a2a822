//! Reading what has ended, and what lies beside the jobs on disk.

use std::collections::HashMap;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::disk::broken;
use super::rows::{COLUMNS, Reader};
use crate::clock::Timestamp;
use crate::job::{Job, JobId};
use crate::store::{LogLine, StoreError};

/// The ended job with this id.
pub(super) fn get(conn: &Connection, id: JobId) -> Result<Option<Job>, StoreError> {
    let mut select = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM history WHERE id = ?")).map_err(broken)?;
    let mut rows = select.query([id.as_bytes()]).map_err(broken)?;
    rows.next().map_err(broken)?.map(|row| Reader::default().read(row)).transpose()
}

/// The payload of a job, live or ended.
pub(super) fn payload(conn: &Connection, seq: u64) -> Result<Option<Bytes>, StoreError> {
    for table in ["live", "history"] {
        let mut select = conn.prepare_cached(&format!("SELECT payload FROM {table} WHERE seq = ?")).map_err(broken)?;
        let found = select.query_row([seq as i64], |row| row.get::<_, Vec<u8>>(0)).optional().map_err(broken)?;
        if let Some(payload) = found {
            return Ok(Some(payload.into()));
        }
    }
    Ok(None)
}

/// The payloads of live jobs.
pub(super) fn payloads(conn: &Connection, seqs: &[u64]) -> Result<HashMap<u64, Bytes>, StoreError> {
    let mut select = conn.prepare_cached("SELECT payload FROM live WHERE seq = ?").map_err(broken)?;
    let mut found = HashMap::with_capacity(seqs.len());
    for &seq in seqs {
        let payload = select.query_row([seq as i64], |row| row.get::<_, Vec<u8>>(0)).optional().map_err(broken)?;
        found.extend(payload.map(|payload| (seq, payload.into())));
    }
    Ok(found)
}

/// The log of a job.
pub(super) fn log(conn: &Connection, seq: u64) -> Result<Vec<LogLine>, StoreError> {
    let mut select =
        conn.prepare_cached("SELECT at, epoch, text FROM log WHERE seq = ? ORDER BY line").map_err(broken)?;
    let lines = select.query_map([seq as i64], |row| {
        let text: String = row.get(2)?;
        Ok(LogLine { at: Timestamp::from_millis(row.get(0)?), epoch: row.get(1)?, text: text.into() })
    });
    lines.map_err(broken)?.collect::<Result<_, _>>().map_err(broken)
}

/// The ended jobs with these sequence numbers, as far as they are still there.
pub(super) fn load(conn: &Connection, seqs: &[u64]) -> Result<Vec<Job>, StoreError> {
    let mut select = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM history WHERE seq = ?")).map_err(broken)?;
    let mut reader = Reader::default();
    let mut jobs = Vec::with_capacity(seqs.len());
    for seq in seqs {
        let mut rows = select.query(params![*seq as i64]).map_err(broken)?;
        if let Some(row) = rows.next().map_err(broken)? {
            jobs.push(reader.read(row)?);
        }
    }
    Ok(jobs)
}
