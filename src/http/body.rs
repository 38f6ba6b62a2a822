//! Reading a request body: bounded in bytes and in time, checked for what no JSON of ours may hold before anything is
//! made of it.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::call::Call;
use super::problem::{Problem, Protocol};
use crate::error::Error;
use crate::limits;

/// The body of a request that must be JSON.
pub(crate) async fn json(call: &Call, payload: Payload) -> Result<Bytes, Problem> {
    match media_type(call) {
        "application/json" => text(call, payload).await,
        _ => Err(Protocol::NotJson("application/json").into()),
    }
}

/// The body of a request that may have one, and then as JSON; empty when there is none.
pub(crate) async fn json_if_any(call: &Call, payload: Payload) -> Result<Bytes, Problem> {
    match is_there(&call.req) {
        true => json(call, payload).await,
        false => Ok(Bytes::new()),
    }
}

/// Whether a request has a body.
pub(crate) fn is_there(req: &HttpRequest) -> bool {
    let length = req.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.unwrap_or(0) > 0 || req.headers().contains_key(header::TRANSFER_ENCODING)
}

/// The type of a body, without its parameters and in lower case where that matters.
pub(crate) fn media_type(call: &Call) -> &'static str {
    let value = call.header(&header::CONTENT_TYPE).unwrap_or_default();
    let named = value.split(';').next().unwrap_or_default().trim();
    let known = ["application/json", "application/x-ndjson"];
    known.into_iter().find(|known| named.eq_ignore_ascii_case(known)).unwrap_or_default()
}

/// The body as text without U+0000 that is not nested too deeply.
pub(crate) async fn text(call: &Call, payload: Payload) -> Result<Bytes, Problem> {
    let body = read(call, payload, call.settings().body_bytes_max, call.settings().body_read_max).await?;
    if std::str::from_utf8(&body).is_err() {
        return Err(Error::invalid("the body is not UTF-8").into());
    }
    scan(&body)?;
    Ok(body)
}

/// Refuses a body where none is taken: one that is ignored would be a wish that nobody hears.
pub(crate) fn none(call: &Call) -> Result<(), Problem> {
    if is_there(&call.req) {
        return Err(Error::invalid("this address takes no body; put the filter into the query").into());
    }
    Ok(())
}

/// A body of any type.
pub(crate) async fn read(
    call: &Call,
    mut payload: Payload,
    bytes_max: usize,
    read_max: Duration,
) -> Result<Bytes, Problem> {
    if call.header(&header::CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::Unread(Box::new(Protocol::Encoded.into()), payload));
    }
    let length = call.header(&header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > bytes_max as u64) {
        return Err(Problem::Unread(Box::new(Protocol::BodyTooLarge(bytes_max).into()), payload));
    }
    match tokio::time::timeout(read_max, collect(&mut payload, bytes_max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(Stopped::Broken)) => Err(Error::invalid("the body ended before it was complete").into()),
        Ok(Err(Stopped::TooLarge)) => Err(Problem::Unread(Box::new(Protocol::BodyTooLarge(bytes_max).into()), payload)),
        Err(_) => Err(Problem::Unread(Box::new(Protocol::BodyTooSlow.into()), payload)),
    }
}

/// Why a body was not read to its end.
enum Stopped {
    Broken,
    TooLarge,
}

async fn collect(payload: &mut Payload, bytes_max: usize) -> Result<Bytes, Stopped> {
    let mut next = async || payload.next().await.transpose().map_err(|_| Stopped::Broken);
    let Some(first) = next().await? else { return Ok(Bytes::new()) };
    if first.len() > bytes_max {
        return Err(Stopped::TooLarge);
    }
    // Nearly every body comes in one piece, and is used as it is.
    let Some(second) = next().await? else { return Ok(first) };
    let mut body = BytesMut::from(first);
    let mut more = Some(second);
    while let Some(chunk) = more {
        if body.len() + chunk.len() > bytes_max {
            return Err(Stopped::TooLarge);
        }
        body.extend_from_slice(&chunk);
        more = next().await?;
    }
    Ok(body.freeze())
}

/// Refuses U+0000, written or escaped (rule 35), and nesting that would be a danger to a stack.
pub(crate) fn scan(text: &[u8]) -> Result<(), Error> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'\\' if in_string => {
                if text[at..].starts_with(b"u0000") {
                    return Err(Error::invalid("the body contains U+0000, which no text may"));
                }
                at += 1;
            }
            b'"' => in_string = !in_string,
            0 => return Err(Error::invalid("the body contains U+0000, which no text may")),
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limits::BODY_DEPTH_MAX {
                    let message = format!("the body is nested deeper than {} levels", limits::BODY_DEPTH_MAX);
                    return Err(Error::invalid(message));
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_no_text_may_hold() {
        for good in
            [r#"{"a": "\\u0000"}"#, r#"["[[[[", "\"{"]"#, "", "null", r#""\u00000""#.replace("u0000", "u0001").as_str()]
        {
            assert!(scan(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [r#"{"a": "\u0000"}"#, r#"{"\\\u0000": 1}"#, "\"\0\""] {
            assert!(scan(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn counts_levels_outside_strings() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(scan(nested(limits::BODY_DEPTH_MAX).as_bytes()).is_ok());
        assert!(scan(nested(limits::BODY_DEPTH_MAX + 1).as_bytes()).is_err());
        let flat = format!("[{}]", vec!["[]"; 1_000].join(","));
        assert!(scan(flat.as_bytes()).is_ok());
    }
}
