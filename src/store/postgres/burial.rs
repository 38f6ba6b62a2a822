//! Nodes that are gone. One is taken for dead when this process saw its sign of life unchanged for a whole term of it, while its own
//! arrived: after a silence of the database, or a step of its clock, all of them get the time to be heard again.

use std::collections::HashMap;

use tokio::time::{Duration, Instant};
use tokio_postgres::types::Type;

use super::kept::Kept;
use super::place::Fault;
use super::rows::{Reader, live};
use super::session::Session;
use super::steps::{self, Effects};
use crate::clock::Timestamp;
use crate::job::{Event, Job, decide};
use crate::store::Committed;

const LOOK: &str = "SELECT id, (extract(epoch FROM beat) * 1000000)::bigint, term_ms FROM faena.node WHERE id <> $1";
const REMOVE: &str = "DELETE FROM faena.node n USING unnest($1::bigint[], $2::bigint[]) AS d(id, beat) \
     WHERE n.id = d.id AND (extract(epoch FROM n.beat) * 1000000)::bigint = d.beat";
const REMOVE_AGED: &str = "DELETE FROM faena.node WHERE beat < clock_timestamp() - term_ms * interval '1 ms' \
     AND EXISTS (SELECT FROM faena.node o WHERE o.id <> $1 AND o.beat > clock_timestamp() - $2::bigint * interval '1 ms')";
const ORPHANS: &str = live!(
    "WHERE state = 2 AND NOT leased AND seq > $1 AND NOT EXISTS (SELECT FROM faena.node n WHERE n.id = keeper) \
     ORDER BY seq LIMIT 500"
);
const KEPT_BY: &str = live!("WHERE state = 2 AND NOT leased AND seq > $1 AND keeper = $2 ORDER BY seq LIMIT 500");

/// Another node as it was seen: its number, the moment of its last sign of life in microseconds, how long it may be silent.
pub(super) type Seen = (i64, i64, Duration);

/// Since when this process has known each of the others by the same sign of life.
#[derive(Default)]
pub(super) struct Sightings(HashMap<i64, (i64, Instant)>);

impl Sightings {
    /// Notes who is there; the answer names those that were silent for a term, with their last sign of life.
    pub(super) fn note(&mut self, seen: Vec<Seen>, at: Instant) -> Vec<(i64, i64)> {
        let before = std::mem::take(&mut self.0);
        let mut silent = Vec::new();
        for (id, beat, term) in seen {
            let since = before.get(&id).filter(|(known, _)| *known == beat).map_or(at, |(_, since)| *since);
            if at.duration_since(since) >= term {
                silent.push((id, beat));
            }
            self.0.insert(id, (beat, since));
        }
        silent
    }

    /// Begins anew: what was not seen meanwhile says nothing.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// What became of jobs that nobody keeps.
#[derive(Default)]
pub(super) struct Taken {
    /// So many wait again.
    pub(super) waiting: u64,
    /// So many have ended.
    pub(super) ended: u64,
}

/// The other nodes.
pub(super) async fn look(session: &Session, but: i64) -> Result<Vec<Seen>, Fault> {
    let rows = session.query(LOOK, &[(&but as _, Type::INT8)]).await?;
    let seen = |row: &tokio_postgres::Row| {
        let term: i64 = row.try_get(2)?;
        Ok((row.try_get(0)?, row.try_get(1)?, Duration::from_millis(term.max(0) as u64)))
    };
    rows.iter().map(seen).collect()
}

/// Removes nodes, unless they gave a sign of life since.
pub(super) async fn remove(session: &Session, silent: &[(i64, i64)]) -> Result<(), Fault> {
    if silent.is_empty() {
        return Ok(());
    }
    tracing::warn!(nodes = silent.len(), "nodes are taken for dead: they gave no sign of life for a whole term");
    let (ids, beats): (Vec<i64>, Vec<i64>) = silent.iter().copied().unzip();
    session.query(REMOVE, &[(&ids as _, Type::INT8_ARRAY), (&beats as _, Type::INT8_ARRAY)]).await.map(drop)
}

/// Removes nodes by the age of their sign of life, as somebody who has just come. Only if there is another whose sign is fresh: when
/// all are silent it was the database that could not be reached.
pub(super) async fn remove_aged(session: &Session, own: i64, fresh: Duration) -> Result<(), Fault> {
    let fresh = fresh.as_millis() as i64;
    session.query(REMOVE_AGED, &[(&own as _, Type::INT8), (&fresh as _, Type::INT8)]).await.map(drop)
}

/// Counts a crash of every job that nobody keeps.
pub(super) async fn take_over(session: &Session, now: Timestamp) -> Result<Taken, Fault> {
    sweep(session, None, |job| Event::Crashed { epoch: job.life.epoch }, now).await
}

/// Gives back what this process kept under another number: it let go of it by itself, and nothing has crashed.
pub(super) async fn give_back(session: &Session, keeper: i64, now: Timestamp) -> Result<Taken, Fault> {
    let reason = "the node did not reach the database";
    sweep(session, Some(keeper), |job| Event::Released { epoch: job.life.epoch, reason: reason.into() }, now).await
}

/// Goes through all of the jobs. Those that cannot be read do not hide the others.
async fn sweep(
    session: &Session,
    keeper: Option<i64>,
    event: impl Fn(&Job) -> Event,
    now: Timestamp,
) -> Result<Taken, Fault> {
    let mut all = Taken::default();
    let mut after = -1;
    loop {
        match session.transaction(step(session, keeper, after, &event, now)).await {
            Ok(None) => return Ok(all),
            Ok(Some((taken, last))) => {
                all.waiting += taken.waiting;
                all.ended += taken.ended;
                after = last;
            }
            // Others were in the way, and nothing happened.
            Err(Fault::Again(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
}

/// Decides about some of the jobs; none when there are no more.
async fn step(
    session: &Session,
    keeper: Option<i64>,
    after: i64,
    event: &impl Fn(&Job) -> Event,
    now: Timestamp,
) -> Result<Option<(Taken, i64)>, Fault> {
    let after = (&after as _, Type::INT8);
    let rows = match &keeper {
        Some(keeper) => session.query(KEPT_BY, &[after, (keeper as _, Type::INT8)]).await?,
        None => session.query(ORPHANS, &[after]).await?,
    };
    let Some(last) = rows.last() else { return Ok(None) };
    let last = last.try_get("seq")?;
    let mut reader = Reader::default();
    let mut decided = Vec::new();
    for row in &rows {
        match reader.live(row).map(|job| decide(&job, event(&job), now)) {
            Ok(Ok(step)) => decided.push(step),
            Ok(Err(refusal)) => tracing::warn!(%refusal, "a job that nobody keeps is left as it is"),
            Err(fault) => tracing::error!(?fault, "a job that nobody keeps cannot be read"),
        }
    }
    let asked: Vec<_> = decided.iter().map(|step| (step, now)).collect();
    let mut effects = Effects::default();
    let committed = steps::apply(session, &asked, &mut effects).await?;
    Kept::write(effects.kept, session).await?;
    let mut taken = Taken::default();
    for answer in committed {
        if let Committed::Applied { job, .. } = answer {
            *if job.is_finished() { &mut taken.ended } else { &mut taken.waiting } += 1;
        }
    }
    Ok(Some((taken, last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Duration = Duration::from_secs(30);

    #[test]
    fn a_node_is_dead_when_its_sign_stood_still_for_a_term_of_watching() {
        let (mut sightings, begin) = (Sightings::default(), Instant::now());
        let mut note = |beats: [i64; 2], seconds| {
            let seen = vec![(1, beats[0], TERM), (2, beats[1], TERM)];
            sightings.note(seen, begin + Duration::from_secs(seconds))
        };
        // However old a sign is when it is first seen.
        assert_eq!(note([5, 9_000], 0), []);
        assert_eq!(note([5, 9_001], 29), []);
        assert_eq!(note([5, 9_002], 30), [(1, 5)]);
        assert_eq!(note([6, 9_002], 59), [], "it was heard again");
    }

    #[test]
    fn after_a_silence_of_its_own_it_watches_anew() {
        let (mut sightings, begin) = (Sightings::default(), Instant::now());
        sightings.note(vec![(1, 5, TERM)], begin);
        sightings.forget();
        assert_eq!(sightings.note(vec![(1, 5, TERM)], begin + Duration::from_secs(40)), []);
        assert_eq!(sightings.note(vec![(1, 5, TERM)], begin + Duration::from_secs(70)), [(1, 5)]);
    }
}
