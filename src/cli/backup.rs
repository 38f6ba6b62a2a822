//! `faena backup`: have a running server copy its store now, and wait for it.

use clap::Args;
use serde_json::Value;
use serde_json::value::RawValue;

use faena::app::maintenance::NAMES;
use faena::client::{Client, ClientError};

use super::args::Connection;
use super::ending::{Ending, Trouble};
use super::{follow, output};

/// Have the server copy its store into a file, and wait for it
///
/// It is a job of the schedule maintenance-backup, out of turn: the queue goes on meanwhile, the copy is checked, and the
/// oldest backups are removed. The file's path, on the server, goes to stdout. docs/backup.md says how to restore one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena backup
  faena backup --keep 10
  faena backup --folder before-upgrade
  faena backup --json")]
pub struct Backup {
    /// How many backups stay in the folder, this one included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// A folder below the server's folder of backups
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Backup {
    pub fn run(self) -> Result<Ending, Trouble> {
        let [.., schedule] = NAMES;
        self.connection.run(async |client| {
            let payload = self.payload(&client, schedule).await?;
            let accepted = client.execute_schedule(schedule, Some(&payload)).await?;
            if self.connection.json {
                return follow::with_bar(&client, &accepted.job_id, true).await;
            }
            let job = follow::aside(&client, &accepted.job_id).await?;
            let ending = Ending::of(&job);
            if ending == Ending::Done {
                output::line(path(&client, &job.job_id).await?)?;
            }
            Ok(ending)
        })
    }

    /// What the schedule says, with what the flags say in its place.
    async fn payload(&self, client: &Client, schedule: &str) -> Result<Box<RawValue>, Trouble> {
        let found = client.schedule(schedule).await.map_err(|error| match error {
            ClientError::Refused(refusal) if refusal.status == 404 => Trouble::Failed(anyhow::anyhow!(
                "the server has no schedule {schedule}: its jobs are in memory or in a database that is backed up by \
                 other means, or it was started without maintenance"
            )),
            other => other.into(),
        })?;
        let mut payload = found.more.get("payload").and_then(Value::as_object).cloned().unwrap_or_default();
        payload.extend(self.keep.map(|keep| ("keep".to_owned(), keep.into())));
        payload.extend(self.folder.as_deref().map(|folder| ("folder".to_owned(), folder.into())));
        Ok(serde_json::value::to_raw_value(&payload).map_err(anyhow::Error::from)?)
    }
}

/// Where the backup is, as its job says.
async fn path(client: &Client, id: &str) -> Result<String, Trouble> {
    let mut stream = client.result(id).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await? {
        bytes.extend_from_slice(&piece);
    }
    let result: Value = serde_json::from_slice(&bytes).map_err(anyhow::Error::from)?;
    Ok(result["path"].as_str().unwrap_or_default().to_owned())
}
