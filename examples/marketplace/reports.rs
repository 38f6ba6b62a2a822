//! What was sold the day before, as a page for the managers.

use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};

use crate::Market;
use crate::data::{Base, Notice, stored};

pub const DAILY: &str = "generate_daily_reports";

/// Reports the sales of the day before and sends them to the managers.
pub struct GenerateDailyReports(pub Market);

struct Sale {
    title: String,
    cents: i64,
}

impl Processor for GenerateDailyReports {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description {
            kind: Some("report_generation"),
            summary: "Reports the sales of the day before.",
            ..Description::default()
        }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let Market { data, days, .. } = &self.0;
        let day = days.yesterday(days.moment_of(ctx))?;
        ctx.progress(10, "counting sales");
        let sales: Vec<Sale> = data
            .connect(Base::Vehicles)?
            .prepare(
                "SELECT coalesce(title, 'a vehicle'), price_cents FROM sales LEFT JOIN vehicles ON vehicles.id = vehicle_id
                 WHERE sold_at >= ?1 AND sold_at < ?2 ORDER BY sales.id",
            )?
            .query_map((stored(day.start), stored(day.end)), |row| Ok(Sale { title: row.get(0)?, cents: row.get(1)? }))?
            .collect::<Result<_, _>>()?;
        let page = as_html(&day.start.to_string()[..10], &sales);

        ctx.progress(60, "sending it to the managers");
        let managers: Vec<String> = data
            .connect(Base::Users)?
            .prepare("SELECT email FROM users WHERE role = 'manager' ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        data.write(Base::Vehicles, |transaction| {
            for manager in &managers {
                let about = format!("sales/{}", day.start);
                Notice { about, recipient: manager, subject: "Daily Sales Report", body: page.clone() }
                    .send(transaction, ctx.job_id())?;
            }
            Ok(())
        })?;
        ctx.log(format!("{} sales, to {} managers", sales.len(), managers.len()));
        ctx.complete_bytes("text/html; charset=utf-8", page)
    }
}

fn as_html(day: &str, sales: &[Sale]) -> String {
    let rows: String = sales.iter().map(|sale| format!("<tr><td>{}<td>{}", sale.title, money(sale.cents))).collect();
    let sum = sales.iter().map(|sale| sale.cents).sum();
    let count = sales.len();
    format!("<!doctype html><title>Sales of {day}</title><table>{rows}<tr><th>{count} sales<th>{}</table>", money(sum))
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
