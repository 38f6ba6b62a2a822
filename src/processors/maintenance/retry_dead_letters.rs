//! `faena.retry_dead_letters`: has dead letters done again, a bounded number at a time. Some are left for a person: those
//! that took their process down (they would do so again, and take the server along each time), and those that have had
//! been started many times already.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use validator::Validate;

use super::{Parts, described, failed};
use crate::clock::Timestamp;
use crate::job::{Event, Job, Outcome, decide};
use crate::limits;
use crate::store::query::{Sort, Start};
use crate::store::{Committed, Filter, Page};
use crate::work::{AsyncProcessor, Completion, Context, Description, Failure};

/// Who asks for it, in the history of each job.
const BY: &str = "faena.retry_dead_letters";

/// Has dead letters done again.
pub struct RetryDeadLetters(pub(super) Parts);

/// Which dead letters.
#[derive(Debug, Clone, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Payload {
    /// Of these subtypes alone; of all when empty.
    #[validate(length(max = 100))]
    sub_types: Vec<String>,
    /// Those that ended at least so many seconds ago.
    older_than_seconds: u64,
    /// At most so many in one run, the oldest first.
    #[validate(range(min = 1, max = 100_000))]
    max: usize,
    /// Those that have been started fewer times than that, before and after earlier retries.
    #[validate(range(min = 1))]
    starts_max: u32,
}

impl Default for Payload {
    fn default() -> Self {
        Self { sub_types: Vec::new(), older_than_seconds: 600, max: 1_000, starts_max: 20 }
    }
}

impl Payload {
    /// Whether a dead letter is to be done again.
    fn names(&self, job: &Job, now: Timestamp) -> bool {
        let Some(end) = job.end().filter(|end| end.dead && end.outcome != Outcome::Crashed) else { return false };
        (self.sub_types.is_empty() || self.sub_types.iter().any(|name| name == job.spec.sub_type.as_str()))
            && end.at <= now.minus(Duration::from_secs(self.older_than_seconds))
            && job.life.epoch < self.starts_max
    }
}

impl AsyncProcessor for RetryDeadLetters {
    type Payload = Payload;

    fn describe(&self) -> Description {
        described("Has dead letters done again; those that took their process down are left for a person.", 1)
    }

    async fn run(&self, payload: Payload, ctx: Context) -> Result<Completion, Failure> {
        let total = self.0.store.tally(self.0.clock.now()).await.map_err(failed)?.dead;
        let (mut seen, mut retried) = (0, 0);
        let mut start = Start::Offset(0);
        loop {
            let now = self.0.clock.now();
            let filter = Filter { dead: true, ..Filter::default() };
            let page = Page { sort: Sort::CreatedAscending, limit: limits::BULK_CHUNK, start };
            let letters = self.0.store.list(filter, page, now).await.map_err(failed)?;
            let next = letters.next();
            seen += letters.items.len() as u64;
            let mut meant = letters.items;
            meant.retain(|job| payload.names(job, now));
            meant.truncate(payload.max - retried);
            retried += self.retry(meant, now).await?;
            ctx.progress(percent(seen, total), format!("{retried} of {seen} dead letters wait again"));
            match next.filter(|_| retried < payload.max) {
                Some(after) => start = Start::After(after),
                None => break,
            }
        }
        ctx.log(format!("looked at {seen} of {total} dead letters; {retried} wait again"));
        ctx.complete_json(&json!({ "seen": seen, "retried": retried }))
    }
}

impl RetryDeadLetters {
    /// Has them wait again. One that somebody else changed meanwhile is left to them.
    async fn retry(&self, letters: Vec<Arc<Job>>, now: Timestamp) -> Result<usize, Failure> {
        let asked = |job: &Arc<Job>| decide(job, Event::RetryAsked { by: BY.into() }, now).ok();
        let mut steps: Vec<_> = letters.iter().filter_map(asked).collect();
        // Batches touch rows in id order everywhere (rule 34).
        steps.sort_by_key(|step| step.job);
        let answers = self.0.store.commit(steps, now).await.map_err(failed)?;
        Ok(answers.iter().filter(|answer| matches!(answer, Committed::Applied { .. })).count())
    }
}

fn percent(done: u64, of: u64) -> u32 {
    (done * 100 / of.max(1)).min(100) as u32
}
