//! What vehicles are worth is asked of a service, some at a time; what was learnt before a failure is not asked again.

use std::net::SocketAddr;

use faena::clock::Timestamp;
use faena::job::RetryPolicy;
use faena::work::{AsyncProcessor, Completion, Context, Description, Failure, NoPayload};
use futures_util::future::join_all;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::Market;
use crate::data::{Base, Data, stored};

pub const SYNC: &str = "sync_vehicle_prices";

/// Questions at once.
const AT_ONCE: usize = 10;

/// Asks for the price of each active vehicle.
pub struct SyncVehiclePrices {
    pub market: Market,
    pub service: SocketAddr,
    pub client: Client,
}

#[derive(Debug)]
struct Vehicle {
    id: i64,
    make: String,
    model: String,
    year: i64,
    mileage: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Price {
    price_cents: i64,
}

impl AsyncProcessor for SyncVehiclePrices {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        let soon = RetryPolicy { delay_ms: 100, ..RetryPolicy::default() };
        Description {
            kind: Some("data_processing"),
            summary: "Asks what vehicles are worth.",
            retry: Some(soon),
            ..Description::default()
        }
    }

    async fn run(&self, _: NoPayload, ctx: Context) -> Result<Completion, Failure> {
        let Market { data, days, .. } = &self.market;
        let moment = days.moment_of(&ctx);
        let vehicles = vehicles_without_a_price(data, moment).await?;
        let (total, mut updated) = (vehicles.len(), ctx.state::<usize>()?.unwrap_or(0));
        for (index, some) in vehicles.chunks(AT_ONCE).enumerate() {
            let percent = 100.0 * (index * AT_ONCE) as f64 / total as f64;
            ctx.progress(percent, format!("{} of {total} vehicles", index * AT_ONCE));
            let answers = join_all(some.iter().map(|vehicle| self.price_of(vehicle))).await;
            let mut prices = Vec::new();
            let mut failure = None;
            for (vehicle, answer) in some.iter().zip(answers) {
                match answer {
                    Ok(Some(price)) => prices.push((vehicle.id, price.price_cents)),
                    Ok(None) => ctx.partial_error(format!("vehicle {}", vehicle.id), "nobody knows what it is worth"),
                    Err(error) => failure = Some(error),
                }
            }
            updated += keep(data, moment, prices).await?;
            ctx.save_state(&updated)?;
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        ctx.complete_json(&json!({ "updated": updated, "tries": ctx.attempt() }))
    }
}

impl SyncVehiclePrices {
    /// What a vehicle is worth, if anybody knows.
    async fn price_of(&self, vehicle: &Vehicle) -> Result<Option<Price>, Failure> {
        let Vehicle { make, model, year, mileage, .. } = vehicle;
        // Makes and models of this shop are plain words, which stand in an address as they are.
        let url = format!("http://{}/prices?make={make}&model={model}&year={year}&mileage={mileage}", self.service);
        let answer = self.client.get(url).send().await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(Some(answer.json().await?)),
            status => Err(Failure::new(format!("the price service answered {status}")).kind("bad_gateway")),
        }
    }
}

/// The active vehicles whose price is older than this job.
async fn vehicles_without_a_price(data: &Data, moment: Timestamp) -> Result<Vec<Vehicle>, Failure> {
    let select =
        "SELECT id, make, model, year, mileage FROM vehicles WHERE status = 'Active' AND priced_at < ?1 ORDER BY id";
    data.write_aside(Base::Vehicles, move |transaction| {
        let mut select = transaction.prepare(select)?;
        let vehicles = select.query_map([stored(moment)], |row| {
            Ok(Vehicle {
                id: row.get(0)?,
                make: row.get(1)?,
                model: row.get(2)?,
                year: row.get(3)?,
                mileage: row.get(4)?,
            })
        })?;
        Ok(vehicles.collect::<Result<_, _>>()?)
    })
    .await
}

/// Keeps prices, unless newer ones are there.
async fn keep(data: &Data, moment: Timestamp, prices: Vec<(i64, i64)>) -> Result<usize, Failure> {
    let update = "UPDATE vehicles SET suggested_cents = ?2, priced_at = ?3 WHERE id = ?1 AND priced_at < ?3";
    data.write_aside(Base::Vehicles, move |transaction| {
        let mut updated = 0;
        for (id, cents) in prices {
            updated += transaction.execute(update, (id, cents, stored(moment)))?;
        }
        Ok(updated)
    })
    .await
}
