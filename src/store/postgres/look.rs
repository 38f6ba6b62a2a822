//! Looking at jobs: one by its id, those whose time is over, those that are next, and why one is not running.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future;
use tokio_postgres::types::Type;

use super::kept;
use super::place::Fault;
use super::revive;
use super::rows::{GATED, Reader, ended, handicap, job_id, live, urgency, uuid};
use super::session::Session;
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Name, Priority, State, Status};
use crate::store::alerts::Queue;
use crate::store::{Standing, Tally};

const ENDED: &str = ended!("WHERE id = $1");
const SOME: &str = live!("WHERE id = ANY($1)");
const SOME_ENDED: &str = ended!("WHERE id = ANY($1)");
const STOPPING: &str = live!("WHERE state = 2 AND NOT leased AND keeper = $1 AND stopping");
const PAYLOAD: &str =
    "SELECT payload FROM faena.live WHERE id = $1 UNION ALL SELECT payload FROM faena.history WHERE id = $1";
const LAPSED: &str = live!("WHERE state = 2 AND leased AND lease_until <= $1 ORDER BY lease_until, seq LIMIT $2");
const EXPIRED: &str = live!("WHERE state < 2 AND expires_at <= $1 ORDER BY expires_at, seq LIMIT $2");
const PUT_OFF: &str = "SELECT count(*) FROM faena.live WHERE put_off AND state < 2 AND run_at > $1";
const READY: &str = "SELECT c.* FROM unnest($1::text[], $2::smallint[]) AS lane(sub_type, priority) CROSS JOIN LATERAL ( \
         SELECT l.seq, l.id, l.created_at, l.spec, l.life, l.state, l.run_at, l.started_at, l.leased, l.lease_until, l.holder, \
             l.progress, l.urgency FROM faena.live l \
         WHERE l.state = 0 AND l.sub_type = lane.sub_type AND l.priority = lane.priority AND l.run_at <= $3 \
         ORDER BY l.run_at, l.seq LIMIT $4) AS c";
const LATER: &str = "SELECT c.* FROM unnest($1::text[], $2::smallint[]) AS lane(sub_type, priority) CROSS JOIN LATERAL ( \
         SELECT l.seq, l.id, l.created_at, l.spec, l.life, l.state, l.run_at, l.started_at, l.leased, l.lease_until, l.holder, \
             l.progress, l.run_at AS urgency FROM faena.live l \
         WHERE l.state = 0 AND l.sub_type = lane.sub_type AND l.priority = lane.priority AND l.run_at > $3 \
         ORDER BY l.run_at, l.seq LIMIT $4) AS c";
const STANDS: &str = "SELECT l.state, EXISTS (SELECT FROM faena.paused p WHERE p.sub_type = l.sub_type) \
     FROM faena.live l WHERE l.id = $1";
const INSIDE: &str = "SELECT id FROM faena.live WHERE state = 2 AND gate_key = $1 ORDER BY seq LIMIT 10000";
const AHEAD: &str = "SELECT sum(c.jobs)::bigint FROM unnest($2::smallint[], $3::bigint[]) AS lane(priority, since) CROSS JOIN LATERAL ( \
         SELECT count(*) AS jobs FROM (SELECT FROM faena.live l WHERE l.state = 0 AND l.sub_type = $1 \
             AND l.priority = lane.priority AND l.run_at <= $5 AND (l.run_at, l.seq) < (lane.since, $4) LIMIT 1000000) AS x) AS c";
const PAUSE: &str = "INSERT INTO faena.paused (sub_type) VALUES ($1) ON CONFLICT DO NOTHING";
const RESUME: &str = "DELETE FROM faena.paused WHERE sub_type = $1";
const PAUSED: &str = "SELECT sub_type FROM faena.paused ORDER BY sub_type";

const RUNNING: &str = "SELECT * FROM (SELECT seq, id, created_at, spec, life, state, run_at, started_at, leased, lease_until, holder, \
             progress FROM faena.live WHERE state = 2 AND leased AND started_at <= $1 \
         UNION ALL SELECT seq, id, created_at, spec, life, state, run_at, started_at, leased, lease_until, holder, progress \
             FROM faena.live WHERE state = 2 AND NOT leased AND started_at <= $1) AS running \
     ORDER BY started_at, seq LIMIT $2";
const NOT_READY: &str = "SELECT sub_type, count(*) FROM (SELECT sub_type FROM faena.live WHERE state = 1 \
     UNION ALL SELECT sub_type FROM faena.live WHERE put_off AND state < 2 AND run_at > $1 AND state = 0) AS x GROUP BY 1";

/// Times that a job is looked for on both sides, since it may go over from one to the other in between.
const LOOKS: usize = 3;

/// The job as committed.
pub(super) async fn get(session: &Session, id: JobId) -> Result<Option<Arc<Job>>, Fault> {
    for _ in 0..LOOKS {
        if let Some(job) = revive::live(session, id).await? {
            return Ok(Some(Arc::new(job)));
        }
        if let Some(row) = session.query(ENDED, &[(&uuid(id) as _, Type::UUID)]).await?.first() {
            return Ok(Some(Arc::new(Reader::default().ended(row)?)));
        }
    }
    Ok(None)
}

/// Those of these jobs that are there.
pub(super) async fn several(session: &Session, ids: &[JobId]) -> Result<Vec<Arc<Job>>, Fault> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| uuid(*id)).collect();
    let params = [(&ids as _, Type::UUID_ARRAY)];
    let (living, over) = future::try_join(session.query(SOME, &params), session.query(SOME_ENDED, &params)).await?;
    let mut reader = Reader::default();
    let mut jobs: Vec<_> = living.iter().filter_map(|row| readable(reader.live(row))).collect();
    jobs.extend(over.iter().filter_map(|row| readable(reader.ended(row))));
    Ok(jobs)
}

/// Jobs that a node keeps and that were asked to stop.
pub(super) async fn stopping(session: &Session, keeper: i64) -> Result<Vec<Arc<Job>>, Fault> {
    let rows = session.query(STOPPING, &[(&keeper as _, Type::INT8)]).await?;
    let mut reader = Reader::default();
    Ok(rows.iter().filter_map(|row| readable(reader.live(row))).collect())
}

/// The job's payload.
pub(super) async fn payload(session: &Session, id: JobId) -> Result<Option<Bytes>, Fault> {
    let rows = session.query(PAYLOAD, &[(&uuid(id) as _, Type::UUID)]).await?;
    let payload = |row: &tokio_postgres::Row| Ok(Bytes::copy_from_slice(row.try_get(0)?));
    rows.first().map(payload).transpose()
}

/// Jobs whose lease has run out, then those whose expiry has passed.
pub(super) async fn overdue(session: &Session, now: Timestamp, limit: usize) -> Result<Vec<Arc<Job>>, Fault> {
    let mut jobs = Vec::new();
    for sql in [LAPSED, EXPIRED] {
        let room = (limit - jobs.len()) as i64;
        let rows = session.query(sql, &[(&now.as_millis() as _, Type::INT8), (&room as _, Type::INT8)]).await?;
        let mut reader = Reader::default();
        jobs.extend(rows.iter().filter_map(|row| readable(reader.live(row))));
    }
    Ok(jobs)
}

/// How many jobs there are of each sort.
pub(super) async fn tally(session: &Session, now: Timestamp) -> Result<Tally, Fault> {
    let mut tally = kept::jobs(session).await?;
    let delayed = session.one(PUT_OFF, &[(&now.as_millis() as _, Type::INT8)]).await?;
    tally.delayed = delayed.try_get::<_, i64>(0)? as u64;
    tally.ready = tally.of(Status::Queued).saturating_sub(tally.delayed);
    let ready = first_of_lanes(session, READY, &tally, now, 1).await?;
    tally.oldest = ready.into_iter().map(|(_, job)| job).min_by_key(|job| (job.run_at(), job.seq));
    tally.oldest_ready = tally.oldest.as_ref().and_then(|job| job.run_at());
    Ok(tally)
}

/// The waiting jobs that are next: the ready ones by urgency, then the others by their time.
pub(super) async fn upcoming(session: &Session, limit: usize, now: Timestamp) -> Result<Vec<Arc<Job>>, Fault> {
    let tally = kept::jobs(session).await?;
    let mut jobs = Vec::new();
    for sql in [READY, LATER] {
        let mut lanes = first_of_lanes(session, sql, &tally, now, limit as i64).await?;
        lanes.sort_by_key(|(urgency, job)| (*urgency, job.seq));
        jobs.extend(lanes.into_iter().map(|(_, job)| job));
    }
    jobs.truncate(limit);
    Ok(jobs)
}

/// The first jobs of each lane that has some, with what they are ordered by.
async fn first_of_lanes(
    session: &Session,
    sql: &'static str,
    tally: &Tally,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(i64, Arc<Job>)>, Fault> {
    let waiting = tally.rows.iter().filter(|(sort, _)| sort.status == Status::Queued);
    let (names, priorities): (Vec<&str>, Vec<i16>) = waiting
        .map(|(sort, _)| (sort.sub_type.as_str(), sort.priority as i16))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .unzip();
    let params = [
        (&names as _, Type::TEXT_ARRAY),
        (&priorities as _, Type::INT2_ARRAY),
        (&now.as_millis() as _, Type::INT8),
        (&limit as _, Type::INT8),
    ];
    let rows = session.query(sql, &params).await?;
    let mut reader = Reader::default();
    let mut jobs = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(job) = readable(reader.live(row)) {
            jobs.push((row.try_get("urgency")?, job));
        }
    }
    Ok(jobs)
}

/// Jobs that have been running since a moment, the longest running first. Few run at once: each is looked at.
pub(super) async fn running_since(session: &Session, since: Timestamp, limit: usize) -> Result<Vec<Arc<Job>>, Fault> {
    let (since, limit) = (since.as_millis(), limit as i64);
    let rows = session.query(RUNNING, &[(&since as _, Type::INT8), (&limit as _, Type::INT8)]).await?;
    let mut reader = Reader::default();
    Ok(rows.iter().filter_map(|row| readable(reader.live(row))).collect())
}

/// How the queues of these subtypes stand, or all of them together.
pub(super) async fn queues(session: &Session, asked: &[Option<Name>], now: Timestamp) -> Result<Vec<Queue>, Fault> {
    let tally = kept::jobs(session).await?;
    let mut not_ready: HashMap<String, u64> = HashMap::new();
    for row in session.query(NOT_READY, &[(&now.as_millis() as _, Type::INT8)]).await? {
        not_ready.insert(row.try_get(0)?, row.try_get::<_, i64>(1)? as u64);
    }
    let oldest = first_of_lanes(session, READY, &tally, now, 1).await?;
    let queue = |sub_type: &Option<Name>| {
        let is_of_it = |name: &str| sub_type.as_ref().is_none_or(|sub_type| sub_type.as_str() == name);
        let waiting = tally.sum(|sort| sort.status == Status::Queued && is_of_it(sort.sub_type.as_str()));
        let others: u64 = not_ready.iter().filter(|(name, _)| is_of_it(name)).map(|(_, count)| count).sum();
        let first = oldest.iter().filter(|(_, job)| is_of_it(job.spec.sub_type.as_str()));
        Queue { ready: waiting.saturating_sub(others), oldest: first.filter_map(|(_, job)| job.run_at()).min() }
    };
    Ok(asked.iter().map(queue).collect())
}

/// Why a job is not running.
pub(super) async fn standing(session: &Session, id: JobId, now: Timestamp) -> Result<Option<Standing>, Fault> {
    let Some(job) = get(session, id).await? else { return Ok(None) };
    let State::Waiting { run_at } = job.life.state else { return Ok(Some(Standing::NotWaiting)) };
    if run_at > now {
        return Ok(Some(Standing::NotDue(run_at)));
    }
    let rows = session.query(STANDS, &[(&uuid(id) as _, Type::UUID)]).await?;
    let Some(row) = rows.first() else { return Ok(Some(Standing::NotWaiting)) };
    if row.try_get(1)? {
        return Ok(Some(Standing::Paused));
    }
    if let Some(key) = job.spec.concurrency() {
        let inside = session.query(INSIDE, &[(&&*key.key as _, Type::TEXT)]).await?;
        if inside.len() >= key.limit as usize || row.try_get::<_, i16>(0)? == GATED {
            let by = inside.iter().map(|row| Ok(job_id(row.try_get(0)?))).collect::<Result<_, Fault>>()?;
            return Ok(Some(Standing::Gated { key: key.key.clone(), by }));
        }
    }
    behind(session, &job, run_at, now).await.map(Some)
}

/// How many jobs of its subtype run before a job.
async fn behind(session: &Session, job: &Job, run_at: Timestamp, now: Timestamp) -> Result<Standing, Fault> {
    let own = Timestamp::from_millis(urgency(run_at, job.spec.priority));
    let priorities: Vec<i16> = Priority::ALL.iter().map(|priority| *priority as i16).collect();
    let since: Vec<i64> = Priority::ALL.iter().map(|priority| own.minus(handicap(*priority)).as_millis()).collect();
    let seq = job.seq as i64;
    let params = [
        (&job.spec.sub_type.as_str() as _, Type::TEXT),
        (&priorities as _, Type::INT2_ARRAY),
        (&since as _, Type::INT8_ARRAY),
        (&seq as _, Type::INT8),
        (&now.as_millis() as _, Type::INT8),
    ];
    let row = session.one(AHEAD, &params).await?;
    Ok(Standing::Behind(row.try_get::<_, Option<i64>>(0)?.unwrap_or_default() as u64))
}

/// Stops or starts handing out a subtype.
pub(super) async fn pause(session: &Session, sub_type: &Name, paused: bool) -> Result<(), Fault> {
    let sql = if paused { PAUSE } else { RESUME };
    session.query(sql, &[(&sub_type.as_str() as _, Type::TEXT)]).await.map(drop)
}

/// Subtypes that are not handed out.
pub(super) async fn paused(session: &Session) -> Result<Vec<Name>, Fault> {
    let rows = session.query(PAUSED, &[]).await?;
    rows.iter().map(|row| Name::new(row.try_get::<_, &str>(0)?).map_err(Fault::broken)).collect()
}

/// A job, unless it cannot be read: that is its problem (rule 31), and not that of those beside it.
pub(super) fn readable(job: Result<Job, Fault>) -> Option<Arc<Job>> {
    match job {
        Ok(job) => Some(Arc::new(job)),
        Err(fault) => {
            tracing::error!(?fault, "a job is left out");
            None
        }
    }
}
