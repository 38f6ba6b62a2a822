//! `faena schedules`: work that comes at its own times, on a running server.

mod act;
mod add;
mod list;
mod next;

use clap::{Args, Subcommand};

use super::args::Connection;
use super::ending::{Ending, Trouble};

/// List, make and change schedules
///
/// A schedule makes a job at each time that its cron expression names. It is named by its id or by its name. `faena cron`
/// says what an expression means before anything relies on it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena schedules list
  faena schedules add nightly '0 2 * * *' generate_report --file report.json --timezone Europe/Berlin
  faena schedules show nightly
  faena schedules next nightly --count 10
  faena schedules run nightly --watch
  faena schedules pause nightly --for 2h")]
pub struct Schedules {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Add(add::Add),
    Show(act::Show),
    Next(next::Next),
    Run(act::Run),
    Pause(act::Pause),
    Resume(act::Resume),
    Enable(act::Enable),
    Disable(act::Disable),
    Remove(act::Remove),
}

impl Schedules {
    pub fn run(self) -> Result<Ending, Trouble> {
        match self.command {
            Command::List(command) => command.run(),
            Command::Add(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::Next(command) => command.run(),
            Command::Run(command) => command.run(),
            Command::Pause(command) => command.run(),
            Command::Resume(command) => command.run(),
            Command::Enable(command) => command.run(),
            Command::Disable(command) => command.run(),
            Command::Remove(command) => command.run(),
        }
    }

    pub fn connection(&self) -> &Connection {
        match &self.command {
            Command::List(command) => &command.connection,
            Command::Add(command) => &command.connection,
            Command::Show(command) => &command.connection,
            Command::Next(command) => &command.connection,
            Command::Run(command) => &command.connection,
            Command::Pause(command) => &command.connection,
            Command::Resume(command) => &command.connection,
            Command::Enable(command) => &command.connection,
            Command::Disable(command) => &command.connection,
            Command::Remove(command) => &command.connection,
        }
    }
}
