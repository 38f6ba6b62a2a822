//! One connection with its prepared statements, and a few of them for whoever reads.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{self, FutureExt};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, timeout};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

use super::link::Failure;
use super::mark::Mark;
use super::place::{Fault, Place};
use super::sequencer::News;
use super::told::Told;

/// A parameter and what the server is to take it for.
pub(super) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// Work with a connection, under way.
pub(super) type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Whoever asks the database within a transaction: a connection of ours, or the application's own transaction.
pub(super) trait Asks: Sync {
    /// Asks for rows.
    fn query(&self, sql: &'static str, params: &[Param<'_>]) -> impl Future<Output = Result<Vec<Row>, Fault>> + Send;

    /// Asks for locks of keys, which a transaction of an application may hold for as long as it likes.
    fn lock(&self, sql: &'static str, names: &[Param<'_>]) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Whether locks that others hold are waited for as usual, or hardly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    No,
    Yes,
}

/// How long is hardly.
const HASTE: &str = "; SET LOCAL lock_timeout = 50";

/// One connection.
pub(super) struct Session {
    client: Client,
    driver: AbortHandle,
    prepares: bool,
    patience: Option<Duration>,
    begin: Arc<str>,
    /// Whether it was found to be of no use any more, though it may be open.
    is_lost: AtomicBool,
    /// What the transaction that is open tells.
    told: Mutex<Told>,
    news: Arc<News>,
    statements: Mutex<HashMap<&'static str, Statement>>,
    plans: Mutex<Plans>,
}

/// The plans of the statements: they are made once and used again, and fit tables as they were then.
struct Plans {
    uses: u64,
    made_at: Instant,
}

/// Time after which plans are made anew: a table that was empty may be long by then.
const PLANNED_FOR: Duration = Duration::from_secs(1);
/// Time to be let in: a server may take the connection and say nothing.
pub(super) const ENTER_MAX: Duration = Duration::from_secs(10);

impl Session {
    /// Connects, on the runtime of the caller.
    pub(super) async fn open(place: &Place) -> Result<Self, Fault> {
        let entered =
            timeout(place.patience.unwrap_or(ENTER_MAX).min(ENTER_MAX), place.config.connect(place.tls.clone())).await;
        let (client, connection) = entered.map_err(|_| silent())??;
        let driver = tokio::spawn(connection.map(|ended| {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to the database has ended");
            }
        }));
        let (driver, statements) = (driver.abort_handle(), Mutex::default());
        let plans = Mutex::new(Plans { uses: 0, made_at: Instant::now() });
        let (patience, begin, is_lost) = (place.patience, place.begin.clone(), AtomicBool::default());
        let (told, news) = (Mutex::default(), place.news.clone());
        Ok(Self { client, driver, prepares: place.prepares, patience, begin, is_lost, told, news, statements, plans })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed() || self.is_lost.load(Ordering::Acquire)
    }

    /// An answer, if it comes in time. After a silence, or from a server that is not the one to ask any more, nothing else is
    /// asked here.
    async fn answered<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
        let answered = match self.patience {
            Some(patience) => timeout(patience, answer).await.map_err(|_| silent()),
            None => Ok(answer.await),
        };
        let answered = answered.and_then(|answer| Ok(answer?));
        if matches!(answered, Err(Fault::Lost(_))) {
            self.is_lost.store(true, Ordering::Release);
            self.driver.abort();
        }
        answered
    }

    /// Asks for rows.
    pub(super) async fn query(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
        if !self.prepares {
            return self.query_once(sql, params).await;
        }
        let statement = self.prepared(sql, || params.iter().map(|(_, of)| of.clone()).collect()).await?;
        let values: Vec<_> = params.iter().map(|(value, _)| *value).collect();
        self.answered(self.client.query(&statement, &values)).await
    }

    /// Asks for rows by a statement that is not kept.
    pub(super) async fn query_once(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
        self.answered(self.client.query_typed(sql, params)).await
    }

    /// Asks for the one row that there must be.
    pub(super) async fn one(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Row, Fault> {
        let rows = self.query(sql, params).await?;
        rows.into_iter().next().ok_or_else(|| Fault::broken("a row was expected, and none came"))
    }

    /// Runs a statement without parameters.
    pub(super) async fn run(&self, sql: &str) -> Result<(), Fault> {
        self.answered(self.client.batch_execute(sql)).await
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self, haste: Haste) -> Result<(), Fault> {
        *self.told.lock() = Told::default();
        let mut sql = String::new();
        if self.is_to_replan() {
            sql += "DISCARD PLANS; ";
        }
        sql += &self.begin;
        if haste == Haste::Yes {
            sql += HASTE;
        }
        self.run(&sql).await
    }

    /// Makes a transaction last. What it told is the last that it writes, under all of its locks.
    pub(super) async fn commit(&self) -> Result<(), Fault> {
        let told = std::mem::take(&mut *self.told.lock());
        if told.is_empty() {
            return self.run("COMMIT").await;
        }
        if let Err(fault) = Told::prepare(self).await {
            self.roll_back().await;
            return Err(fault);
        }
        let calls = told.calls();
        // Sent together: should it not be written, COMMIT takes all of it back.
        let (written, committed) = future::join(told.write(self), self.run("COMMIT")).await;
        match (written, committed) {
            (_, Err(Fault::Lost(text))) => Err(Fault::Lost(text)),
            (Err(fault), _) | (_, Err(fault)) => Err(fault),
            (Ok(()), Ok(())) => {
                self.news.stir(calls);
                Ok(())
            }
        }
    }

    /// Has something told by the transaction that is open.
    pub(super) fn tell(&self, tell: impl FnOnce(&mut Told)) {
        tell(&mut self.told.lock());
    }

    /// Plans are made anew now and then, and more often at first, while tables fill.
    fn is_to_replan(&self) -> bool {
        let mut plans = self.plans.lock();
        plans.uses += 1;
        let is_due = self.prepares && (plans.uses.is_power_of_two() || plans.made_at.elapsed() > PLANNED_FOR);
        if is_due {
            plans.made_at = Instant::now();
        }
        is_due
    }

    /// Does work in a transaction that may be done again.
    pub(super) async fn transaction<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let done = self.begun(Haste::No, work).await?;
        self.commit().await?;
        Ok(done)
    }

    /// Does work that asks for all it wants at once, of prepared statements, and tells nothing: the transaction goes to the server
    /// as a whole, and its answers come back together.
    pub(super) async fn at_once<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let (begun, done, committed) = future::join3(self.begin(Haste::No), work, self.run("COMMIT")).await;
        // After a fault, COMMIT takes all of it back.
        let done = begun.and(done)?;
        committed.map(|()| done)
    }

    /// Does work in a transaction of which it must be known whether it was committed.
    pub(super) async fn sure<T>(
        &self,
        haste: Haste,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Failure<T>> {
        let marked = async {
            let done = work.await?;
            let tells = !self.told.lock().is_empty();
            let mark = if tells { Some(Mark::leave(self).await?) } else { Mark::leave_if_written(self).await? };
            Ok((mark, done))
        };
        let (mark, done) = self.begun(haste, marked).await.map_err(Failure::Fault)?;
        match (self.commit().await, mark) {
            (Ok(()), _) => Ok(done),
            (Err(Fault::Lost(_)), Some(mark)) => Err(Failure::Unsure { mark, done }),
            // It has changed nothing: what it found is an answer.
            (Err(Fault::Lost(_)), None) => Ok(done),
            (Err(fault), _) => Err(Failure::Fault(fault)),
        }
    }

    /// Work in a transaction that is left open unless it fails.
    async fn begun<T>(&self, haste: Haste, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        // Sent together: the first statement of the work does not wait for the answer to BEGIN.
        let (begun, done) = future::join(self.begin(haste), work).await;
        let done = begun.and(done);
        if done.is_err() {
            self.roll_back().await;
        }
        done
    }

    /// Takes a transaction back. If that fails the connection is gone, and the server does it by itself.
    pub(super) async fn roll_back(&self) {
        if let Err(fault) = self.run("ROLLBACK").await {
            tracing::debug!(?fault, "a transaction could not be taken back");
        }
    }

    /// Makes sure that a statement leaves at once when it is asked for, and in its turn among others.
    pub(super) async fn prepare(&self, sql: &'static str, types: &[Type]) -> Result<(), Fault> {
        if self.prepares {
            self.prepared(sql, || types.to_vec()).await?;
        }
        Ok(())
    }

    async fn prepared(&self, sql: &'static str, types: impl FnOnce() -> Vec<Type>) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.lock().get(sql) {
            return Ok(statement.clone());
        }
        let types = types();
        let statement = self.answered(self.client.prepare_typed(sql, &types)).await?;
        self.statements.lock().insert(sql, statement.clone());
        Ok(statement)
    }
}

impl Asks for Session {
    async fn query(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
        Self::query(self, sql, params).await
    }

    /// All of a node waits with whoever waits here, so it does not wait for longer than other nodes hold a key.
    async fn lock(&self, sql: &'static str, names: &[Param<'_>]) -> Result<(), Fault> {
        let locked =
            (Self::query(self, WAIT_BRIEFLY, &[]), Self::query(self, sql, names), Self::query(self, WAIT_AGAIN, &[]));
        future::try_join3(locked.0, locked.1, locked.2).await.map(drop)
    }
}

/// Other nodes hold a key for a commit, which a slow disk draws out. Who is in haste waits no longer than for anything else.
const WAIT_BRIEFLY: &str = "SELECT set_config('faena.lock_timeout', current_setting('lock_timeout'), true), \
     set_config('lock_timeout', \
         (1000 * extract(epoch FROM least(current_setting('lock_timeout')::interval, interval '250 ms')))::integer::text, true)";
const WAIT_AGAIN: &str = "SELECT set_config('lock_timeout', current_setting('faena.lock_timeout'), true)";

fn silent() -> Fault {
    Fault::Lost("the database does not answer".into())
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Connections for whoever reads.
pub(super) struct Pool {
    place: Place,
    room: Semaphore,
    idle: Mutex<Vec<Session>>,
}

/// Connections of one node that read at once.
const READERS_MAX: usize = 6;

impl Pool {
    pub(super) fn new(place: Place) -> Self {
        Self { place, room: Semaphore::new(READERS_MAX), idle: Mutex::default() }
    }

    /// Does work with one of them. A connection that was found cut is replaced once.
    pub(super) async fn with<T>(&self, work: impl for<'a> Fn(&'a Session) -> Doing<'a, T>) -> Result<T, Fault> {
        let _room = self.room.acquire().await.map_err(|_| Fault::Refused("the store is closed".into()))?;
        let idle = std::iter::from_fn(|| self.idle.lock().pop()).find(|session| !session.is_closed());
        if let Some(session) = idle {
            match work(&session).await {
                Err(Fault::Lost(_)) => {}
                done => {
                    self.give_back(session);
                    return done;
                }
            }
        }
        let session = Session::open(&self.place).await?;
        let done = work(&session).await;
        self.give_back(session);
        done
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.room.close();
        self.idle.lock().clear();
    }

    fn give_back(&self, session: Session) {
        if !session.is_closed() && !self.room.is_closed() {
            self.idle.lock().push(session);
        }
    }
}
