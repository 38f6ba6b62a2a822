//! Orders that nobody paid in time are cancelled, and whoever placed them is told. Some at a time: what is done is done
//! when it is killed, and the next try finds the rest.

use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};
use serde_json::json;

use crate::database::Database;

pub const CLEANUP: &str = "cleanup_expired_orders";

/// Orders in one transaction.
const AT_ONCE: usize = 50;

/// Cancels orders that have expired.
pub struct CleanupExpiredOrders(pub Database);

impl Processor for CleanupExpiredOrders {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("maintenance"), summary: "Cancels expired orders.", ..Description::default() }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let Some(_lock) = ctx.lock_blocking("cleanup", std::time::Duration::from_secs(3_600))? else {
            return ctx.complete_json(&json!({ "skipped": "another one is at it" }));
        };
        let moment = ctx.job().spec.scheduled_for().unwrap_or(ctx.job().created_at).as_millis();
        let job = ctx.job_id().to_string();
        while self.cancel_some(moment, &job)? == AT_ONCE {
            ctx.check()?;
        }
        // Counted where it was done, so that what earlier tries did is in it.
        let count = "SELECT count(*) FROM notices WHERE sent_by = ?1";
        let cancelled: i64 = self.0.connect()?.query_row(count, [&job], |row| row.get(0))?;
        ctx.wait(ctx.shared_state("cleanup-statistics")?.save(&json!({ "cancelled": cancelled })))?;
        ctx.complete_json(&json!({ "cancelled": cancelled }))
    }
}

impl CleanupExpiredOrders {
    fn cancel_some(&self, moment: i64, job: &str) -> Result<usize, Failure> {
        self.0.write(|transaction| {
            let cancelled: Vec<i64> = transaction
                .prepare(
                    "UPDATE orders SET status = 'cancelled' WHERE id IN
                       (SELECT id FROM orders WHERE status = 'open' AND expires_at < ?1 ORDER BY id LIMIT ?2)
                     RETURNING id",
                )?
                .query_map((moment, AT_ONCE as i64), |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for order in &cancelled {
                let body = format!("Order {order} was cancelled: it was not paid in time.");
                transaction.execute("INSERT INTO notices VALUES (?1, ?2, ?3)", (order, body, job))?;
            }
            Ok(cancelled.len())
        })
    }
}
