//! The backend of a marketplace of creators, with what it has done by the clock for years: payouts once a week, failed ones
//! tried again each hour, and events that leave through an outbox each minute, signed, to whoever keeps the books. Its operators keep
//! the variables and the addresses that they know.
//!
//! ```text
//! cargo run --example payouts -- --play receiver --port 4000      the other side; needs OUTBOX_WEBHOOK_SECRET
//! OUTBOX_PUBLISHER_TYPE=webhook OUTBOX_WEBHOOK_URL=http://127.0.0.1:4000/webhooks \
//!     cargo run --example payouts -- --port 3001                  the backend; the same secret
//! curl -X POST localhost:3001/api/admin/jobs/run/payout
//! curl localhost:3001/api/jobs/status
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `place` | where it listens and keeps things, and its variables |
//! | `database` | its tables, and the fence around what a job writes |
//! | `calculation`, `retry` | the jobs |
//! | `admin` | its addresses |
//! | `receiver` | the other side |

mod admin;
mod calculation;
mod database;
mod place;
mod receiver;
mod retry;

use std::error::Error;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use faena::app::settings::Outbox;
use faena::app::{Faena, Maintenance, Settings};
use faena::clock::Clock;
use faena::error::Error as Refused;
use faena::event::{Secret, Via};
use faena::job::Name;
use faena::schedule::{Cron, NewSchedule, Spec, Timetable, Zone};
use faena::service::Service;
use faena::work::Registry;

use database::Database;
use place::{Place, Variables};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| std::env::var(name).ok();
    let place = Place::from(std::env::args().skip(1), variable)?;
    let variables = Variables::from(variable)?;
    let database = Database::open(&place.data, Clock::System.now())?;
    if place.is_receiver {
        receive(&place, &variables, database).await
    } else {
        serve(&place, variables, database).await
    }
}

/// The backend, until SIGTERM or Ctrl-C.
async fn serve(place: &Place, variables: Variables, database: Database) -> Result<(), Box<dyn Error>> {
    let registry = Registry::new()
        .blocking(calculation::CALCULATION, calculation::PayoutCalculation(database.clone()))
        .blocking(retry::RETRY, retry::PayoutRetry(database));
    let faena = Faena::start(settings(place, &variables)?, registry).await?;
    let service = faena.service().clone();
    register(&service, admin::CALCULATION, calculation::CALCULATION, &variables.payout).await?;
    register(&service, admin::RETRY, retry::RETRY, &variables.retry).await?;

    let variables = web::Data::new(variables);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(service.clone()))
            .app_data(variables.clone())
            .route("/api/jobs/status", web::get().to(admin::status))
            .route("/api/admin/jobs/run/{name}", web::post().to(admin::run))
            // All of faena's own addresses under one that operators know, /api/admin/outbox/stats for instance; and as they are.
            .service(web::scope("/api/admin").configure(faena::http::routes(service.clone())))
            .configure(faena::http::routes(service.clone()))
    })
    .shutdown_timeout(2)
    .bind(("127.0.0.1", place.port))?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?;
    faena.stop().await?;
    println!("stopped");
    Ok(())
}

/// How faena does what the variables say.
fn settings(place: &Place, variables: &Variables) -> Result<Settings, Box<dyn Error>> {
    let publisher: Via = variables.publisher.parse()?;
    let secret = variables.secret.as_deref().map(Outbox::read_secret).transpose()?;
    // Who keeps the books may sit in the same house: what the operator names may be called.
    let authority = variables.url.as_deref().and_then(|url| url.split("://").nth(1)?.split('/').next());
    Ok(Settings {
        grace: Duration::from_secs(2),
        no_jobs: !variables.enable_jobs,
        webhook_allow: authority.into_iter().map(str::to_owned).collect(),
        outbox: Outbox {
            publisher: Some(publisher),
            url: variables.url.clone().map(Into::into),
            secret,
            cron: Some(variables.outbox.clone()),
            ..Outbox::default()
        },
        maintenance: Maintenance { cleanup: Some(variables.cleanup.clone()), ..Maintenance::on() },
        ..Settings::in_folder(place.data.join("jobs"))
    })
}

/// Sees to it that a schedule is there. One that is there already stays as people have changed it.
async fn register(service: &Service, name: &str, sub_type: &str, cron: &Cron) -> Result<(), Box<dyn Error>> {
    let timetable = Timetable::new(cron.clone(), Zone::new("America/Santiago")?);
    let spec = Spec { singleton: true, ..Spec::new(name, Name::new(sub_type)?, timetable) };
    match service.create_schedule(NewSchedule::new(spec)).await {
        Err(Refused::Taken { .. }) => {}
        other => drop(other?),
    }
    Ok(())
}

/// The other side, until SIGTERM or Ctrl-C.
async fn receive(place: &Place, variables: &Variables, database: Database) -> Result<(), Box<dyn Error>> {
    let secret: Secret = match variables.secret.as_deref() {
        Some(text) => Outbox::read_secret(text)?.secret,
        None => return Err("OUTBOX_WEBHOOK_SECRET is not set: nothing could be believed".into()),
    };
    let (secret, database) = (web::Data::new(secret), web::Data::new(database));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(secret.clone())
            .app_data(database.clone())
            .route("/webhooks", web::post().to(receiver::receive))
    })
    .bind(("127.0.0.1", place.port))?;
    println!("listening on http://{}", server.addrs()[0]);
    Ok(server.run().await?)
}
