//! `/jobs/{id}` and what is below it: look, wait, cancel, retry, attempts, logs, explain.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;

use super::call::{Answer, Call};
use super::present::{json, json_into, retry_after};
use super::query::{self, Query};
use super::view::{AcceptedView, AttemptView, Created, ExplainView, JobView, Length, Listed, LogLineView, etag};
use crate::service::enqueue::Acceptance;

/// `GET /jobs/{id}`
pub(crate) async fn get(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    let mut query = Query::of(&call)?;
    let wait = query.wait();
    query.end()?;
    let service = call.service();
    let seen = call.header(&header::IF_NONE_MATCH);
    let job = match (wait, seen) {
        (None, _) => service.job(id).await?,
        (Some(wait), None) => service.wait_for_end(id, wait).await?,
        (Some(wait), Some(seen)) => service.wait_until(id, wait, |job| !query::matches(seen, &etag(job))).await?,
    };
    let etag = etag(&job);
    let unchanged = seen.is_some_and(|seen| query::matches(seen, &etag));
    let mut answer = HttpResponse::build(if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    answer.insert_header((header::ETAG, etag));
    let remaining = service.remaining(&job);
    if !job.is_finished() {
        answer.insert_header((header::RETRY_AFTER, retry_after(remaining)));
    }
    if unchanged {
        return Ok(answer.finish());
    }
    json_into(answer, &JobView::of(&job, remaining, call.base(), Length::Whole))
}

/// `DELETE /jobs/{id}`
pub(crate) async fn cancel(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    call.service().cancel(id, &call.called()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /jobs/{id}/retry`
pub(crate) async fn retry(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    let job = call.service().retry(id, &call.called()).await?;
    queued_again(&call, job)
}

/// The 202 for a job that is done again.
pub(crate) fn queued_again(call: &Call, job: std::sync::Arc<crate::job::Job>) -> Answer {
    let mut answer = HttpResponse::build(StatusCode::ACCEPTED);
    answer.insert_header((header::LOCATION, format!("{}/jobs/{}", call.base(), job.id)));
    answer.insert_header((header::RETRY_AFTER, retry_after(call.service().remaining(&job))));
    let message = format!("Job {} queued again. Poll its Location to follow the progress.", job.spec.sub_type);
    let acceptance = Acceptance::New(job);
    json_into(answer, &Created::new(AcceptedView::of(&acceptance), &message))
}

/// `GET /jobs/{id}/attempts`
pub(crate) async fn attempts(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    let tries = call.service().tries(id).await?;
    json(StatusCode::OK, &Listed::whole(tries.iter().map(AttemptView::of).collect(), "attempt"))
}

/// `GET /jobs/{id}/logs`
pub(crate) async fn logs(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    let lines = call.service().log(id).await?;
    json(StatusCode::OK, &Listed::whole(lines.iter().map(LogLineView::of).collect(), "line"))
}

/// `GET /jobs/{id}/explain`
pub(crate) async fn explain(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    let (job, reason) = call.service().explain(id).await?;
    json(StatusCode::OK, &Created::new(ExplainView::of(&job, &reason), &reason.sentence(&job)))
}
