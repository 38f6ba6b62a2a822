//! `faena worker`: processors and schedules without the API, on a store that servers share.

use clap::Args;

use faena::app::{Signals, Worker};

use super::config::Loaded;
use super::ending::{Ending, Trouble};
use super::serve::{SettingsArgs, base};
use super::{logging, output, server};

/// Start a worker: the processors and the scheduler, without the API
///
/// It shares a PostgreSQL database with servers and other workers. SIGTERM or Ctrl-C lets running jobs finish within the
/// grace time, gives the rest back to the queue and ends with 0; a second one ends at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena worker --store postgres://faena:secret@db/faena --threads 16
  FAENA_STORE=postgres://faena:secret@db/faena faena worker --log json")]
pub struct WorkerArgs {
    #[command(flatten)]
    settings: SettingsArgs,
}

impl WorkerArgs {
    pub fn run(self) -> Result<Ending, Trouble> {
        let Loaded { settings, warnings } = self.settings.load(base())?;
        logging::start(&settings)?;
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        server::runtime()?.block_on(async {
            let worker = Worker::start(settings).await?;
            let signals = Signals::listen()?;
            // A worker whose stdout nobody reads is still a worker.
            let _ = output::line(format!("working as {}", worker.faena().service().node().node));
            worker.run_until(signals).await?;
            Ok(Ending::Done)
        })
    }
}
