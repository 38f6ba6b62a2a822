//! A worker: the whole without HTTP, until somebody asks it to stop. It works on a store that servers share with it.

use super::Faena;
use super::server::{self, Signals};
use super::settings::{Settings, StoreChoice};
use crate::error::{Error, Result};
use crate::work::Registry;

/// A running worker with the processors that come with the program.
pub struct Worker {
    faena: Faena,
}

impl Worker {
    /// Opens the store and starts to work.
    ///
    /// # Errors
    /// When the settings are not valid, the store is one that nobody else can share, or it cannot be opened.
    pub async fn start(settings: Settings) -> Result<Self> {
        settings.validate()?;
        if !matches!(settings.store, StoreChoice::Postgres(_)) {
            return Err(Error::invalid(
                "a worker shares its store with servers, and that takes --store postgres://USER:PASSWORD@HOST/NAME; \
                 with another store `faena serve` does the work itself",
            ));
        }
        if settings.no_jobs {
            return Err(Error::invalid("a worker that runs no jobs does nothing; leave out no_jobs"));
        }
        let registry = server::registry(&settings);
        Ok(Self { faena: Faena::start(settings, registry).await? })
    }

    /// Opens the store and sends events, and does nothing else.
    ///
    /// # Errors
    /// When the settings are not valid, or the store cannot be opened.
    pub async fn start_sending(mut settings: Settings) -> Result<Self> {
        settings.no_jobs = true;
        settings.outbox.is_served = true;
        Ok(Self { faena: Faena::start(settings, Registry::new()).await? })
    }

    /// What it is made of.
    pub fn faena(&self) -> &Faena {
        &self.faena
    }

    /// Works until SIGTERM or SIGINT, then drains; a second signal ends the drain at once.
    ///
    /// # Errors
    /// When the store cannot be closed.
    pub async fn run_until(self, signals: Signals) -> Result<()> {
        let (at_once, second) = signals.then_at_once().await;
        let stopped = self.faena.stop_unless(&at_once).await;
        second.abort();
        tracing::info!("stopped");
        stopped
    }
}
