//! The HTTP edge: parse, call the service, present. One file a resource; only here live JSON shapes and status codes.
//!
//! | file | holds |
//! | --- | --- |
//! | `call` | one request on its way through a handler |
//! | `access`, `origin`, `cors` | who may come in; keeping web pages out, or letting some in |
//! | `headers` | what every answer tells a browser |
//! | `problem` | errors on the wire |
//! | `body`, `request`, `terms`, `complaints`, `query` | reading what a client sends |
//! | `view`, `present` | how things look in JSON |
//! | `accept` | the 202, for our own routes and an application's |
//! | `jobs`, `job`, `result`, `dead_letters`, `processors`, `cleanup` | the resources about jobs |
//! | `schedules`, `schedule`, `executions`, `cron` | those about schedules |
//! | `locks`, `states` | what jobs share |
//! | `alerts`, `alert_rules` | what went wrong, and what is watched |
//! | `keys` | keys |
//! | `workers`, `reports` | workers of other processes |
//! | `events` | server-sent events |
//! | `figures`, `health` | statistics, health, metrics |
//! | `openapi`, `docs` | the description of the API |
//! | [`server`], `tls` | a server of its own, and the certificate that it may have |
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
mod access;
mod alert_rules;
mod alerts;
pub(crate) mod body;
mod call;
mod cleanup;
mod complaints;
mod cors;
mod cron;
mod dead_letters;
mod deliveries;
mod docs;
mod events;
mod executions;
mod figures;
pub(crate) mod headers;
mod health;
mod job;
mod jobs;
mod keys;
mod locks;
mod nodes;
mod openapi;
pub(crate) mod origin;
mod outbox;
mod present;
pub(crate) mod problem;
mod processors;
pub(crate) mod query;
mod reports;
pub(crate) mod request;
mod result;
mod schedule;
mod schedules;
pub mod server;
pub mod settings;
mod states;
mod subscriptions;
pub(crate) mod terms;
#[cfg(feature = "tls")]
pub mod tls;
mod view;
mod workers;

use std::rc::Rc;
use std::sync::Arc;

use actix_web::web::ServiceConfig;

pub use accept::{accepted, refused};
pub use cors::is_origin;
pub use openapi::{openapi, openapi_yaml};
pub use server::Mount;
pub use settings::Settings;

use crate::service::Service;
use access::{ADMIN, COUNT, HEAR, LOOK, OPEN, PLAN, READ, WORK, WRITE};
use call::{At, Edge, Needed, Table, nothing_here};

/// All routes, with the usual bounds.
pub fn routes(service: Arc<Service>) -> impl FnOnce(&mut ServiceConfig) {
    routes_with(service, Settings::default())
}

/// All routes, with bounds of your own.
pub fn routes_with(service: Arc<Service>, settings: Settings) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let edge = Rc::new(Edge { service, settings });
        mount_all(Some(&edge), &mut Table::Routes(config));
        config.default_service(nothing_here(&edge));
    }
}

/// What each method of each address needs.
pub(crate) fn needs() -> Vec<Needed> {
    let mut needs = Vec::new();
    mount_all(None, &mut Table::Needs(&mut needs));
    needs
}

/// Every address, with what each of its methods needs of a caller.
fn mount_all(edge: Option<&Rc<Edge>>, to: &mut Table<'_>) {
    // What has a name of its own goes before `/jobs/{id}`.
    let at = |path| At::new(edge, path);
    at("/jobs").post(WRITE, jobs::create).get(READ, jobs::list).delete(WRITE, jobs::cancel_all).mount(to);
    at("/jobs/batch").post(WRITE, jobs::create_all).mount(to);
    at("/jobs/retry").post(WRITE, jobs::retry_all).mount(to);
    at("/jobs/status").get(COUNT, figures::status).mount(to);
    at("/jobs/statistics/overview").get(COUNT, figures::overview).mount(to);
    at("/jobs/{id}").job().named(accept::JOB_ROUTE).get(READ, job::get).delete(WRITE, job::cancel).mount(to);
    at("/jobs/{id}/events").job().by_pass().stream(READ, events::one::watch).mount(to);
    at("/jobs/{id}/events/token").job().post(READ, keys::pass).mount(to);
    at("/jobs/{id}/attempts").job().get(READ, job::attempts).mount(to);
    at("/jobs/{id}/logs").job().get(READ, job::logs).mount(to);
    at("/jobs/{id}/result").job().get(READ, result::get).mount(to);
    at("/jobs/{id}/explain").job().get(READ, job::explain).mount(to);
    at("/jobs/{id}/retry").job().post(WRITE, job::retry).mount(to);
    at("/dead-letters").get(READ, dead_letters::list).delete(WRITE, dead_letters::discard_all).mount(to);
    at("/dead-letters/retry").post(WRITE, dead_letters::retry_all).mount(to);
    at("/dead-letters/{id}").job().delete(WRITE, dead_letters::discard).mount(to);
    at("/dead-letters/{id}/retry").job().post(WRITE, dead_letters::retry).mount(to);
    at("/schedules").post(PLAN, schedules::create).get(PLAN, schedules::list).mount(to);
    at("/schedules/validate/cron").post(PLAN, cron::validate).mount(to);
    at("/schedules/{id}")
        .schedule()
        .get(PLAN, schedule::get)
        .put(PLAN, schedule::replace)
        .patch(PLAN, schedule::change)
        .delete(PLAN, schedule::remove)
        .mount(to);
    at("/schedules/{id}/enable").schedule().post(PLAN, schedule::enable).put(PLAN, schedule::enable).mount(to);
    at("/schedules/{id}/disable").schedule().post(PLAN, schedule::disable).put(PLAN, schedule::disable).mount(to);
    at("/schedules/{id}/pause").schedule().post(PLAN, schedule::pause).mount(to);
    at("/schedules/{id}/resume").schedule().post(PLAN, schedule::resume).mount(to);
    at("/schedules/{id}/execute").schedule().post(PLAN, schedule::execute).mount(to);
    at("/schedules/{id}/backfill").schedule().post(PLAN, schedule::backfill).mount(to);
    at("/schedules/{id}/executions").schedule().get(PLAN, executions::of_schedule).mount(to);
    at("/executions").get(PLAN, executions::list).mount(to);
    at("/executions/{id}").job().get(PLAN, executions::get).mount(to);
    at("/locks/{name}").put(WORK, locks::acquire).get(WORK, locks::get).delete(WORK, locks::release).mount(to);
    at("/state/{name}").put(WORK, states::put).get(WORK, states::get).delete(WORK, states::delete).mount(to);
    at("/alerts").get(LOOK, alerts::list).mount(to);
    at("/alerts/rules").get(LOOK, alert_rules::list).mount(to);
    at("/alerts/rules/{name}")
        .get(LOOK, alert_rules::get)
        .put(ADMIN, alert_rules::put)
        .delete(ADMIN, alert_rules::remove)
        .mount(to);
    at("/alerts/{id}").get(LOOK, alerts::get).mount(to);
    at("/workers").post(WORK, workers::register).get(WORK, workers::list).mount(to);
    at("/workers/{id}").delete(WORK, workers::leave).mount(to);
    at("/workers/{id}/lease").post(WORK, workers::lease).mount(to);
    at("/workers/{id}/reports").post(WORK, reports::report).mount(to);
    at("/leases/{token}/result").put(WORK, reports::upload).mount(to);
    at("/processors").get(COUNT, processors::list).mount(to);
    at("/processors/{subType}/pause").post(ADMIN, processors::pause).mount(to);
    at("/processors/{subType}/resume").post(ADMIN, processors::resume).mount(to);
    at("/subscriptions").post(HEAR, subscriptions::create).get(HEAR, subscriptions::list).mount(to);
    at("/subscriptions/{id}")
        .get(HEAR, subscriptions::get)
        .patch(HEAR, subscriptions::change)
        .delete(HEAR, subscriptions::remove)
        .mount(to);
    at("/subscriptions/{id}/secret").post(HEAR, subscriptions::rotate).mount(to);
    at("/subscriptions/{id}/test").post(HEAR, subscriptions::try_out).mount(to);
    at("/subscriptions/{id}/deliveries").get(HEAR, deliveries::list).mount(to);
    at("/subscriptions/{id}/deliveries/replay").post(HEAR, deliveries::replay_all).mount(to);
    at("/subscriptions/{id}/deliveries/{eventId}/replay").post(HEAR, deliveries::replay).mount(to);
    at("/outbox/stats").get(LOOK, outbox::stats).mount(to);
    at("/outbox/process").post(ADMIN, outbox::process).mount(to);
    at("/outbox/cleanup").post(ADMIN, outbox::cleanup).mount(to);
    at("/keys").post(ADMIN, keys::create).get(ADMIN, keys::list).mount(to);
    at("/keys/{id}").delete(ADMIN, keys::revoke).mount(to);
    at("/nodes").get(LOOK, nodes::list).mount(to);
    at("/cleanup").post(ADMIN, cleanup::forget).mount(to);
    at("/events").stream(HEAR, events::all::watch).mount(to);
    at("/dashboard/data").get(COUNT, figures::board).mount(to);
    at("/health/live").get(OPEN, health::live).mount(to);
    at("/health/ready").get(OPEN, health::ready).mount(to);
    at("/metrics").get(LOOK, health::metrics).mount(to);
    at("/openapi.json").get(OPEN, docs::json).mount(to);
    at("/openapi.yaml").get(OPEN, docs::yaml).mount(to);
    #[cfg(feature = "docs")]
    {
        at("/docs").get(OPEN, docs::enter).mount(to);
        at("/docs/{file:.*}").get(OPEN, docs::page).mount(to);
    }
    at("/").get(OPEN, health::index).mount(to);
}
