//! `faena demo`: a server and its first job, from the request to the result. Everything that is shown went over real
//! HTTP to the server that is running.

mod show;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use faena::app::{App, Settings};
use faena::client::{Client, JobRequest};
use faena::key::Secret;
use faena::processors::sample::{DEMO_ROWS, write_sample};

use super::config::Loaded;
use super::ending::{Ending, Trouble};
use super::serve::{self, SettingsArgs};
use super::server;
use super::{follow, logging, output};

/// Seed of the sample: everybody's first job gives the same figures.
const SAMPLE_SEED: u64 = 7_700;
/// Name of the sample in the input folder.
const SAMPLE_NAME: &str = "demo-orders.csv";

/// How long the job takes that is there to be looked at.
const SLOW_JOB_MS: u64 = 300_000;

/// Start a server and show it a first job, from request to result
///
/// It starts the server on the embedded store, writes a sample of 120,000 orders as CSV, posts a job that profiles
/// every column of it, shows the answer, follows the job to its end and prints the result. The server then keeps
/// serving, for you to try the commands that it prints. It needs nothing set up before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena demo
  faena demo --exit                  end after the job; 0 if it completed, 3 if it failed
  faena demo --bind 0 --data /tmp/x  any free port, and a folder of its own")]
pub struct Demo {
    /// End after the job
    #[arg(long)]
    exit: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Demo {
    pub fn run(self) -> Result<Ending, Trouble> {
        // A newcomer wants to see the job, not the server's log; a filter of their own has the last word.
        let base = Settings { log_filter: "warn".to_owned(), ..serve::base() };
        let Loaded { settings, warnings } = self.settings.load(base)?;
        logging::start(&settings)?;
        warnings.iter().for_each(|warning| output::note(format!("warning: {warning}")));
        if settings.no_jobs {
            return Err(Trouble::usage("a demo runs a job; leave out no_jobs (or ENABLE_JOBS=false)"));
        }
        let sample = sample(&settings.input_folder())?;
        server::runtime()?.block_on(async {
            let kept = settings.database();
            let key = settings.admin_key.clone();
            let server = server::start_plain(settings).await?;
            let url = server.url();
            show::started(&url, kept.as_deref())?;
            let ending = match first_job(&url, key.as_ref(), &sample, !self.exit).await {
                Ok(ending) => ending,
                Err(trouble) => return finish(server, trouble).await,
            };
            if self.exit {
                server.stop().await?;
                return Ok(ending);
            }
            output::line("The server keeps serving; stop it with Ctrl-C.")?;
            server.run_until_signal().await?;
            Ok(Ending::Done)
        })
    }
}

/// The sample, written at the first run.
fn sample(folder: &Path) -> Result<Sample, Trouble> {
    let path = folder.join(SAMPLE_NAME);
    let context = || format!("cannot write the sample {}", path.display());
    let fresh = !path.exists();
    if fresh {
        std::fs::create_dir_all(folder).with_context(context)?;
        write_sample(&path, DEMO_ROWS, SAMPLE_SEED).with_context(context)?;
    }
    let bytes = std::fs::metadata(&path).with_context(context)?.len();
    Ok(Sample { path, bytes, fresh })
}

struct Sample {
    path: PathBuf,
    bytes: u64,
    fresh: bool,
}

/// Asks for the job, follows it and shows what it gave.
async fn first_job(url: &str, key: Option<&Secret>, sample: &Sample, goes_on: bool) -> Result<Ending, Trouble> {
    let client = &server::client(url, key)?;
    show::sample(sample)?;
    let payload = json!({ "path": SAMPLE_NAME });
    let mut request = JobRequest::new("process_data", payload.to_string())?;
    request.tags = vec!["demo".to_owned()];
    show::request(&request)?;
    let accepted = client.enqueue(&request, None).await?;
    show::accepted(&accepted)?;
    let ending = follow::with_bar(client, &accepted.job_id, false).await?;
    if ending == Ending::Done {
        let report = fetch(client, &accepted.job_id).await?;
        show::report(&report)?;
    }
    let slow = if goes_on && cfg!(feature = "dashboard") { Some(slow_job(client).await?) } else { None };
    show::addresses(url, &accepted.job_id, ending, slow.as_deref())?;
    Ok(ending)
}

/// A job that takes long enough to be looked at in a browser. The first one is over before anybody gets there.
async fn slow_job(client: &Client) -> Result<String, Trouble> {
    let payload = json!({ "durationMs": SLOW_JOB_MS, "steps": 600 });
    let mut request = JobRequest::new("sleep", payload.to_string())?;
    request.tags = vec!["demo".to_owned()];
    Ok(client.enqueue(&request, None).await?.job_id)
}

/// The result, decoded.
async fn fetch(client: &Client, id: &str) -> Result<Value, Trouble> {
    let mut stream = client.result(id).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(serde_json::from_slice(&bytes).context("the result is not the JSON that process_data gives")?)
}

/// Stops the server before telling what went wrong, so that nothing is left half written.
async fn finish(server: App, trouble: Trouble) -> Result<Ending, Trouble> {
    server.stop().await?;
    Err(trouble)
}
