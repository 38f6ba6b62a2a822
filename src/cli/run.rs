//! `faena run SUBTYPE`: one job in this process, then exit. It is a server for the time of one job, with everything in
//! memory, so that a job is the same here as there: its checks, its tries, its progress, its cancel.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::Args;

use faena::app::settings::{ResultPlace, StoreChoice};
use faena::app::{Maintenance, Settings, Signals};
use faena::client::wire::RetryRequest;
use faena::client::{Client, ClientError, JobRequest, JobView};
use faena::job::{Name, Status};

use super::config::{self, Loaded};
use super::ending::{Ending, Trouble};
use super::payload::PayloadArgs;
use super::{follow, logging, output, result, server, span};

/// Run one job in this process, then exit
///
/// No server is needed and nothing is kept: the job's result goes to stdout, or into a file with -o; its progress is
/// shown on stderr. With --json stdout has a line for each change of the job, the last one with the result. Ctrl-C
/// cancels the job; a second one does not wait until it has stopped. The exit code tells how the job ended: 0
/// completed, 3 failed, 4 cancelled.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena run sleep --payload '{\"durationMs\": 3000}'
  faena run process_data '{\"csv\": \"a,b\\n1,2\\n\"}' | jq .rows
  faena run generate_report --file request.json -o report.html
  faena run process_data --payload '{\"path\": \"orders.csv\"}' --input . --retries 0")]
pub struct Run {
    /// Which processor of those that come with the program
    #[arg(value_name = "SUBTYPE")]
    sub_type: Name,
    #[command(flatten)]
    payload: PayloadArgs,
    /// Write the result into this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Time that one attempt may take, such as 30s or 2h
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    timeout: Option<Duration>,
    /// Tries after the first one
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// The only folder that a payload may name files in [default: input, in the data folder]
    #[arg(long, value_name = "FOLDER")]
    input: Option<String>,
    /// Hosts that an http_request job may call, separated by commas; with its port what is not public [default: none]
    #[arg(long, value_name = "HOSTS")]
    http_allow: Option<String>,
    /// File of settings [default: faena.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print a line of JSON for each change of the job
    #[arg(long)]
    pub json: bool,
}

impl Run {
    pub fn run(self) -> Result<Ending, Trouble> {
        let request = self.request()?;
        let settings = self.settings()?;
        logging::start(&settings)?;
        server::runtime()?.block_on(async {
            let signals = Signals::listen()?;
            let key = settings.admin_key.clone();
            let server = server::start_plain(settings).await?;
            let client = server::client(&server.url(), key.as_ref())?;
            let ended = self.job(&client, &request, signals).await;
            // Whatever became of the job, nothing is left half written.
            server.stop().await?;
            ended
        })
    }

    fn request(&self) -> Result<JobRequest, Trouble> {
        let mut request = JobRequest::with(self.sub_type.as_str(), self.payload.read()?);
        request.timeout_seconds = self.timeout.map(|span| span.as_secs_f64());
        request.retry_policy = self.retries.map(|max_retries| RetryRequest { max_retries });
        Ok(request)
    }

    /// The settings that a server would have here, but for what it would leave behind.
    fn settings(&self) -> Result<Settings, Trouble> {
        let base = Settings { log_filter: "warn".to_owned(), ..Settings::default() };
        let flags = vec![("input", self.input.clone()), ("http_allow", self.http_allow.clone())];
        let Loaded { settings, warnings } = config::load(base, flags, self.config.as_deref())?;
        warnings.iter().for_each(|warning| output::note(format!("warning: {warning}")));
        Ok(Settings {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            store: StoreChoice::Memory,
            results: ResultPlace::default(),
            maintenance: Maintenance::default(),
            no_jobs: false,
            // When there is something to wait for at the end, somebody has asked for the end twice.
            grace: Duration::ZERO,
            ..settings
        })
    }

    async fn job(&self, client: &Client, request: &JobRequest, signals: Signals) -> Result<Ending, Trouble> {
        let id = client.enqueue(request, None).await?.job_id;
        let followed = async {
            match self.json {
                true => follow::as_json(client, &id).await,
                false => follow::aside(client, &id).await,
            }
        };
        let Some(job) = unless_interrupted(client, &id, followed, signals).await? else {
            return Ok(Ending::JobCancelled);
        };
        if job.status == Status::Completed && job.result_url.is_some() {
            self.hand_over(client, &job).await?;
        }
        Ok(Ending::of(&job))
    }

    /// Gives the result to whoever asked for it, before the process forgets it.
    async fn hand_over(&self, client: &Client, job: &JobView) -> Result<(), Trouble> {
        if let Some(path) = &self.output {
            let written = result::save(&mut client.result(&job.job_id).await?, path).await?;
            result::note_written(path, written);
            return Ok(());
        }
        if !self.json {
            return result::show(&mut client.result(&job.job_id).await?).await;
        }
        // A result that is too large for a line is not in it, and gone with this process.
        if job.result_url.as_deref().is_some_and(|url| url.starts_with('/')) {
            output::note("the result is too large for a line of JSON; write it into a file with -o FILE");
        }
        Ok(())
    }
}

/// Follows a job to its end and cancels it when somebody interrupts; nobody waits for it after a second time.
async fn unless_interrupted(
    client: &Client,
    id: &str,
    followed: impl Future<Output = Result<JobView, Trouble>>,
    mut signals: Signals,
) -> Result<Option<JobView>, Trouble> {
    let mut followed = pin!(followed);
    tokio::select! {
        job = &mut followed => return job.map(Some),
        _ = signals.next() => {}
    }
    match client.cancel(id).await {
        // It has ended by itself, just now.
        Ok(()) | Err(ClientError::Refused(_)) => {}
        Err(error) => return Err(error.into()),
    }
    tokio::select! {
        job = followed => job.map(Some),
        _ = signals.next() => Ok(None),
    }
}
