//! `faena alerts`: what went wrong, and what is watched, on a running server.

mod list;
mod rules;

use clap::{Args, Subcommand};

use super::args::Connection;
use super::ending::{Ending, Trouble};

/// List alerts, and the rules that fire them
///
/// A rule watches schedules, executions, the queue or endpoints of subscriptions. Its alert fires once when the rule is broken and clears once when it is
/// not any more. A new store has two rules: a schedule that fails twice in a row, and an endpoint that is switched off.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena alerts list --status firing
  faena alerts rules
  faena alerts set slow-import execution_longer 3600 --subtype import
  faena alerts set nightly-missing no_execution 900 --schedule nightly
  faena alerts remove slow-import")]
pub struct Alerts {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Rules(rules::Rules),
    Set(rules::Set),
    Remove(rules::Remove),
}

impl Alerts {
    pub fn run(self) -> Result<Ending, Trouble> {
        match self.command {
            Command::List(command) => command.run(),
            Command::Rules(command) => command.run(),
            Command::Set(command) => command.run(),
            Command::Remove(command) => command.run(),
        }
    }

    pub fn connection(&self) -> &Connection {
        match &self.command {
            Command::List(command) => &command.connection,
            Command::Rules(command) => &command.connection,
            Command::Set(command) => &command.connection,
            Command::Remove(command) => &command.connection,
        }
    }
}
