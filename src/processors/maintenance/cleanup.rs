//! `faena.cleanup`: forgets jobs that ended long ago, with their logs and stored results.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use validator::Validate;

use super::{Parts, described, failed};
use crate::upkeep::{Ages, forget};
use crate::work::{AsyncProcessor, Completion, Context, Description, Failure};

/// Forgets what ended long ago.
pub struct Cleanup(pub(super) Parts);

/// How long ended jobs are remembered.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payload {
    /// Completed and cancelled ones, in seconds; the server's `retention.completed` when left out.
    #[serde(default)]
    completed_seconds: Option<u64>,
    /// Failed ones, in seconds; the server's `retention.failed` when left out.
    #[serde(default)]
    failed_seconds: Option<u64>,
}

impl Payload {
    fn over(&self, ages: Ages) -> Ages {
        Ages {
            ended: self.completed_seconds.map_or(ages.ended, Duration::from_secs),
            failed: self.failed_seconds.map_or(ages.failed, Duration::from_secs),
        }
    }
}

impl AsyncProcessor for Cleanup {
    type Payload = Payload;

    fn describe(&self) -> Description {
        described("Forgets jobs that ended long ago, with their logs and results.", 6)
    }

    async fn run(&self, payload: Payload, ctx: Context) -> Result<Completion, Failure> {
        let Parts { store, results, clock, .. } = &self.0;
        let ages = payload.over(self.0.ages);
        // Nobody counts beforehand how many there are, so the percentage says nothing before the end.
        let hear = |so_far: crate::upkeep::Forgotten| {
            if so_far.jobs > 0 {
                ctx.progress(0, format!("{} jobs forgotten", so_far.jobs));
            }
        };
        let forgotten = forget(&**store, &**results, clock, Some(ages), hear).await.map_err(failed)?;
        ctx.log(format!(
            "forgot {} jobs, {} stored results and {} keys; completed and cancelled jobs are remembered for {} s, failed ones for {} s",
            forgotten.jobs, forgotten.results, forgotten.keys, ages.ended.as_secs(), ages.failed.as_secs()
        ));
        ctx.complete_json(&json!({
            "jobs": forgotten.jobs,
            "results": forgotten.results,
            "keys": forgotten.keys,
        }))
    }
}
