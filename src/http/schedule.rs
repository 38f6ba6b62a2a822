//! `/schedules/{id}` and what is below it: look, change, switch, fire by hand. `{id}` is the id or the name.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::accept::present;
use super::call::{Answer, Call};
use super::complaints::{self, Form};
use super::present::{json_into, retry_after};
use super::problem::Problem;
use super::request::Faults;
use super::schedules::{edition_allowed, shown, told};
use super::view::{AcceptedView, Created};
use super::{body, query, terms};
use crate::clock::Timestamp;
use crate::schedule::{Schedule, Standing};
use crate::service::enqueue::Acceptance;

/// A job of a schedule to make now.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Execute)]
pub(crate) struct ExecuteRequest<'a> {
    /// For this one job, in place of the schedule's own.
    #[serde(borrow)]
    #[schema(value_type = Option<Object>)]
    payload: Option<&'a RawValue>,
}

/// A pause of a schedule.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Pause)]
pub(crate) struct PauseRequest {
    /// When it ends by itself (RFC 3339); when it is resumed, if left out.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Jobs for a time that has passed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Backfill)]
pub(crate) struct BackfillRequest {
    /// Its beginning (RFC 3339); a tick there counts.
    #[schema(format = DateTime)]
    from: String,
    /// Its end; a tick there counts. It must not lie in the future.
    #[schema(format = DateTime)]
    until: String,
    /// How many ticks there may be; 1000 when left out. If there are more, nothing is done.
    #[schema(minimum = 1, maximum = 1000)]
    most: Option<u32>,
}

/// `GET /schedules/{id}`
pub(crate) async fn get(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let schedule = call.service().schedule(&call.which()).await?;
    shown(&call, &schedule).await
}

/// `PUT /schedules/{id}`
pub(crate) async fn replace(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let (which, service) = (call.which(), call.service());
    let edition = edition(&call, &which).await?;
    let edit = |schedule: &Schedule| terms::terms(&text, service.registry())?.into_edit(schedule);
    let schedule = service.amend_schedule(call.asked(&which), edition, edit).await?;
    shown(&call, &schedule).await
}

/// `PATCH /schedules/{id}`
pub(crate) async fn change(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let change = terms::change(&text)?;
    let (which, service) = (call.which(), call.service());
    let edition = edition(&call, &which).await?;
    let edit = |schedule: &Schedule| change.over(schedule, service.registry())?.into_edit(schedule);
    let schedule = service.amend_schedule(call.asked(&which), edition, edit).await?;
    shown(&call, &schedule).await
}

/// `DELETE /schedules/{id}`
pub(crate) async fn remove(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let which = call.which();
    let edition = edition(&call, &which).await?;
    call.service().remove_schedule(call.asked(&which), edition).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The edition that the caller has seen, if they say so.
async fn edition(call: &Call, which: &str) -> Result<Option<u32>, Problem> {
    let Some(seen) = call.header(&header::IF_MATCH) else { return Ok(None) };
    edition_allowed(seen, &*call.service().schedule(which).await?)
}

/// `POST /schedules/{id}/enable`
pub(crate) async fn enable(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let schedule = call.service().switch_schedule(call.asked(&call.which()), true).await?;
    switched(&call, &schedule).await
}

/// `POST /schedules/{id}/disable`
pub(crate) async fn disable(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let schedule = call.service().switch_schedule(call.asked(&call.which()), false).await?;
    switched(&call, &schedule).await
}

/// `POST /schedules/{id}/pause`
pub(crate) async fn pause(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json_if_any(&call, payload).await?;
    let wish: PauseRequest = read(&complaints::PAUSE, &text)?;
    let mut faults = Faults::default();
    let until = wish.until.and_then(|text| faults.take("until", text.parse::<Timestamp>()));
    if !faults.is_empty() {
        return Err(crate::error::Error::from(faults).into());
    }
    let schedule = call.service().pause_schedule(call.asked(&call.which()), until).await?;
    switched(&call, &schedule).await
}

/// `POST /schedules/{id}/resume`
pub(crate) async fn resume(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let schedule = call.service().resume_schedule(call.asked(&call.which())).await?;
    switched(&call, &schedule).await
}

async fn switched(call: &Call, schedule: &Schedule) -> Answer {
    let name = &schedule.spec.name;
    let until = schedule.life.pause.and_then(|pause| pause.until);
    let message = match (schedule.standing(call.service().now()), until, schedule.due_at()) {
        (Standing::Disabled, ..) => format!("Schedule {name} is disabled."),
        (Standing::Paused, Some(until), _) => format!("Schedule {name} is paused until {until}."),
        (Standing::Paused, None, _) => format!("Schedule {name} is paused until it is resumed."),
        (Standing::Enabled, _, Some(at)) => format!("Schedule {name} is enabled, and fires next at {at}."),
        (Standing::Enabled, _, None) => format!("Schedule {name} is enabled, and does not fire again."),
    };
    told(call, HttpResponse::build(StatusCode::OK), schedule, &message).await
}

/// `POST /schedules/{id}/execute`
pub(crate) async fn execute(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json_if_any(&call, payload).await?;
    let wish: ExecuteRequest<'_> = read(&complaints::EXECUTE, &text)?;
    let payload = wish.payload.map(|payload| Arc::from(payload.get()));
    let service = call.service();
    let room = service.room_for(call.caller(), 1).await?;
    let job = service.run_schedule(call.asked(&call.which()), payload).await?;
    room.fill([job.id]);
    present(service, &Acceptance::New(job), None, call.base(), call.preferred_wait()).await
}

/// `POST /schedules/{id}/backfill`
pub(crate) async fn backfill(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let wish: BackfillRequest = read(&complaints::BACKFILL, &text)?;
    let mut faults = Faults::default();
    let from = faults.take("from", wish.from.parse::<Timestamp>());
    let until = faults.take("until", wish.until.parse::<Timestamp>());
    let (Some(from), Some(until)) = (from, until) else { return Err(crate::error::Error::from(faults).into()) };
    let most = wish.most.map(|most| most as usize);
    let jobs = call.service().backfill_schedule(call.asked(&call.which()), from, until, most).await?;
    let acceptances: Vec<_> = jobs.into_iter().map(Acceptance::New).collect();
    let views: Vec<_> = acceptances.iter().map(AcceptedView::of).collect();
    let mut answer = HttpResponse::build(StatusCode::ACCEPTED);
    answer.insert_header((header::RETRY_AFTER, retry_after(None)));
    let message = match views.len() {
        0 => "No tick lies in that window.".to_owned(),
        count => format!("{count} jobs queued."),
    };
    json_into(answer, &Created::new(&views, &message))
}

/// Reads a body; none at all says nothing.
pub(crate) fn read<'a, T: Deserialize<'a>>(form: &Form, text: &'a [u8]) -> Result<T, Problem> {
    let text: &[u8] = if text.is_empty() { b"{}" } else { text };
    serde_json::from_slice(text).map_err(|error| complaints::about(form, text, &error).into())
}
