//! `http_request`: calls a service. Only hosts that the configuration allows, and of those only what is public unless the
//! configuration vouches for it: who may enqueue a job may not thereby reach whatever this machine can reach.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use validator::{Validate, ValidationError};

use super::answer::Answer;
use crate::egress::{self, Caller, Entry, Policy, Refused, Target};
use crate::limits;
use crate::work::{AsyncProcessor, Completion, Context, Description, Failure};

/// Calls services.
pub struct HttpRequest {
    caller: Caller,
}

/// A call of a service.
#[derive(Debug, Clone, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payload {
    /// How to call it.
    #[serde(default)]
    method: Verb,
    /// What to call: an `http` or `https` address on a host that the server's configuration allows.
    #[validate(length(max = 8_192), custom(function = is_callable))]
    url: String,
    /// Headers to send.
    #[serde(default)]
    #[validate(custom(function = are_headers))]
    headers: BTreeMap<String, String>,
    /// What to send: a text as it is, anything else as JSON.
    body: Option<Value>,
    /// The status that means success; any from 200 to 299 when left out.
    #[validate(range(min = 200, max = 599))]
    expect_status: Option<u16>,
    /// How long the whole call may take, in milliseconds; a minute when left out.
    #[validate(range(min = 1, max = 3_600_000))]
    timeout_ms: Option<u64>,
}

/// How to call a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the words of HTTP")]
pub enum Verb {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

fn is_callable(url: &str) -> Result<(), ValidationError> {
    let complaint = match Target::parse(url) {
        Ok(_) => return Ok(()),
        Err(Refused::Malformed(why)) => why.to_owned(),
        Err(refused) => refused.to_string(),
    };
    Err(ValidationError::new("url").with_message(complaint.into()))
}

/// Headers that belong to the connection and not to the caller. With another `Host` a shared server would answer for
/// a name that was never allowed.
const RESERVED: [&str; 7] =
    ["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "proxy-authorization"];

fn are_headers(headers: &BTreeMap<String, String>) -> Result<(), ValidationError> {
    /// More than any service asks for.
    const HEADERS_MAX: usize = 64;
    let complaint = |text: String| Err(ValidationError::new("headers").with_message(text.into()));
    if headers.len() > HEADERS_MAX {
        return complaint(format!("must be at most {HEADERS_MAX}"));
    }
    for (name, value) in headers {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return complaint(format!("`{}` is no name of a header", name.escape_debug()));
        }
        if HeaderValue::from_str(value).is_err() || value.len() > limits::HEADER_BYTES_MAX {
            return complaint(format!("the value of `{name}` is no value of a header"));
        }
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return complaint(format!("`{name}` is not yours to set"));
        }
    }
    Ok(())
}

impl HttpRequest {
    /// A caller of these hosts: `host` on the usual port of its scheme, or `host:port`. One that is not public must be named
    /// with its port or as an address. What is no host allows none.
    pub fn new(hosts: &[String]) -> Self {
        let entries = hosts.iter().filter_map(|host| host.parse::<Entry>().ok());
        Self::by(Caller::new(Policy::named_only("http_allow", entries)))
    }

    /// One that calls by this caller.
    pub fn by(caller: Caller) -> Self {
        Self { caller }
    }
}

impl AsyncProcessor for HttpRequest {
    type Payload = Payload;

    fn describe(&self) -> Description {
        Description {
            kind: Some("integration"),
            summary: "Calls a service over HTTP, on the hosts that the configuration allows.",
            ..Description::default()
        }
    }

    async fn run(&self, payload: Payload, ctx: Context) -> Result<Completion, Failure> {
        let expected = payload.expect_status;
        let target = Target::parse(&payload.url).map_err(|refused| not_called(&refused))?;
        let request = self.caller.request(payload.method.into(), &target).map_err(|refused| not_called(&refused))?;
        let request = payload.into_request(request, &ctx)?;

        ctx.progress(10, "calling");
        let response = request.send().await.map_err(unanswered)?;
        let status = response.status();
        ctx.progress(50, format!("answered {}", status.as_u16()));
        let pause = egress::retry_after(response.headers());
        let answer = Answer::read(response).await.map_err(unanswered)?;
        if expected.map_or(status.is_success(), |expected| status.as_u16() == expected) {
            return Completion::json(&answer);
        }
        ctx.log(format!("the service said: {}", answer.body));
        Err(refused(status, pause))
    }
}

impl Payload {
    /// Puts what is to be sent into a request.
    fn into_request(self, request: RequestBuilder, ctx: &Context) -> Result<RequestBuilder, Failure> {
        let method = Method::from(self.method);
        let mut headers = HeaderMap::new();
        if !method.is_safe() {
            // The same in every try, so that a service can tell a repetition from another order.
            let id = HeaderValue::from_str(&ctx.job_id().to_string()).map_err(Failure::permanent)?;
            headers.insert(HeaderName::from_static("idempotency-key"), id);
        }
        let body = match self.body {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(value) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Some(value.to_string())
            }
        };
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(Failure::permanent)?;
            headers.insert(name, HeaderValue::from_str(value).map_err(Failure::permanent)?);
        }
        let within = self.timeout_ms.map_or(limits::HTTP_CALL_DEFAULT, Duration::from_millis);
        let request = request.headers(headers).timeout(within);
        Ok(match body {
            Some(body) => request.body(body),
            None => request,
        })
    }
}

impl From<Verb> for Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Get => Self::GET,
            Verb::Head => Self::HEAD,
            Verb::Post => Self::POST,
            Verb::Put => Self::PUT,
            Verb::Patch => Self::PATCH,
            Verb::Delete => Self::DELETE,
            Verb::Options => Self::OPTIONS,
        }
    }
}

/// It may not be called. That lasts, unless it is only for want of a client.
fn not_called(refused: &Refused) -> Failure {
    match refused {
        Refused::NoClient(_) => Failure::new(refused),
        _ => Failure::permanent(refused).kind("host_not_allowed"),
    }
}

/// No answer, or none to its end: another try may get one.
fn unanswered(error: reqwest::Error) -> Failure {
    if let Some(refused) = egress::caller::refusal(&error) {
        return not_called(refused);
    }
    let (kind, what) = match () {
        () if error.is_timeout() => ("timeout", "the service took too long"),
        () if error.is_connect() => ("unreachable", "the service cannot be reached"),
        () => ("no_answer", "the service broke off"),
    };
    // The address may carry a secret in its query; the payload shows it to whom it belongs.
    Failure::new(format!("{what}: {}", Failure::from(error.without_url()))).kind(kind)
}

/// An answer, but not the one that was hoped for.
fn refused(status: StatusCode, pause: Option<Duration>) -> Failure {
    let message = format!("the service answered {status}");
    let again = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY);
    match (again, pause) {
        (true, Some(pause)) => Failure::new(message).retry_after(pause),
        (true, None) => Failure::new(message),
        (false, _) => Failure::permanent(message),
    }
    .kind("unexpected_status")
}
