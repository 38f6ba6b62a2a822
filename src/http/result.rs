//! `GET /jobs/{id}/result`: the bytes themselves. What a processor made is not ours: it is sent so that a browser
//! neither guesses its type nor lets it act in the name of this server.

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpResponseBuilder, http::StatusCode};
use futures_util::TryStreamExt;

use super::call::{Answer, Call};
use super::query;
use crate::error::Error;
use crate::job::JobId;
use crate::service::look::ResultBody;

/// A report may bring its own styles and pictures, and nothing that runs or calls home.
const SANDBOX: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'";

/// `GET /jobs/{id}/result`
pub(crate) async fn get(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    match call.service().result(id).await? {
        ResultBody::Inline { content_type, bytes } => Ok(prepared(id, &content_type).body(bytes)),
        ResultBody::Stored { content_type, found } => {
            let chunks = found.chunks.map_err(|error| -> Box<dyn std::error::Error> { Box::new(error) });
            Ok(prepared(id, &content_type).body(SizedStream::new(found.size, chunks)))
        }
        ResultBody::Elsewhere(url) if url.starts_with("https://") || url.starts_with("http://") => {
            Ok(HttpResponse::Found().insert_header((header::LOCATION, &*url)).finish())
        }
        ResultBody::Elsewhere(_) => {
            Err(Error::NotFound { what: "result that this server could send for a job", id: id.to_string() }.into())
        }
    }
}

fn prepared(id: JobId, content_type: &str) -> HttpResponseBuilder {
    let plain = HeaderValue::from_static("application/octet-stream");
    let extension = extension(content_type);
    let mut answer = HttpResponse::build(StatusCode::OK);
    answer
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap_or(plain)))
        .insert_header((header::CONTENT_DISPOSITION, format!("inline; filename=\"{id}.{extension}\"")))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX));
    answer
}

/// The usual ending of a file of a media type.
fn extension(content_type: &str) -> &'static str {
    let name = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match name.as_str() {
        "application/json" => "json",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/plain" => "txt",
        "application/pdf" => "pdf",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/svg+xml" => "svg",
        "application/zip" => "zip",
        _ => "bin",
    }
}
