//! `faena subscriptions add|change`.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::args::Connection;
use crate::cli::ending::{Ending, Trouble};
use crate::cli::{cancel, output};

/// Subscribe an address to events; the secret that they are signed with is printed this once
///
/// What happens from now on is sent by POST. The receiver verifies it by the secret, by the Standard Webhooks scheme, and answers
/// 2xx within 20 seconds. Addresses that are not public are refused unless the server's setting webhook_allow names them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions add https://hooks.example.com/jobs --events 'job.completed,job.failed'
  faena subscriptions add https://hooks.example.com/ops --events 'alert.*' --description 'to the pager'
  SECRET=$(faena subscriptions add https://hooks.example.com/all --events '*')")]
pub struct Add {
    /// Where events go
    #[arg(value_name = "URL")]
    url: String,
    /// Which types: job.failed, 'job.*' or '*'; separated by commas
    #[arg(long, value_name = "TYPE", value_delimiter = ',', required = true)]
    events: Vec<String>,
    /// What they are signed with: whsec_ and base64 of 24 to 64 bytes [default: one is made]
    #[arg(long, value_name = "SECRET", env = "FAENA_SUBSCRIPTION_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Only what concerns the jobs and schedules of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Add {
    pub fn run(self) -> Result<Ending, Trouble> {
        let mut terms =
            Map::from_iter([("url".to_owned(), json!(self.url)), ("events".to_owned(), json!(self.events))]);
        let texts = [("secret", &self.secret), ("userId", &self.user), ("description", &self.description)];
        terms.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?)))));
        self.connection.run(async |client| {
            let answer = client.subscribe(&Value::Object(terms)).await?;
            show_secret(&answer, self.connection.json)
        })
    }
}

/// Shows the secret of an answer on stdout and whose it is on stderr, or all of it as JSON.
pub fn show_secret(answer: &Value, json: bool) -> Result<Ending, Trouble> {
    match answer.pointer("/data/secret").and_then(Value::as_str) {
        Some(secret) if !json => {
            output::line(output::harmless(secret))?;
            let id = answer.pointer("/data/id").and_then(Value::as_str).unwrap_or_default();
            output::note(format!("this is the secret of subscription {}; it is shown this once", output::harmless(id)));
        }
        _ => output::json(answer)?,
    }
    Ok(Ending::Done)
}

/// Change where a subscription's events go, and which
///
/// What is left out stays. Another address begins anew: whatever the one before did does not count any more.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions change 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a --events 'job.failed,job.dead'
  faena subscriptions change 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a --url https://hooks.example.com/v2")]
pub struct Change {
    /// The subscription
    #[arg(value_name = "ID")]
    id: String,
    /// Where events go
    #[arg(long, value_name = "URL", required_unless_present_any = ["events", "description"])]
    url: Option<String>,
    /// Which types, separated by commas
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    events: Option<Vec<String>>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Change {
    pub fn run(self) -> Result<Ending, Trouble> {
        let mut change = Map::new();
        let texts = [("url", &self.url), ("description", &self.description)];
        change.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?)))));
        change.extend(self.events.as_ref().map(|events| ("events".to_owned(), json!(events))));
        self.connection.run(async |client| {
            let answer = client.change_subscription(&self.id, &Value::Object(change)).await?;
            cancel::tell(&answer, self.connection.json)
        })
    }
}
