//! The result of a job: shown by what it says it is, or to download. A result that is a page is shown in a frame that may run
//! nothing, load nothing and lead nowhere.

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use maud::{Markup, html};

use crate::dashboard::part::viewer::{self, BYTES_SHOWN_MAX};
use crate::dashboard::visit::{Answer, Visit};
use crate::error::Error;
use crate::job::{Job, ResultRef};
use crate::service::look::ResultBody;

/// What a result may do that a browser is shown: nothing. It is of another origin than the page around it, whatever its address.
const NOTHING: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'self'";

/// The result within the job's page.
pub(super) async fn view(visit: &Visit, job: &Job) -> Markup {
    let words = visit.words();
    let Some(result) = job.end().and_then(|end| end.result.as_ref()) else {
        return html! { p class="quiet" { (words.no_result) } };
    };
    let place = |path: &str| visit.to(&format!("/jobs/{}/{path}", job.id));
    let body = match visit.service().result(job.id).await {
        Ok(ResultBody::Elsewhere(url)) => return elsewhere(visit, &url),
        Ok(body) => body,
        Err(Error::Gone(_)) => return html! { p class="quiet" { (words.result_gone) } },
        Err(error) => return html! { p class="complaint" { (error) } },
    };
    let content_type = match &body {
        ResultBody::Inline { content_type, .. } => content_type.clone(),
        ResultBody::Stored { content_type, .. } => content_type.to_string(),
        ResultBody::Elsewhere(_) => String::new(),
    };
    let is_page =
        matches!(&*viewer::media_type(&content_type), "text/html" | "application/xhtml+xml" | "image/svg+xml");
    let shown = if is_page {
        Some(html! { iframe class="page" sandbox="" loading="lazy" title=(words.result) src=(place("shown")) {} })
    } else {
        match beginning(body).await {
            Ok((bytes, whole)) => viewer::view(words, &content_type, &bytes, whole),
            Err(_) => return html! { p class="quiet" { (words.result_gone) } },
        }
    };
    let size = match result {
        ResultRef::Stored { size, .. } => Some(*size),
        _ => None,
    };
    html! {
        @match shown {
            Some(shown) => (shown),
            None => p class="quiet" { (words.not_shown) },
        }
        p class="buttons" {
            a class="button" href=(place("result")) download { (words.download) }
            span class="quiet" { (content_type) @if let Some(size) = size { " · " (visit.lang.number(size)) " B" } }
        }
    }
}

/// A result that the processor put elsewhere. An address that no browser goes to is shown and not linked.
fn elsewhere(visit: &Visit, url: &str) -> Markup {
    let goes = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
    html! {
        p {
            (visit.words().result_elsewhere) " "
            @if goes { a href=(url) rel="noreferrer noopener" { (url) } } @else { code { (url) } }
        }
    }
}

/// The first bytes of a result, and whether they are all.
async fn beginning(body: ResultBody) -> Result<(Bytes, bool), Error> {
    match body {
        ResultBody::Inline { bytes, .. } => {
            let whole = bytes.len() <= BYTES_SHOWN_MAX;
            Ok((bytes.slice(..bytes.len().min(BYTES_SHOWN_MAX)), whole))
        }
        ResultBody::Stored { mut found, .. } => {
            let mut bytes = BytesMut::new();
            while let Some(piece) = found.chunks.next().await {
                bytes.extend_from_slice(&piece.map_err(Error::internal)?);
                if bytes.len() > BYTES_SHOWN_MAX {
                    bytes.truncate(BYTES_SHOWN_MAX);
                    return Ok((bytes.freeze(), false));
                }
            }
            Ok((bytes.freeze(), true))
        }
        ResultBody::Elsewhere(_) => Ok((Bytes::new(), true)),
    }
}

/// `GET /dashboard/jobs/{id}/result`: as a file, whatever it says it is.
pub(in crate::dashboard) async fn download(visit: Visit, _: Payload) -> Answer {
    let job = visit.job().await?;
    let body = visit.service().result(job.id).await?;
    let name = format!("attachment; filename=\"{}.{}\"", job.id, ending(&body));
    answer(body, |answer| {
        answer.insert_header((header::CONTENT_DISPOSITION, name));
    })
}

/// `GET /dashboard/jobs/{id}/shown`: for the frame.
pub(in crate::dashboard) async fn shown(visit: Visit, _: Payload) -> Answer {
    let job = visit.job().await?;
    answer(visit.service().result(job.id).await?, |_| {})
}

fn answer(body: ResultBody, also: impl FnOnce(&mut actix_web::HttpResponseBuilder)) -> Answer {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_SECURITY_POLICY, NOTHING));
    also(&mut answer);
    Ok(match body {
        ResultBody::Inline { content_type, bytes } => {
            answer.insert_header((header::CONTENT_TYPE, named(&content_type))).body(bytes)
        }
        ResultBody::Stored { content_type, found } => {
            let chunks = found.chunks.map_err(|error| -> Box<dyn std::error::Error> { Box::new(error) });
            answer.insert_header((header::CONTENT_TYPE, named(&content_type)));
            answer.body(SizedStream::new(found.size, chunks))
        }
        ResultBody::Elsewhere(_) => return Err(Error::NotFound { what: "result", id: "here".to_owned() }),
    })
}

/// A media type as a processor named it, if it can stand in a header.
fn named(content_type: &str) -> HeaderValue {
    HeaderValue::from_str(content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// The ending of a file's name.
fn ending(body: &ResultBody) -> &'static str {
    let content_type = match body {
        ResultBody::Inline { content_type, .. } => content_type,
        ResultBody::Stored { content_type, .. } => &**content_type,
        ResultBody::Elsewhere(_) => "",
    };
    match &*viewer::media_type(content_type) {
        "application/json" => "json",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/plain" => "txt",
        "application/pdf" => "pdf",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        _ => "bin",
    }
}
