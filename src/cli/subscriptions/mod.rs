//! `faena subscriptions`: who hears of what happens, on a running server.

mod act;
mod add;
mod deliveries;
mod list;

use clap::{Args, Subcommand};

use super::args::Connection;
use super::ending::{Ending, Trouble};

/// List, make and change subscriptions to events
///
/// A subscription has events sent to an address by signed webhooks: at least once, and in order for each thing that they are
/// about. What an endpoint does not take is tried again for three days. One that answers 410, or takes nothing for five days, is
/// switched off, which fires an alert.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions add https://hooks.example.com/jobs --events 'job.*,alert.*'
  faena subscriptions list
  faena subscriptions test 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a
  faena subscriptions deliveries 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a --state dead
  faena subscriptions replay 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a
  faena subscriptions enable 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a")]
pub struct Subscriptions {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    #[command(visible_alias = "create")]
    Add(add::Add),
    Show(act::Show),
    Change(add::Change),
    Secret(act::Secret),
    Test(act::Test),
    Deliveries(deliveries::Deliveries),
    Replay(deliveries::Replay),
    Enable(act::Enable),
    Disable(act::Disable),
    #[command(visible_alias = "delete")]
    Remove(act::Remove),
}

impl Subscriptions {
    pub fn run(self) -> Result<Ending, Trouble> {
        match self.command {
            Command::List(command) => command.run(),
            Command::Add(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::Change(command) => command.run(),
            Command::Secret(command) => command.run(),
            Command::Test(command) => command.run(),
            Command::Deliveries(command) => command.run(),
            Command::Replay(command) => command.run(),
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
            Command::Change(command) => &command.connection,
            Command::Secret(command) => &command.connection,
            Command::Test(command) => &command.connection,
            Command::Deliveries(command) => &command.connection,
            Command::Replay(command) => &command.connection,
            Command::Enable(command) => &command.connection,
            Command::Disable(command) => &command.connection,
            Command::Remove(command) => &command.connection,
        }
    }
}
