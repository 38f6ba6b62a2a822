//! `faena migrate`: brings the tables of a database forward, and starts nothing.

use clap::Args;

use faena::app::Settings;
use faena::app::settings::StoreChoice;
use faena::store::postgres::{self, Migrated};

use super::config::{self, Loaded};
use super::ending::{Ending, Trouble};
use super::output;

/// Make or bring forward the tables of a PostgreSQL database
///
/// `faena serve` does the same at its start; this is for databases where a server's user may not. Several at once wait
/// for each other. A database with newer tables is left alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena migrate --store postgres://faena:secret@db.example.com/faena
  FAENA_STORE=postgres://faena:secret@db.example.com/faena faena migrate")]
pub struct Migrate {
    /// The database: postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

impl Migrate {
    pub fn run(self) -> Result<Ending, Trouble> {
        let Loaded { settings, .. } = config::load(Settings::default(), vec![("store", self.store)], None)?;
        let StoreChoice::Postgres(url) = &settings.store else {
            return Err(Trouble::usage("name the database with --store postgres://USER:PASSWORD@HOST/NAME"));
        };
        let Migrated { from, to } = postgres::migrate(url.reveal()).map_err(anyhow::Error::from)?;
        output::line(match from == to {
            true => format!("{} is at version {to}; nothing to do", url.shown()),
            false => format!("{} went from version {from} to {to}", url.shown()),
        })?;
        Ok(Ending::Done)
    }
}
