//! What a service answered, as much of it as a job keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::rfc2822;
use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde::Serialize;

use crate::egress::caller::body_within;
use crate::limits;

/// What a service answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status: u16,
    /// Values of one name are put together with commas.
    headers: BTreeMap<String, String>,
    pub(super) body: String,
    /// `base64` when the body is no text.
    body_encoding: &'static str,
    /// Whether there was more than is kept.
    body_truncated: bool,
}

impl Answer {
    /// Reads an answer; what is beyond the bound is left on the wire.
    pub(super) async fn read(mut response: Response) -> reqwest::Result<Self> {
        let status = response.status().as_u16();
        let headers = named(response.headers());
        let (body, truncated) = body_within(&mut response, limits::HTTP_ANSWER_KEPT_MAX).await?;
        let (body, body_encoding) = readable(body, truncated);
        Ok(Self { status, headers, body, body_encoding, body_truncated: truncated })
    }
}

/// Text as text, anything else in base64.
fn readable(body: Vec<u8>, truncated: bool) -> (String, &'static str) {
    /// Longest piece of a character that a cut leaves behind.
    const CHARACTER_BYTES_MAX: usize = 4;
    match String::from_utf8(body) {
        Ok(text) => (text, "utf-8"),
        Err(error) => {
            let whole = error.utf8_error().valid_up_to();
            let body = error.into_bytes();
            match std::str::from_utf8(&body[..whole]) {
                // Only the cut went through a character.
                Ok(text) if truncated && body.len() - whole < CHARACTER_BYTES_MAX => (text.to_owned(), "utf-8"),
                _ => (STANDARD.encode(&body), "base64"),
            }
        }
    }
}

fn named(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut named = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        named
            .entry(name.as_str().to_owned())
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(&value);
            })
            .or_insert_with(|| value.to_string());
    }
    named
}

/// How long a service asks to be left alone: in seconds, or as a date (RFC 9110, 10.2.3). A date is measured against
/// the service's own, so its clock and ours need not agree.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let asked = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    let (until, now) = (date(asked)?, date(text(DATE)?)?);
    u64::try_from(until.as_second() - now.as_second()).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn asked(pairs: &[(HeaderName, &'static str)]) -> Option<Duration> {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        retry_after(&headers.collect())
    }

    #[test]
    fn a_pause_is_read_in_both_its_forms() {
        let later = "Tue, 24 Nov 2026 08:02:00 GMT";
        let now = "Tue, 24 Nov 2026 08:00:00 GMT";
        assert_eq!(asked(&[(RETRY_AFTER, "120")]), Some(Duration::from_secs(120)));
        assert_eq!(asked(&[(RETRY_AFTER, later), (DATE, now)]), Some(Duration::from_secs(120)));
        assert_eq!(asked(&[(RETRY_AFTER, now), (DATE, later)]), None);
        assert_eq!(asked(&[(RETRY_AFTER, later)]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "-1")]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "soon"), (DATE, now)]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn a_cut_through_a_character_leaves_a_text() {
        let text = "añ".as_bytes();
        assert_eq!(readable(text[..2].to_vec(), true), ("a".to_owned(), "utf-8"));
        assert_eq!(readable(text[..2].to_vec(), false).1, "base64");
        assert_eq!(readable(vec![0xff, 0xfe, 0, 1], true), ("//4AAQ==".to_owned(), "base64"));
    }
}
