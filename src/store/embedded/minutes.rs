//! The kept counts of what came to an end, minute by minute. A transaction collects what it adds and writes one row for
//! each minute that it touched, so they cost next to nothing beside the jobs. What is older than anybody asks for is
//! added up to one row.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::change::Change;
use super::disk::{DiskError, broken};
use crate::clock::Timestamp;
use crate::job::{Job, Outcome, Status};
use crate::store::StoreError;
use crate::store::activity::{Activity, Durations, Ended, MINUTE_MS, MINUTES};

/// What came to an end by the minute, and before the minutes that are kept. A history that is older than these counts has
/// its endings, but nobody knows any more when they were or what they took.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS minute (
        minute INTEGER PRIMARY KEY, completed INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL,
        retried INTEGER NOT NULL, took_ms INTEGER NOT NULL, durations BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS ended_before (
        one INTEGER PRIMARY KEY CHECK (one = 1), completed INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, retried INTEGER NOT NULL,
        took_ms INTEGER NOT NULL);
    INSERT OR IGNORE INTO ended_before SELECT 1, coalesce(sum(jobs) FILTER (WHERE status = 'completed'), 0),
        coalesce(sum(jobs) FILTER (WHERE status = 'failed'), 0),
        coalesce(sum(jobs) FILTER (WHERE status = 'cancelled'), 0), 0, 0
        FROM tally;
";

/// Minutes in which something ended that are told apart: those of a day, and room for a clock that was set back.
const KEPT_MAX: usize = 2 * MINUTES;

/// Counts by minute: all that there are, or what a transaction adds to them.
#[derive(Debug, Default)]
pub(super) struct Minutes {
    /// What came to an end before the minutes.
    before: Ended,
    /// By number of the minute since 1970.
    kept: BTreeMap<i64, Minute>,
}

/// What came to an end within a minute.
#[derive(Debug, Clone, Default)]
struct Minute {
    ended: Ended,
    durations: Durations,
}

impl Minutes {
    /// Counts what a change ends.
    pub(super) fn count(&mut self, change: &Change) {
        match change {
            Change::Finish(job) => self.finished(job),
            Change::Again(job) => {
                let last = job.attempts().last().filter(|last| last.outcome != Outcome::Released);
                if let Some(last) = last {
                    self.at(last.ended_at).ended.retried += 1;
                }
            }
            _ => {}
        }
    }

    /// Takes in changes that nothing stands behind.
    pub(super) fn note(&mut self, changes: &[Change]) {
        let mut added = Self::default();
        changes.iter().for_each(|change| added.count(change));
        self.merge(added);
    }

    fn finished(&mut self, job: &Job) {
        let Some(end) = job.end() else { return };
        let minute = self.at(end.at);
        match job.status() {
            Status::Completed => {
                let took_ms = end.started_at.map_or(0, |started| end.at.millis_since(started));
                minute.ended.completed += 1;
                minute.ended.took_ms = minute.ended.took_ms.saturating_add(took_ms);
                minute.durations.note(took_ms);
            }
            Status::Cancelled => minute.ended.cancelled += 1,
            _ => minute.ended.failed += 1,
        }
    }

    fn at(&mut self, moment: Timestamp) -> &mut Minute {
        self.kept.entry(number_of(moment)).or_default()
    }

    /// Takes in what was added; what is too old to be told apart is added up.
    pub(super) fn merge(&mut self, added: Self) {
        let too_old = self.too_old(&added);
        for (number, minute) in added.kept {
            let known = self.kept.entry(number).or_default();
            known.ended += minute.ended;
            known.durations.merge(&minute.durations);
        }
        for minute in too_old.iter().filter_map(|number| self.kept.remove(number)) {
            self.before += minute.ended;
        }
    }

    /// Writes what these become with what is added, within the transaction of the caller.
    pub(super) fn write(&self, added: &Self, conn: &Connection) -> Result<(), DiskError> {
        let mut put = conn.prepare_cached("INSERT OR REPLACE INTO minute VALUES (?, ?, ?, ?, ?, ?, ?)")?;
        for (number, minute) in &added.kept {
            let mut sum = self.kept.get(number).cloned().unwrap_or_default();
            sum.ended += minute.ended;
            sum.durations.merge(&minute.durations);
            let Ended { completed, failed, cancelled, retried, took_ms } = sum.ended;
            let durations = sum.durations.to_bytes();
            put.execute(params![
                number,
                completed as i64,
                failed as i64,
                cancelled as i64,
                retried as i64,
                took_ms as i64,
                durations
            ])?;
        }
        for number in self.too_old(added) {
            conn.prepare_cached(
                "UPDATE ended_before SET (completed, failed, cancelled, retried, took_ms) =
                    (SELECT b.completed + m.completed, b.failed + m.failed, b.cancelled + m.cancelled,
                        b.retried + m.retried, b.took_ms + m.took_ms FROM ended_before b, minute m WHERE m.minute = ?)",
            )?
            .execute([number])?;
            conn.prepare_cached("DELETE FROM minute WHERE minute = ?")?.execute([number])?;
        }
        Ok(())
    }

    /// The oldest minutes, as many as are too many once `added` is taken in.
    fn too_old(&self, added: &Self) -> BTreeSet<i64> {
        let new = added.kept.keys().filter(|number| !self.kept.contains_key(number)).count();
        let excess = (self.kept.len() + new).saturating_sub(KEPT_MAX);
        if excess == 0 {
            return BTreeSet::new();
        }
        let oldest: BTreeSet<i64> = self.kept.keys().take(excess).chain(added.kept.keys()).copied().collect();
        oldest.into_iter().take(excess).collect()
    }

    /// Reads all counts.
    pub(super) fn read(conn: &Connection) -> Result<Self, StoreError> {
        let ended = |row: &rusqlite::Row<'_>, first: usize| -> rusqlite::Result<Ended> {
            let number = |place| row.get::<_, i64>(first + place).map(|number| number.max(0) as u64);
            let (completed, failed, cancelled) = (number(0)?, number(1)?, number(2)?);
            Ok(Ended { completed, failed, cancelled, retried: number(3)?, took_ms: number(4)? })
        };
        let before = conn.query_row("SELECT * FROM ended_before", [], |row| ended(row, 1)).map_err(broken)?;
        let mut select = conn.prepare("SELECT * FROM minute").map_err(broken)?;
        let minute = |row: &rusqlite::Row<'_>| {
            let durations = Durations::of_bytes(row.get_ref(6)?.as_blob()?);
            Ok((row.get(0)?, Minute { ended: ended(row, 1)?, durations }))
        };
        let kept = select.query_map([], minute).map_err(broken)?.collect::<Result<_, _>>().map_err(broken)?;
        Ok(Self { before, kept })
    }

    /// What came to an end in the day before `now`, and ever.
    pub(super) fn activity(&self, now: Timestamp) -> Activity {
        let last = number_of(now);
        let first = last.saturating_sub(MINUTES as i64 - 1);
        let mut minutes = vec![Ended::default(); MINUTES];
        let mut durations = Durations::default();
        for (number, minute) in self.kept.range(first..=last) {
            minutes[(number - first) as usize] = minute.ended;
            durations.merge(&minute.durations);
        }
        let mut ever = self.before;
        self.kept.values().for_each(|minute| ever += minute.ended);
        Activity { ever, since: Timestamp::from_millis(first.saturating_mul(MINUTE_MS)), minutes, durations }
    }
}

fn number_of(moment: Timestamp) -> i64 {
    moment.as_millis().div_euclid(MINUTE_MS)
}
