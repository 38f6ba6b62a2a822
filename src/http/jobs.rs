//! `/jobs` and `/jobs/batch`: accepting jobs, listing them, and acting on all that a filter names.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;
use bytes::Bytes;
use serde_json::value::RawValue;

use super::accept::present;
use super::call::{Answer, Call};
use super::present::{json, json_into, retry_after};
use super::problem::{Problem, Protocol};
use super::query::{self, Query};
use super::view::{AcceptedView, BulkView, Created, JobView, Length, Listed, Pagination};
use super::{body, request};
use crate::error::Error;
use crate::job::{Job, NewJob};
use crate::service::enqueue::{Acceptance, in_batch};
use crate::store::query::Start;
use crate::store::{Filter, Page, PageOf};

/// `POST /jobs`
pub(crate) async fn create(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let body = body::json(&call, payload).await?;
    let service = call.service();
    let job = call.own(request::job(&body, service.registry(), service.now())?)?;
    let key = call.idempotency_key("/jobs", &body)?;
    let room = service.room_for(call.caller(), 1).await?;
    let acceptance = service.accept(job, key).await?;
    room.fill(acceptance.new_id());
    present(service, &acceptance, None, call.base(), call.preferred_wait()).await
}

/// `POST /jobs/batch`
pub(crate) async fn create_all(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let lines = match body::media_type(&call) {
        "application/json" => false,
        "application/x-ndjson" => true,
        _ => return Err(Protocol::NotJson("application/json or application/x-ndjson").into()),
    };
    let body = body::text(&call, payload).await?;
    let jobs = if lines { read_lines(&call, &body)? } else { read_array(&call, &body)? };
    let key = call.idempotency_key("/jobs/batch", &body)?;
    let room = call.service().room_for(call.caller(), jobs.len()).await?;
    let acceptances = call.service().accept_all(jobs, key).await?;
    room.fill(acceptances.iter().filter_map(Acceptance::new_id));
    let views: Vec<_> = acceptances.iter().map(AcceptedView::of).collect();
    let mut answer = actix_web::HttpResponse::build(StatusCode::ACCEPTED);
    answer.insert_header((header::RETRY_AFTER, retry_after(None)));
    json_into(answer, &Created::new(&views, &format!("{} jobs queued.", views.len())))
}

fn read_array(call: &Call, body: &Bytes) -> Result<Vec<NewJob>, Problem> {
    let items: Vec<&RawValue> = serde_json::from_slice(body)
        .map_err(|error| Error::invalid(format!("a batch must be a JSON array of jobs: {error}")))?;
    items.into_iter().enumerate().map(|(index, item)| read_one(call, index, item.get().as_bytes())).collect()
}

fn read_lines(call: &Call, body: &Bytes) -> Result<Vec<NewJob>, Problem> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.enumerate().map(|(index, line)| read_one(call, index, line)).collect()
}

fn read_one(call: &Call, index: usize, text: &[u8]) -> Result<NewJob, Problem> {
    let service = call.service();
    let job = request::job(text, service.registry(), service.now()).map_err(|error| in_batch(index, error))?;
    call.own(job)
}

/// `GET /jobs`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    let mut query = Query::of(&call)?;
    let (filter, page) = (query.filter(), query.page());
    query.end()?;
    page_of(&call, filter, page).await
}

/// A page of jobs on the wire.
pub(crate) async fn page_of(call: &Call, filter: Filter, page: Page) -> Answer {
    let service = call.service();
    let found = service.jobs(filter, page).await?;
    let base = call.base();
    let data = found.items.iter().map(|job| JobView::of(job, service.remaining(job), base, Length::Short)).collect();
    json(StatusCode::OK, &listed(&found, page, data, "jobs"))
}

/// A page of jobs, or of what is made of them, in its envelope.
pub(crate) fn listed<T>(found: &PageOf<Arc<Job>>, page: Page, data: Vec<T>, what: &str) -> Listed<T> {
    let offset = match page.start {
        Start::Offset(offset) => offset,
        Start::After(_) => 0,
    };
    let next_cursor = found.next().map(|after| query::cursor(after, page.sort));
    Listed {
        success: true,
        data,
        message: match found.exact {
            true => format!("{} of {} {what}.", found.items.len(), found.total),
            false => format!("{} of at least {} {what}.", found.items.len(), found.total),
        },
        pagination: Pagination {
            total: found.total,
            total_is_exact: found.exact,
            limit: page.limit,
            offset,
            has_more: found.more,
            next_cursor: next_cursor.clone(),
        },
        next_cursor,
    }
}

/// `DELETE /jobs`
pub(crate) async fn cancel_all(call: Call, _: Payload) -> Answer {
    let filter = bulk_filter(&call)?;
    let bulk = call.service().cancel_all(filter, &call.called()).await?;
    let message = format!("{} of {} jobs cancelled or asked to stop.", bulk.changed, bulk.matched);
    json(StatusCode::OK, &Created::new(BulkView::of(bulk), &message))
}

/// `POST /jobs/retry`
pub(crate) async fn retry_all(call: Call, _: Payload) -> Answer {
    let filter = bulk_filter(&call)?;
    let bulk = call.service().retry_all(filter, &call.called()).await?;
    let message = format!("{} of {} jobs queued again.", bulk.changed, bulk.matched);
    json(StatusCode::OK, &Created::new(BulkView::of(bulk), &message))
}

/// A filter that is there on purpose: nobody cancels everything by leaving something out.
fn bulk_filter(call: &Call) -> Result<Filter, Problem> {
    body::none(call)?;
    let mut query = Query::of(call)?;
    let (filter, all) = (query.filter(), query.flag("all"));
    let names_something = query.names_something();
    query.end()?;
    match (names_something, all) {
        (false, false) => Err(Error::invalid("name the jobs by a filter such as ?subType=…, or say ?all=true").into()),
        (true, true) => Err(Error::field("all", "give a filter or all=true, not both").into()),
        _ => Ok(filter),
    }
}
