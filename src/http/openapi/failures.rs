//! The errors, each described once. The text names the codes that may stand in the envelope.

use utoipa::openapi::{ContentBuilder, HeaderBuilder, Response, ResponseBuilder};

use super::schemas::{integer, named, text};
use super::view::ErrorView;

/// Status, name among the components, code, and what it means.
const FAILURES: &[(u16, &str, &str, &str)] = &[
    (
        400,
        "InvalidRequest",
        "invalid_request",
        "Malformed JSON, an unknown field or parameter, or a value that breaks a rule; `details` names the fields.",
    ),
    (401, "Unauthorized", "unauthorized", "There are keys here, and none that is valid was presented."),
    (
        403,
        "Forbidden",
        "forbidden",
        "The key lacks the scope, or is kept to one user's things and this concerns others. Without keys: it was sent to a name that is not the server's, or, if it changes something, by a web page of another origin.",
    ),
    (404, "NotFound", "not_found", "There is no such thing."),
    (405, "MethodNotAllowed", "method_not_allowed", "This address has other methods; `Allow` names them."),
    (408, "RequestTimeout", "request_timeout", "The body did not arrive in time."),
    (
        409,
        "Conflict",
        "conflict",
        "`already_finished`: the job has ended. `conflict`: a unique key, a name or a lock is taken, or what is asked for \
         does not fit the state that it is in.",
    ),
    (410, "Gone", "gone", "It was there, and its retention has passed."),
    (
        412,
        "PreconditionFailed",
        "precondition_failed",
        "What is there is not what If-Match or If-None-Match wants to be there. Nothing was changed.",
    ),
    (413, "PayloadTooLarge", "payload_too_large", "The body is larger than is allowed."),
    (414, "UriTooLong", "uri_too_long", "The address is too long."),
    (415, "UnsupportedMediaType", "unsupported_media_type", "The body is not JSON."),
    (
        422,
        "Unprocessable",
        "unknown_processor",
        "`unknown_processor`: none is registered for that subType; the answer lists those that are. \
         `idempotency_mismatch`: the Idempotency-Key was used with another body.",
    ),
    (
        429,
        "TooMany",
        "queue_full",
        "`rate_limited`: the key asks more often than it may. `quota_reached`: the key has as many jobs that have not begun, \
         or open event streams, as it may. `queue_full`: the queue is as deep as it may be. `limit_reached`: there are as \
         many locks, states, workers or alert rules as there may be.",
    ),
    (431, "HeadersTooLarge", "headers_too_large", "A header is too long."),
    (500, "Internal", "internal", "A fault of the server; its log has the cause under the same requestId."),
    (
        503,
        "Unavailable",
        "unavailable",
        "`unavailable`: the store cannot commit now, or the server is about to stop; nothing was accepted. `unreadable`: what was \
         asked for is encrypted, and its key is not configured on this server.",
    ),
];

/// The name of a status among the components.
pub(super) fn name(status: u16) -> &'static str {
    FAILURES.iter().find(|(of, ..)| *of == status).map_or("Internal", |(_, name, ..)| name)
}

/// All errors, by name.
pub(super) fn responses() -> impl Iterator<Item = (&'static str, Response)> {
    FAILURES.iter().map(|(status, name, code, about)| (*name, response(*status, code, about)))
}

fn response(status: u16, code: &str, about: &str) -> Response {
    let example = serde_json::json!({
        "success": false,
        "error": about,
        "code": code,
        "details": [],
        "requestId": "019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a",
    });
    let content = ContentBuilder::new().schema(Some(named::<ErrorView<'static>>())).example(Some(example)).build();
    let mut response = ResponseBuilder::new().description(about).content("application/json", content);
    let header = |schema, about: &str| HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build();
    response = response.header("X-Request-Id", header(text(), "The same as requestId."));
    if matches!(status, 409 | 429 | 503) {
        let about = "Seconds after which it is worth another try, if that is known.";
        response = response.header("Retry-After", header(integer(Some(1), None), about));
    }
    if status == 401 {
        response = response.header("WWW-Authenticate", header(text(), "`Bearer`."));
    }
    if status == 405 {
        response = response.header("Allow", header(text(), "The methods there are."));
    }
    response.build()
}
