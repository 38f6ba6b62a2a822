//! Arguments that several commands share: where the server is, and which jobs are meant.

use std::future::Future;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use faena::client::wire::Moment;
use faena::client::{Client, FilterQuery};
use faena::job::{Name, Priority, Status};

use super::ending::{Ending, Trouble};
use super::server;

/// Where a server is looked for when nobody says.
const SERVER_DEFAULT: &str = "http://127.0.0.1:7700";

/// Where the server is, and how to answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server and output")]
pub struct Connection {
    /// Address of the server
    #[arg(long, value_name = "URL", env = "FAENA_SERVER", default_value = SERVER_DEFAULT)]
    pub server: String,
    /// Key to present, where the server has keys
    #[arg(long, value_name = "KEY", env = "FAENA_KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// PEM file of the certificates to trust, and no others, where the server has one of its own making
    #[arg(long, value_name = "FILE", env = "FAENA_CA")]
    pub ca: Option<PathBuf>,
    /// Print JSON instead of text for people
    #[arg(long)]
    pub json: bool,
}

impl Connection {
    fn client(&self) -> Result<Client, Trouble> {
        match self.ca.as_deref().filter(|path| !path.as_os_str().is_empty()) {
            None => Ok(Client::new(&self.server)?),
            Some(path) => {
                let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                Ok(Client::trusting(&self.server, &pem)?)
            }
        }
    }

    /// Runs a command's part with a client of the server.
    pub fn run<F>(&self, part: impl FnOnce(Client) -> F) -> Result<Ending, Trouble>
    where
        F: Future<Output = Result<Ending, Trouble>>,
    {
        let client = self.client()?;
        // An empty variable counts as not set, as in most programs.
        let client = match self.key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => client.with_key(key)?,
            None => client,
        };
        server::small_runtime()?.block_on(part(client))
    }
}

/// What a command that a person may copy needs to find this server: nothing, if it is where everybody looks.
pub fn server_flag(url: &str) -> String {
    let known = std::env::var("FAENA_SERVER").unwrap_or_else(|_| SERVER_DEFAULT.to_owned());
    if url == known { String::new() } else { format!(" --server {url}") }
}

/// Which jobs.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which jobs")]
pub struct Filter {
    /// In one of these statuses: queued, started, progress, completed, failed, cancelled
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<Status>,
    /// Of this family of work
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<Name>,
    /// Of this subtype
    #[arg(long = "subtype", visible_alias = "sub-type", value_name = "SUBTYPE")]
    pub sub_type: Option<Name>,
    /// Of this priority: high, normal, low
    #[arg(long, value_name = "PRIORITY")]
    pub priority: Option<Priority>,
    /// Of this user
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// With this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Fired by this schedule
    #[arg(long, value_name = "ID")]
    pub schedule: Option<String>,
    /// Accepted at or after this time, such as 2026-11-24T07:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub created_after: Option<Moment>,
    /// Accepted before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub created_before: Option<Moment>,
    /// With this text in its id, subtype, user, tags, message or error
    #[arg(short = 'q', long = "search", value_name = "TEXT")]
    pub text: Option<String>,
}

impl Filter {
    /// The filter as the query of a request.
    pub fn query(&self) -> FilterQuery {
        let statuses: Vec<_> = self.status.iter().map(|status| status.as_str()).collect();
        FilterQuery::default()
            .with("status", (!statuses.is_empty()).then(|| statuses.join(",")))
            .with("type", self.kind.as_ref())
            .with("subType", self.sub_type.as_ref())
            .with("priority", self.priority)
            .with("userId", self.user.as_ref())
            .with("tag", self.tag.as_ref())
            .with("scheduleId", self.schedule.as_ref())
            .with("createdAfter", self.created_after)
            .with("createdBefore", self.created_before)
            .with("q", self.text.as_ref())
    }
}

/// Reads a time for clap.
pub fn moment(text: &str) -> Result<Moment, String> {
    text.parse().map(Moment)
}
