//! Jobs that must not get anything wrong when they are killed: blocks of a chain are applied each once and in order,
//! expired orders are cancelled, and what does not fit together is found.
//!
//! ```text
//! cargo run --example resync -- --port 8080             serves until it is stopped, or killed
//! cargo run --example resync -- --rounds 1              does each job once, says what came of it
//! cargo run --example resync -- --rounds 2 --cron '*/2 * * * * *'    lets each fire twice by itself
//! cargo run --example resync -- --play chain --port 9000     plays the chain for another: --chain http://127.0.0.1:9000
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `place` | where it listens and keeps things, how it is tried out |
//! | `chain` | the chain |
//! | `database` | the tables, and the one step that applies blocks |
//! | `schedules` | when the jobs are done |
//! | `sync`, `cleanup`, `consistency` | the jobs |

mod chain;
mod cleanup;
mod consistency;
mod database;
mod place;
mod schedules;
mod sync;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use faena::app::{Faena, Settings};
use faena::clock::Clock;
use faena::service::Service;
use faena::work::Registry;
use reqwest::Client;

use database::Database;
use place::Place;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let place = Place::from(std::env::args().skip(1), |name| std::env::var(name).ok())?;
    if place.is_chain {
        let (address, server) = chain::serve(place.height, place.port)?;
        println!("listening on {address}");
        return Ok(server.await?);
    }
    let chain = match &place.chain {
        Some(chain) => chain.clone(),
        None => {
            let (address, server) = chain::serve(place.height, 0)?;
            tokio::spawn(server);
            address
        }
    };
    let database = Database::open(&place.data, place.height, Clock::System.now())?;
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
    let registry = Registry::new()
        .asynchronous(sync::SYNC, sync::BlockchainSync { database: database.clone(), chain, client })
        .blocking(cleanup::CLEANUP, cleanup::CleanupExpiredOrders(database.clone()))
        .blocking(consistency::CHECK, consistency::ConsistencyCheck(database));

    let settings = Settings { grace: Duration::from_secs(2), ..Settings::in_folder(place.data.join("jobs")) };
    let faena = Faena::start(settings, registry).await?;
    let service = faena.service();
    let changes = service.hub().changes(None)?;
    let by_hand = place.rounds.is_some() && place.cron.is_none();
    schedules::register(service, place.cron.as_ref(), by_hand).await?;
    match place.rounds {
        Some(rounds) if !by_hand => schedules::wait_for_firings(service, changes, rounds).await?,
        Some(rounds) => schedules::run_by_hand(service, rounds).await?,
        None => serve(service.clone(), place.port).await?,
    }
    faena.stop().await?;
    println!("stopped");
    Ok(())
}

/// Answers the jobs API until SIGTERM or Ctrl-C.
async fn serve(service: Arc<Service>, port: u16) -> Result<(), Box<dyn Error>> {
    let routes =
        move || App::new().app_data(web::Data::from(service.clone())).configure(faena::http::routes(service.clone()));
    let server = HttpServer::new(routes).shutdown_timeout(2).bind(("127.0.0.1", port))?;
    println!("listening on http://{}", server.addrs()[0]);
    Ok(server.run().await?)
}
