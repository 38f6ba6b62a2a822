//! An order and its job: both are in the database once the shop's own transaction commits, and neither is when it does not. The
//! shop has a table of its own in the database that `DATABASE_URL` names, and a connection; the worker could be on another machine.

use std::time::Duration;

use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::job::{Name, NewJob, UniqueFor};
use faena::postgres::tokio_postgres::{self, Client, NoTls};
use faena::postgres::{Enqueued, enqueue_in};
use faena::work::{Completion, Context, Failure, Processor, Registry};

struct Ship;

#[derive(serde::Deserialize, schemars::JsonSchema, validator::Validate)]
struct Order {
    order: i64,
}

impl Processor for Ship {
    type Payload = Order;

    fn run(&self, Order { order }: Order, ctx: &Context) -> Result<Completion, Failure> {
        ctx.complete_json(&format!("order {order} is on its way"))
    }
}

/// Takes an order, with its job. Whoever calls decides whether it stands.
async fn take(transaction: &mut tokio_postgres::Transaction<'_>, order: i64) -> Result<Enqueued, faena::error::Error> {
    let taken = "INSERT INTO orders VALUES ($1) ON CONFLICT DO NOTHING";
    transaction.execute(taken, &[&order]).await.map_err(faena::error::Error::internal)?;
    let name = Name::new("ship").map_err(faena::error::Error::invalid)?;
    let job = NewJob::new(name, format!(r#"{{"order": {order}}}"#));
    enqueue_in(transaction, job.unique(format!("order {order}"), UniqueFor::Active)).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(url) = std::env::var("DATABASE_URL") else {
        return Err("DATABASE_URL names no database; `scripts/dev-postgres` starts one and prints its URL".into());
    };
    // Usually a server has done so, or `faena migrate`.
    let place = url.clone();
    tokio::task::spawn_blocking(move || faena::postgres::migrate(&place)).await??;
    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    // Gone with the connection: an example leaves nothing in somebody's database but what it shows.
    client.batch_execute("CREATE TEMP TABLE orders (id bigint PRIMARY KEY)").await?;

    // A customer who changes their mind: neither the order nor a job is left.
    let mut transaction = client.transaction().await?;
    let dropped = take(&mut transaction, 16).await?;
    transaction.rollback().await?;

    // One who does not, and clicks twice.
    let mut transaction = client.transaction().await?;
    let shipped = take(&mut transaction, 17).await?;
    let again = take(&mut transaction, 17).await?;
    println!("new: {}, once more: {}, the same job: {}", shipped.is_new(), again.is_new(), again.id() == shipped.id());
    transaction.commit().await?;
    println!("orders: {}", orders(&client).await?);

    let store = StoreChoice::Postgres(url.as_str().into());
    let faena = Faena::start(Settings { store, ..Settings::default() }, Registry::new().blocking("ship", Ship)).await?;
    let service = faena.service();
    let job = service.wait_for_end(shipped.id(), Duration::from_secs(30)).await?;
    println!("the job of 17: {}", job.status());
    match service.job(dropped.id()).await {
        Ok(_) => println!("the job of 16 is there"),
        Err(refusal) => println!("the job of 16: {}", refusal.code()),
    }
    Ok(faena.stop().await?)
}

async fn orders(client: &Client) -> Result<i64, tokio_postgres::Error> {
    client.query_one("SELECT count(*) FROM orders", &[]).await?.try_get(0)
}
