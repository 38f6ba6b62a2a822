//! A marketplace of vehicles with what it does by the clock: eight jobs on eight schedules, against three SQLite
//! databases of its own and against services in its neighbourhood.
//!
//! ```text
//! cargo run --example marketplace -- --port 8080                          serves until it is stopped
//! cargo run --example marketplace -- --rounds 2                           does each job twice, says what came of it
//! cargo run --example marketplace -- --rounds 2 --cron '*/2 * * * * *'    lets each fire twice by itself
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `place` | where it listens and keeps things, how it is tried out |
//! | `data`, `stock` | the databases, and what a new marketplace holds |
//! | `days` | which moment a job is about |
//! | `neighbours` | the services around it |
//! | `schedules` | when the jobs are done |
//! | `tokens`, `reports`, `reminders`, `logs`, `listings`, `prices`, `backup`, `health` | the jobs |

mod backup;
mod data;
mod days;
mod health;
mod listings;
mod logs;
mod neighbours;
mod place;
mod prices;
mod reminders;
mod reports;
mod schedules;
mod stock;
mod tokens;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use faena::app::{Faena, Settings};
use faena::service::Service;
use faena::work::Registry;
use reqwest::Client;

use data::Data;
use days::Days;
use neighbours::Neighbours;
use place::Place;

/// What the jobs work on.
#[derive(Debug, Clone)]
pub struct Market {
    data: Data,
    days: Days,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let place = Place::from(std::env::args().skip(1), |name| std::env::var(name).ok())?;
    let market = Market { data: Data::open(&place.data)?, days: Days::new(place.at)? };
    let neighbours = Neighbours::start()?;

    let settings = Settings { grace: Duration::from_secs(2), ..Settings::in_folder(place.data.join("jobs")) };
    let faena = Faena::start(settings, jobs(&market, &neighbours)?).await?;
    let service = faena.service();
    stock::fill(&market.data, place.at.unwrap_or_else(|| service.now())).map_err(|failure| failure.to_string())?;

    let changes = service.hub().changes(None)?;
    let by_hand = place.rounds.is_some() && place.cron.is_none();
    schedules::register(service, place.cron.as_ref(), by_hand).await?;
    match place.rounds {
        Some(rounds) if !by_hand => schedules::wait_for_firings(service, changes, rounds).await?,
        Some(rounds) => schedules::run_by_hand(service, rounds).await?,
        None => serve(service.clone(), place.port).await?,
    }
    faena.stop().await?;
    neighbours.stop().await;
    println!("stopped");
    Ok(())
}

/// What can be done in the background.
fn jobs(market: &Market, neighbours: &Neighbours) -> Result<Registry, Box<dyn Error>> {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
    let address = neighbours.address;
    let prices = prices::SyncVehiclePrices { market: market.clone(), service: address, client: client.clone() };
    let health = health::HealthCheckMonitoring { market: market.clone(), services: address, client };
    Ok(Registry::new()
        .blocking(tokens::CLEANUP, tokens::CleanupExpiredTokens(market.clone()))
        .blocking(reports::DAILY, reports::GenerateDailyReports(market.clone()))
        .blocking(reminders::SEND, reminders::SendReminderEmails(market.clone()))
        .blocking(logs::CLEANUP, logs::CleanupOldLogs(market.clone()))
        .blocking(logs::DELETE, logs::DeleteArchivedLogs(market.clone()))
        .blocking(listings::UPDATE, listings::UpdateVehicleListingStatus(market.clone()))
        .asynchronous(prices::SYNC, prices)
        .blocking(backup::BACKUP, backup::BackupDatabase(market.clone()))
        .asynchronous(health::CHECK, health))
}

/// Answers the jobs API until SIGTERM or Ctrl-C.
async fn serve(service: Arc<Service>, port: u16) -> Result<(), Box<dyn Error>> {
    let routes =
        move || App::new().app_data(web::Data::from(service.clone())).configure(faena::http::routes(service.clone()));
    let server = HttpServer::new(routes).shutdown_timeout(2).bind(("127.0.0.1", port))?;
    println!("listening on http://{}", server.addrs()[0]);
    Ok(server.run().await?)
}
