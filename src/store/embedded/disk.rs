//! The disk's side of a group commit: what was decided, folded to one write a job, in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, ErrorCode, ffi, params};

use super::change::Change;
use super::checkpoint::Checkpointer;
use super::counts::Counts;
use super::event_rows::Telling;
use super::keys::Remembered;
use super::minutes::Minutes;
use super::news::News;
use super::rows::json;
use crate::job::{Job, JobId, Unique, UniqueFor};
use crate::limits;
use crate::store::events::Place;
use crate::store::query::Sort4;
use crate::store::{LogLine, StoreError};

/// The connection that writes.
pub(super) struct Disk {
    conn: Connection,
    checkpointer: Checkpointer,
    next_line: i64,
    pruned: Mutex<Vec<PrunedJob>>,
    /// What the latest transaction changed in the counts.
    counts: Mutex<Counts>,
    /// What came to an end by the minute; only this writer changes it.
    minutes: Arc<RwLock<Minutes>>,
    /// The place of the last event that is on disk, whether the latest transaction calls anybody back, and where that is shown.
    end: Place,
    calls: bool,
    pub(super) news: Arc<News>,
}

/// A job that the disk has forgotten: who, of which sort, and one if it was a dead letter.
pub(super) type PrunedJob = (JobId, Sort4, u64);

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiskError {
    /// The disk takes nothing at the moment; nothing was written, and another try makes sense.
    #[error("{0}")]
    Refused(Arc<str>),
    /// What is on disk is not known any more.
    #[error("{0}")]
    Lost(Arc<str>),
}

/// What a transaction makes of one job.
struct Folded<'a> {
    origin: Origin<'a>,
    job: &'a Arc<Job>,
}

/// Where a job is on disk before a transaction.
enum Origin<'a> {
    /// Nowhere: it comes with this payload.
    New(&'a Bytes),
    Live,
    History,
}

impl Disk {
    pub(super) fn new(
        conn: Connection,
        checkpointer: Checkpointer,
        minutes: Arc<RwLock<Minutes>>,
    ) -> rusqlite::Result<Self> {
        let next_line = conn.query_row("SELECT coalesce(max(line), 0) + 1 FROM log", [], |row| row.get(0))?;
        let end = super::event_rows::end(&conn)?;
        let news = Arc::new(News::from(end));
        let (pruned, counts) = Default::default();
        Ok(Self { conn, checkpointer, next_line, pruned, counts, minutes, end, calls: false, news })
    }

    /// Writes changes in one transaction: all or nothing. `doom` is asked which of the ended jobs that are about to be
    /// forgotten nobody is about to bring back.
    pub(super) fn write<'a>(
        &mut self,
        changes: impl Iterator<Item = &'a Change>,
        mut doom: impl FnMut(Vec<u64>) -> Vec<u64>,
    ) -> Result<(), DiskError> {
        self.pruned.get_mut().clear();
        *self.counts.get_mut() = Counts::default();
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut ended = Minutes::default();
        let changes = changes.inspect(|change| ended.count(change));
        let written = self
            .write_all(changes, &mut doom)
            .and_then(|end| self.minutes.read().write(&ended, &self.conn).map(|()| end))
            .and_then(|end| Ok(self.conn.prepare_cached("COMMIT")?.execute([]).map(|_| end)?));
        self.checkpointer.count();
        match written {
            Ok((end, calls)) => {
                (self.end, self.calls) = (end, calls);
                self.minutes.write().merge(ended);
                Ok(())
            }
            Err(error) => {
                // The transaction may have been rolled back by the failure itself.
                drop(self.conn.execute_batch("ROLLBACK"));
                Err(error)
            }
        }
    }

    /// Lets what the latest transaction has told be read: its jobs are shown.
    pub(super) fn tell(&self) {
        self.news.tell(self.end, self.calls);
    }

    /// The jobs that the latest transaction has forgotten.
    pub(super) fn take_pruned(&self) -> Vec<PrunedJob> {
        std::mem::take(&mut self.pruned.lock())
    }

    /// What the latest transaction changed in the counts of ended jobs.
    pub(super) fn take_counts(&self) -> Counts {
        std::mem::take(&mut self.counts.lock())
    }

    /// Lets the log be folded into the database, away from whoever waits for a commit.
    pub(super) fn after_commit(&mut self) {
        self.checkpointer.after_commit(&self.conn);
    }

    /// Folds the log into the database and closes it.
    pub(super) fn close(self) {
        self.checkpointer.close();
        super::checkpoint::fold(&self.conn, "TRUNCATE");
    }

    fn write_all<'a>(
        &mut self,
        changes: impl Iterator<Item = &'a Change>,
        doom: &mut impl FnMut(Vec<u64>) -> Vec<u64>,
    ) -> Result<(Place, bool), DiskError> {
        // In the order of sequence numbers, like every batch here (rule 34).
        let mut folded: BTreeMap<u64, Folded<'a>> = BTreeMap::new();
        let mut empty = true;
        let mut telling = Telling::after(self.end);
        for change in changes {
            empty = false;
            telling.add(&self.conn, change)?;
            match change {
                Change::Insert { job, request, .. } => {
                    if let Some(payload) = job.payload.text() {
                        folded.insert(job.seq, Folded { origin: Origin::New(payload), job });
                    }
                    if let Some(request) = request {
                        self.remember(request)?;
                    }
                    if let Some(unique) = job.spec.unique() {
                        self.hold_window(job, unique)?;
                    }
                }
                Change::Start(job) | Change::Put(job, _) | Change::Again(job) | Change::Finish(job) => {
                    folded.entry(job.seq).or_insert(Folded { origin: Origin::Live, job }).job = job;
                }
                Change::Amend(job) | Change::Reopen(job, _) => {
                    folded.entry(job.seq).or_insert(Folded { origin: Origin::History, job }).job = job;
                }
                Change::Log(seq, lines) => self.append(*seq, lines)?,
                Change::Pause(sub_type, true) => {
                    let mut insert = self.conn.prepare_cached("INSERT OR IGNORE INTO paused VALUES (?)")?;
                    insert.execute([sub_type.as_str()])?;
                }
                Change::Pause(sub_type, false) => {
                    self.conn.prepare_cached("DELETE FROM paused WHERE sub_type = ?")?.execute([sub_type.as_str()])?;
                }
                Change::Lock(step) => super::terms::write_lock(&self.conn, step)?,
                Change::State(step) => super::terms::write_state(&self.conn, step)?,
                Change::Rule(step) => super::alert_rows::write_rule(&self.conn, step)?,
                Change::Alert(change) => super::alert_rows::write_alert(&self.conn, change)?,
                Change::Key(change) => super::access_rows::write(&self.conn, change)?,
                Change::Outgoing(change) => super::outbox_rows::write(&self.conn, change)?,
                Change::Worker(change) => super::roster_rows::write(&self.conn, change)?,
                Change::Plan(change) => super::plan_rows::write(&self.conn, change)?,
                Change::Prune(prune, now, answer) => {
                    let (pruned, jobs, counts) = super::prune::prune(&self.conn, prune, *now, doom)?;
                    self.pruned.get_mut().extend(jobs);
                    self.counts.get_mut().merge(counts);
                    *answer.lock() = pruned;
                }
                Change::Forget(forget, answer) => {
                    *answer.lock() = super::event_rows::forget(&self.conn, forget)?;
                }
                // It has been told above.
                Change::Tell(..) => {}
            }
        }
        if empty {
            self.conn.execute_batch("UPDATE pulse SET beat = beat + 1")?;
        }
        self.write_jobs(&folded)?;
        telling.end(&self.conn)
    }

    fn write_jobs(&self, folded: &BTreeMap<u64, Folded<'_>>) -> Result<(), DiskError> {
        let mut ended = Vec::new();
        let mut counts = Counts::default();
        for (&seq, Folded { origin, job }) in folded {
            match (origin, job.is_finished()) {
                (Origin::New(payload), false) => self.insert_live(job, payload)?,
                (Origin::Live, false) => {
                    let mut update = self.conn.prepare_cached("UPDATE live SET life = ?2 WHERE seq = ?1")?;
                    one(update.execute(params![seq as i64, json(&job.life)?])?, job)?;
                }
                (Origin::New(payload), true) => self.insert_history(job, Some(payload))?,
                (Origin::Live, true) => {
                    self.insert_history(job, None)?;
                    ended.push(seq);
                }
                (Origin::History, _) => {
                    counts.remove(self.sort_in_history(job)?, job);
                    self.change_history(job)?;
                }
            }
            if job.is_finished() {
                counts.add(job);
            }
        }
        self.delete_live(&ended)?;
        counts.write(&self.conn)?;
        self.counts.lock().merge(counts);
        Ok(())
    }

    fn insert_live(&self, job: &Job, payload: &Bytes) -> Result<(), DiskError> {
        let mut insert = self.conn.prepare_cached("INSERT INTO live VALUES (?, ?, ?, ?, ?, ?)")?;
        let (spec, life) = (json(&*job.spec)?, json(&job.life)?);
        let created_at = job.created_at.as_millis();
        insert.execute(params![job.seq as i64, job.id.as_bytes(), created_at, spec, life, &payload[..]])?;
        Ok(())
    }

    /// Appends an ended job to the history; what never changes comes with it, or is taken from the live table.
    fn insert_history(&self, job: &Job, payload: Option<&Bytes>) -> Result<(), DiskError> {
        let spec = &job.spec;
        let (seq, life) = (job.seq as i64, json(&job.life)?);
        let ended_at = job.end().map_or(0, |end| end.at.as_millis());
        let (status, dead) = (job.status().as_str(), super::core::dead(job) as i64);
        let (kind, sub_type, priority) = (spec.kind.as_str(), spec.sub_type.as_str(), spec.priority.as_str());
        let (user, schedule) = (spec.user_id.as_deref(), spec.schedule_id());
        let rows = match payload {
            Some(payload) => self
                .conn
                .prepare_cached("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
                .execute(params![
                    seq,
                    job.id.as_bytes(),
                    job.created_at.as_millis(),
                    ended_at,
                    status,
                    kind,
                    sub_type,
                    priority,
                    user,
                    schedule,
                    dead,
                    json(&**spec)?,
                    life,
                    &payload[..],
                ])?,
            None => self
                .conn
                .prepare_cached(
                    "INSERT INTO history SELECT seq, id, created_at, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, spec, ?10, payload
                     FROM live WHERE seq = ?1",
                )?
                .execute(params![seq, ended_at, status, kind, sub_type, priority, user, schedule, dead, life])?,
        };
        one(rows, job)?;
        for tag in spec.tags() {
            self.conn.prepare_cached("INSERT OR IGNORE INTO tag VALUES (?, ?)")?.execute(params![&**tag, seq])?;
        }
        Ok(())
    }

    /// An ended job has changed, or waits again.
    fn change_history(&self, job: &Job) -> Result<(), DiskError> {
        let seq = job.seq as i64;
        let life = json(&job.life)?;
        if let Some(end) = job.end() {
            let mut update = self
                .conn
                .prepare_cached("UPDATE history SET life = ?2, dead = ?3, status = ?4, ended_at = ?5 WHERE seq = ?1")?;
            let (dead, status, at) = (super::core::dead(job) as i64, job.status().as_str(), end.at.as_millis());
            one(update.execute(params![seq, life, dead, status, at])?, job)?;
            return Ok(());
        }
        let mut reopen = self.conn.prepare_cached(
            "INSERT INTO live SELECT seq, id, created_at, spec, ?2, payload FROM history WHERE seq = ?1",
        )?;
        one(reopen.execute(params![seq, life])?, job)?;
        self.conn.prepare_cached("DELETE FROM history WHERE seq = ?")?.execute([seq])?;
        self.conn.prepare_cached("DELETE FROM tag WHERE seq = ?")?.execute([seq])?;
        Ok(())
    }

    fn sort_in_history(&self, job: &Job) -> Result<Sort4, DiskError> {
        let mut select = self.conn.prepare_cached("SELECT status FROM history WHERE seq = ?")?;
        let status: String = select.query_row([job.seq as i64], |row| row.get(0))?;
        let status = status.parse().map_err(|error: String| DiskError::Lost(error.into()))?;
        Ok(Sort4 { status, ..job.sort4() })
    }

    /// Deletes ended jobs from the live table, neighbours in one statement.
    fn delete_live(&self, seqs: &[u64]) -> Result<(), DiskError> {
        let mut delete = self.conn.prepare_cached("DELETE FROM live WHERE seq BETWEEN ? AND ?")?;
        for run in seqs.chunk_by(|a, b| a + 1 == *b) {
            if let [first, ..] = run {
                delete.execute(params![*first as i64, (*first + run.len() as u64 - 1) as i64])?;
            }
        }
        Ok(())
    }

    fn remember(&self, request: &Remembered) -> Result<(), DiskError> {
        let mut insert = self.conn.prepare_cached("INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?)")?;
        let receipt = json(&*request.receipt)?;
        insert.execute(params![&*request.key, &request.body[..], request.until.as_millis(), receipt])?;
        Ok(())
    }

    fn hold_window(&self, job: &Job, unique: &Unique) -> Result<(), DiskError> {
        if let UniqueFor::WindowMs(window) = unique.during {
            let until = job.created_at.plus_millis(window).as_millis();
            let mut insert = self.conn.prepare_cached("INSERT OR REPLACE INTO unique_window VALUES (?, ?, ?)")?;
            insert.execute(params![&*unique.key, job.id.as_bytes(), until])?;
        }
        Ok(())
    }

    fn append(&mut self, seq: u64, lines: &[LogLine]) -> Result<(), DiskError> {
        let mut insert = self.conn.prepare_cached("INSERT INTO log VALUES (?, ?, ?, ?, ?)")?;
        for line in lines {
            insert.execute(params![seq as i64, self.next_line, line.at.as_millis(), line.epoch, &*line.text])?;
            self.next_line += 1;
        }
        let mut forget = self.conn.prepare_cached(
            "DELETE FROM log WHERE seq = ?1 AND line <=
                (SELECT line FROM log WHERE seq = ?1 ORDER BY line DESC LIMIT 1 OFFSET ?2)",
        )?;
        forget.execute(params![seq as i64, limits::LOG_LINES_MAX as i64])?;
        Ok(())
    }
}

/// A write about a job finds exactly one row, or memory and disk no longer speak of the same jobs (rule 36).
fn one(rows: usize, job: &Job) -> Result<(), DiskError> {
    match rows {
        1 => Ok(()),
        _ => Err(DiskError::Lost(format!("a write about job {} found {rows} rows", job.id).into())),
    }
}

impl From<rusqlite::Error> for DiskError {
    fn from(error: rusqlite::Error) -> Self {
        let reason: Arc<str> = error.to_string().into();
        let rusqlite::Error::SqliteFailure(failure, _) = error else { return Self::Lost(reason) };
        let unsynced = matches!(failure.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC);
        match failure.code {
            ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::DatabaseBusy | ErrorCode::CannotOpen => {
                Self::Refused(reason)
            }
            ErrorCode::SystemIoFailure if !unsynced => Self::Refused(reason),
            _ => Self::Lost(reason),
        }
    }
}

/// A read that should have worked and did not.
pub(super) fn broken(error: impl std::fmt::Display) -> StoreError {
    StoreError::Broken(format!("the store cannot be read: {error}").into())
}
