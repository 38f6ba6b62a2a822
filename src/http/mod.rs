//! The HTTP edge: parse, call the service, present. One file a resource; only here live JSON shapes and status codes.
//!
//! | file | holds |
//! | --- | --- |
//! | `call` | one request on its way through a handler |
//! | `origin` | keeping web pages out |
//! | `problem` | errors on the wire |
//! | `body`, `request`, `terms`, `complaints`, `query` | reading what a client sends |
//! | `view`, `present` | how things look in JSON |
//! | `accept` | the 202, for our own routes and an application's |
//! | `jobs`, `job`, `result`, `dead_letters`, `processors`, `cleanup` | the resources about jobs |
//! | `schedules`, `schedule`, `executions`, `cron` | those about schedules |
//! | `locks`, `states` | what jobs share |
//! | `alerts`, `alert_rules` | what went wrong, and what is watched |
//! | `workers`, `reports` | workers of other processes |
//! | `events` | server-sent events |
//! | `figures`, `health` | statistics, health, metrics |
//! | `openapi`, `docs` | the description of the API |
//! | [`server`] | a server of its own |
//!
//! An application mounts the routes where it likes:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use actix_web::{App, HttpServer, web};
//! use faena::service::Service;
//!
//! # async fn example(service: Arc<Service>) -> std::io::Result<()> {
//! HttpServer::new(move || {
//!     App::new()
//!         .app_data(web::Data::from(service.clone()))
//!         .service(web::scope("/api").configure(faena::http::routes(service.clone())))
//! })
//! .bind(("127.0.0.1", 8080))?
//! .run()
//! .await
//! # }
//! ```

mod accept;
mod alert_rules;
mod alerts;
mod body;
mod call;
mod cleanup;
mod complaints;
mod cron;
mod dead_letters;
mod docs;
mod events;
mod executions;
mod figures;
mod health;
mod job;
mod jobs;
mod locks;
mod nodes;
mod openapi;
mod origin;
mod present;
mod problem;
mod processors;
mod query;
mod reports;
mod request;
mod result;
mod schedule;
mod schedules;
pub mod server;
pub mod settings;
mod states;
mod terms;
mod view;
mod workers;

use std::rc::Rc;
use std::sync::Arc;

use actix_web::web::ServiceConfig;

pub use accept::{accepted, refused};
pub use openapi::{openapi, openapi_yaml};
pub use settings::Settings;

use crate::service::Service;
use call::{At, Edge, nothing_here};

/// All routes, with the usual bounds.
pub fn routes(service: Arc<Service>) -> impl FnOnce(&mut ServiceConfig) {
    routes_with(service, Settings::default())
}

/// All routes, with bounds of your own.
pub fn routes_with(service: Arc<Service>, settings: Settings) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let edge = &Rc::new(Edge { service, settings });
        // What has a name of its own goes before `/jobs/{id}`.
        let at = |path| At::new(edge, path);
        at("/jobs").post(jobs::create).get(jobs::list).delete(jobs::cancel_all).mount(config);
        at("/jobs/batch").post(jobs::create_all).mount(config);
        at("/jobs/retry").post(jobs::retry_all).mount(config);
        at("/jobs/status").get(figures::status).mount(config);
        at("/jobs/statistics/overview").get(figures::overview).mount(config);
        at("/jobs/{id}").named(accept::JOB_ROUTE).get(job::get).delete(job::cancel).mount(config);
        at("/jobs/{id}/events").stream(events::one::watch).mount(config);
        at("/jobs/{id}/attempts").get(job::attempts).mount(config);
        at("/jobs/{id}/logs").get(job::logs).mount(config);
        at("/jobs/{id}/result").get(result::get).mount(config);
        at("/jobs/{id}/explain").get(job::explain).mount(config);
        at("/jobs/{id}/retry").post(job::retry).mount(config);
        at("/dead-letters").get(dead_letters::list).delete(dead_letters::discard_all).mount(config);
        at("/dead-letters/retry").post(dead_letters::retry_all).mount(config);
        at("/dead-letters/{id}").delete(dead_letters::discard).mount(config);
        at("/dead-letters/{id}/retry").post(dead_letters::retry).mount(config);
        at("/schedules").post(schedules::create).get(schedules::list).mount(config);
        at("/schedules/validate/cron").post(cron::validate).mount(config);
        at("/schedules/{id}")
            .get(schedule::get)
            .put(schedule::replace)
            .patch(schedule::change)
            .delete(schedule::remove)
            .mount(config);
        at("/schedules/{id}/enable").post(schedule::enable).put(schedule::enable).mount(config);
        at("/schedules/{id}/disable").post(schedule::disable).put(schedule::disable).mount(config);
        at("/schedules/{id}/pause").post(schedule::pause).mount(config);
        at("/schedules/{id}/resume").post(schedule::resume).mount(config);
        at("/schedules/{id}/execute").post(schedule::execute).mount(config);
        at("/schedules/{id}/backfill").post(schedule::backfill).mount(config);
        at("/schedules/{id}/executions").get(executions::of_schedule).mount(config);
        at("/executions").get(executions::list).mount(config);
        at("/executions/{id}").get(executions::get).mount(config);
        at("/locks/{name}").put(locks::acquire).get(locks::get).delete(locks::release).mount(config);
        at("/state/{name}").put(states::put).get(states::get).delete(states::delete).mount(config);
        at("/alerts").get(alerts::list).mount(config);
        at("/alerts/rules").get(alert_rules::list).mount(config);
        at("/alerts/rules/{name}")
            .get(alert_rules::get)
            .put(alert_rules::put)
            .delete(alert_rules::remove)
            .mount(config);
        at("/alerts/{id}").get(alerts::get).mount(config);
        at("/workers").post(workers::register).get(workers::list).mount(config);
        at("/workers/{id}").delete(workers::leave).mount(config);
        at("/workers/{id}/lease").post(workers::lease).mount(config);
        at("/workers/{id}/reports").post(reports::report).mount(config);
        at("/leases/{token}/result").put(reports::upload).mount(config);
        at("/processors").get(processors::list).mount(config);
        at("/processors/{subType}/pause").post(processors::pause).mount(config);
        at("/processors/{subType}/resume").post(processors::resume).mount(config);
        at("/nodes").get(nodes::list).mount(config);
        at("/cleanup").post(cleanup::forget).mount(config);
        at("/events").stream(events::all::watch).mount(config);
        at("/dashboard/data").get(figures::board).mount(config);
        at("/health/live").get(health::live).mount(config);
        at("/health/ready").get(health::ready).mount(config);
        at("/metrics").get(health::metrics).mount(config);
        at("/openapi.json").get(docs::json).mount(config);
        at("/openapi.yaml").get(docs::yaml).mount(config);
        #[cfg(feature = "docs")]
        {
            at("/docs").get(docs::enter).mount(config);
            at("/docs/{file:.*}").get(docs::page).mount(config);
        }
        at("/").get(health::index).mount(config);
        config.default_service(nothing_here(edge));
    }
}
