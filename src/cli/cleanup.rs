//! `faena cleanup`: forget jobs that ended long ago, before their retention does it.

use std::time::Duration;

use clap::Args;

use super::args::Connection;
use super::ending::{Ending, Trouble};
use super::{cancel, span};

/// Forget jobs that ended long ago
///
/// Completed, failed and cancelled jobs that ended longer ago than this are forgotten with their logs and results.
/// Jobs that wait or run are never touched. The server does the same by itself when their retention has passed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena cleanup --older-than 30d
  faena cleanup --older-than 12h --json")]
pub struct Cleanup {
    /// How long ago they ended, such as 12h or 30d
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    older_than: Duration,
    #[command(flatten)]
    pub connection: Connection,
}

impl Cleanup {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| cancel::tell(&client.cleanup(self.older_than).await?, self.connection.json))
    }
}
