//! `faena outbox`: what is to be sent to whoever subscribed, and what became of it.

use clap::{Args, Subcommand};
use serde_json::Value;

use faena::app::{Signals, Worker};

use super::args::Connection;
use super::config::Loaded;
use super::ending::{Ending, Trouble};
use super::serve::{SettingsArgs, base};
use super::{cancel, logging, output, server, stats};

/// Send events, and see how many wait
///
/// A server that runs jobs sends events by itself: to its subscriptions, to the callbackUrl of jobs, and to where
/// OUTBOX_PUBLISHER_TYPE says. These commands have it done now, or by a process of its own.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena outbox stats
  faena outbox run                        one pass, by a running server
  faena outbox cleanup 30                 forget what was sent over 30 days ago
  OUTBOX_PUBLISHER_TYPE=console faena outbox start --store postgres://faena:secret@db/faena")]
pub struct Outbox {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Start(Box<Start>),
    Run(Run),
    Stats(Stats),
    Cleanup(Cleanup),
}

impl Outbox {
    pub fn run(self) -> Result<Ending, Trouble> {
        match self.command {
            Command::Start(command) => command.run(),
            Command::Run(command) => command.run(),
            Command::Stats(command) => command.run(),
            Command::Cleanup(command) => command.run(),
        }
    }

    /// Whether complaints too are wanted as JSON.
    pub fn speaks_json(&self) -> bool {
        match &self.command {
            Command::Start(_) => false,
            Command::Run(command) => command.connection.json,
            Command::Stats(command) => command.connection.json,
            Command::Cleanup(command) => command.connection.json,
        }
    }
}

/// Send events from a process of its own, until it is stopped
///
/// It opens the store itself, runs no jobs and serves no API: beside servers that were started with ENABLE_JOBS=false on
/// the same PostgreSQL database, or on a SQLite file that nobody else has open. SIGTERM or Ctrl-C ends it with 0.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena outbox start --store postgres://faena:secret@db/faena
  OUTBOX_CRON='* * * * *' OUTBOX_PUBLISHER_TYPE=console faena outbox start --data ./faena-data")]
pub struct Start {
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Start {
    fn run(self) -> Result<Ending, Trouble> {
        let Loaded { settings, warnings } = self.settings.load(base())?;
        logging::start(&settings)?;
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        server::runtime()?.block_on(async {
            let worker = Worker::start_sending(settings).await?;
            let signals = Signals::listen()?;
            tracing::info!("[Job:Outbox] sending");
            worker.run_until(signals).await?;
            Ok(Ending::Done)
        })
    }
}

/// Have a server send everything that is to be sent now, and print the figures
///
/// Deliveries that wait for another try are tried, too. A try that fails again is made again later.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena outbox run
  faena outbox run --json | jq .data.failed")]
pub struct Run {
    #[command(flatten)]
    pub connection: Connection,
}

impl Run {
    fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let answer = client.process_outbox().await?;
            if self.connection.json {
                output::json(&answer)?;
            } else {
                let figure = |name: &str| answer.pointer(name).and_then(Value::as_u64).unwrap_or_default();
                let (processed, failed) = (figure("/data/processed"), figure("/data/failed"));
                output::line(format!("[Job:Outbox] processed: {processed}, failed: {failed}"))?;
            }
            Ok(Ending::Done)
        })
    }
}

/// Show how many events wait, were taken, and were given up
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena outbox stats
  faena outbox stats --json | jq .data.dead")]
pub struct Stats {
    #[command(flatten)]
    pub connection: Connection,
}

impl Stats {
    fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let answer = client.outbox().await?;
            match self.connection.json {
                true => output::json(&answer)?,
                false => stats::print(answer.get("data").unwrap_or(&answer), 0)?,
            }
            Ok(Ending::Done)
        })
    }
}

/// Forget deliveries that ended longer ago than so many days
///
/// Events that were taken or given up before that. What waits for another try is never forgotten. The server does the same
/// by itself after 30 days.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena outbox cleanup 30
  faena outbox cleanup 7 --json")]
pub struct Cleanup {
    /// How many days ago
    #[arg(value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    days: u32,
    #[command(flatten)]
    pub connection: Connection,
}

impl Cleanup {
    fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| cancel::tell(&client.clean_outbox(self.days).await?, self.connection.json))
    }
}
