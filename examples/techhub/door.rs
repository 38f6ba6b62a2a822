//! From a request to a checked job. The rules of a payload stand once, at the processor's type; this reads a body by
//! them and names the fields at fault as the caller knows them.

use actix_web::web;
use faena::error::{Error, FieldError};
use faena::job::{Name, NewJob};
use faena::limits::PAYLOAD_BYTES_MAX;
use faena::service::Service;
use serde::de::DeserializeOwned;

/// Reads a body as a job for `sub_type`, and as its payload for checks of the business.
pub async fn read<T: DeserializeOwned>(
    service: &Service,
    sub_type: &str,
    body: web::Payload,
) -> Result<(NewJob, T), Error> {
    let body = body.to_bytes_limited(PAYLOAD_BYTES_MAX).await;
    let body = body.map_err(|_| Error::invalid(format!("el cuerpo tiene más de {PAYLOAD_BYTES_MAX} bytes")))?;
    let body = body.map_err(|_| Error::invalid("el cuerpo no ha llegado completo"))?;
    let job = NewJob::new(Name::new(sub_type).map_err(Error::internal)?, body);
    let job = service.registry().complete(job).map_err(as_the_caller_sees_it)?;
    let payload = serde_json::from_slice(&job.payload).map_err(Error::internal)?;
    Ok((job, payload))
}

/// The sentence of a 202.
pub fn started(sub_type: &str) -> String {
    format!("Proceso {sub_type} iniciado. Use el jobId para consultar el progreso.")
}

/// What is `payload.users[3].email` of a job is `users[3].email` of the body.
fn as_the_caller_sees_it(error: Error) -> Error {
    let Error::Invalid { details, .. } = error else { return error };
    let body = |FieldError { field, message }| match field.strip_prefix("payload.") {
        Some(own) => FieldError { field: own.to_owned(), message },
        None => FieldError { field: "body".to_owned(), message },
    };
    Error::fields(details.into_iter().map(body).collect())
}
