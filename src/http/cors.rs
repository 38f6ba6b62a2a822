//! Pages of other origins that an operator lets in (the CORS protocol of the Fetch standard). None is, unless its origin is
//! listed, letter for letter. Cookies mean nothing here and credentials are never allowed: a page brings a key in a header, or
//! comes to a server that has none.

use actix_web::dev::RequestHead;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

/// What a page may send besides what every page may.
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, prefer, \
     x-request-id";
/// What a page may read of an answer besides what every page may.
const ANSWER_HEADERS: &str =
    "etag, idempotency-replayed, location, preference-applied, retry-after, www-authenticate, x-request-id";
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// Seconds for which a browser need not ask again.
const MAX_AGE: &str = "600";

const REQUEST_METHOD: HeaderName = header::ACCESS_CONTROL_REQUEST_METHOD;

/// The listed origin that a request comes from, if it does.
pub(crate) fn origin<'a>(head: &RequestHead, origins: &'a [String]) -> Option<&'a str> {
    if origins.is_empty() {
        return None;
    }
    let given = head.headers.get(header::ORIGIN)?.as_bytes();
    origins.iter().map(String::as_str).find(|origin| origin.as_bytes() == given)
}

/// The answer to a browser that asks beforehand whether a page of this origin may send something.
pub(crate) fn preflight(req: &HttpRequest, origins: &[String]) -> Option<HttpResponse> {
    if req.method() != Method::OPTIONS || !req.headers().contains_key(REQUEST_METHOD) {
        return None;
    }
    origin(req.head(), origins)?;
    let mut answer = HttpResponse::build(StatusCode::NO_CONTENT);
    answer.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS));
    answer.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS));
    answer.insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE));
    Some(answer.finish())
}

/// Lets a page of a listed origin read an answer, and tells caches that it depends on who asks.
pub(crate) fn admit(head: &RequestHead, origins: &[String], answer: &mut HeaderMap) {
    if origins.is_empty() {
        return;
    }
    answer.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin(head, origins).and_then(|origin| HeaderValue::from_str(origin).ok()) else { return };
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANSWER_HEADERS));
}

/// Whether a text is an origin as a browser writes it: scheme, host, and a port where it is not the usual one.
pub fn is_origin(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for good in
            ["https://app.example.com", "http://localhost:3000", "http://[::1]:8080", "https://xn--bcher-kva.example"]
        {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "*",
            "null",
            "",
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://App.example.com",
            "https://app.example.com:443",
            "https://ana@app.example.com",
            "ftp://app.example.com",
            "file:///x",
            "https://*.example.com/",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
