//! Following one job to its end by long polls: each waits on the server until the job is another, so a quiet job
//! costs nothing. A server that restarts is waited for.

use std::time::Duration;

use tokio::time::Instant;

use super::{Client, ClientError, JobView};
use crate::limits;

/// Time that one poll is held by the server.
const HOLD: Duration = Duration::from_secs(30);
/// Pause before the first try to reach a server that went away; each further pause is twice as long.
const AWAY_FIRST: Duration = Duration::from_millis(100);
/// Longest pause between two tries to reach it.
const AWAY_MAX: Duration = Duration::from_secs(2);
/// Time for a server to come back. A restart takes seconds, a recovery of a large store perhaps a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// Follows one job.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    id: String,
    etag: Option<String>,
    /// When the server last answered; none before its first answer, for until then it is simply not there.
    answered: Option<Instant>,
    pause: Duration,
}

/// What following a job shows.
#[derive(Debug, Clone)]
pub enum Seen {
    /// The job has changed, or this is the first look at it.
    Job(Box<JobView>),
    /// The server has gone away; the next call tries to reach it again.
    Away(String),
}

impl Watch {
    pub(super) fn new(client: Client, id: String) -> Self {
        Self { client, id, etag: None, answered: None, pause: AWAY_FIRST }
    }

    /// Waits for the next change, at most ten a second. After a job that has ended there is nothing to wait for.
    ///
    /// # Errors
    /// When there is no such job, or the server is not there and does not come back.
    pub async fn next(&mut self) -> Result<Seen, ClientError> {
        loop {
            if let Some(answered) = self.answered {
                tokio::time::sleep_until(answered + limits::PROGRESS_EVERY).await;
            }
            match self.client.job_after(&self.id, self.etag.as_deref(), HOLD).await {
                Ok(answer) => {
                    self.answered = Some(Instant::now());
                    self.pause = AWAY_FIRST;
                    if let Some((job, etag)) = answer {
                        self.etag = etag;
                        return Ok(Seen::Job(Box::new(job)));
                    }
                }
                Err(error) if error.is_passing() => return self.away(error).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Follows the job to its end and gives it as it ended.
    ///
    /// # Errors
    /// When there is no such job, or the server is not there and does not come back.
    pub async fn to_end(mut self) -> Result<JobView, ClientError> {
        loop {
            if let Seen::Job(job) = self.next().await?
                && job.status.is_terminal()
            {
                return Ok(*job);
            }
        }
    }

    async fn away(&mut self, error: ClientError) -> Result<Seen, ClientError> {
        let Some(answered) = self.answered else { return Err(error) };
        if answered.elapsed() > PATIENCE {
            return Err(error);
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(AWAY_MAX);
        Ok(Seen::Away(error.to_string()))
    }
}
