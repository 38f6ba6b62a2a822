//! The addresses that operators know: how the jobs stand, and doing one now.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use faena::error::Error;
use faena::http::refused;
use faena::schedule::Standing;
use faena::service::Service;
use serde_json::json;

use crate::place::Variables;

/// The schedule of the calculation.
pub const CALCULATION: &str = "payoutCalculation";
/// The schedule of the retry.
pub const RETRY: &str = "payoutRetry";

/// How long what was sent is remembered.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// `GET /api/jobs/status`
pub async fn status(
    request: HttpRequest,
    service: web::Data<Service>,
    variables: web::Data<Variables>,
) -> HttpResponse {
    let enabled = variables.enable_jobs;
    let mut jobs = vec![json!({ "name": "outboxPublisher", "cron": variables.outbox.as_str(), "running": enabled })];
    for (name, schedule) in [(CALCULATION, CALCULATION), ("outboxCleanup", "maintenance-cleanup"), (RETRY, RETRY)] {
        match service.schedule(schedule).await {
            Ok(schedule) => {
                let running = enabled && schedule.standing(service.now()) == Standing::Enabled;
                jobs.push(json!({ "name": name, "cron": schedule.cron_as_written(), "running": running }));
            }
            // A process that runs no jobs does not keep itself well either.
            Err(Error::NotFound { .. }) => {
                jobs.push(json!({ "name": name, "cron": variables.cleanup.as_str(), "running": false }));
            }
            Err(error) => return refused(&request, error),
        }
    }
    HttpResponse::Ok().json(json!({ "enabled": enabled, "jobs": jobs }))
}

/// `POST /api/admin/jobs/run/{name}`
pub async fn run(request: HttpRequest, service: web::Data<Service>, name: web::Path<String>) -> HttpResponse {
    match does(&service, &name).await {
        Ok((status, data)) => HttpResponse::build(status).json(json!({ "success": true, "data": data })),
        Err(error) => refused(&request, error),
    }
}

async fn does(service: &Service, name: &str) -> Result<(StatusCode, serde_json::Value), Error> {
    let job = match name {
        "outbox" => {
            let sent = service.process_outbox().await?;
            println!("[Job:Outbox] Procesados: {}, Fallidos: {}", sent.processed, sent.failed);
            return Ok((StatusCode::OK, json!({ "processed": sent.processed, "failed": sent.failed })));
        }
        "cleanup" => {
            let forgotten = service.clean_outbox(REMEMBERED).await?;
            println!("[Job:Cleanup] Limpiados {forgotten} eventos");
            return Ok((StatusCode::OK, json!({ "forgotten": forgotten })));
        }
        "payout" => service.run_schedule(CALCULATION, None).await?,
        "retry" => service.run_schedule(RETRY, None).await?,
        other => return Err(Error::NotFound { what: "job", id: other.to_owned() }),
    };
    Ok((StatusCode::ACCEPTED, json!({ "jobId": job.id.to_string(), "status": job.status().as_str() })))
}
