//! `faena cancel`: stop jobs that wait or run.

use clap::Args;
use serde_json::json;

use faena::client::{Client, ClientError};

use super::args::{Connection, Filter};
use super::ending::{Ending, Trouble};
use super::output;

/// Cancel jobs that wait or run
///
/// A cancelled job never completes; a running processor is told at once. Name the jobs, or describe them with
/// --filter and conditions. A job that has already finished is an error, and the others are cancelled all the same.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena cancel 01980f5e-5f5a-7d3c-9c0e-1b2a3c4d5e6f
  faena cancel --filter --subtype process_data --user ana
  faena jobs --status queued --json | jq -r '.data[].jobId' | xargs faena cancel
  faena cancel --filter --status queued          every job that waits")]
pub struct Cancel {
    /// The jobs
    #[arg(value_name = "ID", required_unless_present = "by_filter")]
    ids: Vec<String>,
    /// Cancel all jobs that the conditions below describe
    #[arg(long = "filter", conflicts_with = "ids")]
    by_filter: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    pub connection: Connection,
}

impl Cancel {
    pub fn run(self) -> Result<Ending, Trouble> {
        let query = self.filter.query();
        bounds(self.by_filter, query.is_empty())?;
        self.connection.run(async |client| {
            if self.by_filter {
                let answer = client.cancel_all(&query).await?;
                return tell(&answer, self.connection.json);
            }
            let one = async |client: Client, id: String| client.cancel(&id).await.map(|()| json!({ "jobId": id }));
            each(&client, &self.ids, self.connection.json, "cancelled", one).await
        })
    }
}

/// Conditions and ids exclude each other, and a filter without a condition would mean everything by accident.
pub fn bounds(by_filter: bool, empty: bool) -> Result<(), Trouble> {
    match (by_filter, empty) {
        (true, true) => Err(Trouble::usage("--filter needs at least one condition, such as --status queued")),
        (false, false) => Err(Trouble::usage("conditions need --filter, and no ids beside it")),
        _ => Ok(()),
    }
}

/// Does something to each job, goes on after a refusal, and says what became of each.
pub async fn each<F>(
    client: &Client,
    ids: &[String],
    json: bool,
    done: &str,
    one: impl Fn(Client, String) -> F,
) -> Result<Ending, Trouble>
where
    F: Future<Output = Result<serde_json::Value, ClientError>>,
{
    let mut ending = Ending::Done;
    for id in ids {
        match one(client.clone(), id.clone()).await {
            Ok(answer) if json => output::json_line(&answer)?,
            Ok(_) => output::line(format!("{done} {id}"))?,
            Err(error @ ClientError::Refused(_)) => {
                Trouble::from(error).show(json);
                ending = Ending::Failed;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ending)
}

/// Shows the answer to a request about many jobs: its own sentence, or all of it as JSON.
pub fn tell(answer: &serde_json::Value, json: bool) -> Result<Ending, Trouble> {
    match answer.get("message").and_then(serde_json::Value::as_str) {
        Some(message) if !json => output::line(message)?,
        _ => output::json(answer)?,
    }
    Ok(Ending::Done)
}
