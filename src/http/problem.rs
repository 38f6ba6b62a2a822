//! Errors on the wire: every one has the same envelope, with a stable code and the id of the request.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use super::body;
use super::view::{ErrorView, FieldView};
use crate::error::{Error, FieldError};
use crate::limits;

/// The header that names a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a request is not answered as it would like.
pub(crate) enum Problem {
    /// The service refused it.
    Refused(Error),
    /// It broke a rule of HTTP itself.
    Protocol(Protocol),
    /// One of these, and this is what is left of its body.
    Unread(Box<Problem>, Payload),
}

/// Rules of HTTP itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// There is nothing at this address.
    NoSuchRoute,
    /// The address has other methods: these.
    MethodNotAllowed(String),
    /// The body did not come in time.
    BodyTooSlow,
    /// The body is larger than so many bytes.
    BodyTooLarge(usize),
    /// The address is too long.
    UriTooLong,
    /// The body is of another type than these.
    NotJson(&'static str),
    /// The body is compressed.
    Encoded,
    /// A header's value is too long.
    HeaderTooLarge,
    /// It was sent to this name, which is not the server's.
    ForeignHost(String),
    /// A page of this origin sent it.
    ForeignOrigin(String),
}

impl<E: Into<Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Protocol> for Problem {
    fn from(protocol: Protocol) -> Self {
        Self::Protocol(protocol)
    }
}

impl Problem {
    /// The same before anything of the body was read.
    pub(crate) fn unread(self, req: &HttpRequest, rest: Payload) -> Self {
        if body::is_there(req) { Self::Unread(Box::new(self), rest) } else { self }
    }

    /// What it is about, whatever is left of its body.
    fn reason(&self) -> &Self {
        match self {
            Self::Unread(reason, _) => reason.reason(),
            reason => reason,
        }
    }

    /// The answer to `req`.
    pub(crate) fn respond(self, req: &HttpRequest) -> HttpResponse {
        let request_id = request_id(req).map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
        let (status, code) = self.status();
        let details = match self.reason() {
            Self::Refused(Error::Invalid { details, .. }) => details.iter().map(FieldView::of).collect(),
            Self::Refused(Error::Taken { field, message }) => vec![FieldView { field, message }],
            _ => Vec::new(),
        };
        let error = self.sentence(&request_id);
        let view = ErrorView { success: false, error: &error, code, details, request_id: &request_id };
        let body = serde_json::to_vec(&view).unwrap_or_default();
        let mut answer = HttpResponse::build(status);
        answer.content_type("application/json");
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            answer.insert_header((REQUEST_ID, id));
        }
        match self.reason() {
            Self::Refused(
                Error::Unavailable { retry_after, .. }
                | Error::TooOften { retry_after, .. }
                | Error::OverQuota { retry_after, .. },
            ) => {
                // Who comes a little early would be refused again, so it is rounded up.
                let seconds = retry_after.as_millis().div_ceil(1_000).max(1);
                answer.insert_header((header::RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX)));
            }
            Self::Refused(Error::Unreadable(_)) => {
                // Somebody has to give the server its key first.
                answer.insert_header((header::RETRY_AFTER, limits::POLL_AFTER_MAX.as_secs()));
            }
            Self::Refused(Error::Held { retry_after, .. }) => {
                // A holder that renews has it longer; one that releases has it shorter.
                answer.insert_header((header::RETRY_AFTER, super::present::retry_after(Some(*retry_after))));
            }
            Self::Refused(Error::QueueFull { .. } | Error::Full { .. }) => {
                answer.insert_header((header::RETRY_AFTER, 1));
            }
            Self::Refused(Error::Unauthorized(_)) => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"faena\""));
            }
            Self::Protocol(Protocol::MethodNotAllowed(allowed)) => {
                answer.insert_header((header::ALLOW, allowed.as_str()));
            }
            _ => {}
        }
        match self {
            Self::Unread(_, rest) => {
                answer.force_close();
                answer.body(Closing { body: body.into(), _rest: rest })
            }
            _ => answer.body(body),
        }
    }

    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Refused(error) => (status_of(error), error.code()),
            Self::Unread(reason, _) => reason.status(),
            Self::Protocol(protocol) => match protocol {
                Protocol::NoSuchRoute => (StatusCode::NOT_FOUND, "not_found"),
                Protocol::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
                Protocol::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
                Protocol::BodyTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
                Protocol::UriTooLong => (StatusCode::URI_TOO_LONG, "uri_too_long"),
                Protocol::NotJson(_) | Protocol::Encoded => {
                    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
                }
                Protocol::HeaderTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large"),
                Protocol::ForeignHost(_) | Protocol::ForeignOrigin(_) => (StatusCode::FORBIDDEN, "forbidden"),
            },
        }
    }

    /// The sentence for the caller. What is internal goes to the log instead, under the id that both know.
    fn sentence(&self, request_id: &str) -> String {
        match self {
            Self::Refused(Error::Internal(source)) => {
                tracing::error!(request_id, error = %Chain(&**source), "a request failed");
                "an internal error occurred; the server's log names its cause under this requestId".to_owned()
            }
            Self::Refused(error) => {
                if matches!(error, Error::Unavailable { .. } | Error::Unreadable(_)) {
                    tracing::warn!(request_id, %error, "a request was turned away");
                }
                error.to_string()
            }
            Self::Unread(reason, _) => reason.sentence(request_id),
            Self::Protocol(protocol) => match protocol {
                Protocol::NoSuchRoute => "there is nothing at this address".to_owned(),
                Protocol::MethodNotAllowed(allowed) => format!("this address answers only {allowed}"),
                Protocol::BodyTooSlow => "the body did not arrive in time".to_owned(),
                Protocol::BodyTooLarge(bytes) => format!("the body is larger than the {bytes} bytes that are allowed"),
                Protocol::UriTooLong => {
                    format!("the address is longer than the {} bytes that are allowed", limits::URI_BYTES_MAX)
                }
                Protocol::NotJson(types) => format!("the body must be sent with Content-Type {types}"),
                Protocol::Encoded => "the body must be sent as it is, without a Content-Encoding".to_owned(),
                Protocol::HeaderTooLarge => {
                    format!("a header is longer than the {} bytes that are allowed", limits::HEADER_BYTES_MAX)
                }
                Protocol::ForeignHost(host) => format!(
                    "`{}` is not a name of this server; if a proxy in front of it uses that name, add it to `hosts`",
                    shown(host)
                ),
                Protocol::ForeignOrigin(origin) => format!(
                    "a page of {} may not change anything here; if it is this server's own behind a proxy, add its \
                     name to `hosts`",
                    shown(origin)
                ),
            },
        }
    }
}

/// The id that the client gave its request, if it is fit to be echoed and logged.
pub(crate) fn request_id(req: &HttpRequest) -> Option<&str> {
    let id = req.headers().get(&REQUEST_ID)?.to_str().ok()?;
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    (!id.is_empty() && id.len() <= limits::REQUEST_ID_BYTES_MAX && id.bytes().all(sane)).then_some(id)
}

/// What a stranger wrote, short and without anything that could upset a terminal.
fn shown(text: &str) -> String {
    text.chars().take(100).flat_map(char::escape_debug).collect()
}

/// The status that says so much of an error as a status can.
pub(crate) fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Invalid { .. } => StatusCode::BAD_REQUEST,
        Error::NotFound { .. } => StatusCode::NOT_FOUND,
        Error::Unauthorized(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Unmatched(_) => StatusCode::PRECONDITION_FAILED,
        Error::AlreadyFinished { .. } | Error::Taken { .. } | Error::Held { .. } | Error::Conflict(_) => {
            StatusCode::CONFLICT
        }
        Error::Full { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Gone(_) => StatusCode::GONE,
        Error::UnknownProcessor { .. } | Error::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Error::QueueFull { .. } | Error::TooOften { .. } | Error::OverQuota { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } | Error::Unreadable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The body of an answer that ends the connection. A request body that is dropped half read would be read to its end,
/// however long, to keep the connection; one that is still held when the answer is out is given up with it.
struct Closing {
    body: Bytes,
    _rest: Payload,
}

impl MessageBody for Closing {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.body.len() as u64)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let body = std::mem::take(&mut self.get_mut().body);
        Poll::Ready((!body.is_empty()).then_some(Ok(body)))
    }
}

/// An error with its sources, on one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl<'a> FieldView<'a> {
    fn of(fault: &'a FieldError) -> Self {
        Self { field: &fault.field, message: &fault.message }
    }
}
