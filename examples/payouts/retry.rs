//! Payouts that the bank did not take are tried again, each hour, a few times.

use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};
use serde_json::json;

use crate::database::{Database, fenced};

/// Key of the retry.
pub const RETRY: &str = "payout_retry";

/// Tries of one payout; after them somebody calls the creator.
const TRIES_MAX: i64 = 5;

/// Has failed payouts tried again.
pub struct PayoutRetry(pub Database);

impl Processor for PayoutRetry {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("payouts"), summary: "Tries failed payouts again.", ..Description::default() }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let again: Vec<String> = fenced(&mut self.0.connect()?, ctx, |transaction| {
            let again = transaction
                .prepare(
                    "UPDATE payouts SET status = 'pending', tries = tries + 1 WHERE status = 'failed' AND tries < ?1
                     RETURNING id",
                )?
                .query_map([TRIES_MAX], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            Ok(again)
        })?;
        for payout in &again {
            ctx.emit("PayoutRetried", "Payout", payout, &json!({ "by": ctx.job_id().to_string() }))?;
        }
        println!("[Job:Retry] Reintentados: {}", again.len());
        ctx.complete_json(&json!({ "retried": again.len() }))
    }
}
