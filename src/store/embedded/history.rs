//! Reading what has ended, and what lies beside the jobs on disk.

use std::collections::HashMap;

use bytes::Bytes;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::disk::broken;
use super::rows::{COLUMNS, Reader};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Status};
use crate::limits;
use crate::store::query::{Filter, Sort, Start};
use crate::store::{LogLine, StoreError};

/// Ended jobs that a search for text looks through, newest first: it reads each of them.
const SEARCHED_MAX: usize = 50_000;

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

/// Ended jobs that a filter names, in order, at most `need` of them after `start`.
pub(super) fn seqs(
    conn: &Connection,
    filter: &Filter,
    sort: Sort,
    start: Start,
    need: usize,
) -> Result<Vec<u64>, StoreError> {
    let mut query = Where::of(filter);
    if let Start::After(seq) = start {
        query.add(if sort == Sort::CreatedDescending { "h.seq < ?" } else { "h.seq > ?" }, seq as i64);
    }
    let direction = if sort == Sort::CreatedDescending { "DESC" } else { "ASC" };
    if filter.text.is_some() {
        let sql = format!(
            "SELECT h.{} {} ORDER BY h.seq {direction} LIMIT {SEARCHED_MAX}",
            COLUMNS.replace(", ", ", h."),
            query.sql
        );
        return Ok(searched(conn, &sql, query.values, filter, need)?.into_iter().map(|job| job.seq).collect());
    }
    let sql = format!("SELECT h.seq {} ORDER BY h.seq {direction} LIMIT {need}", query.sql);
    let mut select = conn.prepare_cached(&sql).map_err(broken)?;
    let rows = select.query_map(params_from_iter(query.values), |row| row.get::<_, i64>(0)).map_err(broken)?;
    rows.map(|seq| seq.map(|seq| seq as u64)).collect::<Result<_, _>>().map_err(broken)
}

/// How many ended jobs a filter names, counted up to the bound.
pub(super) fn count(conn: &Connection, filter: &Filter) -> Result<u64, StoreError> {
    let bound = limits::COUNTED_TOTAL_MAX;
    let query = Where::of(filter);
    if filter.text.is_some() {
        let sql = format!(
            "SELECT h.{} {} ORDER BY h.seq DESC LIMIT {SEARCHED_MAX}",
            COLUMNS.replace(", ", ", h."),
            query.sql
        );
        return Ok(searched(conn, &sql, query.values, filter, bound as usize)?.len() as u64);
    }
    let sql = format!("SELECT count(*) FROM (SELECT 1 {} LIMIT {bound})", query.sql);
    let mut select = conn.prepare_cached(&sql).map_err(broken)?;
    let counted = select.query_row(params_from_iter(query.values), |row| row.get::<_, i64>(0)).map_err(broken)?;
    Ok(counted as u64)
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

fn searched(
    conn: &Connection,
    sql: &str,
    values: Vec<Value>,
    filter: &Filter,
    need: usize,
) -> Result<Vec<Job>, StoreError> {
    let mut select = conn.prepare_cached(sql).map_err(broken)?;
    let mut rows = select.query(params_from_iter(values)).map_err(broken)?;
    let mut reader = Reader::default();
    let mut jobs = Vec::new();
    while let Some(row) = rows.next().map_err(broken)? {
        let job = reader.read(row)?;
        if filter.matches(&job) {
            jobs.push(job);
            if jobs.len() == need {
                break;
            }
        }
    }
    Ok(jobs)
}

/// The `FROM … WHERE …` of a filter over the history, with its values.
struct Where {
    sql: String,
    values: Vec<Value>,
}

impl Where {
    fn of(filter: &Filter) -> Self {
        let from = match filter.tag {
            Some(_) => "FROM tag t CROSS JOIN history h ON h.seq = t.seq WHERE true",
            None => "FROM history h WHERE true",
        };
        let mut query = Self { sql: from.to_owned(), values: Vec::new() };
        if let Some(tag) = &filter.tag {
            query.add("t.tag = ?", tag.to_string());
        }
        if !filter.status.is_empty() {
            let words: Vec<_> = filter.status.iter().map(|status| format!("'{status}'")).collect();
            // Most of the history has completed, and is found by walking it; only the rest has an index by status. The
            // plus keeps the planner from sorting by another one.
            query.sql += match filter.status.contains(&Status::Completed) {
                true => " AND +h.status",
                false => " AND h.status <> 'completed' AND h.status",
            };
            query.sql += &format!(" IN ({})", words.join(", "));
        }
        if let Some(kind) = &filter.kind {
            // Without an index of its own: a family has few subtypes, and those have one.
            query.add("h.kind = ?", kind.to_string());
        }
        if let Some(sub_type) = &filter.sub_type {
            query.add("h.sub_type = ?", sub_type.to_string());
        }
        if let Some(priority) = filter.priority {
            query.add("h.priority = ?", priority.to_string());
        }
        if let Some(user) = &filter.user_id {
            query.add("h.user_id = ?", user.to_string());
        }
        if let Some(schedule) = &filter.schedule_id {
            query.add("h.schedule_id = ?", schedule.to_string());
        }
        if let Some(after) = filter.created_after {
            query.add("h.created_at >= ?", after.as_millis());
        }
        if let Some(before) = filter.created_before {
            query.add("h.created_at < ?", before.as_millis());
        }
        if filter.dead {
            query.sql += " AND h.dead = 1";
        }
        query
    }

    fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql += " AND ";
        self.sql += condition;
        self.values.push(value.into());
    }
}
