//! Who may come in: what each address needs, and whose the thing is that its path names. All of it is decided before
//! anything of a body is read.

use actix_web::HttpRequest;
use actix_web::dev::RequestHead;
use actix_web::http::header;

use super::call::Call;
use super::problem::{Problem, Protocol};
use super::{cors, origin};
use crate::error::Error;
use crate::key::{Caller, Need, Scope};
use crate::limits;

/// Needs no key: whether it lives, and what it is.
pub(crate) const OPEN: Need = Need::Nothing;
/// Looking at jobs.
pub(crate) const READ: Need = Need::Scope(Scope::JobsRead);
/// Making jobs and acting on them.
pub(crate) const WRITE: Need = Need::Scope(Scope::JobsWrite);
/// Schedules and their executions.
pub(crate) const PLAN: Need = Need::Scope(Scope::Schedules);
/// Events of many jobs.
pub(crate) const HEAR: Need = Need::Scope(Scope::Events);
/// Figures of everybody's jobs.
pub(crate) const COUNT: Need = Need::Whole(Scope::JobsRead);
/// Alerts, metrics, nodes: how the whole stands.
pub(crate) const LOOK: Need = Need::Whole(Scope::Events);
/// Working on everybody's jobs, and what those share.
pub(crate) const WORK: Need = Need::Whole(Scope::Workers);
/// What concerns the whole, and keys.
pub(crate) const ADMIN: Need = Need::Whole(Scope::Admin);

/// What the `{id}` in a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Names {
    /// Nothing that belongs to anybody.
    #[default]
    Nothing,
    /// A job.
    Job,
    /// A schedule, by its id or its name.
    Schedule,
}

/// What stands before a handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    pub(crate) need: Need,
    pub(crate) names: Names,
    /// A pass to the events of the job is as good as a key.
    pub(crate) by_pass: bool,
}

impl Gate {
    /// One that lets everybody through.
    pub(crate) const OPEN: Self = Self { need: OPEN, names: Names::Nothing, by_pass: false };
}

/// Lets a request in, and notes whose it is; or says why not. To a caller who sees one user's things alone, everything else
/// is not there.
pub(crate) async fn enter(call: &mut Call, gate: Gate) -> Result<(), Problem> {
    check_bounds(call.req.head())?;
    let service = call.service().clone();
    if gate.need == Need::Nothing {
        // The store is not asked: whether the process lives must be known while it is away.
        return if service.is_keyed() { Ok(()) } else { check_page(call) };
    }
    let caller = match pass(&call.req).filter(|_| gate.by_pass) {
        Some(text) => service.bearer_of_pass(text, call.job_id()?).await?,
        None => service.caller(bearer(&call.req)).await?,
    };
    if matches!(caller, Caller::Anybody) {
        check_page(call)?;
    }
    caller.may(gate.need)?;
    if caller.user().is_some() {
        match gate.names {
            Names::Nothing => {}
            Names::Job => {
                let id = call.job_id()?;
                if !caller.sees(service.job(id).await?.spec.user_id.as_deref()) {
                    return Err(Error::no_job(id).into());
                }
            }
            Names::Schedule => {
                let which = call.which();
                let schedule = service.schedule(&which).await?;
                if !caller.sees(schedule.created_by.as_deref()) {
                    return Err(Error::no_schedule(which).into());
                }
                // From here on by its id: another one may take its name meanwhile.
                call.schedule = Some(schedule.id);
            }
        }
    }
    call.caller = caller;
    Ok(())
}

/// Without keys a server answers everybody on its machine, and keeps web pages out. A page has nobody's key.
fn check_page(call: &Call) -> Result<(), Problem> {
    match &call.settings().hosts {
        Some(hosts) => {
            let listed = cors::origin(call.req.head(), &call.settings().cors_origins).is_some();
            Ok(origin::check(call.req.head(), hosts, listed)?)
        }
        None => Ok(()),
    }
}

/// The bounds of a request's head.
fn check_bounds(head: &RequestHead) -> Result<(), Protocol> {
    let target = head.uri.path().len() + head.uri.query().map_or(0, |query| query.len() + 1);
    if target > limits::URI_BYTES_MAX {
        return Err(Protocol::UriTooLong);
    }
    if head.headers.iter().any(|(_, value)| value.len() > limits::HEADER_BYTES_MAX) {
        return Err(Protocol::HeaderTooLarge);
    }
    Ok(())
}

/// What `Authorization: Bearer` presents (RFC 6750, 2.1).
fn bearer(req: &HttpRequest) -> Option<&str> {
    let (scheme, rest) = req.headers().get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

/// What `?token=` presents. A pass has no character that is escaped in an address.
fn pass(req: &HttpRequest) -> Option<&str> {
    req.query_string().split('&').find_map(|pair| pair.strip_prefix("token="))
}
