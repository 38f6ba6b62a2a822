//! `faena retry`: give jobs that ended badly another chance.

use clap::Args;

use faena::client::Client;

use super::args::{Connection, Filter};
use super::ending::{Ending, Trouble};
use super::{cancel, follow};

/// Queue failed or cancelled jobs again
///
/// Each gets its full number of tries again, and goes on from the state that it saved. Name the jobs, or describe
/// them with --filter and conditions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena retry 01980f5e-5f5a-7d3c-9c0e-1b2a3c4d5e6f --watch
  faena retry --filter --status failed --subtype http_request")]
pub struct Retry {
    /// The jobs
    #[arg(value_name = "ID", required_unless_present = "by_filter")]
    ids: Vec<String>,
    /// Retry all jobs that the conditions below describe
    #[arg(long = "filter", conflicts_with = "ids")]
    by_filter: bool,
    /// Wait with a progress bar until the job has ended; for one job
    #[arg(long, conflicts_with = "by_filter")]
    watch: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    pub connection: Connection,
}

impl Retry {
    pub fn run(self) -> Result<Ending, Trouble> {
        let query = self.filter.query();
        cancel::bounds(self.by_filter, query.is_empty())?;
        if self.watch && self.ids.len() > 1 {
            return Err(Trouble::usage("--watch follows one job; name one"));
        }
        let json = self.connection.json;
        self.connection.run(async |client| {
            if self.by_filter {
                return cancel::tell(&client.retry_all(&query).await?, json);
            }
            let one = async |client: Client, id: String| client.retry(&id).await;
            match self.ids.first() {
                Some(id) if self.watch => {
                    client.retry(id).await?;
                    follow::with_bar(&client, id, json).await
                }
                _ => cancel::each(&client, &self.ids, json, "queued again", one).await,
            }
        })
    }
}
