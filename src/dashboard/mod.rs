//! The dashboard: pages for people, at `/dashboard`. An edge like `http`, on the service layer: it reads a request, calls the
//! service, and writes a page. A page is whole without a script; the scripts keep it live.
//!
//! | file | holds |
//! | --- | --- |
//! | `visit` | one request on its way: who comes, in which language, what they are answered |
//! | `gate` | who may come in, and what every answer tells a browser |
//! | `form` | what a form sends |
//! | `session` | signing in and out, and the language |
//! | `assets` | scripts and styles, as part of the program |
//! | `words` | every word of the pages, in English and Spanish |
//! | `frame` | what stands around each page |
//! | `part` | what pages are made of: times, numbers, statuses, charts, trees |
//! | `overview`, `jobs`, `job`, `dead`, `enqueue`, `schedules`, `system`, `subscriptions`, `events`, `keys` | the pages |
//! | `live` | streams that tell a page that something changed |
//!
//! Nothing that somebody wrote is ever markup: text goes through the escapes of the templates, a result that is a page of its own
//! is shown in a frame that may do nothing, and no script or style in a page is run at all but those that come with the program.

mod assets;
mod dead;
mod enqueue;
mod events;
mod form;
mod frame;
mod gate;
mod job;
mod jobs;
mod keys;
mod live;
mod overview;
mod part;
mod schedules;
mod session;
mod subscriptions;
mod system;
mod visit;
mod words;

use std::rc::Rc;
use std::sync::Arc;

use actix_web::web::ServiceConfig;

use crate::http::Settings;
use crate::key::{Need, Scope};
use crate::service::Service;
pub use visit::Needed;
use visit::{At, Desk, Table};

/// Signing in, and what a page looks like.
const OPEN: Need = Need::Nothing;
/// Looking at jobs.
const READ: Need = Need::Scope(Scope::JobsRead);
/// Figures of everybody's jobs.
const COUNT: Need = Need::Whole(Scope::JobsRead);
/// Schedules and their executions.
const PLAN: Need = Need::Scope(Scope::Schedules);
/// Events of many jobs.
const HEAR: Need = Need::Scope(Scope::Events);
/// Alerts, nodes: how the whole stands.
const LOOK: Need = Need::Whole(Scope::Events);
/// Working on everybody's jobs.
const WORK: Need = Need::Whole(Scope::Workers);
/// What concerns the whole, and keys.
const ADMIN: Need = Need::Whole(Scope::Admin);
/// Making jobs and acting on them.
const WRITE: Need = Need::Scope(Scope::JobsWrite);

/// The pages, with the bounds of the server that they are on.
pub fn routes(service: Arc<Service>, settings: Settings) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let desk = Rc::new(Desk { service, settings });
        mount_all(Some(&desk), &mut Table::Routes(config));
    }
}

/// What each method of each address needs of whoever comes.
pub fn needs() -> Vec<Needed> {
    let mut needs = Vec::new();
    mount_all(None, &mut Table::Needs(&mut needs));
    needs
}

fn mount_all(desk: Option<&Rc<Desk>>, to: &mut Table<'_>) {
    let at = |path| At::new(desk, path);
    at("/dashboard").get(READ, overview::page).mount(to);
    at("/dashboard/assets/{edition}/{file}").get(OPEN, assets::file).mount(to);
    at("/dashboard/sign-in").get(OPEN, session::page).post(OPEN, session::sign_in).mount(to);
    at("/dashboard/sign-out").post(OPEN, session::sign_out).mount(to);
    at("/dashboard/language").post(OPEN, session::language).mount(to);
    at("/dashboard/live").get(READ, live::all).mount(to);
    at("/dashboard/enqueue").get(WRITE, enqueue::page).post(WRITE, enqueue::act).mount(to);
    at("/dashboard/dead-letters").get(READ, dead::page).mount(to);
    at("/dashboard/schedules").get(PLAN, schedules::page).mount(to);
    at("/dashboard/schedules/new").get(PLAN, schedules::edit::blank).post(PLAN, schedules::edit::create).mount(to);
    at("/dashboard/schedules/{id}/edit").get(PLAN, schedules::edit::page).post(PLAN, schedules::edit::change).mount(to);
    at("/dashboard/schedules/{id}").get(PLAN, schedules::one).mount(to);
    at("/dashboard/schedules/{id}/run").post(PLAN, schedules::act::run).mount(to);
    at("/dashboard/schedules/{id}/pause").post(PLAN, schedules::act::pause).mount(to);
    at("/dashboard/schedules/{id}/resume").post(PLAN, schedules::act::resume).mount(to);
    at("/dashboard/schedules/{id}/enable").post(PLAN, schedules::act::enable).mount(to);
    at("/dashboard/cron").get(PLAN, schedules::cron::page).mount(to);
    at("/dashboard/system").get(COUNT, system::page).mount(to);
    at("/dashboard/processors/{subType}/pause").post(ADMIN, system::pause).mount(to);
    at("/dashboard/processors/{subType}/resume").post(ADMIN, system::resume).mount(to);
    at("/dashboard/subscriptions").get(HEAR, subscriptions::page).mount(to);
    at("/dashboard/subscriptions/{id}").get(HEAR, subscriptions::one).mount(to);
    at("/dashboard/subscriptions/{id}/replay").post(HEAR, subscriptions::replay).mount(to);
    at("/dashboard/events").get(HEAR, events::page).mount(to);
    at("/dashboard/keys").get(ADMIN, keys::page).post(ADMIN, keys::make).mount(to);
    at("/dashboard/keys/{id}/revoke").post(ADMIN, keys::revoke).mount(to);
    at("/dashboard/jobs").get(READ, jobs::page).mount(to);
    at("/dashboard/jobs/bulk").get(WRITE, jobs::bulk::ask).post(WRITE, jobs::bulk::act).mount(to);
    at("/dashboard/jobs/{id}").get(READ, job::page).mount(to);
    at("/dashboard/jobs/{id}/live").get(READ, live::one).mount(to);
    at("/dashboard/jobs/{id}/cancel").post(WRITE, job::act::cancel).mount(to);
    at("/dashboard/jobs/{id}/retry").post(WRITE, job::act::retry).mount(to);
    at("/dashboard/jobs/{id}/discard").post(WRITE, job::act::discard).mount(to);
    at("/dashboard/jobs/{id}/result").get(READ, job::result::download).mount(to);
    at("/dashboard/jobs/{id}/shown").get(READ, job::result::shown).mount(to);
}
