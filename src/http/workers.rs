//! `/workers`: workers of other processes come, take jobs, and leave.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::locks::seconds;
use super::present::json;
use super::view::{Created, LeasedView, Listed, RegisteredView, WorkerView, counted};
use super::{body, complaints, query};

/// A worker that wants to work.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWorker)]
pub(crate) struct WorkerRequest {
    /// What it calls itself, to show: such as its host and process. It need not be its own.
    #[schema(min_length = 1, max_length = 200, example = "gpu-3/4711")]
    name: String,
    /// What it can do. Jobs of these subtypes are accepted from then on, for good.
    #[schema(min_items = 1, max_items = 100)]
    sub_types: Vec<String>,
    /// How many jobs it works on at once; 1 when left out. A call for jobs gets no more of them.
    #[schema(minimum = 1, maximum = 10000)]
    concurrency: Option<u32>,
}

/// A wish for work.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = LeaseRequest)]
pub(crate) struct LeaseRequest {
    /// How many jobs at most; 1 when left out.
    #[schema(minimum = 1, maximum = 100)]
    max: Option<u32>,
    /// How long the call may be held when there are none; not at all when left out, a minute at most.
    #[schema(minimum = 0)]
    wait_seconds: Option<f64>,
}

/// `POST /workers`
pub(crate) async fn register(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let WorkerRequest { name, sub_types, concurrency } =
        serde_json::from_slice(&text).map_err(|error| complaints::about(&complaints::WORKER, &text, &error))?;
    let worker = call.service().register_worker(&name, &sub_types, concurrency.unwrap_or(1)).await?;
    let message = format!("Worker {name} is registered. Take jobs with POST /workers/{}/lease.", worker.id);
    json(StatusCode::CREATED, &Created::new(RegisteredView::of(&worker), &message))
}

/// `GET /workers`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let service = call.service();
    let workers = service.workers().await?;
    let views = workers.iter().map(|present| WorkerView::of(present, service.is_live(present))).collect();
    json(StatusCode::OK, &Listed::whole(views, "worker"))
}

/// `POST /workers/{id}/lease`
pub(crate) async fn lease(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json_if_any(&call, payload).await?;
    let wish = match text.is_empty() {
        true => LeaseRequest::default(),
        false => serde_json::from_slice(&text).map_err(|error| complaints::about(&complaints::LEASE, &text, &error))?,
    };
    let wait = wish.wait_seconds.map_or(Ok(Duration::ZERO), |wait| seconds("waitSeconds", wait))?;
    let jobs = call.service().lease(call.part("id"), wish.max.unwrap_or(1), wait).await?;
    let views: Vec<_> = jobs.iter().map(|job| LeasedView::of(job)).collect();
    json(StatusCode::OK, &Created::new(&views, &counted(views.len() as u64, "job")))
}

/// `DELETE /workers/{id}`
pub(crate) async fn leave(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    body::none(&call)?;
    call.service().leave(call.part("id")).await?;
    Ok(HttpResponse::NoContent().finish())
}
