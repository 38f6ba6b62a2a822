//! `faena keys`: who may come in, on a running server.

use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde_json::{Map, Value, json};

use faena::clock::Clock;
use faena::key::Scope;

use super::args::Connection;
use super::ending::{Ending, Trouble};
use super::{cancel, output, span};

/// Make, list and revoke keys
///
/// Without any key a server answers everybody on its own machine, and nobody else. From the first key on, which must have
/// the scope admin, every command needs one: --key or FAENA_KEY.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena keys create --scope admin --name me
  faena keys create --scope jobs:read,jobs:write --user ana --expires 30d
  faena keys list
  faena keys revoke 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a")]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

impl Keys {
    pub fn run(self) -> Result<Ending, Trouble> {
        match self.command {
            Command::Create(command) => command.run(),
            Command::List(command) => command.run(),
            Command::Revoke(command) => command.run(),
        }
    }

    pub fn connection(&self) -> &Connection {
        match &self.command {
            Command::Create(command) => &command.connection,
            Command::List(command) => &command.connection,
            Command::Revoke(command) => &command.connection,
        }
    }
}

/// Make a key; its secret is printed this once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena keys create --scope admin --name me
  export FAENA_KEY=$(faena keys create --scope jobs:read --user ana)")]
pub struct Create {
    /// What it opens: jobs:read, jobs:write, schedules, workers, events, admin; separated by commas
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', required = true)]
    scopes: Vec<Scope>,
    /// Keep it to the jobs and schedules of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// What a person knows it by
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How long it opens anything, such as 12h or 30d [default: for good]
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    expires: Option<Duration>,
    /// Requests that it may make in a minute [default: what the server's settings say]
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u32>,
    /// Jobs that it may have asked for and that have not begun yet [default: what the server's settings say]
    #[arg(long, value_name = "N")]
    queued_max: Option<u32>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Create {
    fn run(self) -> Result<Ending, Trouble> {
        let terms = self.terms();
        self.connection.run(async |client| {
            let answer = client.create_key(&terms).await?;
            match answer.pointer("/data/key").and_then(Value::as_str) {
                Some(secret) if !self.connection.json => {
                    output::line(secret)?;
                    let id = answer.pointer("/data/id").and_then(Value::as_str).unwrap_or_default();
                    output::note(format!("this is key {id}; its secret is shown this once"));
                }
                _ => output::json(&answer)?,
            }
            Ok(Ending::Done)
        })
    }

    fn terms(&self) -> Value {
        let scopes: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        let mut terms = Map::from_iter([("scopes".to_owned(), json!(scopes))]);
        terms.extend(self.user.as_ref().map(|user| ("userId".to_owned(), json!(user))));
        terms.extend(self.name.as_ref().map(|name| ("name".to_owned(), json!(name))));
        let expires_at = self.expires.map(|span| Clock::System.now().plus(span).to_string());
        terms.extend(expires_at.map(|at| ("expiresAt".to_owned(), json!(at))));
        let numbers = [("requestsPerMinute", self.requests_per_minute), ("queuedMax", self.queued_max)];
        terms.extend(numbers.into_iter().filter_map(|(name, number)| Some((name.to_owned(), json!(number?)))));
        Value::Object(terms)
    }
}

/// List keys, revoked ones too
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena keys list
  faena keys list --json | jq -r '.data[] | select(.status == \"valid\") | .name'")]
pub struct List {
    #[command(flatten)]
    pub connection: Connection,
}

impl List {
    fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let answer = client.keys().await?;
            let keys = answer.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            match self.connection.json {
                true => output::json(&answer)?,
                false if keys.is_empty() => output::note("no keys; everybody on this machine is answered"),
                false => print(keys)?,
            }
            Ok(Ending::Done)
        })
    }
}

fn print(keys: &[Value]) -> Result<(), Trouble> {
    let mut table = output::table(&["ID", "NAME", "SCOPES", "USER", "STATUS", "LAST USED"]);
    for key in keys {
        let text = |field: &str| key.get(field).and_then(Value::as_str).unwrap_or("-").to_owned();
        let scopes = key.get("scopes").and_then(Value::as_array).into_iter().flatten();
        let scopes: Vec<_> = scopes.filter_map(Value::as_str).collect();
        let cells = [text("id"), text("name"), scopes.join(", "), text("userId"), text("status"), text("lastUsedAt")];
        table.add_row(cells.map(|text| Cell::new(output::harmless(&text))));
    }
    output::print_table(&mut table, &[])
}

/// Revoke keys; they open nothing any more
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena keys revoke 019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a")]
pub struct Revoke {
    /// The ids of the keys
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Revoke {
    fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let one = async |client: faena::client::Client, id: String| {
                client.revoke_key(&id).await.map(|()| json!({ "key": id }))
            };
            cancel::each(&client, &self.ids, self.connection.json, "revoked", one).await
        })
    }
}
