//! One request on its way: what every handler is given, and what happens to its answer. A handler is an async
//! function of a [`Call`] and the body; errors turn into envelopes here and nowhere else.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::RequestHead;
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, Route};

use super::origin;
use super::problem::{Problem, Protocol, REQUEST_ID, request_id};
use super::settings::Settings;
use crate::error::Error;
use crate::job::JobId;
use crate::limits;
use crate::service::Service;
use crate::service::enqueue::Key;

/// Characters of a name in a path that are looked at: more than any name may have.
const NAME_CHARS_MAX: usize = limits::SCHEDULE_NAME_BYTES_MAX + 1;

/// What a handler answers.
pub(crate) type Answer = Result<HttpResponse, Problem>;

/// What all requests of one server thread share.
pub(crate) struct Edge {
    pub(crate) service: Arc<Service>,
    pub(crate) settings: Settings,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) req: HttpRequest,
    edge: Rc<Edge>,
    /// Segments of the path that are ours; what stands before them is the prefix we are mounted under.
    segments: usize,
}

impl Call {
    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.edge.service
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.edge.settings
    }

    /// What stands before `/jobs` in the addresses that are given out.
    pub(crate) fn base(&self) -> &str {
        match &self.edge.settings.base_path {
            Some(base) => base.trim_end_matches('/'),
            None => without_segments(self.req.path(), self.segments),
        }
    }

    /// A part of the path.
    pub(crate) fn part(&self, name: &str) -> &str {
        self.req.match_info().get(name).unwrap_or_default()
    }

    /// The job that the path names. What is no id names no job.
    pub(crate) fn job_id(&self) -> Result<JobId, Problem> {
        let text = self.part("id");
        text.parse().map_err(|_| Error::no_job(text.chars().take(100).collect::<String>()).into())
    }

    /// The schedule that the path names, by its id or its name. A name may have any character but a slash.
    pub(crate) fn which(&self) -> String {
        let decoded = web::Path::<String>::extract(&self.req).into_inner();
        decoded
            .map_or_else(|_| self.part("id").to_owned(), web::Path::into_inner)
            .chars()
            .take(NAME_CHARS_MAX)
            .collect()
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.req.headers().get(name)?.to_str().ok()
    }

    /// The key under which the same request may come again, if the client gave one.
    pub(crate) fn idempotency_key(&self, scope: &str, body: &[u8]) -> Result<Option<Key>, Problem> {
        idempotency_key(&self.req, scope, body)
    }

    /// How long the client would like to be held.
    pub(crate) fn preferred_wait(&self) -> Option<Duration> {
        preferred_wait(&self.req)
    }

    /// Who asks, for the records.
    pub(crate) fn caller(&self) -> &'static str {
        "api"
    }
}

/// The key under which the same request may come again, if the client gave one.
pub(crate) fn idempotency_key(req: &HttpRequest, scope: &str, body: &[u8]) -> Result<Option<Key>, Problem> {
    const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
    let Some(value) = req.headers().get(&IDEMPOTENCY_KEY) else { return Ok(None) };
    // A key that is no text is refused by the same rule as an empty one.
    let text = value.to_str().unwrap_or_default();
    Ok(Some(Key::new(scope, text, body)?))
}

/// `Prefer: wait=N` (RFC 7240), in seconds. Preferences that make no sense are ignored, as that RFC asks.
pub(crate) fn preferred_wait(req: &HttpRequest) -> Option<Duration> {
    const PREFER: HeaderName = HeaderName::from_static("prefer");
    let values = req.headers().get_all(&PREFER).filter_map(|value| value.to_str().ok());
    let seconds = values
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|preference| preference.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, seconds)| seconds.trim().trim_matches('"').parse::<u64>().ok())?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// A path without its last segments.
fn without_segments(path: &str, segments: usize) -> &str {
    (0..segments).fold(path, |path, _| path.rfind('/').map_or("", |slash| &path[..slash]))
}

/// An address with its methods; all others are answered 405.
pub(crate) struct At<'a> {
    edge: &'a Rc<Edge>,
    segments: usize,
    resource: Resource,
    allowed: Vec<&'static str>,
}

impl<'a> At<'a> {
    pub(crate) fn new(edge: &'a Rc<Edge>, path: &str) -> Self {
        Self { edge, segments: path.matches('/').count(), resource: web::resource(path), allowed: Vec::new() }
    }

    /// Gives it a name, for `url_for`.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { resource: self.resource.name(name), ..self }
    }

    /// A handler for GET, and for HEAD, whose body the server leaves out.
    pub(crate) fn get<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::GET, "GET", handler.clone()).on(Method::HEAD, "HEAD", handler)
    }

    /// A handler for a stream: GET alone, since a HEAD of something that never ends would not end.
    pub(crate) fn stream<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::GET, "GET", handler)
    }

    pub(crate) fn post<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::POST, "POST", handler)
    }

    pub(crate) fn put<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::PUT, "PUT", handler)
    }

    pub(crate) fn patch<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::PATCH, "PATCH", handler)
    }

    pub(crate) fn delete<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::DELETE, "DELETE", handler)
    }

    fn on<F, Fut>(mut self, method: Method, name: &'static str, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.allowed.push(name);
        let route = to(web::method(method), self.edge, self.segments, handler);
        Self { resource: self.resource.route(route), ..self }
    }

    pub(crate) fn mount(self, config: &mut ServiceConfig) {
        let allowed = self.allowed.join(", ");
        let refuse = to(web::route(), self.edge, self.segments, move |_, _| {
            std::future::ready(Err(Protocol::MethodNotAllowed(allowed.clone()).into()))
        });
        config.service(self.resource.default_service(refuse));
    }
}

/// What answers where nothing is.
pub(crate) fn nothing_here(edge: &Rc<Edge>) -> Route {
    to(web::route(), edge, 0, |_, _| std::future::ready(Err(Protocol::NoSuchRoute.into())))
}

fn to<F, Fut>(route: Route, edge: &Rc<Edge>, segments: usize, handler: F) -> Route
where
    F: Fn(Call, Payload) -> Fut + Clone + 'static,
    Fut: Future<Output = Answer> + 'static,
{
    let edge = edge.clone();
    route.to(move |req: HttpRequest, payload: Payload| {
        let call = Call { req: req.clone(), edge: edge.clone(), segments };
        let answer = check_head(req.head(), &edge.settings).map(|()| handler(call, payload));
        async move {
            let answer = match answer {
                Ok(answer) => answer.await,
                Err(problem) => Err(problem),
            };
            match answer {
                Ok(mut answer) => {
                    if let Some(id) = request_id(&req).and_then(|id| HeaderValue::from_str(id).ok()) {
                        answer.headers_mut().insert(REQUEST_ID, id);
                    }
                    answer
                }
                Err(problem) => problem.respond(&req),
            }
        }
    })
}

/// The bounds of a request's head, and where it comes from.
fn check_head(head: &RequestHead, settings: &Settings) -> Result<(), Problem> {
    if let Some(hosts) = &settings.hosts {
        origin::check(head, hosts)?;
    }
    let target = head.uri.path().len() + head.uri.query().map_or(0, |query| query.len() + 1);
    if target > limits::URI_BYTES_MAX {
        return Err(Protocol::UriTooLong.into());
    }
    if head.headers.iter().any(|(_, value)| value.len() > limits::HEADER_BYTES_MAX) {
        return Err(Protocol::HeaderTooLarge.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_prefix_is_what_is_not_ours() {
        assert_eq!(without_segments("/jobs", 1), "");
        assert_eq!(without_segments("/api/v1/jobs", 1), "/api/v1");
        assert_eq!(without_segments("/api/jobs/17", 2), "/api");
        assert_eq!(without_segments("/", 1), "");
    }

    #[test]
    fn preferences_that_make_no_sense_are_ignored() {
        let wait = |value: &str| {
            preferred_wait(&TestRequest::default().insert_header(("Prefer", value.to_owned())).to_http_request())
        };
        assert_eq!(wait("wait=5"), Some(Duration::from_secs(5)));
        assert_eq!(wait("respond-async, WAIT = \"7\""), Some(Duration::from_secs(7)));
        for nonsense in ["wait", "wait=", "wait=soon", "wait=-1", "wait=0", "return=minimal"] {
            assert_eq!(wait(nonsense), None, "{nonsense}");
        }
    }
}
