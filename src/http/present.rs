//! Small steps from a value to an answer.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::call::Answer;
use crate::error::Error;
use crate::limits;

/// Room for a job without a result: one allocation for nearly every answer.
const ROOM_BYTES: usize = 768;

/// A value as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    json_into(HttpResponse::build(status), value)
}

/// A value as the JSON body of an answer that has its other headers.
pub(crate) fn json_into(mut answer: HttpResponseBuilder, value: &impl Serialize) -> Answer {
    let mut body = Vec::with_capacity(ROOM_BYTES);
    serde_json::to_writer(&mut body, value).map_err(Error::internal)?;
    answer.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    Ok(answer.body(body))
}

/// Seconds after which it is worth to look again.
pub(crate) fn retry_after(remaining: Option<Duration>) -> u64 {
    let seconds = remaining.map_or(0, |left| left.as_secs_f64().ceil() as u64);
    seconds.clamp(1, limits::POLL_AFTER_MAX.as_secs())
}
