//! The engine for one machine: memory decides, disk confirms.
//!
//! | file | holds |
//! | --- | --- |
//! | `port` | the engine's side of the port: every call of it |
//! | `core`, `deciding` | the decided state and its indexes, under one lock; that lock |
//! | `archive` | what is kept of ended jobs where no disk stands behind them |
//! | `numbered` | things by sequence number |
//! | `ready`, `gates`, `keys` | who is next; concurrency keys; unique and idempotency keys |
//! | `shown`, `sorts` | the committed state that readers see, without that lock; how many jobs there are of each sort |
//! | `accept`, `claim`, `commit`, `stand` | accepting jobs; handing them out; their steps; why one does not run |
//! | `list`, `walk`, `search`, `text` | lists over memory and disk; going through jobs within bounds; ways to the ended ones |
//! | `counts`, `blocks`, `minutes`, `figures` | how many ended jobs there are of each sort, and where; what ended in each minute |
//! | `named`, `locks`, `states` | things by name that are there for a term |
//! | `alerts`, `suspects`, `alert_rows` | alert rules and alerts; where to look for what breaks a rule; as rows |
//! | `access`, `access_rows` | keys of callers; as rows |
//! | `outbox`, `outbox_rows` | subscriptions and what is on its way to them; as rows |
//! | `roster`, `roster_rows` | workers of other processes; as rows |
//! | `change`, `ticket`, `journal`, `lead`, `disk` | group commit: what is written, who waits, the queue, who writes, the transaction |
//! | `events`, `telling`, `event_rows`, `event_search`, `ring`, `news` | the event log: what a change tells; as rows, or in memory; that there is more |
//! | `schema`, `rows`, `terms`, `history`, `readers`, `prune`, `checkpoint` | the tables, and what is read from and done to them |
//! | `schedules`, `plans`, `agenda`, `roll`, `plan_rows` | schedules: their steps, as decided, as shown, all together, as rows |
//! | `safekeeping`, `copy` | checks and copies of what is on disk |
//! | `ledger`, `recover`, [`inspect`] | what ran when the process died; a look from outside |
//!
//! Without a journal it is the same engine: a change is confirmed in the step that decides it.

mod accept;
mod access;
mod access_rows;
pub(super) mod agenda;
mod alert_rows;
mod alerts;
mod archive;
mod blocks;
mod change;
mod checkpoint;
mod claim;
mod commit;
mod copy;
mod core;
mod counts;
mod deciding;
mod disk;
mod event_rows;
mod event_search;
mod events;
mod figures;
mod gates;
mod history;
pub mod inspect;
mod journal;
pub(super) mod keys;
mod lead;
mod ledger;
mod list;
mod locks;
mod minutes;
mod named;
mod news;
mod numbered;
mod outbox;
mod outbox_rows;
pub(super) mod plan_rows;
mod plans;
mod port;
mod prune;
mod readers;
mod ready;
mod recover;
mod ring;
mod roll;
mod roster;
mod roster_rows;
mod rows;
mod safekeeping;
mod schedules;
mod schema;
mod search;
mod shown;
mod sorts;
mod stand;
mod states;
mod suspects;
mod telling;
mod terms;
mod text;
mod ticket;
mod walk;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use self::access::ShownKeys;
use self::agenda::Agenda;
use self::blocks::Blocks;
use self::core::Core;
use self::deciding::Deciding;
use self::journal::Journal;
use self::ledger::Ledger;
use self::minutes::Minutes;
use self::news::News;
use self::outbox::ShownOutgoing;
use self::readers::Readers;
use self::safekeeping::{Keeper, Snapshots};
pub use self::schema::Durability;
use self::shown::Shown;
use self::ticket::{Ticket, settled};
use super::{Recovered, StoreError};
use crate::clock::Timestamp;

/// The embedded store. What it is asked, it decides when it is called, before the answer is first polled: an answer is to
/// be awaited, or dropped, and not kept for later, since others may wait for it.
pub struct Embedded {
    core: Arc<Mutex<Core>>,
    shown: Arc<Shown>,
    keys: Arc<ShownKeys>,
    outgoing: Arc<ShownOutgoing>,
    agenda: Arc<Agenda>,
    minutes: Arc<RwLock<Minutes>>,
    news: Arc<News>,
    journalled: Option<Journalled>,
    recovered: Recovered,
    closed: AtomicBool,
    new_work: Arc<Notify>,
}

/// What stands behind the memory.
struct Journalled {
    journal: Arc<Journal>,
    readers: Readers,
    keeper: Keeper,
    blocks: Arc<RwLock<Blocks>>,
    ledger: Ledger,
    /// Held while the store is open.
    lock: Mutex<Option<File>>,
}

impl Journalled {
    /// Ends who reads and who writes.
    fn close(&self) {
        self.keeper.close();
        self.journal.close();
        self.readers.close();
    }
}

/// Where and how to keep the store on disk.
#[derive(Debug, Clone)]
pub struct Open {
    /// The database file. Its folder must exist; the ledger and the lock stand beside it.
    pub path: PathBuf,
    /// Whether an answer waits for the disk.
    pub durability: Durability,
}

impl Embedded {
    /// A store that lives and dies with the process.
    pub fn memory() -> Self {
        Self::memory_telling(Arc::default())
    }

    /// The same, and `new_work` is told when there is new work.
    pub fn memory_telling(new_work: Arc<Notify>) -> Self {
        let mut core = Core::new(false);
        core.watch.of_a_new_store().iter().for_each(|change| core.confirm(change, &Shown::default()));
        Self {
            agenda: core.plans.agenda.clone(),
            keys: core.access.shown.clone(),
            outgoing: core.outgoing.shown.clone(),
            news: core.news.clone(),
            core: Arc::new(Mutex::new(core)),
            shown: Arc::default(),
            minutes: Arc::default(),
            journalled: None,
            recovered: Recovered::default(),
            closed: false.into(),
            new_work,
        }
    }

    /// A store on disk. It is recovered when this returns; that may take some seconds for a million jobs.
    ///
    /// # Errors
    /// When another process has it open, when a newer version or another program wrote it, or when it cannot be read.
    pub fn open(open: &Open, now: Timestamp) -> Result<Self, StoreError> {
        Self::open_telling(open, now, Arc::default())
    }

    /// The same, and `new_work` is told as soon as a commit has brought work: before whoever waits for that commit.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_telling(open: &Open, now: Timestamp, new_work: Arc<Notify>) -> Result<Self, StoreError> {
        let began = std::time::Instant::now();
        let lock = recover::lock(&recover::beside(&open.path, "lock"))?;
        let conn = schema::open_to_write(&open.path, open.durability)?;
        let (ledger, noted) = Ledger::open(&recover::beside(&open.path, "running")).map_err(disk::broken)?;
        let mut core = Core::new(true);
        let shown = Arc::new(Shown::default());
        let (mut recovered, changes, counts) = recover::recover(&conn, &noted, &mut core, &shown, now)?;
        let snapshots = Arc::<Snapshots>::default();
        let checkpointer = checkpoint::Checkpointer::start(&open.path, snapshots.clone()).map_err(disk::broken)?;
        let minutes = Arc::new(RwLock::new(Minutes::read(&conn)?));
        let mut disk = disk::Disk::new(conn, checkpointer, minutes.clone()).map_err(disk::broken)?;
        disk.write(changes.iter(), |_| Vec::new()).map_err(disk::broken)?;
        let mut blocks = Blocks::default();
        blocks.apply(&counts);
        blocks.apply(&disk.take_counts());
        let blocks = Arc::new(RwLock::new(blocks));
        // What it knew is in the journal now, and a sequence number may be given anew once its job is forgotten.
        ledger.clear().map_err(disk::broken)?;
        changes.iter().for_each(|change| core.confirm(change, &shown));
        disk.tell();
        let news = disk.news.clone();
        let (agenda, keys) = (core.plans.agenda.clone(), core.access.shown.clone());
        let outgoing = core.outgoing.shown.clone();
        let core = Arc::new(Mutex::new(core));
        let journal = Journal::start(disk, core.clone(), shown.clone(), blocks.clone(), new_work.clone())
            .map_err(disk::broken)?;
        recovered.took_ms = began.elapsed().as_millis() as u64;
        let readers = Readers::open(&open.path)?;
        let keeper = Keeper::new(open.path.clone(), snapshots);
        let journalled = Some(Journalled { journal, readers, keeper, blocks, ledger, lock: Mutex::new(Some(lock)) });
        let closed = false.into();
        Ok(Self { core, shown, keys, outgoing, agenda, minutes, news, journalled, recovered, closed, new_work })
    }

    /// The decided state, told what time it is.
    fn core(&self, now: Timestamp) -> Deciding<'_> {
        let mut core = Deciding::on(&self.core);
        core.latest = core.latest.max(now);
        core
    }

    /// Why new work cannot be taken now, if it cannot.
    fn refuses(&self) -> Option<StoreError> {
        self.over().or_else(|| self.journalled.as_ref()?.journal.refuses())
    }

    /// Why nothing is done any more, if the store is closed.
    fn over(&self) -> Option<StoreError> {
        self.closed.load(Ordering::Acquire).then(|| StoreError::Unavailable("the store is closed".into()))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(journalled) = &self.journalled {
            journalled.close();
        }
    }
}
