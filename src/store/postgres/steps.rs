//! Applying steps within a transaction: each one only if its job is still of the revision that it was decided on. All that
//! end are one statement, all that go on another, all that only report a third, each in the order of the jobs (rule 34). What
//! follows from them comes after: gates are opened, schedules summed up, and then those brought back that have ended.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures_util::future;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::kept::Kept;
use super::place::Fault;
use super::rows::{Reader, json, number_of, status_before, urgency, uuid};
use super::session::Session;
use super::{revive, schedules};
use crate::clock::Timestamp;
use crate::event::tell::Before;
use crate::job::{Job, JobId, ResultRef, State, Status, Transition, Visibility};
use crate::schedule::ScheduleId;
use crate::store::Committed;

/// What steps bring along, to be seen to in the same transaction.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) kept: Kept,
    /// Concurrency keys that may have room now, and for how many more.
    pub(super) freed: BTreeMap<String, i64>,
    /// Jobs of schedules that came to their end.
    pub(super) ended: BTreeMap<ScheduleId, Vec<(Arc<Job>, Timestamp)>>,
    /// Whether somebody may find work that was not there.
    pub(super) new_work: bool,
}

/// A step and when it was asked for.
pub(super) type Asked<'a> = (&'a Transition, Timestamp);

const FINISH: &str = "WITH gone AS ( \
         DELETE FROM faena.live l USING unnest($1::bigint[], $2::uuid[], $3::integer[], $4::integer[], $5::integer[], \
             $6::bigint[], $7::smallint[], $8::boolean[], $9::text[], $10::text[]) \
             AS t(seq, id, expects, revision, epoch, ended_at, status, dead, result, life) \
         WHERE l.seq = ANY(ARRAY[t.seq]) AND l.id = ANY(ARRAY[t.id]) AND l.revision = t.expects \
         RETURNING l.seq, l.id, l.created_at, l.priority, l.kind, l.sub_type, l.user_id, l.schedule_id, l.unique_key, \
             l.gate_key, l.gate_limit, l.tags, l.spec, l.payload, l.state, \
             (l.state * 2 + (l.progress IS NOT NULL)::integer)::smallint AS was, \
             t.revision, t.epoch, t.ended_at, t.status, t.dead, t.result, t.life), \
     freed AS (DELETE FROM faena.unique_key u USING gone WHERE u.key = ANY(ARRAY[gone.unique_key]) AND u.id = ANY(ARRAY[gone.id]) AND u.until IS NULL), \
     kept AS (INSERT INTO faena.history (seq, id, created_at, ended_at, status, dead, revision, epoch, priority, kind, sub_type, \
             user_id, schedule_id, unique_key, gate_key, gate_limit, result, tags, life, spec, payload) \
         SELECT seq, id, created_at, ended_at, status, dead, revision, epoch, priority, kind, sub_type, user_id, schedule_id, \
             unique_key, gate_key, gate_limit, result, tags, life, spec, payload FROM gone) \
     SELECT seq, id, created_at, spec, was, gate_key, true AS reported FROM gone";
const GO_ON: &str = "UPDATE faena.live l SET \
         revision = t.revision, epoch = t.epoch, state = t.state, life = t.life, \
         was = l.state * 2 + (l.progress IS NOT NULL)::integer, \
         run_at = coalesce(t.run_at, l.run_at), \
         urgency = CASE WHEN t.run_at IS NULL THEN l.urgency \
             ELSE least(t.run_at, 9223372036000000000) + (l.urgency - l.run_at) END, \
         put_off = coalesce(t.run_at > t.asked_at, l.put_off), \
         expires_at = CASE WHEN t.epoch = 0 THEN l.expires_at END, \
         progress = CASE WHEN t.state = 2 THEN l.progress END, \
         leased = t.lease_until IS NOT NULL, \
         lease_until = CASE WHEN t.lease_until IS NOT NULL THEN greatest(l.lease_until, t.lease_until) END, \
         holder = CASE WHEN t.state = 2 THEN l.holder END, started_at = CASE WHEN t.state = 2 THEN l.started_at END, \
         keeper = CASE WHEN t.state = 2 THEN l.keeper END, stopping = t.stopping \
     FROM unnest($1::bigint[], $2::uuid[], $3::integer[], $4::integer[], $5::integer[], $6::smallint[], $7::bigint[], \
         $8::bigint[], $9::bigint[], $10::text[], $11::boolean[], $12::bigint[]) \
         AS t(seq, id, expects, revision, epoch, state, run_at, asked_at, lease_until, life, stopping, lapsed_by) \
     WHERE l.seq = ANY(ARRAY[t.seq]) AND l.id = ANY(ARRAY[t.id]) AND l.revision = t.expects \
         AND (t.lapsed_by IS NULL OR l.state <> 2 OR l.lease_until IS NULL OR l.lease_until <= t.lapsed_by) \
     RETURNING l.seq, l.id, l.created_at, l.spec, l.was, l.gate_key, l.progress IS NOT NULL AS reported";
/// What two reports that were decided on one base come to together is what [`Transition::onto`] says.
const REPORT: &str = "UPDATE faena.live l SET \
         was = l.state * 2 + (l.progress IS NOT NULL)::integer, \
         progress = CASE WHEN l.progress IS NULL OR t.progress IS NULL THEN coalesce(t.progress, l.progress) \
             WHEN (t.progress::json->>'at')::bigint < (l.progress::json->>'at')::bigint THEN \
                 CASE WHEN (t.progress::json->>'percent')::integer <= (l.progress::json->>'percent')::integer THEN l.progress \
                     ELSE (l.progress::jsonb || jsonb_build_object('percent', t.progress::jsonb->'percent'))::text END \
             WHEN (t.progress::json->>'percent')::integer >= (l.progress::json->>'percent')::integer THEN t.progress \
             ELSE (t.progress::jsonb || jsonb_build_object('percent', l.progress::jsonb->'percent'))::text END, \
         lease_until = CASE WHEN l.leased THEN greatest(l.lease_until, t.lease_until) END \
     FROM unnest($1::bigint[], $2::uuid[], $3::integer[], $4::bigint[], $5::text[]) \
         AS t(seq, id, expects, lease_until, progress) \
     WHERE l.seq = ANY(ARRAY[t.seq]) AND l.id = ANY(ARRAY[t.id]) AND l.revision = t.expects AND l.state = 2 \
     RETURNING l.seq, l.id, l.created_at, l.spec, l.was, NULL::text AS gate_key, l.progress IS NOT NULL AS reported, \
         CASE WHEN l.progress IS DISTINCT FROM t.progress THEN l.progress END AS further";
const LOCK_JOBS: &str = "SELECT FROM faena.live WHERE seq = ANY($1) ORDER BY seq FOR UPDATE";

/// Applies steps in input order; those of one job one after the other.
pub(super) async fn apply(
    session: &Session,
    steps: &[Asked<'_>],
    effects: &mut Effects,
) -> Result<Vec<Committed>, Fault> {
    let mut answers = apply_to_living(session, steps, effects).await?;
    effects.follow(session).await?;
    // They take keys, which come last among the locks.
    revive::settle_all(session, steps, effects, &mut answers).await?;
    effects.follow(session).await?;
    answers.into_iter().map(|answer| answer.ok_or_else(|| Fault::broken("a step was forgotten"))).collect()
}

/// Applies steps to jobs that live. Those that have no answer did not find their job as they expect it, or come after one of that
/// job that did not.
pub(super) async fn apply_to_living(
    session: &Session,
    steps: &[Asked<'_>],
    effects: &mut Effects,
) -> Result<Vec<Option<Committed>>, Fault> {
    let mut answers: Vec<Option<Committed>> = steps.iter().map(|_| None).collect();
    let mut left = HashSet::new();
    for mut round in rounds(steps) {
        round.retain(|place| !left.contains(&steps[*place].0.job));
        apply_round(session, steps, &round, effects, &mut answers).await?;
        left.extend(round.iter().filter(|place| answers[**place].is_none()).map(|place| steps[*place].0.job));
    }
    Ok(answers)
}

/// Steps that touch different jobs, by their places, in the order of the jobs; a further step of one job comes a round later.
fn rounds(steps: &[Asked<'_>]) -> Vec<Vec<usize>> {
    let mut seen: HashMap<JobId, usize> = HashMap::with_capacity(steps.len());
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (place, (step, _)) in steps.iter().enumerate() {
        let round = seen.entry(step.job).and_modify(|round| *round += 1).or_default();
        if rounds.len() <= *round {
            rounds.push(Vec::new());
        }
        rounds[*round].push(place);
    }
    rounds.iter_mut().for_each(|round| round.sort_by_key(|place| steps[*place].0.seq));
    rounds
}

async fn apply_round(
    session: &Session,
    steps: &[Asked<'_>],
    round: &[usize],
    effects: &mut Effects,
    answers: &mut [Option<Committed>],
) -> Result<(), Fault> {
    let (mut ending, mut going, mut reporting) = (Vec::new(), Vec::new(), Vec::new());
    for place in round {
        let asked = steps[*place];
        match &asked.0.next.state {
            State::Finished(_) => ending.push(asked),
            _ if asked.0.visibility == Visibility::Fleeting => reporting.push(asked),
            _ => going.push(asked),
        }
    }
    let kinds = [&ending, &going, &reporting].into_iter().filter(|steps| !steps.is_empty()).count();
    let locked = async { if kinds > 1 { lock_jobs(session, steps, round).await } else { Ok(()) } };
    let done = future::try_join3(finish(session, &ending), go_on(session, &going), report(session, &reporting));
    let (_, done) = future::try_join(locked, done).await?;
    let rows: HashMap<Uuid, Row> = [done.0, done.1, done.2]
        .into_iter()
        .flatten()
        .map(|row| Ok((row.try_get::<_, Uuid>(1)?, row)))
        .collect::<Result<_, tokio_postgres::Error>>()?;
    let mut reader = Reader::default();
    for place in round {
        let (step, now) = steps[*place];
        if let Some(row) = rows.get(&uuid(step.job)) {
            answers[*place] = Some(applied(session, &mut reader, row, (step, now), effects)?);
        }
    }
    Ok(())
}

/// Locks the jobs of several statements in one order, which each of them alone keeps by itself.
async fn lock_jobs(session: &Session, steps: &[Asked<'_>], round: &[usize]) -> Result<(), Fault> {
    let seqs: Vec<i64> = round.iter().map(|place| steps[*place].0.seq as i64).collect();
    session.query(LOCK_JOBS, &[(&seqs as _, Type::INT8_ARRAY)]).await.map(drop)
}

/// Notes what follows from a step that applied.
fn applied(
    session: &Session,
    reader: &mut Reader,
    row: &Row,
    (step, now): Asked<'_>,
    effects: &mut Effects,
) -> Result<Committed, Fault> {
    let mut job = reader.with_life(row, step.next.clone())?;
    if step.visibility == Visibility::Fleeting
        && let Some(further) = row.try_get::<_, Option<&str>>("further")?
    {
        job.life.progress = serde_json::from_str(further).map_err(Fault::broken)?;
    }
    let job = Arc::new(job);
    let was: i16 = row.try_get("was")?;
    let before = status_before(was);
    let after = match job.status() {
        Status::Started if row.try_get("reported")? => Status::Progress,
        after => after,
    };
    effects.kept.step(before, &job, after);
    let stood = if was / 2 == super::rows::RUNS { Before::Running } else { Before::Waiting };
    session.tell(|told| told.step(stood, &job, step));
    if job.is_finished() {
        effects.kept.finished(&job);
        effects.note_ended(&job, now);
    } else if job.run_at().is_some() {
        effects.new_work = true;
        if before != Status::Queued {
            effects.kept.again(&job);
        }
    }
    // Whoever leaves the gate, or stood before it as the next, lets another one come.
    if job.run().is_none()
        && was / 2 != super::rows::GATED
        && let Some(key) = row.try_get("gate_key")?
    {
        *effects.freed.entry(key).or_default() += 1;
    }
    Ok(Committed::Applied { job, follow_ups: Vec::new() })
}

impl Effects {
    /// A job that lived has ended: its schedule sums it up.
    pub(super) fn note_ended(&mut self, job: &Arc<Job>, now: Timestamp) {
        if let Some(id) = job.spec.schedule_id().and_then(|id| id.parse().ok()) {
            self.ended.entry(id).or_default().push((job.clone(), now));
        }
    }

    /// Sees to what follows from steps, in the order of the locks.
    async fn follow(&mut self, session: &Session) -> Result<(), Fault> {
        self.open_gates(session).await?;
        schedules::sum_up(session, std::mem::take(&mut self.ended)).await
    }
}

/// What every statement about steps begins with: whose, of which revision, and of which after it.
struct Heads {
    seqs: Vec<i64>,
    ids: Vec<Uuid>,
    expects: Vec<i32>,
    revisions: Vec<i32>,
    epochs: Vec<i32>,
}

impl Heads {
    fn of(steps: &[Asked<'_>]) -> Self {
        Self {
            seqs: steps.iter().map(|(step, _)| step.seq as i64).collect(),
            ids: steps.iter().map(|(step, _)| uuid(step.job)).collect(),
            expects: steps.iter().map(|(step, _)| step.expects as i32).collect(),
            revisions: steps.iter().map(|(step, _)| step.next.revision as i32).collect(),
            epochs: steps.iter().map(|(step, _)| step.next.epoch as i32).collect(),
        }
    }
}

async fn finish(session: &Session, steps: &[Asked<'_>]) -> Result<Vec<Row>, Fault> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let Heads { seqs, ids, expects, revisions, epochs } = Heads::of(steps);
    let ends = steps.iter().map(|(step, _)| Ended::of(step)).collect::<Result<Vec<_>, _>>()?;
    let at: Vec<i64> = ends.iter().map(|end| end.at).collect();
    let status: Vec<i16> = ends.iter().map(|end| end.status).collect();
    let dead: Vec<bool> = ends.iter().map(|end| end.dead).collect();
    let results: Vec<Option<&str>> = ends.iter().map(|end| end.result).collect();
    let lives: Vec<&str> = ends.iter().map(|end| &*end.life).collect();
    let params = [
        (&seqs as _, Type::INT8_ARRAY),
        (&ids as _, Type::UUID_ARRAY),
        (&expects as _, Type::INT4_ARRAY),
        (&revisions as _, Type::INT4_ARRAY),
        (&epochs as _, Type::INT4_ARRAY),
        (&at as _, Type::INT8_ARRAY),
        (&status as _, Type::INT2_ARRAY),
        (&dead as _, Type::BOOL_ARRAY),
        (&results as _, Type::TEXT_ARRAY),
        (&lives as _, Type::TEXT_ARRAY),
    ];
    session.query(FINISH, &params).await
}

/// The columns of an ended job that its life gives.
pub(super) struct Ended<'a> {
    pub(super) at: i64,
    pub(super) status: i16,
    pub(super) dead: bool,
    pub(super) result: Option<&'a str>,
    pub(super) life: String,
}

impl<'a> Ended<'a> {
    pub(super) fn of(step: &'a Transition) -> Result<Self, Fault> {
        let State::Finished(end) = &step.next.state else { return Err(Fault::broken("a step that ends nothing")) };
        let status = match end.outcome {
            crate::job::Outcome::Success => Status::Completed,
            crate::job::Outcome::Cancelled => Status::Cancelled,
            _ => Status::Failed,
        };
        let result = match &end.result {
            Some(ResultRef::Stored { key, .. }) => Some(&**key),
            _ => None,
        };
        Ok(Self { at: end.at.as_millis(), status: number_of(status), dead: end.dead, result, life: json(&step.next)? })
    }
}

async fn go_on(session: &Session, steps: &[Asked<'_>]) -> Result<Vec<Row>, Fault> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let Heads { seqs, ids, expects, revisions, epochs } = Heads::of(steps);
    let waits = |step: &Transition| match step.next.state {
        State::Waiting { run_at } => Some(run_at.as_millis()),
        _ => None,
    };
    let states: Vec<i16> = steps
        .iter()
        .map(|(step, _)| if waits(step).is_some() { super::rows::WAITS } else { super::rows::RUNS })
        .collect();
    let run_at: Vec<Option<i64>> = steps.iter().map(|(step, _)| waits(step)).collect();
    let asked_at: Vec<i64> = steps.iter().map(|(_, now)| now.as_millis()).collect();
    let leases: Vec<Option<i64>> = steps.iter().map(|(step, _)| lease_until(step)).collect();
    let lives = steps.iter().map(|(step, _)| json(&step.next)).collect::<Result<Vec<_>, _>>()?;
    let stops: Vec<bool> = steps.iter().map(|(step, _)| is_to_stop(step)).collect();
    let lapsed: Vec<Option<i64>> = steps.iter().map(|(step, _)| step.lapsed_by().map(Timestamp::as_millis)).collect();
    let params = [
        (&seqs as _, Type::INT8_ARRAY),
        (&ids as _, Type::UUID_ARRAY),
        (&expects as _, Type::INT4_ARRAY),
        (&revisions as _, Type::INT4_ARRAY),
        (&epochs as _, Type::INT4_ARRAY),
        (&states as _, Type::INT2_ARRAY),
        (&run_at as _, Type::INT8_ARRAY),
        (&asked_at as _, Type::INT8_ARRAY),
        (&leases as _, Type::INT8_ARRAY),
        (&lives as _, Type::TEXT_ARRAY),
        (&stops as _, Type::BOOL_ARRAY),
        (&lapsed as _, Type::INT8_ARRAY),
    ];
    session.query(GO_ON, &params).await
}

async fn report(session: &Session, steps: &[Asked<'_>]) -> Result<Vec<Row>, Fault> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let Heads { seqs, ids, expects, .. } = Heads::of(steps);
    let leases: Vec<Option<i64>> = steps.iter().map(|(step, _)| lease_until(step)).collect();
    let said = |step: &Transition| match step.next.progress.at() {
        Some(_) => json(&step.next.progress).map(Some),
        None => Ok(None),
    };
    let progress = steps.iter().map(|(step, _)| said(step)).collect::<Result<Vec<_>, _>>()?;
    let params = [
        (&seqs as _, Type::INT8_ARRAY),
        (&ids as _, Type::UUID_ARRAY),
        (&expects as _, Type::INT4_ARRAY),
        (&leases as _, Type::INT8_ARRAY),
        (&progress as _, Type::TEXT_ARRAY),
    ];
    session.query(REPORT, &params).await
}

fn lease_until(step: &Transition) -> Option<i64> {
    match &step.next.state {
        State::Running(run) => run.lease_until.map(Timestamp::as_millis),
        _ => None,
    }
}

fn is_to_stop(step: &Transition) -> bool {
    matches!(&step.next.state, State::Running(run) if run.cancel.is_some())
}

/// The urgency of a job that waits from a moment on.
pub(super) fn urgency_of(job: &Job) -> i64 {
    urgency(job.run_at().unwrap_or(job.created_at), job.spec.priority)
}
