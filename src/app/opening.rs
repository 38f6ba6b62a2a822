//! Opening what is kept: the store that the settings choose, and the place of large results.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::encryption::Encryption;
use super::settings::{self, ResultPlace, Settings, StoreChoice};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::job::Holder;
use crate::store::embedded::{self, Embedded};
use crate::store::results::{Folder, Memory, Results};
use crate::store::{Schedules, Store, StoreError};
use crate::watch::Hub;

/// What was opened.
pub(super) struct Opened {
    /// The store.
    pub(super) engine: Arc<dyn Store>,
    /// The same, as it keeps schedules.
    pub(super) schedules: Arc<dyn Schedules>,
    /// Where large results are.
    pub(super) results: Arc<dyn Results>,
    /// The clock that all go by who share the store.
    pub(super) clock: Clock,
}

/// Opens both, on a thread that may take its time.
pub(super) async fn open(
    runtime: &Runtime,
    settings: &Settings,
    node: &Holder,
    clock: Clock,
    hub: Arc<Hub>,
) -> Result<Opened> {
    let (keys, told) = (settings.encryption.clone(), hub.clone());
    let (settings, node) = (settings.clone(), node.clone());
    let opened = runtime.spawn_blocking(move || {
        let opened = match &settings.store {
            StoreChoice::Memory => {
                let store = Embedded::memory_telling(hub.ready().clone());
                return Ok(Opened::of(Arc::new(store), Arc::new(Memory::default()), clock));
            }
            StoreChoice::Sqlite(_) => on_disk(&settings, clock, hub.ready().clone()),
            StoreChoice::Postgres(url) => in_database(&settings, url, node, clock, hub),
        }?;
        let found = opened.engine.health().recovered;
        tracing::info!(
            waiting = found.waiting,
            crashed = found.crashed,
            quarantined = found.quarantined,
            orphans = found.orphans,
            schedules = found.schedules,
            schedules_due = found.schedules_due,
            schedules_faulty = found.schedules_faulty,
            took_ms = found.took_ms,
            "the store is open"
        );
        Ok(opened)
    });
    let opened: Result<Opened> = opened.await.map_err(Error::internal)?;
    sealed(opened?, &keys, &told)
}

/// The same with what is kept encrypted, where there are keys for it.
#[cfg(feature = "encryption")]
fn sealed(opened: Opened, encryption: &Encryption, hub: &Hub) -> Result<Opened> {
    use crate::store::sealed::{Keyring, SealedResults, SealedSchedules, SealedStore};
    let Some(keyring) = Keyring::new(&encryption.all())? else { return Ok(opened) };
    let keyring = Arc::new(keyring);
    let Opened { engine, schedules, results, clock } = opened;
    let read = keyring.clone();
    hub.read_by(move |job| read.read(job));
    Ok(Opened {
        engine: Arc::new(SealedStore::new(engine, keyring.clone())),
        schedules: Arc::new(SealedSchedules::new(schedules, keyring.clone())),
        results: Arc::new(SealedResults::new(results, keyring)),
        clock,
    })
}

#[cfg(not(feature = "encryption"))]
fn sealed(opened: Opened, _: &Encryption, _: &Hub) -> Result<Opened> {
    Ok(opened)
}

impl Opened {
    fn of<E: Store + Schedules>(engine: Arc<E>, results: Arc<dyn Results>, clock: Clock) -> Self {
        Self { engine: engine.clone(), schedules: engine, results, clock }
    }
}

fn on_disk(settings: &Settings, clock: Clock, new_work: Arc<Notify>) -> Result<Opened> {
    let path = settings.database().unwrap_or_else(|| PathBuf::from("faena.db"));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(|error| {
            StoreError::Broken(format!("cannot make the folder {}: {error}", folder.display()).into())
        })?;
    }
    let durability = match settings.durability {
        settings::Durability::Full => embedded::Durability::Full,
        settings::Durability::Relaxed => embedded::Durability::Relaxed,
    };
    let store = Embedded::open_telling(&embedded::Open { path, durability }, clock.now(), new_work)?;
    Ok(Opened::of(Arc::new(store), results(settings)?, clock))
}

#[cfg(feature = "postgres")]
fn in_database(
    settings: &Settings,
    url: &settings::DatabaseUrl,
    holder: Holder,
    clock: Clock,
    hub: Arc<Hub>,
) -> Result<Opened> {
    use crate::store::postgres::{Open, Postgres};
    let store = Postgres::open(Open { url: url.reveal().to_owned(), holder, clock }, hub)?;
    let clock = store.clock().clone();
    tracing::info!(database = %url.shown(), "the database is open");
    let results = match &settings.results {
        // A folder is of one machine, and whoever is asked for a result may be on another.
        ResultPlace::Folder(None) => Arc::new(store.results()),
        _ => results(settings)?,
    };
    Ok(Opened::of(Arc::new(store), results, clock))
}

#[cfg(not(feature = "postgres"))]
fn in_database(_: &Settings, _: &settings::DatabaseUrl, _: Holder, _: Clock, _: Arc<Hub>) -> Result<Opened> {
    Err(Error::invalid("PostgreSQL needs a build with the feature postgres"))
}

fn results(settings: &Settings) -> Result<Arc<dyn Results>> {
    match &settings.results {
        #[cfg(feature = "object-store")]
        ResultPlace::Url(url) => Ok(Arc::new(crate::store::results::ObjectStore::open(url, std::env::vars())?)),
        #[cfg(not(feature = "object-store"))]
        ResultPlace::Url(url) => {
            Err(Error::invalid(format!("results in `{url}` need a build with the feature object-store")))
        }
        ResultPlace::Folder(_) => {
            let folder = settings.results_folder().unwrap_or_else(|| settings.data.join("results"));
            Ok(Arc::new(Folder::open(folder)?))
        }
    }
}
