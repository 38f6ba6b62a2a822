//! `/dead-letters`: jobs that used up their tries, for somebody to decide on.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::body;
use super::call::{Answer, Call};
use super::job::queued_again;
use super::jobs::page_of;
use super::present::json;
use super::problem::Problem;
use super::query::{self, Query};
use super::view::{BulkView, Created};
use crate::store::Filter;

/// `GET /dead-letters`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    let mut query = Query::of(&call)?;
    let (filter, page) = (query.filter(), query.page());
    query.end()?;
    page_of(&call, Filter { dead: true, ..filter }, page).await
}

/// `POST /dead-letters/{id}/retry`
pub(crate) async fn retry(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    let job = call.service().retry_dead(id, &call.called()).await?;
    queued_again(&call, job)
}

/// `DELETE /dead-letters/{id}`
pub(crate) async fn discard(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    call.service().discard(id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /dead-letters/retry`
pub(crate) async fn retry_all(call: Call, _: Payload) -> Answer {
    let filter = dead_filter(&call)?;
    let bulk = call.service().retry_all(filter, &call.called()).await?;
    let message = format!("{} of {} dead letters queued again.", bulk.changed, bulk.matched);
    json(StatusCode::OK, &Created::new(BulkView::of(bulk), &message))
}

/// `DELETE /dead-letters`
pub(crate) async fn discard_all(call: Call, _: Payload) -> Answer {
    let filter = dead_filter(&call)?;
    let bulk = call.service().discard_all(filter).await?;
    let message = format!("{} of {} dead letters discarded.", bulk.changed, bulk.matched);
    json(StatusCode::OK, &Created::new(BulkView::of(bulk), &message))
}

/// Without a filter, all of them: the address itself names them.
fn dead_filter(call: &Call) -> Result<Filter, Problem> {
    body::none(call)?;
    let mut query = Query::of(call)?;
    let filter = query.filter();
    query.end()?;
    Ok(Filter { dead: true, ..filter })
}
