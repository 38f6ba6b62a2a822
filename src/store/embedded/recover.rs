//! The start: what the disk knows becomes the decided state, and what ran when the process died is decided on, before
//! anything is claimed (rule 7). Running it twice changes nothing more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::change::Change;
use super::core::Core;
use super::counts::Counts;
use super::disk::broken;
use super::keys::Remembered;
use super::ledger::Noted;
use super::rows::{COLUMNS, Reader};
use super::shown::Shown;
use crate::clock::Timestamp;
use crate::job::{Event, Holder, Job, JobId, Name, Unique, UniqueFor, decide};
use crate::limits;
use crate::store::{Recovered, StoreError};

/// Reads the disk into an empty core. The answer is what was found, the changes that it led to, which must be on disk
/// before the first claim, and the counts of what has ended.
pub(super) fn recover(
    conn: &Connection,
    noted: &[Noted],
    core: &mut Core,
    shown: &Shown,
    now: Timestamp,
) -> Result<(Recovered, Vec<Change>, Counts), StoreError> {
    let mut found = Recovered::default();
    let mut changes = Vec::new();
    let noted = latest_of(noted);
    core.latest = now;
    read_keys(conn, core)?;
    super::roster_rows::recover(conn, core)?;
    super::plan_rows::read(conn, |schedule| core.plans.restore(schedule))?;
    (found.schedules, found.schedules_due, found.schedules_faulty) = core.plans.figures(now);
    let counts = Counts::read(conn)?;
    counts.by_sort().for_each(|(sort, jobs)| core.tally.add(sort, jobs.max(0) as u64));
    let mut select = conn.prepare(&format!("SELECT {COLUMNS} FROM live ORDER BY seq")).map_err(broken)?;
    let mut rows = select.query([]).map_err(broken)?;
    let mut reader = Reader::default();
    while let Some(row) = rows.next().map_err(broken)? {
        let job = reader.read(row)?;
        let after = after_death(&job, noted.get(&job.seq), now);
        match &after {
            Some(after) => {
                found.crashed += 1;
                found.quarantined += super::core::dead(after);
            }
            None => found.waiting += u64::from(job.run_at().is_some()),
        }
        let changed = after.is_some();
        let job = Arc::new(after.unwrap_or(job));
        let holds_key = |unique: &&Unique| unique.during == UniqueFor::Active && !job.is_finished();
        if let Some(unique) = job.spec.unique().filter(holds_key) {
            core.keys.take(unique, job.id, job.created_at);
        }
        core.jobs.insert(job.seq, job.clone());
        core.show(job.clone(), shown);
        core.plans.begin(&job);
        if changed {
            core.dead += super::core::dead(&job);
            changes.extend(core.plans.follow(&job, false, now).map(Change::Plan));
            changes.push(if job.is_finished() { Change::Finish(job) } else { Change::Again(job) });
        } else if job.run_at().is_some() {
            core.index(&job);
        } else {
            core.resume(&job, now, shown);
        }
    }
    let freed = super::terms::recover(conn, core)?;
    found.orphans = freed.len() as u64;
    changes.extend(freed);
    super::access_rows::recover(conn, core)?;
    super::outbox_rows::recover(conn, core)?;
    changes.extend(super::alert_rows::recover(conn, core)?);
    Ok((found, changes, counts))
}

impl Core {
    /// Takes up a job that a worker of another process holds: its lease gets a full new term (rule 7), as long as that
    /// worker's leases are.
    fn resume(&mut self, job: &Job, now: Timestamp, shown: &Shown) {
        let term = job.run().and_then(|run| self.known.lease_of(&run.holder)).unwrap_or(limits::LEASE);
        let resumed = Event::Resumed { epoch: job.life.epoch, lease_until: now.plus(term) };
        let Ok(transition) = decide(job, resumed, now) else { return };
        let job = Arc::new(job.with_life(transition.next));
        self.enter_running(&job);
        if let Some(key) = job.spec.concurrency() {
            self.gates.force(key, job.seq);
        }
        self.jobs.insert(job.seq, job.clone());
        self.show(job, shown);
    }
}

/// The latest claim of each job: its earlier ones may still stand in other slots.
fn latest_of(noted: &[Noted]) -> HashMap<u64, Noted> {
    let mut latest: HashMap<u64, Noted> = HashMap::new();
    for noted in noted {
        let known = latest.entry(noted.seq).or_insert(*noted);
        if noted.epoch > known.epoch {
            *known = *noted;
        }
    }
    latest
}

/// The job after its process died, if it was running in that process.
///
/// Jobs under a lease belong to a worker of another process, which may well live: they are left as they are.
fn after_death(job: &Job, noted: Option<&Noted>, now: Timestamp) -> Option<Job> {
    let mut job = job.clone();
    if let Some(noted) = noted.filter(|noted| noted.epoch > job.life.epoch && job.run_at().is_some()) {
        // The process died before this start was committed; only the ledger saw it.
        let holder = Holder { node: "unknown".into(), machine: "unknown".into(), process: 0 };
        let claimed = Event::Claimed { holder, lease_until: None };
        job.life = decide(&job, claimed, noted.at.max(job.run_at()?)).ok()?.next;
    }
    job.run().filter(|run| run.lease_until.is_none())?;
    let crashed = Event::Crashed { epoch: job.life.epoch };
    job.life = decide(&job, crashed, now).ok()?.next;
    Some(job)
}

fn read_keys(conn: &Connection, core: &mut Core) -> Result<(), StoreError> {
    let text = |row: &rusqlite::Row<'_>, index| row.get::<_, String>(index);
    let unreadable = |error: String| StoreError::Broken(error.into());

    let mut select = conn.prepare("SELECT key, body, until, receipt FROM request").map_err(broken)?;
    let rows =
        select.query_map([], |row| Ok((text(row, 0)?, row.get(1)?, row.get(2)?, text(row, 3)?))).map_err(broken)?;
    for row in rows {
        let (key, body, until, receipt): (String, [u8; 32], i64, String) = row.map_err(broken)?;
        let receipt = serde_json::from_str(&receipt).map_err(|error| unreadable(error.to_string()))?;
        let until = Timestamp::from_millis(until);
        core.keys.remember(Remembered { key: key.into(), body, until, receipt: Arc::new(receipt) });
    }

    let mut select = conn.prepare("SELECT key, id, until FROM unique_window").map_err(broken)?;
    let rows = select.query_map([], |row| Ok((text(row, 0)?, row.get(1)?, row.get(2)?))).map_err(broken)?;
    for row in rows {
        let (key, id, until): (String, [u8; 16], i64) = row.map_err(broken)?;
        core.keys.hold(&key, JobId::from_bytes(id), Some(Timestamp::from_millis(until)));
    }

    let mut select = conn.prepare("SELECT sub_type FROM paused").map_err(broken)?;
    for name in select.query_map([], |row| text(row, 0)).map_err(broken)? {
        core.ready.pause(&Name::new(name.map_err(broken)?).map_err(unreadable)?, true);
    }

    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(broken);
    // A number is never given twice, even if its job is forgotten: cursors and the ledger know jobs by it.
    let last = number(
        "SELECT max(last_seq, (SELECT coalesce(max(seq), 0) FROM live), (SELECT coalesce(max(seq), 0) FROM history))
         FROM pulse",
    )?;
    core.next_seq = last as u64 + 1;
    core.dead = number("SELECT count(*) FROM history WHERE dead = 1")? as u64;
    Ok(())
}

/// The file beside the database with another ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// The folder's lock: one process at a time. It is let go when the file is closed, however the process ends.
pub(super) fn lock(path: &Path) -> Result<std::fs::File, StoreError> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| StoreError::Broken(format!("cannot open {}: {error}", path.display()).into()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Broken(
            format!("another process uses this store (it holds {}); stop it, or choose another --data", path.display())
                .into(),
        )),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(StoreError::Broken(format!("cannot lock {}: {error}", path.display()).into()))
        }
    }
}
