//! `/executions` and `/schedules/{id}/executions`: the jobs that schedules made, with their output.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::{Answer, Call};
use super::jobs::listed;
use super::present::json;
use super::query::{self, Query};
use super::view::{ExecutionView, JobView, Length};
use crate::limits;
use crate::store::{Filter, Page};

/// `GET /executions`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    let mut query = Query::of(&call)?;
    let (filter, page) = (query.filter(), query.page());
    query.end()?;
    page_of(&call, None, filter, page).await
}

/// `GET /schedules/{id}/executions`
pub(crate) async fn of_schedule(call: Call, _: Payload) -> Answer {
    let mut query = Query::of(&call)?;
    query.refuse("scheduleId", "stands in the address already");
    let (filter, page) = (query.filter(), query.page());
    query.end()?;
    page_of(&call, Some(&call.which()), filter, page).await
}

async fn page_of(call: &Call, which: Option<&str>, filter: Filter, page: Page) -> Answer {
    let service = call.service();
    let found = service.executions(which, filter, page).await?;
    let mut outputs = Vec::with_capacity(found.items.len());
    for job in &found.items {
        outputs.push(service.store().log(job.id).await?);
    }
    let views = found.items.iter().zip(&outputs).map(|(job, lines)| {
        let view = JobView::of(job, service.remaining(job), call.base(), Length::Short);
        ExecutionView::of(job, view, &lines[lines.len().saturating_sub(limits::LISTED_OUTPUT_LINES_MAX)..])
    });
    json(StatusCode::OK, &listed(&found, page, views.collect(), "executions"))
}

/// `GET /executions/{id}`
pub(crate) async fn get(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    let service = call.service();
    let job = service.execution(id).await?;
    let lines = service.log(id).await?;
    let view = JobView::of(&job, service.remaining(&job), call.base(), Length::Whole);
    json(StatusCode::OK, &ExecutionView::of(&job, view, &lines))
}
