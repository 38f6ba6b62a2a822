//! What a service answered, as much of it as a job keeps.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Response;
use reqwest::header::HeaderMap;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_through_a_character_leaves_a_text() {
        let text = "añ".as_bytes();
        assert_eq!(readable(text[..2].to_vec(), true), ("a".to_owned(), "utf-8"));
        assert_eq!(readable(text[..2].to_vec(), false).1, "base64");
        assert_eq!(readable(vec![0xff, 0xfe, 0, 1], true), ("//4AAQ==".to_owned(), "base64"));
    }
}
