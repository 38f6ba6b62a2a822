//! The engine for many machines: one database, and as many nodes as there are.
//!
//! | file | holds |
//! | --- | --- |
//! | `place`, `session`, `migrate` | where the database is; connections with their statements; the tables |
//! | `link`, `mark` | a connection of one's own, and what became of a commit whose answer was lost |
//! | `queue`, `errands` | the ways in: jobs gather to batches, the rest goes one by one |
//! | `admit`, `steps`, `revive`, `claim` | accepting jobs; their steps; bringing back what has ended; handing out |
//! | `gates` | who waits beside the full gate of a concurrency key, and is let out |
//! | `rows`, `kept` | a job as a row; what is kept beside the jobs and never counted |
//! | `within` | accepting jobs in a transaction of the application |
//! | `results` | results too large for a job's row, in pieces |
//! | `room` | how much may wait to be written |
//! | `look`, `list`, `log` | reading jobs; lists of them; their logs |
//! | `settled` | the number up to which nothing more shows |
//! | `days`, `forget` | the history by days; forgetting |
//! | `schedules`, `calendar` | schedules: their steps; how they are read |
//! | `locks`, `states`, `bounds` | things by name that are there for a term; how many there may be |
//! | `access`, `remembered` | keys of callers; what is remembered of them for a moment |
//! | `alerts` | alert rules and alerts |
//! | `told`, `sequencer` | what a transaction tells; the places of that in the log |
//! | `events`, `search` | reading the log on; looking for something in it |
//! | `outbox`, `sendings` | subscriptions; how far they are, and what is on its way to them |
//! | `roster` | workers of other processes |
//! | `node`, `burial`, `claimer` | this process among the others; those that are gone; the only one of it who claims |
//! | `sweep` | dead rows, swept up before they are in the way |
//! | `hints`, `ear` | telling other nodes; hearing of them |
//!
//! Every answer waits for the database's commit. Leases and the lives of nodes go by the database's clock.

mod access;
mod admit;
mod alerts;
mod bounds;
mod burial;
mod calendar;
mod claim;
mod claimer;
mod days;
mod ear;
mod errands;
mod events;
mod forget;
mod gates;
mod hints;
mod kept;
mod link;
mod list;
mod locks;
mod log;
mod look;
mod mark;
mod migrate;
mod node;
mod outbox;
mod place;
mod port;
mod queue;
mod remembered;
mod results;
mod revive;
mod room;
mod roster;
mod rows;
mod schedules;
mod search;
mod sendings;
mod sequencer;
mod session;
mod settled;
mod spelled;
mod states;
mod steps;
mod sweep;
mod told;
mod within;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::{FutureExt, future};
use parking_lot::{Mutex, RwLock};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
/// The driver: an application's transactions must be of the same version as ours.
pub use tokio_postgres;

use self::bounds::Bounds;
use self::calendar::Calendar;
use self::claimer::Claimer;
use self::ear::Ear;
use self::errands::{Errands, Runner};
use self::hints::Hints;
use self::link::Link;
pub use self::migrate::{Migrated, SCHEMA_VERSION};
use self::node::Node;
use self::place::{Fault, Place};
use self::queue::{Op, Tell, Writer};
use self::remembered::Remembered;
pub use self::results::Pieces;
use self::room::Room;
use self::roster::Speakers;
use self::sequencer::News;
use self::session::{Doing, Pool, Session};
pub use self::within::Within;
use super::{Answer, Recovered, StoreError};
use crate::clock::Clock;
use crate::job::Holder;
use crate::watch::Hub;

/// The store in PostgreSQL. What it is asked queues up when it is called, before the answer is first polled.
pub struct Postgres {
    ways: RwLock<Option<Ways>>,
    room: Arc<Room>,
    pool: Arc<Pool>,
    node: Arc<Node>,
    clock: Clock,
    calendar: Arc<Calendar>,
    locks: Arc<Bounds>,
    states: Arc<Bounds>,
    crew: Arc<Bounds>,
    speakers: Arc<Speakers>,
    keys: Arc<Remembered>,
    news: Arc<News>,
    hub: Arc<Hub>,
    hints: Arc<Hints>,
    recovered: Recovered,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    life: Mutex<Option<JoinHandle<()>>>,
    runtime: Option<Runtime>,
    handle: Handle,
}

/// The ways in. They are closed by dropping them: what has queued up is still done.
struct Ways {
    jobs: mpsc::UnboundedSender<Op>,
    errands: Errands,
    /// For what takes long and nobody waits for.
    chores: Errands,
    claims: mpsc::UnboundedSender<claimer::Asked>,
}

/// Which database, and who opens it.
#[derive(Debug, Clone)]
pub struct Open {
    /// Where it is: `postgres://user:password@host/database`.
    pub url: String,
    /// Who this process is.
    pub holder: Holder,
    /// What time it is here. Unless it is moved by hand it gives way to the clock of the database.
    pub clock: Clock,
}

/// Brings the tables of a database to the version of this program, and opens nothing.
///
/// # Errors
/// When the database cannot be reached, does not let it, or has a newer schema.
pub fn migrate(url: &str) -> Result<Migrated, StoreError> {
    let place = Place::of(url)?;
    runtime()?.block_on(migrate::migrate(&place))
}

/// The version of the tables of a database, which is left as it is; 0 when it has none.
///
/// # Errors
/// When the database cannot be reached.
pub fn version(url: &str) -> Result<i32, StoreError> {
    let place = Place::of(url)?;
    runtime()?.block_on(migrate::look(&place))
}

fn runtime() -> Result<Runtime, StoreError> {
    let builder = Builder::new_multi_thread().worker_threads(1).thread_name("faena-postgres").enable_all().build();
    builder.map_err(|error| StoreError::Broken(error.to_string().into()))
}

impl Postgres {
    /// The store in a database, whose tables are made or brought forward first. What nodes that died had left behind is seen to
    /// when this returns. What other nodes do is told to `hub`, and that there is new work. It waits on this thread, which must not be one of a runtime.
    ///
    /// # Errors
    /// When the database cannot be reached, or has a newer schema.
    pub fn open(open: Open, hub: Arc<Hub>) -> Result<Self, StoreError> {
        let place = Place::of(&open.url)?;
        let runtime = runtime()?;
        let opened = runtime.block_on(Self::open_on(place, open, hub, runtime.handle().clone()));
        let mut store = opened?;
        store.runtime = Some(runtime);
        Ok(store)
    }

    async fn open_on(
        place: Place,
        Open { holder, clock, .. }: Open,
        hub: Arc<Hub>,
        handle: Handle,
    ) -> Result<Self, StoreError> {
        let began = tokio::time::Instant::now();
        migrate::migrate(&place).await?;
        let connect = || Session::open(&place);
        let (first, second, third) = future::try_join3(connect(), connect(), connect()).await.map_err(Fault::told)?;
        let node = Arc::new(Node::register(&first, &place, holder, &clock).await.map_err(Fault::told)?);
        let clock = node.clock().unwrap_or(clock);
        let today = node::now(&first).await.map_err(Fault::told)?;
        days::make(&first, today).await.map_err(Fault::told)?;
        let mut recovered = node.recover(&first, clock.now()).await.map_err(Fault::told)?;
        recovered.took_ms = began.elapsed().as_millis() as u64;

        let pool = Arc::new(Pool::new(place.clone()));
        let (jobs, to_write) = mpsc::unbounded_channel();
        let (errands, to_do) = mpsc::unbounded_channel();
        let (chores, to_clear) = mpsc::unbounded_channel();
        let (claims, to_claim) = mpsc::unbounded_channel();
        let (hints, to_tell) = Hints::new(node.has_others(&first).await.map_err(Fault::told)?);
        let speakers: Arc<Speakers> = Arc::default();
        let keys = Arc::<Remembered>::default();
        let (ours, theirs) =
            ((pool.clone(), node.clone(), hints.clone()), (hub.clone(), speakers.clone(), keys.clone()));
        let ear = Ear::new(place.clone(), ours, theirs);
        let teller = node.clone();
        let news = place.news.clone();
        let link = |session| Link::new(place.clone(), session);
        let room = Arc::<Room>::default();
        let writer = Writer::new(link(Some(first)), room.clone(), hub.ready().clone(), hints.clone());
        let claimer = Claimer::new(link(Some(third)), node.clone(), hints.clone());
        let tasks = vec![
            handle.spawn(or_end_process(writer.write_all(to_write))),
            handle.spawn(or_end_process(Runner::new(link(Some(second))).run_all(to_do))),
            handle.spawn(or_end_process(Runner::new(link(None)).run_all(to_clear))),
            handle.spawn(or_end_process(claimer.claim_all(to_claim))),
        ];
        handle.spawn(hints::send_all(to_tell, pool.clone(), move || teller.id()));
        if place.prepares {
            // A pooler gives the session to others, and nothing is heard on it: looking is enough then.
            handle.spawn(ear.clone().hear_all());
        }
        handle.spawn(ear.look_all());
        handle.spawn(speakers.clone().look_all(pool.clone()));
        handle.spawn(sequencer::give_all(pool.clone(), news.clone()));
        handle.spawn(sweep::sweep_all(pool.clone()));
        handle.spawn(node.clone().doubt(hub.clone()));
        handle.spawn(node.clone().tend_all(pool.clone(), hub.clone(), hints.clone()));
        let life = handle.spawn(node.clone().live(place, hub.clone()));
        Ok(Self {
            room,
            ways: RwLock::new(Some(Ways { jobs, errands, chores, claims })),
            pool,
            node,
            clock,
            calendar: Arc::default(),
            locks: Arc::default(),
            states: Arc::default(),
            crew: Arc::default(),
            speakers,
            keys,
            news,
            hub,
            hints,
            recovered,
            tasks: Mutex::new(tasks),
            life: Mutex::new(Some(life)),
            runtime: None,
            handle,
        })
    }

    /// The clock that all who share the database go by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Queues something up for the one who writes.
    fn write<T: Send + 'static>(&self, op: impl FnOnce(Tell<T>) -> Op) -> Answer<'_, T> {
        let (tell, told) = oneshot::channel();
        let op = op(tell);
        if let Some(ways) = &*self.ways.read() {
            if let Err(refused) = self.room.enter(op.bytes(), op.is_new()) {
                return Box::pin(std::future::ready(Err(refused)));
            }
            // Should nobody take it, its teller is dropped, and that is an answer.
            drop(ways.jobs.send(op));
        }
        answer(told)
    }

    /// Queues up an errand.
    fn errand<T, W>(&self, work: W) -> Answer<'_, T>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a Session) -> Doing<'a, T> + Send + 'static,
    {
        self.errand_by(|ways| &ways.errands, work)
    }

    /// Queues up an errand that holds up no other, however long it takes.
    fn chore<T, W>(&self, work: W) -> Answer<'_, T>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a Session) -> Doing<'a, T> + Send + 'static,
    {
        self.errand_by(|ways| &ways.chores, work)
    }

    fn errand_by<T, W>(&self, way: impl Fn(&Ways) -> &Errands, work: W) -> Answer<'_, T>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a Session) -> Doing<'a, T> + Send + 'static,
    {
        match &*self.ways.read() {
            Some(ways) => answer(errands::ask(way(ways), work)),
            None => Box::pin(std::future::ready(Err(closed()))),
        }
    }

    /// Reads, on a connection that nobody else uses meanwhile.
    fn read<T, W>(&self, work: W) -> Answer<'_, T>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a Session) -> Doing<'a, T> + Send + Sync + 'static,
    {
        let pool = self.pool.clone();
        Box::pin(async move {
            // Connections belong to the runtime of the store, not to that of whoever asks.
            let read = self.handle.spawn(async move { pool.with(work).await }).await;
            read.map_err(|_| closed())?.map_err(Fault::told)
        })
    }

    /// Lets nobody in any more, does what has queued up, and says goodbye.
    async fn close_all(&self) -> Result<(), StoreError> {
        if self.ways.write().take().is_none() {
            return Ok(());
        }
        let tasks = std::mem::take(&mut *self.tasks.lock());
        future::join_all(tasks).await;
        self.node.fall_silent();
        let life = self.life.lock().take();
        future::join_all(life).await;
        let node = self.node.clone();
        let left = self.read(move |session| {
            let node = node.clone();
            Box::pin(async move { node.leave(session).await })
        });
        let left = left.await;
        self.pool.close();
        left
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be dropped where blocking is forbidden; its thread ends by itself.
            runtime.shutdown_background();
        }
    }
}

/// Does what every promise goes through. Should it panic the process ends (rule 36): it would answer, run jobs and commit nothing, and
/// other nodes would take it for well.
async fn or_end_process(task: impl Future<Output = ()>) {
    if AssertUnwindSafe(task).catch_unwind().await.is_err() {
        tracing::error!("a panic while committing; ending the process, so that others take over what it runs");
        std::process::abort();
    }
}

/// The answer that comes through a channel; none when the store was closed before.
fn answer<'a, T: Send + 'a>(told: oneshot::Receiver<Result<T, StoreError>>) -> Answer<'a, T> {
    Box::pin(async move { told.await.unwrap_or_else(|_| Err(closed())) })
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}
