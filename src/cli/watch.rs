//! `faena watch ID`: follow a job to its end.

use clap::Args;

use super::args::Connection;
use super::ending::{Ending, Trouble};
use super::follow;

/// Follow a job to its end, with a progress bar
///
/// In a terminal it draws a bar with what the job is doing, the time that has passed and the time left. In a pipe it
/// prints a line for each change, and with --json the whole job for each. A server that restarts is waited for.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena watch 01980f5e-5f5a-7d3c-9c0e-1b2a3c4d5e6f
  faena watch 01980f5e-5f5a-7d3c-9c0e-1b2a3c4d5e6f --json | jq .progress
  faena watch \"$(faena enqueue sleep '{\"durationMs\": 3000}')\" && echo completed

Exit codes: 0 completed, 3 failed, 4 cancelled, 5 the server cannot be reached.")]
pub struct Watch {
    /// The job
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    pub connection: Connection,
}

impl Watch {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| follow::with_bar(&client, &self.id, self.connection.json).await)
    }
}
