//! Schedules as rows. Terms and life stand apart: a tick writes a short row, whatever the payload weighs.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::disk::{DiskError, broken};
use super::plans::PlanChange;
use super::rows::json;
use crate::clock::Timestamp;
use crate::job::Name;
use crate::schedule::{Fault, Life, NewSchedule, Schedule, ScheduleId, Spec, Timetable, Zone};
use crate::store::StoreError;

/// Their tables, and the way to the ended jobs that any of them made.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS schedule (
        id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, created_by TEXT,
        spec TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS schedule_life (
        id BLOB PRIMARY KEY, revision INTEGER NOT NULL, last_tick INTEGER, life TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS history_fired ON history (seq) WHERE schedule_id IS NOT NULL;
";

/// Writes a change, within the transaction of the caller.
pub(super) fn write(conn: &Connection, change: &PlanChange) -> Result<(), DiskError> {
    match change {
        PlanChange::Add(schedule, _) => {
            let Schedule { id, created_at, created_by, spec, life, .. } = &**schedule;
            let mut insert = conn.prepare_cached("INSERT INTO schedule VALUES (?, ?, ?, ?, ?)")?;
            let (created_at, spec_text) = (created_at.as_millis(), json(&**spec)?);
            insert.execute(params![id.as_bytes(), &*spec.name, created_at, created_by.as_deref(), spec_text])?;
            let mut insert = conn.prepare_cached("INSERT INTO schedule_life VALUES (?, ?, ?, ?)")?;
            insert.execute(params![id.as_bytes(), life.revision, millis(life.last_tick), json(life)?])?;
        }
        PlanChange::Put { before, after, .. } => {
            // At most one job for one tick, by a constraint in the commit that leaves the tick behind (rule 21).
            let mut update = conn.prepare_cached(
                "UPDATE schedule_life SET revision = ?2, last_tick = ?3, life = ?4
                 WHERE id = ?1 AND revision = ?5 AND last_tick IS ?6",
            )?;
            let (old, new) = (&before.life, &after.life);
            let life = json(new)?;
            let old_tick = millis(old.last_tick);
            let new_tick = millis(new.last_tick);
            one(update.execute(params![after.id.as_bytes(), new.revision, new_tick, life, old.revision, old_tick])?)?;
            if !Arc::ptr_eq(&before.spec, &after.spec) {
                let mut update = conn.prepare_cached("UPDATE schedule SET name = ?2, spec = ?3 WHERE id = ?1")?;
                one(update.execute(params![after.id.as_bytes(), &*after.spec.name, json(&*after.spec)?])?)?;
            }
        }
        PlanChange::Remove(schedule, ..) => {
            let id = schedule.id;
            one(conn.prepare_cached("DELETE FROM schedule WHERE id = ?")?.execute([id.as_bytes()])?)?;
            one(conn.prepare_cached("DELETE FROM schedule_life WHERE id = ?")?.execute([id.as_bytes()])?)?;
        }
    }
    Ok(())
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

/// A write about a schedule finds exactly one row, or memory and disk no longer agree (rule 36).
fn one(rows: usize) -> Result<(), DiskError> {
    match rows {
        1 => Ok(()),
        _ => Err(DiskError::Lost(format!("a write about a schedule found {rows} rows").into())),
    }
}

/// Everything that is written, to be taken in one by one.
pub(super) fn read(conn: &Connection, mut take: impl FnMut(Schedule)) -> Result<(), StoreError> {
    let mut select = conn
        .prepare("SELECT id, created_at, created_by, name, spec, life FROM schedule JOIN schedule_life USING (id)")
        .map_err(broken)?;
    let mut rows = select.query([]).map_err(broken)?;
    while let Some(row) = rows.next().map_err(broken)? {
        take(schedule(row)?);
    }
    Ok(())
}

/// The schedule in a row.
fn schedule(row: &Row<'_>) -> Result<Schedule, StoreError> {
    let text = |index| row.get::<_, String>(index).map_err(broken);
    let id = ScheduleId::from_bytes(row.get(0).map_err(broken)?);
    let created_at = Timestamp::from_millis(row.get(1).map_err(broken)?);
    let created_by: Option<String> = row.get(2).map_err(broken)?;
    whole(id, created_at, created_by.map(Arc::from), &text(3)?, (&text(4)?, &text(5)?))
}

/// The schedule of a name, with its terms and its life as they are written. One whose terms or life mean nothing to this
/// program is that schedule's problem alone: it is kept, says what is wrong, and does not fire.
pub(in crate::store) fn whole(
    id: ScheduleId,
    created_at: Timestamp,
    created_by: Option<Arc<str>>,
    name: &str,
    (spec, life): (&str, &str),
) -> Result<Schedule, StoreError> {
    let (spec, mut fault) = terms(name, spec)?;
    let life = serde_json::from_str::<Life>(life).unwrap_or_else(|error| {
        fault.get_or_insert_with(|| Fault {
            cron: spec.timetable.cron.as_str().into(),
            zone: spec.timetable.zone.as_str().into(),
            message: format!("its state cannot be read: {error}").into(),
        });
        let stand_in = NewSchedule { enabled: false, ..NewSchedule::new(spec.clone()) };
        stand_in.accept(created_at).life
    });
    let life = match &fault {
        None => life,
        Some(fault) => {
            tracing::warn!(schedule = %id, name, problem = %fault.message, "a schedule cannot be read and does not fire");
            Life { enabled: false, next_tick: None, ..life }
        }
    };
    Ok(Schedule { id, created_at, created_by, spec: Arc::new(spec), life, fault: fault.map(Arc::new) })
}

/// The terms in a text, or a stand-in for them and what is wrong with them.
fn terms(name: &str, text: &str) -> Result<(Spec, Option<Fault>), StoreError> {
    let error = match serde_json::from_str(text) {
        Ok(spec) => return Ok((spec, None)),
        Err(error) => error,
    };
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |at: &str| value.pointer(at).and_then(Value::as_str).unwrap_or_default().into();
    let fault = Fault {
        cron: word("/timetable/cron"),
        zone: word("/timetable/zone"),
        message: format!("its terms cannot be read: {error}").into(),
    };
    let stand_in = stand_in(name)?;
    if let (Some(place), Ok(timetable)) = (value.get_mut("timetable"), serde_json::to_value(&stand_in.timetable)) {
        *place = timetable;
    }
    Ok((serde_json::from_value(value).unwrap_or(stand_in), Some(fault)))
}

/// Terms that mean nothing, to show in place of those that cannot be read.
fn stand_in(name: &str) -> Result<Spec, StoreError> {
    let timetable = Timetable::new("@yearly".parse().map_err(broken)?, Zone::utc());
    Ok(Spec::new(name, Name::new("unreadable").map_err(broken)?, timetable))
}
