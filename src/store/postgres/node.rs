//! This process among those that have the store open. What runs inside of a process is held by its sign of life, on a connection
//! that nobody else uses; one that gets none through lets go of what it runs, before others take it for dead. All of it goes by
//! the clock of the database, and how long somebody was silent by a clock that nobody sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::Mutex;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};
use tokio_postgres::types::Type;
use tokio_util::sync::CancellationToken;

use super::burial::{self, Sightings, Taken};
use super::hints::Hints;
use super::place::{Fault, Place};
use super::roster;
use super::session::{Pool, Session};
use super::{days, gates, kept, mark};
use crate::clock::{Clock, Timestamp};
use crate::job::Holder;
use crate::limits;
use crate::store::Recovered;
use crate::store::nodes::Seen;
use crate::watch::Hub;

const REGISTER: &str =
    "INSERT INTO faena.node (boot, machine, process, version, term_ms) VALUES ($1, $2, $3, $4, $5) RETURNING id";
const BEAT: &str = "UPDATE faena.node SET beat = clock_timestamp() WHERE id = $1 RETURNING 1";
const LEAVE: &str = "DELETE FROM faena.node WHERE id = ANY($1)";
const OTHERS: &str = "SELECT EXISTS (SELECT FROM faena.node WHERE id <> $1)";
const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
const ALL: &str = "SELECT n.boot, n.machine, n.process, n.version, (extract(epoch FROM n.since) * 1000)::bigint, \
         (extract(epoch FROM n.beat) * 1000)::bigint, \
         (SELECT count(*) FROM faena.live l WHERE l.state = 2 AND NOT l.leased AND l.keeper = n.id) \
     FROM faena.node n WHERE n.beat >= clock_timestamp() - $1::bigint * interval '1 ms' ORDER BY n.id";
const SCHEDULES: &str = "SELECT count(*), count(*) FILTER (WHERE due_at <= $1) FROM faena.schedule_life";

/// Signs of life in a term: several may be lost before it is over.
const BEATS_A_TERM: u32 = 6;
/// Milliseconds that clocks may be apart before they are compared anew.
const CLOCKS_APART_MS: i64 = 5;

/// This process.
pub(super) struct Node {
    id: AtomicI64,
    holder: Holder,
    /// How long it may give no sign of life.
    term: Duration,
    /// What the machine's clock is put right by; none when the clock is moved by hand.
    correction: Option<Arc<AtomicI64>>,
    /// When the last sign of life left that has arrived.
    beaten: Mutex<Instant>,
    /// Whether it let go of what it ran, because nobody heard of it for long.
    adrift: AtomicBool,
    /// Numbers that it had before, whose jobs are to be given back.
    former: Mutex<Vec<i64>>,
    sightings: Mutex<Sightings>,
    /// Where it looks next for jobs that were left beside their gates.
    gates: Mutex<gates::Place>,
    /// Trips when it is to say nothing more.
    leaving: CancellationToken,
    /// Why the database cannot be written to, if it cannot.
    pub(super) degraded: Mutex<Option<Arc<str>>>,
}

impl Node {
    /// Makes it known.
    pub(super) async fn register(
        session: &Session,
        place: &Place,
        holder: Holder,
        clock: &Clock,
    ) -> Result<Self, Fault> {
        let (beaten, term) = (Instant::now(), place.term);
        let id = register(session, &holder, term).await?;
        let correction = (!matches!(clock, Clock::Manual(_))).then(Arc::<AtomicI64>::default);
        let node = Self {
            id: id.into(),
            holder,
            term,
            correction,
            beaten: beaten.into(),
            adrift: AtomicBool::default(),
            former: Mutex::default(),
            sightings: Mutex::default(),
            gates: Mutex::default(),
            leaving: CancellationToken::new(),
            degraded: Mutex::default(),
        };
        node.set_clock(session).await?;
        Ok(node)
    }

    /// Whether there are others.
    pub(super) async fn has_others(&self, session: &Session) -> Result<bool, Fault> {
        Ok(session.one(OTHERS, &[(&self.id() as _, Type::INT8)]).await?.try_get(0)?)
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

    /// Whether it let go of what it ran. Until it has made itself known anew it must not take more.
    pub(super) fn is_adrift(&self) -> bool {
        self.adrift.load(Ordering::Acquire)
    }

    /// Whether nobody can have heard of it for a while. Then those who work for it could not be heard either, and their leases say
    /// nothing.
    pub(super) fn is_cut_off(&self) -> bool {
        self.beaten.lock().elapsed() > self.term / 2
    }

    /// Shows that it lives, until it leaves.
    pub(super) async fn live(self: Arc<Self>, place: Place, hub: Arc<Hub>) {
        let mut session = None;
        loop {
            tokio::select! {
                () = sleep(self.term / BEATS_A_TERM) => {}
                () = self.leaving.cancelled() => return,
            }
            // It may have been stopped for longer than it slept.
            self.let_go_if_silent(&hub);
            let sign = timeout(self.term / 3, self.give_sign(&place, &mut session, &hub)).await;
            let sign = sign.unwrap_or_else(|_| Err(Fault::Lost("the database does not answer".into())));
            if let Err(fault) = &sign {
                session = None;
                tracing::warn!(?fault, "no sign of life could be given to the database");
            }
            *self.degraded.lock() = sign.err().map(|fault| fault.told().to_string().into());
        }
    }

    /// Lets go of what runs here when no sign of life came through for long, whatever the connection does meanwhile.
    pub(super) async fn doubt(self: Arc<Self>, hub: Arc<Hub>) {
        loop {
            let until = *self.beaten.lock() + self.silence_max();
            sleep_until(until.max(Instant::now() + self.term / BEATS_A_TERM)).await;
            self.let_go_if_silent(&hub);
        }
    }

    /// Silence after which it lets go: runs need time to stop before others begin the same.
    fn silence_max(&self) -> Duration {
        self.term * 2 / 3
    }

    fn let_go_if_silent(&self, hub: &Hub) {
        if self.beaten.lock().elapsed() >= self.silence_max() && !self.adrift.swap(true, Ordering::AcqRel) {
            tracing::error!(
                "the database was not reached for so long that what runs here is let go; it will run elsewhere"
            );
            hub.let_go();
        }
    }

    async fn give_sign(&self, place: &Place, session: &mut Option<Session>, hub: &Hub) -> Result<(), Fault> {
        let session = match session {
            Some(session) if !session.is_closed() => session,
            none => none.insert(Session::open(place).await?),
        };
        let sent = Instant::now();
        if self.is_adrift() || session.query(BEAT, &[(&self.id() as _, Type::INT8)]).await?.is_empty() {
            self.begin_anew(session, hub).await?;
        }
        if self.is_cut_off() {
            // Nobody was there to hear the workers, or to see that other nodes live (rule 7).
            roster::new_terms(session, now(session).await?).await?;
            self.sightings.lock().forget();
        }
        *self.beaten.lock() = sent;
        let seen = burial::look(session, self.id()).await?;
        let silent = self.sightings.lock().note(seen, Instant::now());
        burial::remove(session, &silent).await
    }

    /// Makes itself known under another number: under the one before it may be taken for dead, and its jobs be others' by now.
    /// Their late reports are refused.
    async fn begin_anew(&self, session: &Session, hub: &Hub) -> Result<(), Fault> {
        if !self.adrift.swap(true, Ordering::AcqRel) {
            tracing::error!("this node was silent for so long that it was taken for dead; its jobs run elsewhere");
            hub.let_go();
        }
        let id = register(session, &self.holder, self.term).await?;
        self.former.lock().push(self.id.swap(id, Ordering::AcqRel));
        self.adrift.store(false, Ordering::Release);
        Ok(())
    }

    /// Sees to what nodes that are gone left behind, and sums up the kept counts, now and then.
    pub(super) async fn tend_all(self: Arc<Self>, pool: Arc<Pool>, hub: Arc<Hub>, hints: Arc<Hints>) {
        loop {
            sleep(self.term / BEATS_A_TERM).await;
            let (node, hub, hints) = (self.clone(), hub.clone(), hints.clone());
            let tended = pool.with(move |session| {
                let (node, hub, hints) = (node.clone(), hub.clone(), hints.clone());
                Box::pin(async move { node.tend(session, &hub, &hints).await })
            });
            if let Err(fault) = tended.await {
                tracing::warn!(?fault, "what nodes share could not be tended");
            }
        }
    }

    async fn tend(&self, session: &Session, hub: &Hub, hints: &Hints) -> Result<(), Fault> {
        self.set_clock(session).await?;
        let now = now(session).await?;
        let former = self.former.lock().clone();
        for id in former {
            burial::give_back(session, id, now).await?;
            session.query(LEAVE, &[(&vec![id] as _, Type::INT8_ARRAY)]).await?;
            self.former.lock().retain(|one| *one != id);
            hub.ready().notify_one();
        }
        let taken = burial::take_over(session, now).await?;
        let mut gates = self.gates.lock().clone();
        let was_left = gates::look_around(session, &mut gates, now).await?;
        *self.gates.lock() = gates;
        if taken.waiting > 0 || was_left {
            hub.ready().notify_one();
            hints.tell(true, std::iter::empty());
        }
        hints.note_others(self.has_others(session).await?);
        days::make(session, now).await?;
        mark::forget(session).await?;
        session.transaction(kept::fold(session)).await
    }

    /// Says nothing more: a sign of life after the goodbye would be that of a ghost.
    pub(super) fn fall_silent(&self) {
        self.leaving.cancel();
    }

    /// Takes it off the list: what it still keeps is nobody's.
    pub(super) async fn leave(&self, session: &Session) -> Result<(), Fault> {
        let mut ids = self.former.lock().clone();
        ids.push(self.id());
        session.query(LEAVE, &[(&ids as _, Type::INT8_ARRAY)]).await.map(drop)
    }

    /// Sees to what those left behind who are gone, before anything is handed out (rule 7).
    pub(super) async fn recover(&self, session: &Session, now: Timestamp) -> Result<Recovered, Fault> {
        burial::remove_aged(session, self.id(), self.term / 3).await?;
        // What somebody else holds just then is taken over later, by whoever looks around.
        let taken = match burial::take_over(session, now).await {
            Err(Fault::Held(reason)) => {
                tracing::warn!(%reason, "what nodes that are gone left behind is not seen to yet");
                Taken::default()
            }
            taken => taken?,
        };
        // Workers may know this process alone, and nobody was here to hear them: each of them gets a full new term.
        roster::new_terms(session, now).await?;
        let waiting = kept::jobs(session).await?.of(crate::job::Status::Queued);
        let plans = session.one(SCHEDULES, &[(&now.as_millis() as _, Type::INT8)]).await?;
        let (schedules, due): (i64, i64) = (plans.try_get(0)?, plans.try_get(1)?);
        Ok(Recovered {
            waiting,
            crashed: taken.waiting,
            quarantined: taken.ended,
            schedules: schedules as u64,
            schedules_due: due as u64,
            ..Recovered::default()
        })
    }
}

async fn register(session: &Session, holder: &Holder, term: Duration) -> Result<i64, Fault> {
    let (process, term) = (holder.process as i32, term.as_millis() as i64);
    let params = [
        (&&*holder.node as _, Type::TEXT),
        (&&*holder.machine as _, Type::TEXT),
        (&process as _, Type::INT4),
        (&env!("CARGO_PKG_VERSION") as _, Type::TEXT),
        (&term as _, Type::INT8),
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
