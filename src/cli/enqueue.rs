//! `faena enqueue`: ask for a job.

use std::time::Duration;

use clap::Args;

use faena::client::wire::{Moment, RetryRequest};
use faena::client::{Accepted, Client, JobRequest};
use faena::job::{Name, Priority};

use super::args::{self, Connection};
use super::ending::{Ending, Trouble};
use super::payload::PayloadArgs;
use super::{follow, output, span};

/// Ask the server for a job
///
/// The job is on disk when this command ends; its id is printed. With --wait or --watch it ends when the job does,
/// and the exit code tells how: 0 completed, 3 failed, 4 cancelled.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena enqueue noop
  faena enqueue sleep '{\"durationMs\": 5000, \"steps\": 20}' --watch
  faena enqueue process_data --file request.json --priority high --tag monthly
  echo '{\"csv\": \"a,b\\n1,2\\n\"}' | faena enqueue process_data - --wait
  faena enqueue noop --delay 10m --unique-key nightly --retries 5")]
pub struct Enqueue {
    /// Which processor; `GET /processors` lists them
    #[arg(value_name = "SUBTYPE")]
    sub_type: Name,
    #[command(flatten)]
    payload: PayloadArgs,
    /// How urgent it is: high, normal, low
    #[arg(long, value_name = "PRIORITY")]
    priority: Option<Priority>,
    /// Not before this time, such as 2026-11-24T07:00:00Z
    #[arg(long, value_name = "TIME", value_parser = args::moment, conflicts_with = "delay")]
    run_at: Option<Moment>,
    /// Not before so long from now, such as 30s or 2h
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    delay: Option<Duration>,
    /// At most one job of this key at a time
    #[arg(long, value_name = "KEY")]
    unique_key: Option<String>,
    /// A repeated request with this key gives the first job again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// A mark to find it by; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Whose job it is
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Time that one attempt may take, such as 30s or 2h
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    timeout: Option<Duration>,
    /// Tries after the first one
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// Wait silently until the job has ended
    #[arg(long, conflicts_with = "watch")]
    wait: bool,
    /// Wait with a progress bar until the job has ended
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pub connection: Connection,
}

impl Enqueue {
    pub fn run(self) -> Result<Ending, Trouble> {
        let request = self.request()?;
        self.connection.run(async |client| {
            let accepted = client.enqueue(&request, self.idempotency_key.as_deref()).await?;
            self.present(&client, accepted).await
        })
    }

    async fn present(&self, client: &Client, accepted: Accepted) -> Result<Ending, Trouble> {
        let json = self.connection.json;
        if self.watch {
            return follow::with_bar(client, &accepted.job_id, json).await;
        }
        if self.wait {
            let job = client.watch(accepted.job_id).to_end().await?;
            if json {
                output::json(&job)?
            } else {
                follow::print_ending(client, &job)?
            }
            return Ok(Ending::of(&job));
        }
        if json {
            output::json(&accepted.body)?
        } else {
            output::line(&accepted.job_id)?
        }
        Ok(Ending::Done)
    }

    fn request(&self) -> Result<JobRequest, Trouble> {
        let mut request = JobRequest::with(self.sub_type.as_str(), self.payload.read()?);
        request.priority = self.priority;
        request.user_id = self.user.clone();
        request.run_at = self.run_at;
        request.delay_seconds = self.delay.map(|span| span.as_secs_f64());
        request.timeout_seconds = self.timeout.map(|span| span.as_secs_f64());
        request.retry_policy = self.retries.map(|max_retries| RetryRequest { max_retries });
        request.unique_key = self.unique_key.clone();
        request.tags = self.tags.clone();
        Ok(request)
    }
}
