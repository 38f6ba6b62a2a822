//! Follow-ups: what comes after a job is accepted in the commit that completes it. A job that fails leaves none, a crash
//! in between cannot lose one, and a repeated try cannot make two.

use std::time::Duration;

use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::job::{Name, NewJob};
use faena::store::query::Start;
use faena::store::{Filter, Page, Sort};
use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor, Registry};
use serde_json::json;

#[derive(serde::Deserialize, schemars::JsonSchema, validator::Validate)]
struct Order {
    paid: bool,
}

struct Pack;
struct Ship;

impl Processor for Pack {
    type Payload = Order;

    fn describe(&self) -> Description {
        Description { retry: Some(faena::job::RetryPolicy::never()), ..Description::default() }
    }

    fn run(&self, order: Order, ctx: &Context) -> Result<Completion, Failure> {
        ctx.enqueue(NewJob::new(Name::new("ship").map_err(Failure::permanent)?, "{}"))?;
        if !order.paid {
            return Err(Failure::permanent("the order is not paid")); // and nothing is shipped
        }
        Ok(Completion::Done)
    }
}

impl Processor for Ship {
    type Payload = NoPayload;

    fn run(&self, _: NoPayload, _: &Context) -> Result<Completion, Failure> {
        Ok(Completion::Done)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new().blocking("pack", Pack).blocking("ship", Ship);
    let faena = Faena::start(Settings { store: StoreChoice::Memory, ..Settings::default() }, registry).await?;
    for paid in [false, true] {
        let job = NewJob::json(Name::new("pack")?, &json!({ "paid": paid }))?;
        let id = faena.service().enqueue(job).await?.id;
        let packed = faena.service().wait_for_end(id, Duration::from_secs(30)).await?;
        let page = Page { sort: Sort::CreatedDescending, limit: 10, start: Start::Offset(0) };
        let ships = Filter { sub_type: Some(Name::new("ship")?), ..Filter::default() };
        let ships = faena.service().jobs(ships, page).await?;
        println!("paid: {paid}; pack is {}; jobs to ship: {}", packed.status(), ships.total);
        for ship in ships.items {
            println!("ship is {}", faena.service().wait_for_end(ship.id, Duration::from_secs(30)).await?.status());
        }
    }
    Ok(faena.stop().await?)
}
