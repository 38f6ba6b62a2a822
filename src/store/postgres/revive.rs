//! Steps that did not find their job among the living as it was expected: of a job that has ended and is brought back or
//! discarded, of one that somebody else was faster with, of one that is gone. They are few, and taken one by one.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::admit::{take_keys, until};
use super::place::Fault;
use super::rows::{Reader, ended, job_id, json, live, uuid};
use super::session::{Asks, Session};
use super::steps::{self, Asked, Effects, Ended, urgency_of};
use crate::clock::Timestamp;
use crate::event::tell::Before;
use crate::job::{Job, JobId, Transition};
use crate::store::Committed;

/// The keys of jobs that may be brought back, all of them at once and in one order.
const LOCK_KEYS: &str = "SELECT pg_advisory_xact_lock(h) FROM (SELECT DISTINCT hashtextextended('u' || unique_key, 20) AS h \
         FROM faena.history WHERE id = ANY($1) AND unique_key IS NOT NULL ORDER BY 1) AS t";
const HOLDER: &str = "SELECT id FROM faena.unique_key WHERE key = $1 AND (until IS NULL OR until > $2)";
const LIVE: &str = live!("WHERE id = $1");
const LOCK_ENDED: &str = ended!("WHERE id = $1 FOR UPDATE");
const AMEND: &str =
    "UPDATE faena.history SET revision = $2, status = $3, dead = $4, life = $5 WHERE id = $1 RETURNING 1";
const BRING_BACK: &str = "WITH gone AS (DELETE FROM faena.history WHERE id = $1 RETURNING *) \
     INSERT INTO faena.live (seq, id, created_at, state, revision, epoch, run_at, urgency, put_off, expires_at, priority, kind, \
         sub_type, user_id, schedule_id, unique_key, gate_key, gate_limit, tags, life, spec, payload) \
     SELECT seq, id, created_at, 0, $2, epoch, $3, $4, $3 > $5, CASE WHEN epoch = 0 THEN $6::bigint END, priority, kind, \
         sub_type, user_id, schedule_id, unique_key, gate_key, gate_limit, tags, $7, spec, payload FROM gone RETURNING 1";

/// Times that a job is looked for on both sides, since it may go over from one to the other in between.
const LOOKS: usize = 4;

/// Gives their answers to steps that have none yet, in input order.
pub(super) async fn settle_all(
    session: &Session,
    steps: &[Asked<'_>],
    effects: &mut Effects,
    answers: &mut [Option<Committed>],
) -> Result<(), Fault> {
    let left: Vec<usize> = (0..steps.len()).filter(|place| answers[*place].is_none()).collect();
    if left.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = left.iter().map(|place| uuid(steps[*place].0.job)).collect();
    session.lock(LOCK_KEYS, &[(&ids as _, Type::UUID_ARRAY)]).await?;
    let mut settled = HashSet::new();
    for place in left {
        let (step, now) = steps[place];
        if !settled.insert(step.job) {
            // By the step before it the job may live again.
            answers[place] = steps::apply_to_living(session, &[(step, now)], effects).await?.remove(0);
        }
        if answers[place].is_none() {
            answers[place] = Some(settle(session, step, now, effects).await?);
        }
    }
    Ok(())
}

/// What becomes of a step whose job does not live as the step expects.
async fn settle(
    session: &Session,
    step: &Transition,
    now: Timestamp,
    effects: &mut Effects,
) -> Result<Committed, Fault> {
    for _ in 0..LOOKS {
        if let Some(job) = live(session, step.job).await? {
            if step.fits(&job) && job.seq == step.seq {
                // It came to be so just now.
                return Err(Fault::Again("a job was changed meanwhile".into()));
            }
            return Ok(Committed::Stale(Arc::new(job)));
        }
        let row = session.query(LOCK_ENDED, &[(&uuid(step.job) as _, Type::UUID)]).await?;
        if let Some(row) = row.first() {
            let job = Reader::default().ended(row)?;
            if job.life.revision != step.expects {
                return Ok(Committed::Stale(Arc::new(job)));
            }
            return change(session, job, step, now, effects).await;
        }
    }
    Ok(Committed::Missing)
}

/// Changes a job that has ended.
async fn change(
    session: &Session,
    before: Job,
    step: &Transition,
    now: Timestamp,
    effects: &mut Effects,
) -> Result<Committed, Fault> {
    let after = before.with_life(step.next.clone());
    let id = uuid(after.id);
    let revision = after.life.revision as i32;
    if after.is_finished() {
        let end = Ended::of(step)?;
        let params = [
            (&id as _, Type::UUID),
            (&revision as _, Type::INT4),
            (&end.status as _, Type::INT2),
            (&end.dead as _, Type::BOOL),
            (&end.life as _, Type::TEXT),
        ];
        session.one(AMEND, &params).await?;
    } else {
        if let Some(holder) = claim_key(session, &after, now).await? {
            return Ok(Committed::Taken(holder));
        }
        let run_at = after.run_at().unwrap_or(now).as_millis();
        let (urgent, life, now) = (urgency_of(&after), json(&after.life)?, now.as_millis());
        let expires_at = after.spec.expires_at().map(Timestamp::as_millis);
        let params = [
            (&id as _, Type::UUID),
            (&revision as _, Type::INT4),
            (&run_at as _, Type::INT8),
            (&urgent as _, Type::INT8),
            (&now as _, Type::INT8),
            (&expires_at as _, Type::INT8),
            (&life as _, Type::TEXT),
        ];
        session.one(BRING_BACK, &params).await?;
        effects.new_work = true;
    }
    effects.kept.leave(&before);
    effects.kept.enter(&after);
    session.tell(|told| told.step(Before::Finished, &after, step));
    Ok(Committed::Applied { job: Arc::new(after), follow_ups: Vec::new() })
}

/// Takes the unique key of a job that lives again, which is locked, or says who has it.
async fn claim_key(session: &Session, job: &Job, now: Timestamp) -> Result<Option<JobId>, Fault> {
    let Some(unique) = job.spec.unique() else { return Ok(None) };
    let at = now.as_millis();
    let holder = session.query(HOLDER, &[(&&*unique.key as _, Type::TEXT), (&at as _, Type::INT8)]).await?;
    if let Some(row) = holder.first() {
        let holder = job_id(row.try_get(0)?);
        return Ok((holder != job.id).then_some(holder));
    }
    take_keys(session, &[(&unique.key, job.id, until(unique.during, job.created_at))], now).await?;
    Ok(None)
}

/// A job that has not ended.
pub(super) async fn live(session: &Session, id: JobId) -> Result<Option<Job>, Fault> {
    let rows = session.query(LIVE, &[(&uuid(id) as _, Type::UUID)]).await?;
    rows.first().map(|row| Reader::default().live(row)).transpose()
}
