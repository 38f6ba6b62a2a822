//! Schedules as they are read: found, listed, summed up, and those whose time has come.
//!
//! Lists and figures are answered from a copy in memory. Before each answer it is compared with the revisions in the database,
//! which are few bytes each, and only what has changed is read anew.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, MutexGuard};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::place::Fault;
use super::rows::job_id;
use super::schedules::{schedule, schedule_id, schedules, uuid_of};
use super::session::Session;
use crate::clock::Timestamp;
use crate::limits;
use crate::schedule::{Schedule, ScheduleId};
use crate::store::embedded::agenda::Agenda;
use crate::store::schedules::{Due, Which};

const BY_ID: &str = schedules!("WHERE s.id = $1");
const BY_NAME: &str = schedules!("WHERE s.name = $1");
const SOME: &str = schedules!("WHERE s.id = ANY($1)");
const DUE: &str = schedules!("WHERE l.due_at <= $1 ORDER BY l.due_at, l.id LIMIT $2");
const AHEAD: &str = schedules!("WHERE l.planned_at > $1 AND ($2::uuid IS NULL OR s.id > $2) ORDER BY s.id LIMIT $3");
const NEXT: &str = "SELECT min(due_at) FROM faena.schedule_life";
const REVISIONS: &str = "SELECT id, revision FROM faena.schedule_life";
const LIVE: &str = "SELECT w.schedule, c.id FROM unnest($1::text[]) AS w(schedule) CROSS JOIN LATERAL \
     (SELECT l.id FROM faena.live l WHERE l.schedule_id = w.schedule ORDER BY l.seq LIMIT $2) AS c ORDER BY c.id";

/// The schedules as they were read last.
#[derive(Default)]
pub(super) struct Calendar {
    pub(super) agenda: Agenda,
    known: Mutex<HashMap<Uuid, i32>>,
    turn: Turn<()>,
}

impl Calendar {
    /// Takes in what has changed since it was read last. It stays so for as long as what comes back is held: what another one
    /// read earlier must not hide what this one has read since.
    pub(super) async fn refresh(&self, session: &Session) -> Result<MutexGuard<'_, ()>, Fault> {
        let turn = self.turn.lock().await;
        self.read(session).await?;
        Ok(turn)
    }

    async fn read(&self, session: &Session) -> Result<(), Fault> {
        let rows = session.query(REVISIONS, &[]).await?;
        let there = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let there = there.collect::<Result<HashMap<Uuid, i32>, tokio_postgres::Error>>()?;
        let changed: Vec<Uuid> = {
            let mut known = self.known.lock();
            known.retain(|id, _| {
                let stays = there.contains_key(id);
                if !stays {
                    self.agenda.hide(schedule_id(*id));
                }
                stays
            });
            there.iter().filter(|(id, revision)| known.get(id) != Some(revision)).map(|(id, _)| *id).collect()
        };
        if changed.is_empty() {
            return Ok(());
        }
        let rows = session.query(SOME, &[(&changed as _, Type::UUID_ARRAY)]).await?;
        let mut known = self.known.lock();
        for row in &rows {
            let found = schedule(row)?;
            known.insert(uuid_of(found.id), row.try_get(6)?);
            self.agenda.show(Arc::new(found));
        }
        Ok(())
    }
}

/// The schedule that is meant.
pub(super) async fn find(session: &Session, which: &Which) -> Result<Option<Arc<Schedule>>, Fault> {
    let rows = match which {
        Which::Id(id) => session.query(BY_ID, &[(&uuid_of(*id) as _, Type::UUID)]).await?,
        Which::Name(name) => session.query(BY_NAME, &[(&&**name as _, Type::TEXT)]).await?,
    };
    rows.first().map(|row| schedule(row).map(Arc::new)).transpose()
}

/// Schedules whose time has come, with their jobs that have not ended.
pub(super) async fn due(session: &Session, now: Timestamp, limit: usize) -> Result<Vec<Due>, Fault> {
    let (now, limit) = (now.as_millis(), limit as i64);
    let rows = session.query(DUE, &[(&now as _, Type::INT8), (&limit as _, Type::INT8)]).await?;
    let mut due = rows
        .iter()
        .map(|row| Ok(Due { schedule: Arc::new(schedule(row)?), live: Vec::new() }))
        .collect::<Result<Vec<_>, Fault>>()?;
    let names: Vec<String> = due.iter().map(|due| due.schedule.id.to_string()).collect();
    let places: HashMap<&str, usize> = names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
    let most = limits::OVERLAP_MAX as i64;
    for row in session.query(LIVE, &[(&names as _, Type::TEXT_ARRAY), (&most as _, Type::INT8)]).await? {
        if let Some(place) = places.get(row.try_get::<_, &str>(0)?) {
            due[*place].live.push(job_id(row.try_get(1)?));
        }
    }
    Ok(due)
}

/// When the next schedule is due.
pub(super) async fn next_due(session: &Session) -> Result<Option<Timestamp>, Fault> {
    let row = session.one(NEXT, &[]).await?;
    Ok(row.try_get::<_, Option<i64>>(0)?.map(Timestamp::from_millis))
}

/// Schedules that were planned by a clock that ran ahead.
pub(super) async fn ahead(
    session: &Session,
    now: Timestamp,
    after: Option<ScheduleId>,
    limit: usize,
) -> Result<Vec<Arc<Schedule>>, Fault> {
    let (now, after, limit) = (now.as_millis(), after.map(uuid_of), limit as i64);
    let params = [(&now as _, Type::INT8), (&after as _, Type::UUID), (&limit as _, Type::INT8)];
    let rows = session.query(AHEAD, &params).await?;
    rows.iter().map(|row| schedule(row).map(Arc::new)).collect()
}
