//! Giving events their places in the log. Their numbers were drawn before their commits, so one may show after a higher one; but
//! they agree with the order in which one thing changed, since they were drawn under its locks: if a later event of it shows, the
//! earlier one does. So whatever shows and has no place yet gets the next ones, in the order of the numbers, by one node at a time;
//! and readers go by places. A transaction that stays open holds nobody up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future;
use tokio::sync::{Notify, watch};
use tokio::time::{Duration, Instant};
use tokio_postgres::Row;

use super::place::Fault;
use super::session::{Pool, Session};
use crate::store::events::Place;

/// Pause between two looks that nobody asked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Shortest pause between two looks: what is committed meanwhile gets its places together.
const GATHERED_FOR: Duration = Duration::from_millis(20);
/// Rows that get their places in one transaction.
const GIVEN_MAX: i64 = 1_000;

const LOOK: &str =
    "SELECT place, called, EXISTS (SELECT FROM faena.event_batch WHERE place IS NULL) FROM faena.event_end";
/// Whoever is at it is at it for a commit. If that takes long its places are not waited for.
const WAIT_BRIEFLY: &str = "SELECT set_config('lock_timeout', '1000', true)";
/// The next statement sees all that was committed before this one had the lock.
const ALONE: &str = "SELECT FROM faena.event_end FOR UPDATE";
const GIVE: &str = "WITH pending AS MATERIALIZED (SELECT ctid AS at, row_number() OVER (ORDER BY n) AS further, \
         max(last_at) OVER (ORDER BY n) AS high_at FROM \
         (SELECT ctid, n, last_at FROM faena.event_batch WHERE place IS NULL ORDER BY n LIMIT 1000) AS first), \
     given AS (UPDATE faena.event_batch b SET place = e.place + p.further, high_at = greatest(e.high_at, p.high_at) \
         FROM pending p CROSS JOIN faena.event_end e WHERE b.ctid = p.at \
         RETURNING b.place, b.high_at, b.about, b.calls, b.place * 65536 + b.count - 1 AS last), \
     about AS (INSERT INTO faena.event_about (about, place) \
         SELECT a.about, given.place FROM given CROSS JOIN LATERAL unnest(given.about) AS a(about)) \
     UPDATE faena.event_end SET place = place + (SELECT count(*) FROM given), \
         high_at = greatest(high_at, (SELECT max(high_at) FROM given)), last = greatest(last, (SELECT max(last) FROM given)), \
         called = greatest(called, (SELECT max(last) FROM given WHERE calls)) \
     RETURNING place, called, (SELECT count(*) FROM given)";

/// That something was told, and how far the log goes.
#[derive(Default)]
pub(super) struct News {
    told: Notify,
    end: AtomicU64,
    further: watch::Sender<()>,
    /// Up to where somebody is to be called back.
    called: watch::Sender<Place>,
}

/// How far places were given, and up to where an event calls somebody back.
pub(super) struct End {
    pub(super) place: u64,
    called: Place,
}

impl End {
    fn read(row: &Row) -> Result<Self, Fault> {
        let number = |column| row.try_get::<_, i64>(column).map(i64::cast_unsigned);
        Ok(Self { place: number(0)?, called: number(1)? })
    }
}

impl News {
    /// Something was told, here or elsewhere. Unless somebody waits for it, or is to be called back, there is time.
    pub(super) fn stir(&self, calls: bool) {
        if calls || self.further.receiver_count() > 0 {
            self.told.notify_one();
        }
    }

    /// Where it shows that the log goes further.
    pub(super) fn watch(&self) -> watch::Receiver<()> {
        let watch = self.further.subscribe();
        self.told.notify_one();
        watch
    }

    /// Where it shows that somebody is to be called back.
    pub(super) fn called(&self) -> watch::Receiver<Place> {
        self.called.subscribe()
    }

    pub(super) fn note_called(&self, called: Place) {
        self.called.send_if_modified(|known| std::mem::replace(known, called.max(*known)) < called);
    }

    fn note(&self, end: &End) {
        self.note_called(end.called);
        if self.end.fetch_max(end.place, Ordering::AcqRel) < end.place {
            self.further.send_replace(());
        }
    }
}

/// Gives places for as long as the store is open.
pub(super) async fn give_all(pool: Arc<Pool>, news: Arc<News>) {
    loop {
        // Nodes that look together would also wait for each other.
        let jitter = Duration::from_millis(u64::from(uuid::Uuid::now_v7().as_bytes()[15]));
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY + jitter) => {}
            () = news.told.notified() => {}
        }
        let began = Instant::now();
        match pool.with(|session| Box::pin(settle(session))).await {
            Ok(end) => news.note(&end),
            Err(fault) => tracing::debug!(?fault, "events have no places yet"),
        }
        tokio::time::sleep(GATHERED_FOR.max(began.elapsed())).await;
    }
}

/// Gives places to whatever shows.
pub(super) async fn settle(session: &Session) -> Result<End, Fault> {
    loop {
        let row = session.one(LOOK, &[]).await?;
        let (end, is_pending) = (End::read(&row)?, row.try_get::<_, bool>(2)?);
        if !is_pending {
            return Ok(end);
        }
        match session.transaction(give(session)).await {
            Ok((_, GIVEN_MAX)) | Err(Fault::Again(_)) => {}
            Ok((end, _)) => return Ok(end),
            Err(Fault::Held(_)) => return Ok(end),
            Err(fault) => return Err(fault),
        }
    }
}

/// The same within the transaction of the caller.
pub(super) async fn settle_within(session: &Session) -> Result<(), Fault> {
    while give(session).await?.1 == GIVEN_MAX {}
    Ok(())
}

async fn give(session: &Session) -> Result<(End, i64), Fault> {
    let (_, _, given) =
        future::try_join3(session.query(WAIT_BRIEFLY, &[]), session.query(ALONE, &[]), session.one(GIVE, &[])).await?;
    Ok((End::read(&given)?, given.try_get(2)?))
}
