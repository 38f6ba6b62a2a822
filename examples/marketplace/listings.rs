//! Listings that nobody has renewed for a month expire, and their sellers are told.

use std::collections::HashMap;

use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};
use serde_json::json;

use crate::Market;
use crate::data::{Base, Notice, stored};
use crate::days::days_before;

pub const UPDATE: &str = "update_vehicle_listing_status";

/// Days that a listing is active.
const DAYS_ACTIVE: u64 = 30;

/// Marks old listings as expired.
pub struct UpdateVehicleListingStatus(pub Market);

impl Processor for UpdateVehicleListingStatus {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("maintenance"), summary: "Marks old listings as expired.", ..Description::default() }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let Market { data, days, .. } = &self.0;
        let before = stored(days_before(days.moment_of(ctx), DAYS_ACTIVE));
        let sellers: HashMap<i64, String> = data
            .connect(Base::Users)?
            .prepare("SELECT id, email FROM users")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let expired = data.write(Base::Vehicles, |transaction| {
            let expired: Vec<(i64, i64, String, i64)> = transaction
                .prepare(
                    "UPDATE vehicles SET status = 'Expired' WHERE published_at < ?1 AND status = 'Active'
                     RETURNING id, seller_id, title, published_at",
                )?
                .query_map([before], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect::<Result<_, _>>()?;
            for (id, seller, title, published) in &expired {
                let Some(seller) = sellers.get(seller) else {
                    ctx.partial_error(format!("vehicle {id}"), "has no seller");
                    continue;
                };
                let notice = Notice {
                    about: format!("listing/{id}/{published}"),
                    recipient: seller,
                    subject: "Listing Expired",
                    body: format!("Your listing for {title} has expired. Renew to keep it active."),
                };
                notice.send(transaction, ctx.job_id())?;
            }
            Ok(expired.len())
        })?;
        ctx.complete_json(&json!({ "expired": expired }))
    }
}
