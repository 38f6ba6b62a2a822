//! This process among those that have the store open. What runs inside of a process is held by its sign of life; whoever notices
//! that one has died counts a crash of each of its jobs. All of it goes by the clock of the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_postgres::types::Type;

use super::days;
use super::hints::Hints;
use super::kept;
use super::place::Fault;
use super::rows::{Reader, live};
use super::schedules;
use super::session::{Pool, Session};
use super::steps::{self, Effects};
use crate::clock::{Clock, Timestamp};
use crate::job::{Event, Holder, decide};
use crate::limits;
use crate::store::nodes::Seen;
use crate::store::{Committed, Recovered};

const REGISTER: &str = "INSERT INTO faena.node (boot, machine, process, version) VALUES ($1, $2, $3, $4) RETURNING id";
const BEAT: &str = "UPDATE faena.node SET beat = clock_timestamp() WHERE id = $1 RETURNING 1";
const LEAVE: &str = "DELETE FROM faena.node WHERE id = $1";
const BURY: &str = "DELETE FROM faena.node WHERE beat < clock_timestamp() - $1::bigint * interval '1 ms' RETURNING id";
const OTHERS: &str = "SELECT count(*) FROM faena.node WHERE id <> $1";
const ORPHANS: &str = live!(
    "WHERE state = 2 AND NOT leased AND NOT EXISTS (SELECT FROM faena.node n WHERE n.id = keeper) ORDER BY seq LIMIT 500"
);
const NEW_TERMS: &str = "UPDATE faena.live SET lease_until = greatest(lease_until, $1) WHERE state = 2 AND leased";
const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
const ALL: &str = "SELECT n.boot, n.machine, n.process, n.version, (extract(epoch FROM n.since) * 1000)::bigint, \
         (extract(epoch FROM n.beat) * 1000)::bigint, \
         (SELECT count(*) FROM faena.live l WHERE l.state = 2 AND NOT l.leased AND l.keeper = n.id) \
     FROM faena.node n WHERE n.beat >= clock_timestamp() - $1::bigint * interval '1 ms' ORDER BY n.id";
const SCHEDULES: &str = "SELECT count(*), count(*) FILTER (WHERE due_at <= $1) FROM faena.schedule_life";

/// Pause between two signs of life: several may be lost before the lease is over.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// Milliseconds that clocks may be apart before they are compared anew.
const CLOCKS_APART_MS: i64 = 5;

/// This process.
pub(super) struct Node {
    id: AtomicI64,
    holder: Holder,
    /// What the machine's clock is put right by; none when the clock is moved by hand.
    correction: Option<Arc<AtomicI64>>,
    /// Why the database cannot be written to, if it cannot.
    pub(super) degraded: Mutex<Option<Arc<str>>>,
}

impl Node {
    /// Makes it known.
    pub(super) async fn register(session: &Session, holder: Holder, clock: &Clock) -> Result<Self, Fault> {
        let id = register(session, &holder).await?;
        let correction = (!matches!(clock, Clock::Manual(_))).then(Arc::<AtomicI64>::default);
        let node = Self { id: id.into(), holder, correction, degraded: Mutex::default() };
        node.set_clock(session).await?;
        Ok(node)
    }

    /// The clock of the database, as this process reckons it.
    pub(super) fn clock(&self) -> Option<Clock> {
        self.correction.clone().map(Clock::Corrected)
    }

    /// Compares the machine's clock with that of the database. The way there and back takes time, so small differences are let
    /// be.
    async fn set_clock(&self, session: &Session) -> Result<(), Fault> {
        let Some(correction) = &self.correction else { return Ok(()) };
        let asked = Clock::System.now();
        let theirs = now(session).await?;
        let answered = Clock::System.now();
        let way = answered.millis_since(asked) as i64;
        let by = theirs.as_millis() - asked.as_millis() - way / 2;
        let known = correction.load(Ordering::Acquire);
        if (by - known).abs() > way.max(CLOCKS_APART_MS) {
            if (by - known).abs() > 1_000 {
                tracing::warn!(by_ms = by, "this machine's clock is not that of the database, by which jobs run");
            }
            correction.store(by, Ordering::Release);
        }
        Ok(())
    }

    /// The number under which it keeps jobs.
    pub(super) fn id(&self) -> i64 {
        self.id.load(Ordering::Acquire)
    }

    /// Shows that it lives, sees to those that do not, and sums up the kept counts, until it is stopped.
    pub(super) async fn live(self: Arc<Self>, pool: Arc<Pool>, new_work: Arc<Notify>, hints: Arc<Hints>) {
        loop {
            tokio::time::sleep(BEAT_EVERY).await;
            let (node, new_work, hints) = (self.clone(), new_work.clone(), hints.clone());
            let lived = pool.with(move |session| {
                let (node, new_work, hints) = (node.clone(), new_work.clone(), hints.clone());
                Box::pin(async move { node.beat(session, &new_work, &hints).await })
            });
            let outcome = lived.await;
            if let Err(fault) = &outcome {
                tracing::warn!(?fault, "no sign of life could be given to the database");
            }
            *self.degraded.lock() = outcome.err().map(|fault| fault.told().to_string().into());
        }
    }

    async fn beat(&self, session: &Session, new_work: &Notify, hints: &Hints) -> Result<(), Fault> {
        if session.query(BEAT, &[(&self.id() as _, Type::INT8)]).await?.is_empty() {
            // It was taken for dead, and its jobs are others' by now. Their late reports are refused.
            tracing::error!("this node was silent for so long that it was taken for dead; its jobs run elsewhere");
            self.id.store(register(session, &self.holder).await?, Ordering::Release);
        }
        self.set_clock(session).await?;
        let now = now(session).await?;
        days::make(session, now).await?;
        if bury(session, now).await?.0 > 0 {
            new_work.notify_one();
            hints.tell(true, std::iter::empty());
        }
        hints.note_others(self.others(session).await? > 0);
        session.transaction(kept::fold(session)).await
    }

    /// How many others have the store open.
    async fn others(&self, session: &Session) -> Result<i64, Fault> {
        Ok(session.one(OTHERS, &[(&self.id() as _, Type::INT8)]).await?.try_get(0)?)
    }

    /// Takes it off the list: what it still keeps is nobody's.
    pub(super) async fn leave(&self, session: &Session) -> Result<(), Fault> {
        session.query(LEAVE, &[(&self.id() as _, Type::INT8)]).await.map(drop)
    }

    /// Sees to what those left behind who are gone, before anything is handed out (rule 7).
    pub(super) async fn recover(&self, session: &Session, now: Timestamp) -> Result<Recovered, Fault> {
        let (crashed, quarantined) = bury(session, now).await?;
        if self.others(session).await? == 0 {
            // Nobody was there to hear the workers: each of them gets a full new term.
            session.query(NEW_TERMS, &[(&now.plus(limits::LEASE).as_millis() as _, Type::INT8)]).await?;
        }
        let waiting = kept::jobs(session).await?.of(crate::job::Status::Queued);
        let plans = session.one(SCHEDULES, &[(&now.as_millis() as _, Type::INT8)]).await?;
        let (schedules, due): (i64, i64) = (plans.try_get(0)?, plans.try_get(1)?);
        Ok(Recovered {
            waiting,
            crashed,
            quarantined,
            schedules: schedules as u64,
            schedules_due: due as u64,
            ..Recovered::default()
        })
    }
}

async fn register(session: &Session, holder: &Holder) -> Result<i64, Fault> {
    let process = holder.process as i32;
    let params = [
        (&&*holder.node as _, Type::TEXT),
        (&&*holder.machine as _, Type::TEXT),
        (&process as _, Type::INT4),
        (&env!("CARGO_PKG_VERSION") as _, Type::TEXT),
    ];
    Ok(session.one(REGISTER, &params).await?.try_get(0)?)
}

/// Those that gave a sign of life within a lease.
pub(super) async fn all(session: &Session) -> Result<Vec<Seen>, Fault> {
    let lease = limits::LEASE.as_millis() as i64;
    let rows = session.query(ALL, &[(&lease as _, Type::INT8)]).await?;
    let seen = |row: &tokio_postgres::Row| {
        let holder = Holder {
            node: row.try_get::<_, &str>(0)?.into(),
            machine: row.try_get::<_, &str>(1)?.into(),
            process: row.try_get::<_, i32>(2)? as u32,
        };
        let (since, seen_at) = (row.try_get(4)?, row.try_get(5)?);
        Ok(Seen {
            holder,
            version: row.try_get::<_, &str>(3)?.into(),
            since: Timestamp::from_millis(since),
            seen_at: Timestamp::from_millis(seen_at),
            running: row.try_get::<_, i64>(6)? as u64,
        })
    };
    rows.iter().map(seen).collect()
}

/// The clock of the database.
pub(super) async fn now(session: &Session) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_millis(session.one(NOW, &[]).await?.try_get(0)?))
}

/// Forgets nodes that gave no sign of life for a lease, and counts a crash of every job that nobody keeps. The answer counts the
/// jobs that wait again and those that were set aside.
async fn bury(session: &Session, now: Timestamp) -> Result<(u64, u64), Fault> {
    let lease = limits::LEASE.as_millis() as i64;
    session.query(BURY, &[(&lease as _, Type::INT8)]).await?;
    let (mut crashed, mut quarantined) = (0, 0);
    loop {
        let (waiting, ended) = session.transaction(take_over(session, now)).await?;
        crashed += waiting;
        quarantined += ended;
        if waiting + ended == 0 {
            return Ok((crashed, quarantined));
        }
    }
}

/// Decides about some of the jobs that nobody keeps.
async fn take_over(session: &Session, now: Timestamp) -> Result<(u64, u64), Fault> {
    let rows = session.query(ORPHANS, &[]).await?;
    let mut reader = Reader::default();
    let mut decided = Vec::new();
    for row in &rows {
        match reader.live(row).map(|job| decide(&job, Event::Crashed { epoch: job.life.epoch }, now)) {
            Ok(Ok(step)) => decided.push(step),
            Ok(Err(refusal)) => tracing::warn!(%refusal, "a job that nobody keeps is left as it is"),
            Err(fault) => tracing::error!(?fault, "a job that nobody keeps cannot be read"),
        }
    }
    let asked: Vec<_> = decided.iter().map(|step| (step, now)).collect();
    let mut effects = Effects::default();
    let committed = steps::apply(session, &asked, &mut effects).await?;
    effects.open_gates(session).await?;
    schedules::sum_up(session, std::mem::take(&mut effects.ended)).await?;
    effects.kept.write(session).await?;
    let applied = committed.iter().filter_map(|answer| match answer {
        Committed::Applied { job, .. } => Some(job.is_finished()),
        _ => None,
    });
    let (ended, waiting): (Vec<bool>, Vec<bool>) = applied.partition(|is_finished| *is_finished);
    Ok((waiting.len() as u64, ended.len() as u64))
}
