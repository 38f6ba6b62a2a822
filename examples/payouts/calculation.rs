//! Payouts: what creators have earned and may have by now, once a week. Each payout is told of in the commit that ends the job,
//! and so is what the calculation came to: whoever keeps the books hears of both or of neither.

use faena::clock::Clock;
use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};
use rusqlite::{Connection, Transaction};
use serde_json::json;

use crate::database::{Database, fenced};

/// Key of the calculation.
pub const CALCULATION: &str = "payout_calculation";

/// The least that is paid out, in Chilean pesos.
const MINIMUM_CLP: i64 = 20_000;

/// Calculates payouts.
pub struct PayoutCalculation(pub Database);

/// What creators may have by now.
struct Earned {
    creator: i64,
    account: String,
    amount_clp: i64,
}

impl Processor for PayoutCalculation {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("payouts"), summary: "Pays out what was earned.", ..Description::default() }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let mut connection = self.0.connect()?;
        // A try whose payouts stand and whose end was lost makes no others: it tells of these.
        let errors = fenced(&mut connection, ctx, |transaction| calculate(transaction, ctx))?;
        let creators: u32 = connection.query_row("SELECT count(*) FROM creators", [], |row| row.get(0))?;
        let created = tell(&connection, ctx)?;
        let skipped = u64::from(creators) - created - errors;
        let told = json!({ "created": created, "skipped": skipped, "errors": errors });
        ctx.emit("PayoutCalculationJobCompleted", "PayoutCalculation", &ctx.job_id().to_string(), &told)?;
        println!("[Job:Payout] Completado - Creados: {created}, Omitidos: {skipped}, Errores: {errors}");
        ctx.complete_json(&told)
    }
}

/// Makes the payouts of this job. The answer counts creators for whom that cannot be done.
fn calculate(transaction: &Transaction<'_>, ctx: &Context) -> Result<u64, Failure> {
    let job = ctx.job_id().to_string();
    let now = Clock::System.now().as_millis();
    let earned: Vec<Earned> = transaction
        .prepare(
            "SELECT creator, bank_account, sum(amount_clp) FROM transactions JOIN creators ON creators.id = creator
             WHERE payout IS NULL AND released_at <= ?1 GROUP BY creator HAVING sum(amount_clp) >= ?2 ORDER BY creator",
        )?
        .query_map((now, MINIMUM_CLP), |row| {
            Ok(Earned { creator: row.get(0)?, account: row.get(1)?, amount_clp: row.get(2)? })
        })?
        .collect::<Result<_, _>>()?;
    let mut errors = 0;
    for Earned { creator, account, amount_clp } in earned {
        if account.is_empty() {
            ctx.log(format!("la creadora {creator} no tiene cuenta bancaria"));
            errors += 1;
            continue;
        }
        let payout = format!("{job}-{creator}");
        transaction.execute(
            "INSERT INTO payouts (id, creator, amount_clp, status, calculated_by) VALUES (?1, ?2, ?3, 'pending', ?4)",
            (&payout, creator, amount_clp, &job),
        )?;
        transaction.execute(
            "UPDATE transactions SET payout = ?1 WHERE creator = ?2 AND payout IS NULL AND released_at <= ?3",
            (&payout, creator, now),
        )?;
    }
    Ok(errors)
}

/// Tells of each payout of this job. The answer counts them.
fn tell(connection: &Connection, ctx: &Context) -> Result<u64, Failure> {
    let payouts: Vec<(String, i64, i64)> = connection
        .prepare("SELECT id, creator, amount_clp FROM payouts WHERE calculated_by = ?1 ORDER BY creator")?
        .query_map([ctx.job_id().to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (id, creator, amount_clp) in &payouts {
        ctx.emit("PayoutCalculated", "Payout", id, &json!({ "creatorId": creator, "amountClp": amount_clp }))?;
    }
    Ok(payouts.len() as u64)
}
