//! The command line: `faena serve` and `demo` start a server, most other commands are clients of a running one.
//! It belongs to the program and not to the library, for it stands above all of the library's floors.
//!
//! Only data goes to stdout; logs, progress bars and complaints go to stderr, so that every command can be piped.

mod alerts;
mod args;
mod backup;
mod cancel;
mod cleanup;
mod completions;
mod config;
mod cron;
mod demo;
mod doctor;
mod ending;
mod enqueue;
mod events;
mod follow;
mod jobs;
mod keys;
mod logging;
mod man;
#[cfg(feature = "postgres")]
mod migrate;
mod openapi;
mod outbox;
mod output;
mod payload;
mod result;
mod retry;
mod run;
mod schedules;
mod serve;
mod server;
mod span;
mod stats;
mod subscriptions;
mod watch;
#[cfg(feature = "postgres")]
mod worker;
mod workers;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use ending::{Ending, Trouble};

/// Background jobs in one binary: a durable queue, progress, cancel and results, over HTTP
///
/// faena accepts work over HTTP, answers once it is safely on disk, runs it by priority, and lets anyone poll, watch
/// or cancel it. `faena demo` shows all of it in a minute and needs nothing set up before.
#[derive(Debug, Parser)]
#[command(name = "faena", version, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = EXAMPLES, after_long_help = LONG_EXAMPLES)]
struct Faena {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  faena demo                                    a first job, from request to result
  faena serve                                   a server on http://127.0.0.1:7700
  faena enqueue sleep '{\"durationMs\": 3000}' --watch
  faena jobs --status failed

`faena help COMMAND` says more about each of them.";

const LONG_EXAMPLES: &str = "\
Examples:
  faena demo                                    a first job, from request to result
  faena serve                                   a server on http://127.0.0.1:7700
  faena enqueue sleep '{\"durationMs\": 3000}' --watch
  faena jobs --status failed

Settings of a server come from flags, then from FAENA_* variables, then from faena.toml.
The other commands find their server by --server or FAENA_SERVER.

Exit codes:
  0  done
  1  failed
  2  wrong usage
  3  the job failed
  4  the job was cancelled
  5  the server cannot be reached";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    #[cfg(feature = "postgres")]
    Worker(worker::WorkerArgs),
    Demo(demo::Demo),
    Run(run::Run),
    Enqueue(enqueue::Enqueue),
    Watch(watch::Watch),
    Jobs(jobs::Jobs),
    Cancel(cancel::Cancel),
    Retry(retry::Retry),
    Result(result::ResultOf),
    Stats(stats::Stats),
    Cleanup(cleanup::Cleanup),
    Backup(backup::Backup),
    #[cfg(feature = "postgres")]
    Migrate(migrate::Migrate),
    Schedules(schedules::Schedules),
    Alerts(alerts::Alerts),
    Events(events::Events),
    Subscriptions(subscriptions::Subscriptions),
    Keys(keys::Keys),
    Outbox(outbox::Outbox),
    Workers(workers::Workers),
    Cron(cron::Cron),
    Openapi(openapi::Openapi),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Reads the arguments, does what they say, and tells the shell how it went.
pub fn main() -> ExitCode {
    let command = match Faena::try_parse() {
        Ok(faena) => faena.command,
        Err(help) => {
            // Help that nobody reads any more is no failure.
            let _ = help.print();
            return ExitCode::from(if help.use_stderr() { 2 } else { 0 });
        }
    };
    let json = command.speaks_json();
    match command.run() {
        Ok(ending) => ending.code(),
        Err(trouble) => trouble.show(json),
    }
}

impl Command {
    fn run(self) -> Result<Ending, Trouble> {
        match self {
            Self::Serve(command) => command.run(),
            #[cfg(feature = "postgres")]
            Self::Worker(command) => command.run(),
            Self::Demo(command) => command.run(),
            Self::Run(command) => command.run(),
            Self::Enqueue(command) => command.run(),
            Self::Watch(command) => command.run(),
            Self::Jobs(command) => command.run(),
            Self::Cancel(command) => command.run(),
            Self::Retry(command) => command.run(),
            Self::Result(command) => command.run(),
            Self::Stats(command) => command.run(),
            Self::Cleanup(command) => command.run(),
            Self::Backup(command) => command.run(),
            #[cfg(feature = "postgres")]
            Self::Migrate(command) => command.run(),
            Self::Schedules(command) => command.run(),
            Self::Alerts(command) => command.run(),
            Self::Events(command) => command.run(),
            Self::Subscriptions(command) => command.run(),
            Self::Keys(command) => command.run(),
            Self::Outbox(command) => command.run(),
            Self::Workers(command) => command.run(),
            Self::Cron(command) => command.run(),
            Self::Openapi(command) => command.run(),
            Self::Doctor(command) => command.run(),
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }

    /// Whether complaints too are wanted as JSON.
    fn speaks_json(&self) -> bool {
        match self {
            Self::Enqueue(command) => command.connection.json,
            Self::Watch(command) => command.connection.json,
            Self::Jobs(command) => command.connection.json,
            Self::Cancel(command) => command.connection.json,
            Self::Retry(command) => command.connection.json,
            Self::Result(command) => command.connection.json,
            Self::Stats(command) => command.connection.json,
            Self::Cleanup(command) => command.connection.json,
            Self::Backup(command) => command.connection.json,
            Self::Doctor(command) => command.json,
            Self::Schedules(command) => command.connection().json,
            Self::Alerts(command) => command.connection().json,
            Self::Events(command) => command.connection.json,
            Self::Subscriptions(command) => command.connection().json,
            Self::Keys(command) => command.connection().json,
            Self::Outbox(command) => command.speaks_json(),
            Self::Workers(command) => command.connection.json,
            Self::Cron(command) => command.json,
            Self::Run(command) => command.json,
            Self::Openapi(command) => command.json,
            Self::Serve(_) | Self::Demo(_) | Self::Completions(_) | Self::Man(_) => false,
            #[cfg(feature = "postgres")]
            Self::Migrate(_) | Self::Worker(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        Faena::command().debug_assert();
    }
}
