//! Schedules: their steps, each in one transaction with the jobs that it brings and the jobs that it asks to stop.
//!
//! Locks are taken in one order: jobs, their gates, then schedules by their ids, then keys. Whoever ends jobs sums them up in that
//! order, too.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::admit::{Admission, Admitted};
use super::gates::lock_gates;
use super::place::Fault;
use super::revive;
use super::rows::{json, uuid};
use super::session::Session;
use super::steps::{self, Effects};
use crate::clock::Timestamp;
use crate::event::{self, tell};
use crate::job::{self, Job, JobId};
use crate::schedule::{Event, NewSchedule, Schedule, ScheduleId, Transition, decide};
use crate::store::Committed;
use crate::store::Insert;
use crate::store::embedded::plan_rows;
use crate::store::schedules::{Added, Removed, Stepped};

/// A question for schedules, with what [`schedule`] wants of them.
macro_rules! schedules {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.created_at, s.created_by, s.name, s.spec, l.life, l.revision \
             FROM faena.schedule s JOIN faena.schedule_life l USING (id) ",
            $rest
        )
    };
}
pub(super) use schedules;

const LOCK_JOBS: &str = "SELECT gate_key FROM faena.live WHERE id = ANY($1) ORDER BY seq FOR UPDATE";
const LOCK: &str = schedules!("WHERE s.id = ANY($1) ORDER BY s.id FOR UPDATE");
const NAMES: &str = "SELECT name, id FROM faena.schedule WHERE name = ANY($1)";
const ADD: &str = "WITH added AS (INSERT INTO faena.schedule (id, name, created_at, created_by, spec) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING RETURNING id) \
     INSERT INTO faena.schedule_life (id, revision, last_tick, due_at, planned_at, life) \
     SELECT id, $6, NULL, $7, $8, $9 FROM added RETURNING 1";
/// At most one job for one tick, by a constraint in the commit that leaves the tick behind (rule 21).
const PUT: &str = "UPDATE faena.schedule_life SET revision = $2, last_tick = $3, due_at = $4, planned_at = $5, life = $6 \
     WHERE id = $1 AND revision = $7 AND last_tick IS NOT DISTINCT FROM $8 RETURNING 1";
const PUT_SPEC: &str = "UPDATE faena.schedule SET name = $2, spec = $3 WHERE id = $1 RETURNING 1";
const REMOVE: &str = "DELETE FROM faena.schedule WHERE id = $1 RETURNING 1";

/// Schedules under their locks: as they were found, and as they are by now.
struct Locked {
    found: BTreeMap<ScheduleId, (Arc<Schedule>, Arc<Schedule>)>,
    names: HashMap<String, ScheduleId>,
}

/// Accepts a schedule, or says whose its name is.
pub(super) async fn add(session: &Session, new: NewSchedule, now: Timestamp) -> Result<Added, Fault> {
    let by = new.by.clone();
    let schedule = Arc::new(new.accept(now));
    let id = uuid_of(schedule.id);
    let (spec, life) = (json(&*schedule.spec)?, json(&schedule.life)?);
    let (created_at, due_at) = (schedule.created_at.as_millis(), schedule.due_at().map(Timestamp::as_millis));
    let (revision, planned_at) = (schedule.life.revision as i32, schedule.life.planned_at.as_millis());
    let created_by = schedule.created_by.as_deref();
    let name = &*schedule.spec.name;
    let params = [
        (&id as _, Type::UUID),
        (&name as _, Type::TEXT),
        (&created_at as _, Type::INT8),
        (&created_by as _, Type::TEXT),
        (&spec as _, Type::TEXT),
        (&revision as _, Type::INT4),
        (&due_at as _, Type::INT8),
        (&planned_at as _, Type::INT8),
        (&life as _, Type::TEXT),
    ];
    if !session.query(ADD, &params).await?.is_empty() {
        tell(session, &schedule, [tell::of_new_schedule(&schedule, by.as_deref())]);
        return Ok(Added::Accepted(schedule));
    }
    let holder = session.query(NAMES, &[(&vec![name] as _, Type::TEXT_ARRAY)]).await?;
    match holder.first() {
        Some(row) => Ok(Added::Taken(schedule_id(row.try_get(1)?))),
        None => Err(Fault::Again("its name was freed just now".into())),
    }
}

/// Forgets a schedule, if it is of the revision that is named.
pub(super) async fn remove(
    session: &Session,
    id: ScheduleId,
    revision: Option<u32>,
    by: Option<Arc<str>>,
    now: Timestamp,
) -> Result<Removed, Fault> {
    let Some(found) = Locked::take(session, &[id]).await?.current(id) else { return Ok(Removed::Missing) };
    if revision.is_some_and(|revision| revision != found.life.revision) {
        return Ok(Removed::Stale(found));
    }
    session.one(REMOVE, &[(&uuid_of(id) as _, Type::UUID)]).await?;
    tell(session, &found, [tell::of_removed_schedule(&found, now, by.as_deref())]);
    Ok(Removed::Applied(found))
}

/// Applies steps in input order. With the answers comes whether there is new work.
pub(super) async fn step_all(
    session: &Session,
    steps: &[Transition],
    now: Timestamp,
) -> Result<(Vec<Stepped>, bool), Fault> {
    let cancels: Vec<Uuid> = steps.iter().flat_map(|step| &step.cancels).map(|id| uuid(*id)).collect();
    if !cancels.is_empty() {
        let stopped = session.query(LOCK_JOBS, &[(&cancels as _, Type::UUID_ARRAY)]).await?;
        let gates = stopped.iter().map(|row| row.try_get::<_, Option<&str>>(0));
        let gates: Vec<&str> = gates.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        if !gates.is_empty() {
            lock_gates(session, &gates).await?;
        }
    }
    let ids: Vec<ScheduleId> = steps.iter().map(|step| step.schedule).collect();
    let mut locked = Locked::take(session, &ids).await?;
    locked.learn_names(session, steps).await?;
    let mut effects = Effects::default();
    let mut answers = Vec::with_capacity(steps.len());
    for step in steps {
        answers.push(step_one(session, &mut locked, step, now, &mut effects).await?);
    }
    locked.write(session).await?;
    effects.open_gates(session).await?;
    sum_up(session, std::mem::take(&mut effects.ended)).await?;
    effects.kept.write(session).await?;
    Ok((answers, effects.new_work))
}

async fn step_one(
    session: &Session,
    locked: &mut Locked,
    step: &Transition,
    now: Timestamp,
    effects: &mut Effects,
) -> Result<Stepped, Fault> {
    match locked.apply(step) {
        Ok(before) => tell(session, &before, tell::of_schedule(&before, step, now)),
        Err(refused) => return Ok(refused),
    }
    let inserts: Vec<Insert> = step.jobs.iter().cloned().map(Insert::from).collect();
    let mut admission = Admission::begin(session, inserts.iter().map(|insert| (insert, now))).await?;
    let admitted: Vec<Admitted> = inserts.iter().map(|insert| admission.admit(insert, now)).collect();
    let accepted = |job: &Job, by: Option<&str>| session.tell(|told| told.accepted(job, by));
    let drafts = admission.write(session, &mut effects.kept, accepted).await?;
    let jobs: Vec<Arc<Job>> = admitted
        .into_iter()
        .filter_map(|admitted| match admitted {
            Admitted::Draft(place) => drafts[place].clone(),
            Admitted::Refused(_) => None,
        })
        .collect();
    effects.new_work |= !jobs.is_empty();
    let mut cancelled = Vec::new();
    for id in &step.cancels {
        cancelled.extend(cancel(session, step.schedule, *id, now, effects).await?);
    }
    // What has ended by that is summed up at once: the answer is the schedule as it is after all of it.
    for (job, now) in effects.ended.remove(&step.schedule).unwrap_or_default() {
        locked.sum_up(step.schedule, &job, now);
    }
    match locked.current(step.schedule) {
        Some(schedule) => Ok(Stepped::Applied { schedule, jobs, cancelled }),
        None => Ok(Stepped::Missing),
    }
}

/// Asks a job of a schedule to stop, unless it has ended.
async fn cancel(
    session: &Session,
    schedule: ScheduleId,
    id: JobId,
    now: Timestamp,
    effects: &mut Effects,
) -> Result<Option<Arc<Job>>, Fault> {
    let Some(job) = revive::live(session, id).await? else { return Ok(None) };
    if job.spec.schedule_id() != Some(&schedule.to_string()) {
        return Ok(None);
    }
    let by = format!("schedule {schedule}").into();
    let Ok(step) = job::decide(&job, job::Event::CancelAsked { by }, now) else { return Ok(None) };
    match steps::apply_to_living(session, &[(&step, now)], effects).await?.pop().flatten() {
        Some(Committed::Applied { job, .. }) => Ok(Some(job)),
        _ => Ok(None),
    }
}

/// Adds the endings of jobs to the sums of their schedules.
pub(super) async fn sum_up(
    session: &Session,
    ended: BTreeMap<ScheduleId, Vec<(Arc<Job>, Timestamp)>>,
) -> Result<(), Fault> {
    if ended.is_empty() {
        return Ok(());
    }
    let ids: Vec<ScheduleId> = ended.keys().copied().collect();
    let mut locked = Locked::take(session, &ids).await?;
    for (id, jobs) in &ended {
        jobs.iter().for_each(|(job, now)| locked.sum_up(*id, job, *now));
    }
    locked.write(session).await
}

impl Locked {
    async fn take(session: &Session, ids: &[ScheduleId]) -> Result<Self, Fault> {
        let ids: Vec<Uuid> = ids.iter().map(|id| uuid_of(*id)).collect();
        let mut found = BTreeMap::new();
        for row in session.query(LOCK, &[(&ids as _, Type::UUID_ARRAY)]).await? {
            let schedule = Arc::new(schedule(&row)?);
            found.insert(schedule.id, (schedule.clone(), schedule));
        }
        Ok(Self { found, names: HashMap::new() })
    }

    fn current(&self, id: ScheduleId) -> Option<Arc<Schedule>> {
        self.found.get(&id).map(|(_, current)| current.clone())
    }

    /// Reads whose the names are that steps ask for.
    async fn learn_names(&mut self, session: &Session, steps: &[Transition]) -> Result<(), Fault> {
        let names: Vec<&str> = steps.iter().filter_map(|step| Some(&*step.spec.as_ref()?.name)).collect();
        if names.is_empty() {
            return Ok(());
        }
        for row in session.query(NAMES, &[(&names as _, Type::TEXT_ARRAY)]).await? {
            self.names.insert(row.try_get(0)?, schedule_id(row.try_get(1)?));
        }
        Ok(())
    }

    /// Applies a step, or says why not. The answer is the schedule before it.
    fn apply(&mut self, step: &Transition) -> Result<Arc<Schedule>, Stepped> {
        let Some((_, current)) = self.found.get_mut(&step.schedule) else { return Err(Stepped::Missing) };
        if (current.life.revision, current.life.last_tick) != (step.expects, step.expects_last_tick) {
            return Err(Stepped::Stale(current.clone()));
        }
        if let Some(spec) = step.spec.as_ref().filter(|spec| spec.name != current.spec.name) {
            if let Some(holder) = self.names.get(&*spec.name) {
                return Err(Stepped::Taken(*holder));
            }
            self.names.remove(&*current.spec.name);
            self.names.insert(spec.name.to_string(), step.schedule);
        }
        let after = Arc::new(step.apply(current));
        Ok(std::mem::replace(current, after))
    }

    fn sum_up(&mut self, id: ScheduleId, job: &Job, now: Timestamp) {
        let Some((_, current)) = self.found.get_mut(&id) else { return };
        if let Some(step) = Event::ended(job).and_then(|event| decide(current, event, now).ok()) {
            *current = Arc::new(step.apply(current));
        }
    }

    /// Writes those that have moved on.
    async fn write(self, session: &Session) -> Result<(), Fault> {
        for (found, current) in self.found.values().filter(|(found, current)| !Arc::ptr_eq(found, current)) {
            let (id, life) = (uuid_of(current.id), json(&current.life)?);
            let (revision, old_revision) = (current.life.revision as i32, found.life.revision as i32);
            let (tick, old_tick) = (millis(current.life.last_tick), millis(found.life.last_tick));
            let (due_at, planned_at) = (millis(current.due_at()), current.life.planned_at.as_millis());
            let params = [
                (&id as _, Type::UUID),
                (&revision as _, Type::INT4),
                (&tick as _, Type::INT8),
                (&due_at as _, Type::INT8),
                (&planned_at as _, Type::INT8),
                (&life as _, Type::TEXT),
                (&old_revision as _, Type::INT4),
                (&old_tick as _, Type::INT8),
            ];
            session.one(PUT, &params).await?;
            if !Arc::ptr_eq(&found.spec, &current.spec) {
                let (name, spec) = (&*current.spec.name, json(&*current.spec)?);
                let params = [(&id as _, Type::UUID), (&name as _, Type::TEXT), (&spec as _, Type::TEXT)];
                session.one(PUT_SPEC, &params).await?;
            }
        }
        Ok(())
    }
}

/// Has it told what happened to a schedule, which is its maker's.
fn tell(session: &Session, schedule: &Schedule, events: impl IntoIterator<Item = event::Event>) {
    let user = schedule.created_by.as_deref();
    session.tell(|told| events.into_iter().for_each(|event| told.event(&event, user)));
}

/// The schedule in a row of `schedules!`.
pub(super) fn schedule(row: &Row) -> Result<Schedule, Fault> {
    let id = schedule_id(row.try_get(0)?);
    let created_at = Timestamp::from_millis(row.try_get(1)?);
    let created_by: Option<&str> = row.try_get(2)?;
    let written = (row.try_get(4)?, row.try_get(5)?);
    Ok(plan_rows::whole(id, created_at, created_by.map(Arc::from), row.try_get(3)?, written)?)
}

pub(super) fn millis(moment: Option<Timestamp>) -> Option<i64> {
    moment.map(Timestamp::as_millis)
}

pub(super) fn uuid_of(id: ScheduleId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

pub(super) fn schedule_id(id: Uuid) -> ScheduleId {
    ScheduleId::from_bytes(*id.as_bytes())
}
