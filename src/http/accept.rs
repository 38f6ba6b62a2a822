//! The 202: how an accepted job is told to whoever asked for it, by our own routes and by those of an application.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::call::{Answer, idempotency_key, preferred_wait};
use super::present::{json_into, retry_after};
use super::problem::Problem;
use super::view::{AcceptedView, Created, JobView, Length};
use crate::error::Error;
use crate::job::NewJob;
use crate::service::Service;
use crate::service::enqueue::Acceptance;

/// The name of the route of one job, for `url_for`.
pub(crate) const JOB_ROUTE: &str = "faena.job";

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Hands a job to its processor and answers as `POST /jobs` does: 202 with `Location` and `Retry-After`, or the
/// envelope of an error. `Idempotency-Key` and `Prefer: wait` of the request are honoured.
///
/// It is for an application's own endpoints. What the caller sent has been checked by the application by then; the
/// processor's rules are checked here. `message` is the sentence of the answer, in whatever language; left out, it is
/// the usual one.
///
/// ```
/// use actix_web::{HttpRequest, HttpResponse, web};
/// use faena::job::{Name, NewJob};
/// use faena::service::Service;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Import {
///     users: Vec<String>,
/// }
///
/// /// `POST /users/bulk-import`
/// async fn bulk_import(req: HttpRequest, service: web::Data<Service>, import: web::Json<Import>) -> HttpResponse {
///     let name = Name::new("bulk_import_users").unwrap();
///     let job = NewJob::json(name, &*import).unwrap();
///     let message = "Proceso bulk_import_users iniciado. Use el jobId para consultar el progreso.";
///     faena::http::accepted(&service, &req, job, Some(message)).await
/// }
/// ```
pub async fn accepted(service: &Service, req: &HttpRequest, job: NewJob, message: Option<&str>) -> HttpResponse {
    let base = base_of_routes(req, job.id);
    match accept(service, req, job, message, &base).await {
        Ok(answer) => answer,
        Err(problem) => problem.respond(req),
    }
}

/// Refuses a request in the envelope that every error has here: for what an application's own endpoint finds wrong
/// before it hands a job over, such as a rule of the business that no payload type can know.
pub fn refused(req: &HttpRequest, error: Error) -> HttpResponse {
    Problem::from(error).respond(req)
}

async fn accept(service: &Service, req: &HttpRequest, job: NewJob, message: Option<&str>, base: &str) -> Answer {
    let key = idempotency_key(req, req.path(), &job.payload)?;
    let acceptance = service.accept(job, key).await?;
    present(service, &acceptance, message, base, preferred_wait(req)).await
}

/// The answer for a job that was accepted; held for as long as the client prefers.
pub(crate) async fn present(
    service: &Service,
    acceptance: &Acceptance,
    message: Option<&str>,
    base: &str,
    wait: Option<Duration>,
) -> Answer {
    let mut answer = HttpResponse::build(StatusCode::ACCEPTED);
    answer.insert_header((header::LOCATION, format!("{base}/jobs/{}", acceptance.id())));
    if matches!(acceptance, Acceptance::Replayed(_)) {
        answer.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    if let Some(wait) = wait {
        answer.insert_header((PREFERENCE_APPLIED, "wait"));
        match service.wait_for_end(acceptance.id(), wait).await {
            Ok(job) if job.is_finished() => {
                answer.status(StatusCode::OK);
                return json_into(answer, &JobView::of(&job, None, base, Length::Whole));
            }
            // A replayed receipt outlives its job: what was promised then is told again.
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    told(service, answer, acceptance, message)
}

fn told(
    service: &Service,
    mut answer: HttpResponseBuilder,
    acceptance: &Acceptance,
    message: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let remaining = match acceptance {
        Acceptance::New(job) => service.remaining(job),
        Acceptance::Replayed(_) => None,
    };
    answer.insert_header((header::RETRY_AFTER, retry_after(remaining)));
    let view = AcceptedView::of(acceptance);
    match message {
        Some(message) => json_into(answer, &Created::new(view, message)),
        None => {
            let message = format!("Job {} queued. Poll its Location to follow the progress.", acceptance.sub_type());
            json_into(answer, &Created::new(view, &message))
        }
    }
}

/// What stands before `/jobs` where our routes are mounted, as seen from a route of the application.
fn base_of_routes(req: &HttpRequest, id: crate::job::JobId) -> String {
    let path = req.url_for(JOB_ROUTE, [id.to_string()]).map(|url| url.path().to_owned()).unwrap_or_default();
    let ours = format!("/jobs/{id}");
    path.strip_suffix(&ours).unwrap_or_default().to_owned()
}
