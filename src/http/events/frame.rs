//! The text of an event stream, and the answer that carries it.

use std::fmt::Display;

use actix_web::HttpResponse;
use actix_web::http::header::{self, ContentEncoding, HeaderName};
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;

use crate::http::call::Answer;

/// The header in which a reader that comes back says where it was.
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A comment, which readers skip: a sign of life, and a push for proxies that wait for the first bytes.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b": still here\n\n");

/// What a stream can fail with: nothing; it ends instead.
pub(super) type Piece = Result<Bytes, std::convert::Infallible>;

/// One event.
pub(super) fn event(name: &str, id: Option<&dyn Display>, data: &impl Serialize) -> Bytes {
    let mut text = String::with_capacity(1_024);
    if let Some(id) = id {
        text.push_str(&format!("id: {id}\n"));
    }
    // JSON without line breaks is one line of data, whatever is in it.
    let data = serde_json::to_string(data).unwrap_or_default();
    text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
    text.into()
}

/// An answer that goes on. It must not be compressed: a compressor waits for more before it sends anything.
pub(super) fn answer(stream: impl Stream<Item = Piece> + 'static) -> Answer {
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .insert_header(ContentEncoding::Identity)
        .streaming(stream))
}
