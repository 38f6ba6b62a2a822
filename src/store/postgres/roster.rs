//! Workers of other processes: a row each, which any node reads. Of those that speak here this process keeps a copy, so that a call
//! of theirs does not ask the database who they are. What they hold are the leases of their jobs.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future;
use parking_lot::Mutex;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::bounds::Bounds;
use super::look::readable;
use super::place::Fault;
use super::rows::{Reader, json, live};
use super::session::{Pool, Session};
use crate::clock::Timestamp;
use crate::job::{Job, Name};
use crate::limits;
use crate::store::{Entered, Present, Worker, WorkerId};

/// Silent workers that make room for a new one when there are too many.
const ROOM: i64 = 100;
/// Pause between two looks at the workers that speak here: so long may one be heard that has left another node, should the
/// hint be lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What was heard of a worker is written down when the last note of it is as old as this: other nodes see that it lives.
const NOTE_EVERY: Duration = Duration::from_secs(10);
/// Times that leases are given new terms anew, because others were in the way.
const TRIES_MAX: usize = 10;

/// Held while a transaction takes up a worker: the bytes of `crew`.
const ALONE: &str = "SELECT pg_advisory_xact_lock(1668441463)";
const KNOWN_OF: &str = "SELECT count(*) FROM faena.worker_sub_type WHERE sub_type = ANY($1)";
const KNOWN_COUNT: &str = "SELECT count(*) FROM faena.worker_sub_type";
const LEARN: &str = "INSERT INTO faena.worker_sub_type (sub_type) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
const KNOWS: &str = "SELECT 1 FROM faena.worker_sub_type WHERE sub_type = $1";
const KNOWN: &str = "SELECT sub_type FROM faena.worker_sub_type ORDER BY sub_type COLLATE \"C\"";
const COUNT: &str = "SELECT count(*), 0::bigint FROM faena.worker";
const ENTER: &str = "INSERT INTO faena.worker (id, worker, lease_ms, heard_at) VALUES ($1, $2, $3, $4)";
const LEAVE: &str = "DELETE FROM faena.worker WHERE id = $1 RETURNING 1";
const FIND: &str = "SELECT worker, heard_at FROM faena.worker WHERE id = $1";
const ALL: &str = "SELECT w.worker, w.heard_at, (SELECT count(*) FROM faena.live l \
         WHERE l.state = 2 AND l.leased AND substring(l.holder FROM '\"node\":\"([^\"]*)\"') = w.id) \
     FROM faena.worker w ORDER BY w.id COLLATE \"C\"";
const LEASED: &str = live!(
    "WHERE state = 2 AND leased AND substring(holder FROM '\"node\":\"([^\"]*)\"') = $1 ORDER BY lease_until, seq LIMIT $2"
);
const FORGET: &str = "DELETE FROM faena.worker WHERE id IN \
     (SELECT id FROM faena.worker WHERE heard_at < $1 ORDER BY heard_at, id LIMIT $2) AND heard_at < $1 RETURNING 1";
const THERE: &str = "SELECT id FROM faena.worker WHERE id = ANY($1)";
const NOTE: &str = "UPDATE faena.worker w SET heard_at = greatest(w.heard_at, n.at) \
     FROM unnest($1::text[], $2::bigint[]) AS n(id, at) WHERE w.id = n.id";
/// A lease as long as those of its worker, from `$1` on; `$2` where its worker is not known any more.
const NEW_TERMS: &str = "UPDATE faena.live SET lease_until = t.until \
     FROM (SELECT l.seq, $1 + coalesce(w.lease_ms, $2) AS until FROM faena.live l LEFT JOIN faena.worker w \
             ON w.id = substring(l.holder FROM '\"node\":\"([^\"]*)\"') \
         WHERE l.state = 2 AND l.leased ORDER BY l.seq FOR UPDATE OF l) AS t \
     WHERE live.seq = ANY(ARRAY[t.seq]) AND live.state = 2 AND live.leased AND live.lease_until < t.until";

/// The workers that speak to this node.
#[derive(Default)]
pub(super) struct Speakers(Mutex<BTreeMap<WorkerId, Speaker>>);

struct Speaker {
    worker: Arc<Worker>,
    heard_at: Timestamp,
    noted_at: Timestamp,
    /// Whether it spoke since the last look.
    spoke: bool,
}

impl Speakers {
    /// A worker that has spoken here lately, and does so again.
    pub(super) fn heard(&self, id: WorkerId, now: Timestamp) -> Option<Arc<Worker>> {
        let mut speakers = self.0.lock();
        let speaker = speakers.get_mut(&id)?;
        speaker.heard_at = speaker.heard_at.max(now);
        speaker.spoke = true;
        Some(speaker.worker.clone())
    }

    /// It has left, by whatever node.
    pub(super) fn forget(&self, id: WorkerId) {
        self.0.lock().remove(&id);
    }

    fn note(&self, worker: Arc<Worker>, noted_at: Timestamp, now: Timestamp) {
        let speaker = Speaker { heard_at: noted_at.max(now), noted_at, spoke: true, worker };
        self.0.lock().insert(speaker.worker.id, speaker);
    }

    /// Looks after the copies, for as long as the store is open.
    pub(super) async fn look_all(self: Arc<Self>, pool: Arc<Pool>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let look = Arc::new(self.begin_look());
            if look.ids.is_empty() {
                continue;
            }
            let asked = look.clone();
            let there = pool.with(move |session| {
                let look = asked.clone();
                Box::pin(async move { look.ask(session).await })
            });
            match there.await {
                Ok(there) => self.end_look(&look, &there),
                Err(fault) => tracing::debug!(?fault, "what was heard of workers cannot be written down"),
            }
        }
    }

    fn begin_look(&self) -> Look {
        let mut look = Look::default();
        for (id, speaker) in self.0.lock().iter_mut() {
            look.ids.push(id.to_string());
            let is_due = speaker.heard_at.millis_since(speaker.noted_at) >= NOTE_EVERY.as_millis() as u64;
            if is_due || (!speaker.spoke && speaker.heard_at > speaker.noted_at) {
                look.noted.push((*id, speaker.heard_at));
            }
            if !std::mem::take(&mut speaker.spoke) {
                look.silent.push(*id);
            }
        }
        look
    }

    /// Lets those go that have left, and those that say nothing: they are asked for anew when they speak again.
    fn end_look(&self, look: &Look, there: &HashSet<String>) {
        let mut speakers = self.0.lock();
        for (id, at) in &look.noted {
            if let Some(speaker) = speakers.get_mut(id) {
                speaker.noted_at = *at;
            }
        }
        for id in &look.silent {
            if speakers.get(id).is_some_and(|speaker| !speaker.spoke) {
                speakers.remove(id);
            }
        }
        for id in look.ids.iter().filter(|id| !there.contains(*id)) {
            if let Ok(id) = id.parse() {
                speakers.remove(&id);
            }
        }
    }
}

/// What is asked about the workers that speak here, and told of them.
#[derive(Default)]
struct Look {
    ids: Vec<String>,
    noted: Vec<(WorkerId, Timestamp)>,
    silent: Vec<WorkerId>,
}

impl Look {
    /// Notes when they were heard; those that are there still.
    async fn ask(&self, session: &Session) -> Result<HashSet<String>, Fault> {
        if !self.noted.is_empty() {
            let (ids, at): (Vec<_>, Vec<_>) =
                self.noted.iter().map(|(id, at)| (id.to_string(), at.as_millis())).unzip();
            session.query(NOTE, &[(&ids as _, Type::TEXT_ARRAY), (&at as _, Type::INT8_ARRAY)]).await?;
        }
        let rows = session.query(THERE, &[(&self.ids as _, Type::TEXT_ARRAY)]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}

/// Takes a worker up: one at a time over all nodes.
pub(super) async fn enter(
    session: &Session,
    worker: &Worker,
    now: Timestamp,
    bounds: &Bounds,
) -> Result<Entered, Fault> {
    let names: Vec<&str> = worker.sub_types.iter().map(Name::as_str).collect();
    let sub_types = [(&names as _, Type::TEXT_ARRAY)];
    let (_, known) = future::try_join(session.query(ALONE, &[]), session.one(KNOWN_OF, &sub_types)).await?;
    let new = names.len() - known.try_get::<_, i64>(0)? as usize;
    if new > 0 {
        let known: i64 = session.one(KNOWN_COUNT, &[]).await?.try_get(0)?;
        if known as usize + new > limits::SUB_TYPES_KNOWN_MAX {
            return Ok(Entered::Full);
        }
    }
    if !bounds.has_room(session, COUNT, (1, 0), (limits::WORKERS_MAX as i64, i64::MAX)).await? {
        if forget(session, now.minus(limits::WORKER_SILENT_MAX), ROOM).await? == 0 {
            return Ok(Entered::Full);
        }
        bounds.forget();
    }
    if new > 0 {
        session.query(LEARN, &sub_types).await?;
    }
    let (id, text) = (worker.id.to_string(), json(worker)?);
    let params = [
        (&id as _, Type::TEXT),
        (&text as _, Type::TEXT),
        (&(worker.lease.as_millis() as i64) as _, Type::INT8),
        (&now.as_millis() as _, Type::INT8),
    ];
    session.query(ENTER, &params).await?;
    Ok(Entered::Done)
}

/// A worker that speaks here for the first time in a while.
pub(super) async fn find(
    session: &Session,
    speakers: &Speakers,
    id: WorkerId,
    now: Timestamp,
) -> Result<Option<Arc<Worker>>, Fault> {
    let rows = session.query(FIND, &[(&id.to_string() as _, Type::TEXT)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (worker, noted_at) = read(row)?;
    speakers.note(worker.clone(), noted_at, now);
    Ok(Some(worker))
}

/// Forgets a worker.
pub(super) async fn leave(session: &Session, id: WorkerId) -> Result<bool, Fault> {
    Ok(!session.query(LEAVE, &[(&id.to_string() as _, Type::TEXT)]).await?.is_empty())
}

/// All workers, with what was heard of them here and is not written down yet.
pub(super) async fn all(session: &Session, speakers: &Speakers) -> Result<Vec<Present>, Fault> {
    let rows = session.query(ALL, &[]).await?;
    let speakers = speakers.0.lock();
    let present = |row: &Row| {
        let (worker, noted_at) = read(row)?;
        let heard_at = speakers.get(&worker.id).map_or(noted_at, |speaker| speaker.heard_at.max(noted_at));
        Ok(Present { worker, heard_at, held: row.try_get::<_, i64>(2)? as u64 })
    };
    rows.iter().map(present).collect()
}

/// Jobs that a worker holds, those first whose lease ends first.
pub(super) async fn leased(session: &Session, id: WorkerId, limit: usize) -> Result<Vec<Arc<Job>>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = session.query(LEASED, &[(&id.to_string() as _, Type::TEXT), (&limit as _, Type::INT8)]).await?;
    let mut reader = Reader::default();
    Ok(rows.iter().filter_map(|row| readable(reader.live(row))).collect())
}

/// Whether a worker that does this subtype has ever been there.
pub(super) async fn knows(session: &Session, sub_type: &Name) -> Result<bool, Fault> {
    Ok(!session.query(KNOWS, &[(&sub_type.as_str() as _, Type::TEXT)]).await?.is_empty())
}

/// All subtypes that a worker has ever done.
pub(super) async fn known(session: &Session) -> Result<Vec<Name>, Fault> {
    let rows = session.query(KNOWN, &[]).await?;
    rows.iter().map(|row| Name::new(row.try_get::<_, &str>(0)?).map_err(Fault::broken)).collect()
}

/// Forgets workers of whom nothing was heard since a moment.
pub(super) async fn forget(session: &Session, heard_before: Timestamp, limit: i64) -> Result<u64, Fault> {
    let params = [(&heard_before.as_millis() as _, Type::INT8), (&limit as _, Type::INT8)];
    Ok(session.query(FORGET, &params).await?.len() as u64)
}

/// Gives every lease a full new term (rule 7), as long as its worker's leases are.
pub(super) async fn new_terms(session: &Session, now: Timestamp) -> Result<(), Fault> {
    let (now, lease) = (now.as_millis(), limits::LEASE.as_millis() as i64);
    let params = [(&now as _, Type::INT8), (&lease as _, Type::INT8)];
    for _ in 1..TRIES_MAX {
        match session.query(NEW_TERMS, &params).await {
            Err(Fault::Again(_) | Fault::Held(_)) => {}
            given => return given.map(drop),
        }
    }
    session.query(NEW_TERMS, &params).await.map(drop)
}

fn read(row: &Row) -> Result<(Arc<Worker>, Timestamp), Fault> {
    let worker = serde_json::from_str(row.try_get(0)?).map_err(Fault::broken)?;
    Ok((Arc::new(worker), Timestamp::from_millis(row.try_get(1)?)))
}
