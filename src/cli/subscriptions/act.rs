//! `faena subscriptions show|secret|test|enable|disable|remove`.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use faena::client::Client;

use super::add::show_secret;
use crate::cli::args::Connection;
use crate::cli::ending::{Ending, Trouble};
use crate::cli::{cancel, output, span, stats};

/// Show a subscription, and how its endpoint does
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions show 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a
  faena subscriptions show 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a --json | jq .failingSince")]
pub struct Show {
    /// The subscription
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    pub connection: Connection,
}

impl Show {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let found = client.subscription(&self.id).await?;
            match self.connection.json {
                true => output::json(&found)?,
                false => stats::print(&found, 0)?,
            }
            Ok(Ending::Done)
        })
    }
}

/// Replace the secret that events are signed with; the new one is printed this once
///
/// For a while deliveries are signed with both, so that the receiver can follow without a gap.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions secret 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a
  faena subscriptions secret 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a --overlap 0      the old one is known to others")]
pub struct Secret {
    /// The subscription
    #[arg(value_name = "ID")]
    id: String,
    /// The new secret: whsec_ and base64 of 24 to 64 bytes [default: one is made]
    #[arg(long, value_name = "SECRET", env = "FAENA_SUBSCRIPTION_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// How long the one until now is valid besides, such as 2h [default: a day]
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    overlap: Option<Duration>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Secret {
    pub fn run(self) -> Result<Ending, Trouble> {
        let mut terms = Map::new();
        terms.extend(self.secret.as_ref().map(|secret| ("secret".to_owned(), json!(secret))));
        terms.extend(self.overlap.map(|overlap| ("overlapSeconds".to_owned(), json!(overlap.as_secs()))));
        self.connection.run(async |client| {
            let answer = client.rotate_secret(&self.id, &Value::Object(terms)).await?;
            show_secret(&answer, self.connection.json)
        })
    }
}

/// Send an event of the type subscription.test to an endpoint, and say what came of it
///
/// At once, and once. The exit code is 0 when the endpoint took it, and 1 when it did not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions test 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a")]
pub struct Test {
    /// The subscription
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    pub connection: Connection,
}

impl Test {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let answer = client.test_subscription(&self.id).await?;
            let tried = answer.get("data").unwrap_or(&answer);
            let is_taken = tried.get("delivered").and_then(Value::as_bool) == Some(true);
            if self.connection.json {
                output::json(&answer)?;
            } else {
                let status = tried.get("status").and_then(Value::as_u64).map(|status| format!(" with {status}"));
                let status = status.unwrap_or_default();
                let took = Duration::from_millis(tried.get("durationMs").and_then(Value::as_u64).unwrap_or_default());
                let how = if is_taken { "taken" } else { "not taken" };
                output::line(format!("{how}{status} in {}", span::show(took)))?;
                let said = tried.get("answer").and_then(Value::as_str).unwrap_or_default();
                if !said.is_empty() {
                    output::line(format!("  {}", output::harmless(said)))?;
                }
            }
            Ok(if is_taken { Ending::Done } else { Ending::Failed })
        })
    }
}

/// Serve subscriptions, also those that were switched off
///
/// An endpoint that was switched off has a new beginning: everything that waits for it is tried at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions enable 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a")]
pub struct Enable {
    /// The subscriptions
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Enable {
    pub fn run(self) -> Result<Ending, Trouble> {
        switch(&self.connection, &self.ids, true, "enabled")
    }
}

/// Send nothing to subscriptions until they are enabled again
///
/// What happens meanwhile is sent later, as far back as the event log reaches.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions disable 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a")]
pub struct Disable {
    /// The subscriptions
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Disable {
    pub fn run(self) -> Result<Ending, Trouble> {
        switch(&self.connection, &self.ids, false, "disabled")
    }
}

fn switch(connection: &Connection, ids: &[String], enabled: bool, done: &str) -> Result<Ending, Trouble> {
    let change = json!({ "enabled": enabled });
    connection.run(async |client| {
        let one = async |client: Client, id: String| client.change_subscription(&id, &change).await;
        cancel::each(&client, ids, connection.json, done, one).await
    })
}

/// Remove subscriptions, with everything that was on its way to them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions remove 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a")]
pub struct Remove {
    /// The subscriptions
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Remove {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let one = async |client: Client, id: String| {
                client.unsubscribe(&id).await.map(|()| json!({ "subscription": id }))
            };
            cancel::each(&client, &self.ids, self.connection.json, "removed", one).await
        })
    }
}
