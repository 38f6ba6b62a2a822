//! `/schedules`: making and listing them; and how one is shown.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::call::{Answer, Call};
use super::present::{json, json_into};
use super::problem::Problem;
use super::query::{self, Query};
use super::view::{Created, Listed, Pagination, ScheduleView};
use super::{body, terms};
use crate::job::Status;
use crate::schedule::{NewSchedule, Schedule};

/// `POST /schedules`
pub(crate) async fn create(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let service = call.service();
    let new = terms::terms(&text, service.registry())?.into_new();
    let created_by = call.caller().owner(new.created_by.as_deref())?.map(Into::into);
    let new = NewSchedule { created_by, by: Some(call.called().into()), ..new };
    let schedule = service.create_schedule(new).await?;
    let mut answer = HttpResponse::build(StatusCode::CREATED);
    answer.insert_header((header::LOCATION, format!("{}/schedules/{}", call.base(), schedule.id)));
    let message = match schedule.due_at() {
        Some(at) => format!("Schedule {} fires first at {at}.", schedule.spec.name),
        None => format!("Schedule {} is kept, and does not fire.", schedule.spec.name),
    };
    told(&call, answer, &schedule, &message).await
}

/// `GET /schedules`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    let mut query = Query::of(&call)?;
    let (filter, page) = (query.schedule_filter(), query.schedule_page());
    query.end()?;
    let service = call.service();
    let found = service.schedules(filter, page).await?;
    let mut latest = Vec::with_capacity(found.items.len());
    for schedule in &found.items {
        latest.push(service.latest_status(schedule).await?);
    }
    let views = found.items.iter().zip(latest).map(|(schedule, latest)| view(&call, schedule, latest));
    let listed = Listed {
        success: true,
        data: views.collect(),
        message: format!("{} of {} schedules.", found.items.len(), found.total),
        pagination: Pagination {
            total: found.total,
            total_is_exact: found.exact,
            limit: page.limit,
            offset: page.offset,
            has_more: found.more,
            next_cursor: None,
        },
        next_cursor: None,
    };
    json(StatusCode::OK, &listed)
}

/// A schedule by itself, with its tag.
pub(crate) async fn shown(call: &Call, schedule: &Schedule) -> Answer {
    let latest = call.service().latest_status(schedule).await?;
    let tag = etag(call, schedule, latest);
    let mut answer = HttpResponse::build(StatusCode::OK);
    if call.header(&header::IF_NONE_MATCH).is_some_and(|seen| query::matches(seen, &tag)) {
        answer.status(StatusCode::NOT_MODIFIED);
        return Ok(answer.insert_header((header::ETAG, tag)).finish());
    }
    answer.insert_header((header::ETAG, tag));
    json_into(answer, &view(call, schedule, latest))
}

/// A schedule in the envelope of something that was done, with its tag.
pub(crate) async fn told(call: &Call, mut answer: HttpResponseBuilder, schedule: &Schedule, message: &str) -> Answer {
    let latest = call.service().latest_status(schedule).await?;
    answer.insert_header((header::ETAG, etag(call, schedule, latest)));
    json_into(answer, &Created::new(view(call, schedule, latest), message))
}

fn view<'a>(call: &'a Call, schedule: &'a Schedule, latest: Option<Status>) -> ScheduleView<'a> {
    let service = call.service();
    let kind = service.registry().get(schedule.spec.sub_type.as_str()).map(|entry| &entry.kind);
    ScheduleView::of(schedule, kind, latest, service.now())
}

/// What tells one state of a schedule from another. The edition comes first: it is what `If-Match` compares.
fn etag(call: &Call, schedule: &Schedule, latest: Option<Status>) -> String {
    let (life, standing) = (&schedule.life, schedule.standing(call.service().now()));
    let latest = latest.map_or("none", Status::as_str);
    format!("\"{:x}-{:x}-{standing}-{latest}\"", life.edition, life.revision)
}

/// The edition that `If-Match` allows: that of the schedule if one of its tags is of it, any if it says so.
pub(crate) fn edition_allowed(seen: &str, schedule: &Schedule) -> Result<Option<u32>, Problem> {
    let edition = schedule.life.edition;
    let is_of_it = |tag: &str| {
        let opaque = tag.trim().trim_start_matches("W/").trim_matches('"');
        opaque.split('-').next().and_then(|edition| u32::from_str_radix(edition, 16).ok()) == Some(edition)
    };
    match seen.trim() {
        "*" => Ok(None),
        tags if tags.split(',').any(is_of_it) => Ok(Some(edition)),
        _ => Err(crate::error::Error::changed(edition).into()),
    }
}
