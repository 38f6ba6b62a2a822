//! What does not fit together between orders, escrows and disputes is told; nothing is mended, and nothing stands still
//! because of it.

use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};
use serde_json::json;

use crate::database::Database;

pub const CHECK: &str = "consistency_check";

/// Issues that are remembered for whoever asks later; the result of the job has all of them.
const REMEMBERED: usize = 100;

/// Each check: what is wrong, and the orders of which it is.
const CHECKS: [(&str, &str); 7] = [
    (
        "order without escrow",
        "SELECT id FROM orders WHERE status IN ('paid', 'completed', 'disputed')
         AND id NOT IN (SELECT order_id FROM escrows) ORDER BY id",
    ),
    ("escrow without order", "SELECT order_id FROM escrows WHERE order_id NOT IN (SELECT id FROM orders) ORDER BY order_id"),
    (
        "order and escrow disagree",
        "SELECT id FROM orders JOIN escrows ON order_id = id
         WHERE (orders.status, escrows.status) NOT IN (VALUES ('paid', 'held'), ('completed', 'released'), ('disputed', 'held'))
         ORDER BY id",
    ),
    (
        "escrow holds another amount than was paid",
        "SELECT order_id FROM escrows WHERE amount IS NOT
           (SELECT sum(amount) FROM events WHERE events.order_id = escrows.order_id AND kind = 'funded')
         AND order_id IN (SELECT id FROM orders) ORDER BY order_id",
    ),
    (
        "dispute without order",
        "SELECT order_id FROM disputes WHERE order_id NOT IN (SELECT id FROM orders) ORDER BY order_id",
    ),
    (
        "open dispute of an order that is not disputed",
        "SELECT id FROM disputes JOIN orders ON order_id = id
         WHERE disputes.status = 'open' AND orders.status != 'disputed' ORDER BY id",
    ),
    (
        "block applied twice or left out",
        "SELECT number FROM blocks GROUP BY number HAVING count(*) > 1
         UNION SELECT one.number + 1 FROM blocks AS one WHERE one.number < (SELECT block FROM cursor)
           AND one.number + 1 NOT IN (SELECT number FROM blocks)",
    ),
];

/// Looks for what does not fit together.
pub struct ConsistencyCheck(pub Database);

impl Processor for ConsistencyCheck {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("monitoring"), summary: "Looks for inconsistencies.", ..Description::default() }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let mut connection = self.0.connect()?;
        // One moment for all checks: what is changed meanwhile is not half seen.
        let moment = connection.transaction()?;
        let mut issues = Vec::new();
        for check in ctx.track(CHECKS) {
            let (issue, query) = check?;
            let found: Vec<i64> = moment.prepare(query)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            issues.extend(found.into_iter().map(|subject| json!({ "issue": issue, "subject": subject })));
        }
        drop(moment);
        let first = issues.get(..REMEMBERED).unwrap_or(&issues);
        ctx.wait(ctx.shared_state("consistency")?.save(&json!({ "count": issues.len(), "first": first })))?;
        ctx.log(format!("{} issues", issues.len()));
        ctx.complete_json(&json!({ "issues": issues }))
    }
}
