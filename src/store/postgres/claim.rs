//! Handing out jobs: one statement picks the most urgent ones of each lane, a lane being a priority of a subtype, and takes
//! them. Whatever others have locked is passed over, so that nodes do not wait for each other.
//!
//! A job with a concurrency key is taken in a second step under the lock of that key. One that finds the gate full is put
//! beside it, out of the lanes, so that it is in nobody's way; whoever leaves the gate lets it out.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures_util::future;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::gates::lock_gates;
use super::place::Fault;
use super::rows::{Reader, json, with_payload};
use super::session::Session;
use super::steps::{self, Effects};
use crate::clock::Timestamp;
use crate::job::{Event, Job, Transition, decide};
use crate::store::{Claim, Claimed, Committed};

/// A wish for work, with what finds its jobs again should the answer be lost.
pub(super) struct Wish {
    pub(super) claim: Claim,
    pub(super) now: Timestamp,
    pub(super) keeper: i64,
    pub(super) ticket: i64,
}

/// A claim of which it is not known whether it took more than was told.
pub(super) struct Lost {
    pub(super) keeper: i64,
    pub(super) ticket: i64,
    pub(super) now: Timestamp,
    /// Numbers of the jobs that somebody was told of.
    pub(super) told: HashSet<u64>,
}

/// Why a job that nobody was told of waits again.
const UNHEARD: &str = "the database was lost while it was handed out";

/// What a claim writes into the rows `picked` that go, and in the same statement into the kept counts and the event log, which is told
/// what an event says and no more: what a job has saved may be long, and nobody's business. A node that was taken for
/// dead takes nothing, and while one takes something nobody takes it for dead: its jobs would be nobody's at once.
macro_rules! take {
    ($picked:literal, $given:literal) => {
        concat!(
            "WITH ",
            $picked,
            ", alive AS (SELECT id FROM faena.node WHERE id = $4 AND EXISTS (SELECT FROM picked) FOR KEY SHARE), \
             taken AS (UPDATE faena.live l SET state = 2, revision = l.revision + 1, epoch = l.epoch + 1, started_at = $2, \
                 holder = $3, keeper = $4, ticket = $5, leased = $6::bigint IS NOT NULL, \
                 lease_until = CASE WHEN $6 IS NOT NULL THEN least($6, $2 + (l.spec::json->>'timeout_ms')::bigint) END, progress = NULL, \
                 stopping = false, expires_at = NULL \
                 FROM picked WHERE l.seq = ANY(ARRAY[picked.seq]) AND picked.goes AND EXISTS (SELECT FROM alive) \
                 RETURNING l.seq, l.id, l.created_at, l.spec, l.life, l.state, l.run_at, l.started_at, l.leased, l.lease_until, \
                     l.holder, l.progress, l.payload, l.urgency, l.kind, l.sub_type, l.priority), \
             counted AS (INSERT INTO faena.tally (kind, sub_type, priority, status, jobs) \
                 SELECT kind, sub_type, priority, v.status, v.sign * count(*) FROM taken \
                 CROSS JOIN (VALUES (0::smallint, -1), (1::smallint, 1)) AS v(status, sign) GROUP BY 1, 2, 3, 4, v.sign), \
             told AS (INSERT INTO faena.event_batch (first_at, last_at, min_seq, max_seq, count, calls, claimed) \
                 SELECT $2, $2, min(seq), max(seq), count(*), false, json_build_object('at', $2, 'holder', $3::json, 'jobs', \
                     json_agg(json_build_array(id, seq, created_at, run_at, CASE WHEN life IS NOT NULL THEN \
                         (SELECT json_object_agg(key, value) FROM json_each(life::json) WHERE key NOT IN ('saved', 'attempts')) \
                     END, spec))) \
                 FROM taken HAVING count(*) > 0) ",
            $given
        )
    };
}

/// The lanes of the subtypes `$1`; rows come from them, and those that stand before a gate without their job.
const CLAIM: &str = take!(
    "lanes AS (SELECT s.name, p.priority FROM unnest($1::text[]) AS s(name) \
         CROSS JOIN (VALUES (0::smallint), (1::smallint), (2::smallint)) AS p(priority) \
         WHERE NOT EXISTS (SELECT FROM faena.paused x WHERE x.sub_type = s.name)), \
     picked AS (SELECT c.seq, c.urgency, c.gate_key IS NULL AS goes FROM lanes CROSS JOIN LATERAL ( \
         SELECT l.seq, l.urgency, l.gate_key FROM faena.live l \
         WHERE l.state = 0 AND l.sub_type = lanes.name AND l.priority = lanes.priority AND l.run_at <= $2 \
             AND (l.expires_at IS NULL OR l.expires_at > $2) \
         ORDER BY l.run_at, l.seq LIMIT $7 FOR UPDATE SKIP LOCKED) AS c \
         ORDER BY c.urgency, c.seq LIMIT $7)",
    // Not a join of both: that would be one of each with each.
    "SELECT true AS goes, seq AS place, taken.* FROM taken \
     UNION ALL SELECT false, p.seq, t.* FROM picked p LEFT JOIN taken t ON false WHERE NOT p.goes"
);
const ENTER: &str =
    take!("picked AS (SELECT s AS seq, true AS goes FROM unnest($1::bigint[]) AS s)", "SELECT * FROM taken");
const PARK: &str = "UPDATE faena.live SET state = 1 WHERE seq = ANY($1)";
/// Those that may still go: they were picked without being held.
const STANDING: &str = "SELECT seq, gate_key, gate_limit FROM faena.live WHERE seq = ANY($1) AND state = 0 AND run_at <= $2 \
         AND (expires_at IS NULL OR expires_at > $2) \
     ORDER BY urgency, seq FOR UPDATE SKIP LOCKED";
const RUNNING: &str = "SELECT gate_key, count(*) FROM faena.live WHERE state = 2 AND gate_key = ANY($1) GROUP BY 1";
const NEXT_DUE: &str = "WITH lanes AS (SELECT s.name, p.priority FROM unnest($1::text[]) AS s(name) \
         CROSS JOIN (VALUES (0::smallint), (1::smallint), (2::smallint)) AS p(priority) \
         WHERE NOT EXISTS (SELECT FROM faena.paused x WHERE x.sub_type = s.name)) \
     SELECT min(c.run_at) FROM lanes CROSS JOIN LATERAL (SELECT l.run_at FROM faena.live l \
         WHERE l.state = 0 AND l.sub_type = lanes.name AND l.priority = lanes.priority AND l.run_at > $2 \
         ORDER BY l.run_at LIMIT 1) AS c";
const BY_TICKET: &str = "SELECT seq, id, created_at, spec, life, state, run_at, started_at, leased, lease_until, holder, progress, \
         payload, urgency FROM faena.live \
     WHERE state = 2 AND ticket = $2 AND keeper = $1 AND (leased OR (NOT leased AND keeper = $1))";

/// Jobs handed out at once: each is locked on the way, and comes with its payload.
const CLAIMED_MAX: usize = 10_000;

/// A job with the key by which it is ordered.
type Ranked = ((i64, u64), Arc<Job>);

/// Hands out jobs.
pub(super) async fn claim(session: &Session, wish: &Wish) -> Result<Claimed, Fault> {
    let max = wish.claim.max.min(CLAIMED_MAX);
    if max == 0 || wish.claim.sub_types.is_empty() {
        return Ok(Claimed::default());
    }
    let names: Vec<&str> = wish.claim.sub_types.iter().map(|name| name.as_str()).collect();
    let mut taken: Vec<Ranked> = Vec::new();
    let mut next_due = None;
    while taken.len() < max {
        let room = (max - taken.len()) as i64;
        let (gated, due) = take_free(session, wish, &names, room, &mut taken).await?;
        next_due = due;
        let parked = match gated.is_empty() {
            true => 0,
            false => session.transaction(enter(session, wish, &gated)).await.map(|(entered, parked)| {
                taken.extend(entered);
                parked
            })?,
        };
        if parked == 0 {
            break;
        }
    }
    taken.sort_by_key(|(rank, _)| *rank);
    Ok(Claimed { jobs: taken.into_iter().map(|(_, job)| job).collect(), next_due })
}

/// The jobs that a claim took whose answer was lost.
pub(super) async fn find_again(session: &Session, keeper: i64, ticket: i64) -> Result<Vec<Arc<Job>>, Fault> {
    let params = [(&keeper as _, Type::INT8), (&ticket as _, Type::INT8)];
    let mut found = Vec::new();
    take_in(&mut found, session.query(BY_TICKET, &params).await?.iter())?;
    found.sort_by_key(|(rank, _)| *rank);
    Ok(found.into_iter().map(|(_, job)| job).collect())
}

/// Gives back what a claim took and nobody was told of. The answer counts it.
pub(super) async fn give_back(session: &Session, lost: &Lost) -> Result<usize, Fault> {
    let now = lost.now;
    let found = find_again(session, lost.keeper, lost.ticket).await?;
    let untold = found.iter().filter(|job| !lost.told.contains(&job.seq));
    let released = |job: &Arc<Job>| Event::Released { epoch: job.life.epoch, reason: UNHEARD.into() };
    let steps: Vec<Transition> = untold.filter_map(|job| decide(job, released(job), now).ok()).collect();
    let asked: Vec<_> = steps.iter().map(|step| (step, now)).collect();
    let mut effects = Effects::default();
    let committed = steps::apply(session, &asked, &mut effects).await?;
    effects.kept.write(session).await?;
    Ok(committed.iter().filter(|answer| matches!(answer, Committed::Applied { .. })).count())
}

/// Takes jobs without a concurrency key; the answer has those with one, and when the next is due.
async fn take_free(
    session: &Session,
    wish: &Wish,
    names: &[&str],
    room: i64,
    taken: &mut Vec<Ranked>,
) -> Result<(Vec<i64>, Option<Timestamp>), Fault> {
    let (now, holder, lease) = wish.columns()?;
    let params = [
        (&names as _, Type::TEXT_ARRAY),
        (&now as _, Type::INT8),
        (&holder as _, Type::TEXT),
        (&wish.keeper as _, Type::INT8),
        (&wish.ticket as _, Type::INT8),
        (&lease as _, Type::INT8),
        (&room as _, Type::INT8),
    ];
    session.prepare(CLAIM, &params.each_ref().map(|(_, of)| of.clone())).await?;
    session.prepare(NEXT_DUE, &[Type::TEXT_ARRAY, Type::INT8]).await?;
    let claimed = future::try_join(session.query(CLAIM, &params), session.one(NEXT_DUE, &params[..2]));
    let (rows, due) = session.at_once(claimed).await?;
    let (free, gated): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.try_get("goes").unwrap_or(false));
    take_in(taken, free.into_iter())?;
    let gated = gated.into_iter().map(|row| row.try_get("place")).collect::<Result<_, _>>()?;
    Ok((gated, due.try_get::<_, Option<i64>>(0)?.map(Timestamp::from_millis)))
}

/// Lets jobs through their gates in their order, or puts them beside. The answer counts the latter.
async fn enter(session: &Session, wish: &Wish, seqs: &[i64]) -> Result<(Vec<Ranked>, usize), Fault> {
    let (now, holder, lease) = wish.columns()?;
    let params = [(&seqs as _, Type::INT8_ARRAY), (&now as _, Type::INT8)];
    let standing = session.query(STANDING, &params).await?;
    let mut room: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &standing {
        room.insert(row.try_get(1)?, 0);
    }
    let keys: Vec<&str> = room.keys().copied().collect();
    lock_gates(session, &keys).await?;
    let running = session.query(RUNNING, &[(&keys as _, Type::TEXT_ARRAY)]).await?;
    for row in &running {
        room.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let (mut going, mut parked) = (Vec::new(), Vec::new());
    for row in &standing {
        let inside = room.entry(row.try_get(1)?).or_default();
        let seq: i64 = row.try_get(0)?;
        if *inside < i64::from(row.try_get::<_, i32>(2)?) {
            *inside += 1;
            going.push(seq);
        } else {
            parked.push(seq);
        }
    }
    let params = [
        (&going as _, Type::INT8_ARRAY),
        (&now as _, Type::INT8),
        (&holder as _, Type::TEXT),
        (&wish.keeper as _, Type::INT8),
        (&wish.ticket as _, Type::INT8),
        (&lease as _, Type::INT8),
    ];
    let rows = session.query(ENTER, &params).await?;
    session.query(PARK, &[(&parked as _, Type::INT8_ARRAY)]).await?;
    let mut entered = Vec::new();
    take_in(&mut entered, rows.iter())?;
    Ok((entered, parked.len()))
}

/// Reads what was claimed. A row that cannot be read is that job's problem (rule 31).
fn take_in<'a>(taken: &mut Vec<Ranked>, rows: impl Iterator<Item = &'a Row>) -> Result<(), Fault> {
    let mut reader = Reader::default();
    for row in rows {
        match reader.live(row).and_then(|job| with_payload(job, row)) {
            Ok(job) => taken.push(((row.try_get("urgency")?, job.seq), Arc::new(job))),
            Err(fault) => tracing::error!(?fault, "a claimed job cannot be read"),
        }
    }
    Ok(())
}

impl Wish {
    /// What it writes: when, who, and until when without a sign of life.
    fn columns(&self) -> Result<(i64, String, Option<i64>), Fault> {
        let lease = self.claim.lease.map(|lease| self.now.plus(lease).as_millis());
        Ok((self.now.as_millis(), json(&self.claim.holder)?, lease))
    }
}
