//! The kept counts of ended jobs: how many of each sort, and how many of each sort in each block of neighbouring
//! sequence numbers, with the span of moments at which they were accepted. A transaction collects what it changes and
//! writes one row for each sort and block that it touched, so the counts cost next to nothing beside the jobs.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params};

use super::disk::{DiskError, broken};
use crate::clock::Timestamp;
use crate::job::Job;
use crate::store::StoreError;
use crate::store::query::Sort4;

/// Sequence numbers of one block: few enough to look through in a moment, enough that the blocks of a long history are
/// few.
pub(super) const BLOCK_SEQS: u64 = 256;

/// The block of a sequence number.
pub(super) fn block_of(seq: u64) -> u64 {
    seq / BLOCK_SEQS
}

/// What a transaction changes in the counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) changes: HashMap<Sort4, BTreeMap<u64, Change>>,
}

/// What changes of one sort in one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) jobs: i64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Counts {
    /// A job has come to the history.
    pub(super) fn add(&mut self, job: &Job) {
        self.change(job.sort4(), job, 1);
    }

    /// A job that was of this sort has left the history, or is of another sort now.
    pub(super) fn remove(&mut self, sort: Sort4, job: &Job) {
        self.change(sort, job, -1);
    }

    fn change(&mut self, sort: Sort4, job: &Job, jobs: i64) {
        let at = job.created_at;
        let change = Change { jobs: 0, first: at, last: at };
        let change = self.changes.entry(sort).or_default().entry(block_of(job.seq)).or_insert(change);
        change.jobs += jobs;
        change.first = change.first.min(at);
        change.last = change.last.max(at);
    }

    /// Adds what another part of the transaction changes.
    pub(super) fn merge(&mut self, other: Self) {
        for (sort, blocks) in other.changes {
            let known = self.changes.entry(sort).or_default();
            for (block, change) in blocks {
                let sum = known.entry(block).or_insert(Change { jobs: 0, ..change });
                sum.jobs += change.jobs;
                sum.first = sum.first.min(change.first);
                sum.last = sum.last.max(change.last);
            }
        }
    }

    /// Writes the changes, within the transaction of the caller.
    pub(super) fn write(&self, conn: &Connection) -> Result<(), DiskError> {
        let mut tally = conn.prepare_cached(
            "INSERT INTO tally (status, kind, sub_type, priority, jobs) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs RETURNING sort",
        )?;
        let mut block = conn.prepare_cached(
            "INSERT INTO block VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET
                jobs = jobs + excluded.jobs, first = min(first, excluded.first), last = max(last, excluded.last)",
        )?;
        let mut forget = conn.prepare_cached("DELETE FROM block WHERE block = ? AND sort = ? AND jobs <= 0")?;
        for (sort, blocks) in &self.changes {
            let words = (sort.status.as_str(), sort.kind.as_str(), sort.sub_type.as_str(), sort.priority.as_str());
            let jobs: i64 = blocks.values().map(|change| change.jobs).sum();
            let sort: i64 = tally.query_row(params![words.0, words.1, words.2, words.3, jobs], |row| row.get(0))?;
            for (&number, change) in blocks {
                let (first, last) = (change.first.as_millis(), change.last.as_millis());
                block.execute(params![number as i64, sort, change.jobs, first, last])?;
                if change.jobs < 0 {
                    forget.execute(params![number as i64, sort])?;
                }
            }
        }
        Ok(())
    }

    /// Reads all counts, as one change to counts that know nothing.
    pub(super) fn read(conn: &Connection) -> Result<Self, StoreError> {
        let unreadable = |error: String| StoreError::Broken(error.into());
        let text = |row: &rusqlite::Row<'_>, index| row.get::<_, String>(index);
        let mut select = conn.prepare("SELECT status, kind, sub_type, priority, sort FROM tally").map_err(broken)?;
        let rows =
            select.query_map([], |row| Ok(([text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?], row.get(4)?)));
        let mut sorts: HashMap<i64, (Sort4, BTreeMap<u64, Change>)> = HashMap::new();
        for row in rows.map_err(broken)? {
            let ([status, kind, sub_type, priority], number) = row.map_err(broken)?;
            let sort = Sort4 {
                status: status.parse().map_err(unreadable)?,
                kind: kind.parse().map_err(unreadable)?,
                sub_type: sub_type.parse().map_err(unreadable)?,
                priority: priority.parse().map_err(unreadable)?,
            };
            sorts.insert(number, (sort, BTreeMap::new()));
        }
        let mut select =
            conn.prepare("SELECT sort, block, jobs, first, last FROM block WHERE jobs > 0").map_err(broken)?;
        let mut rows = select.query([]).map_err(broken)?;
        while let Some(row) = rows.next().map_err(broken)? {
            let number = |index| row.get::<_, i64>(index).map_err(broken);
            let at = |index| Ok(Timestamp::from_millis(number(index)?));
            let change = Change { jobs: number(2)?, first: at(3)?, last: at(4)? };
            if let Some((_, blocks)) = sorts.get_mut(&number(0)?) {
                blocks.insert(number(1)? as u64, change);
            }
        }
        Ok(Self { changes: sorts.into_values().filter(|(_, blocks)| !blocks.is_empty()).collect() })
    }

    /// How many jobs of each sort it adds.
    pub(super) fn by_sort(&self) -> impl Iterator<Item = (&Sort4, i64)> {
        self.changes.iter().map(|(sort, blocks)| (sort, blocks.values().map(|change| change.jobs).sum()))
    }
}
