//! For whoever runs the program: `/health/live`, `/health/ready`, `/metrics`, and what there is at `/`.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::{Answer, Call};
use super::present::json;
use super::query;
use super::view::{IndexView, LiveView, ReadyView};
use crate::error::Error;

/// `GET /health/live`
pub(crate) async fn live(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let uptime_seconds = call.service().metrics().uptime().as_secs();
    json(StatusCode::OK, &LiveView { status: "ok", uptime_seconds })
}

/// `GET /health/ready`
pub(crate) async fn ready(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let readiness = call.service().readiness();
    if !readiness.is_ready() {
        let reason = match readiness.store.degraded {
            Some(reason) => format!("store: {reason}"),
            None => "the server is about to stop".to_owned(),
        };
        return Err(Error::Unavailable { reason, retry_after: Duration::from_secs(5) }.into());
    }
    let view = ReadyView {
        status: "ok",
        store: readiness.store.engine,
        runs_jobs: call.service().settings().runs_jobs,
        recovered_waiting: readiness.store.recovered.waiting,
        recovered_crashed: readiness.store.recovered.crashed,
        recovered_orphan_locks: readiness.store.recovered.orphans,
        recovered_schedules: readiness.store.recovered.schedules,
        recovered_schedules_due: readiness.store.recovered.schedules_due,
        recovered_schedules_faulty: readiness.store.recovered.schedules_faulty,
    };
    json(StatusCode::OK, &view)
}

/// `GET /metrics`
pub(crate) async fn metrics(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let text = call.service().metrics_text().await?;
    Ok(HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text))
}

/// `GET /`
pub(crate) async fn index(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let base = call.base();
    let mut links = vec![
        ("jobs", "/jobs"),
        ("batch", "/jobs/batch"),
        ("deadLetters", "/dead-letters"),
        ("schedules", "/schedules"),
        ("executions", "/executions"),
        ("alerts", "/alerts"),
        ("processors", "/processors"),
        ("nodes", "/nodes"),
        ("events", "/events"),
        ("statistics", "/jobs/statistics/overview"),
        ("live", "/health/live"),
        ("ready", "/health/ready"),
        ("metrics", "/metrics"),
        ("openapi", "/openapi.yaml"),
    ];
    if cfg!(feature = "docs") {
        links.push(("docs", "/docs/"));
    }
    let links = links.into_iter().map(|(name, path)| (name, format!("{base}{path}"))).collect();
    json(StatusCode::OK, &IndexView { name: "faena", version: env!("CARGO_PKG_VERSION"), links })
}
