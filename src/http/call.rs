//! One request on its way: what every handler is given, and what happens to its answer. A handler is an async
//! function of a [`Call`] and the body; errors turn into envelopes here and nowhere else.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, Route};

use super::access::{Gate, Names, enter};
use super::problem::{Problem, Protocol, REQUEST_ID, request_id};
use super::settings::Settings;
use super::{cors, headers};
use crate::error::Error;
use crate::job::{JobId, NewJob};
use crate::key::{Caller, Need};
use crate::limits;
use crate::schedule::ScheduleId;
use crate::service::Service;
use crate::service::enqueue::Key;
use crate::service::schedules::Asked;

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
    /// Who asks.
    pub(super) caller: Caller,
    /// The schedule that the path names, where it was looked up already.
    pub(super) schedule: Option<ScheduleId>,
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
        if let Some(id) = self.schedule {
            return id.to_string();
        }
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
        match self.caller.user() {
            None => idempotency_key(&self.req, scope, body),
            // Nobody is told of a job of somebody else. The length keeps one user from writing into the keys of another.
            Some(user) => idempotency_key(&self.req, &format!("{}:{user}:{scope}", user.len()), body),
        }
    }

    /// How long the client would like to be held.
    pub(crate) fn preferred_wait(&self) -> Option<Duration> {
        preferred_wait(&self.req)
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Who asks, for the records.
    pub(crate) fn called(&self) -> Box<str> {
        self.caller.called()
    }

    /// A schedule that this caller wants something of.
    pub(crate) fn asked<'a>(&self, which: &'a str) -> Asked<'a> {
        Asked::by(which, &self.called())
    }

    /// A job as this caller makes it: whose key is one user's makes that user's jobs.
    pub(crate) fn own(&self, job: NewJob) -> Result<NewJob, Problem> {
        let by = matches!(self.caller, Caller::Key(_)).then(|| self.called().into());
        match self.caller.user() {
            None => Ok(NewJob { by, ..job }),
            Some(_) => {
                let user_id = self.caller.owner(job.user_id.as_deref())?.map(Into::into);
                Ok(NewJob { user_id, by, ..job })
            }
        }
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

/// Where addresses go: to where they are answered, or to who asks what they need.
pub(crate) enum Table<'a> {
    Routes(&'a mut ServiceConfig),
    Needs(&'a mut Vec<Needed>),
}

/// What one method of an address needs.
pub(crate) struct Needed {
    pub(crate) path: &'static str,
    pub(crate) method: &'static str,
    pub(crate) need: Need,
}

/// An address with its methods, each with what it needs; all others are answered 405.
pub(crate) struct At<'a> {
    /// None when it is only asked what it needs.
    edge: Option<&'a Rc<Edge>>,
    path: &'static str,
    resource: Resource,
    names: Names,
    by_pass: bool,
    methods: Vec<(&'static str, Need)>,
}

impl<'a> At<'a> {
    pub(crate) fn new(edge: Option<&'a Rc<Edge>>, path: &'static str) -> Self {
        let (names, methods) = (Names::Nothing, Vec::new());
        Self { edge, path, resource: web::resource(path), names, by_pass: false, methods }
    }

    /// Gives it a name, for `url_for`.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { resource: self.resource.name(name), ..self }
    }

    /// Its `{id}` names a job. It stands before the methods.
    pub(crate) fn job(self) -> Self {
        Self { names: Names::Job, ..self }
    }

    /// Its `{id}` names a schedule. It stands before the methods.
    pub(crate) fn schedule(self) -> Self {
        Self { names: Names::Schedule, ..self }
    }

    /// A pass is as good as a key. It stands before the methods.
    pub(crate) fn by_pass(self) -> Self {
        Self { by_pass: true, ..self }
    }

    /// A handler for GET, and for HEAD, whose body the server leaves out.
    pub(crate) fn get<F, Fut>(self, need: Need, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::GET, "GET", need, handler.clone()).on(Method::HEAD, "HEAD", need, handler)
    }

    /// A handler for a stream: GET alone, since a HEAD of something that never ends would not end.
    pub(crate) fn stream<F, Fut>(self, need: Need, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::GET, "GET", need, handler)
    }

    pub(crate) fn post<F, Fut>(self, need: Need, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::POST, "POST", need, handler)
    }

    pub(crate) fn put<F, Fut>(self, need: Need, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::PUT, "PUT", need, handler)
    }

    pub(crate) fn patch<F, Fut>(self, need: Need, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::PATCH, "PATCH", need, handler)
    }

    pub(crate) fn delete<F, Fut>(self, need: Need, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::DELETE, "DELETE", need, handler)
    }

    fn on<F, Fut>(mut self, method: Method, name: &'static str, need: Need, handler: F) -> Self
    where
        F: Fn(Call, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.methods.push((name, need));
        let Some(edge) = self.edge else { return self };
        let gate = Gate { need, names: self.names, by_pass: self.by_pass };
        let route = to(web::method(method), edge, self.segments(), gate, handler);
        Self { resource: self.resource.route(route), ..self }
    }

    fn segments(&self) -> usize {
        self.path.matches('/').count()
    }

    pub(crate) fn mount(self, table: &mut Table<'_>) {
        match (table, self.edge) {
            (Table::Routes(config), Some(edge)) => {
                let names: Vec<_> = self.methods.iter().map(|(name, _)| *name).collect();
                let allowed = names.join(", ");
                let refuse = to(web::route(), edge, self.segments(), Gate::OPEN, move |_, _| {
                    std::future::ready(Err(Protocol::MethodNotAllowed(allowed.clone()).into()))
                });
                config.service(self.resource.default_service(refuse));
            }
            (Table::Needs(needs), _) => {
                needs.extend(self.methods.iter().map(|(method, need)| Needed { path: self.path, method, need: *need }));
            }
            // Without an edge there is nobody to answer.
            (Table::Routes(_), None) => {}
        }
    }
}

/// What answers where nothing is.
pub(crate) fn nothing_here(edge: &Rc<Edge>) -> Route {
    to(web::route(), edge, 0, Gate::OPEN, |_, _| std::future::ready(Err(Protocol::NoSuchRoute.into())))
}

fn to<F, Fut>(route: Route, edge: &Rc<Edge>, segments: usize, gate: Gate, handler: F) -> Route
where
    F: Fn(Call, Payload) -> Fut + Clone + 'static,
    Fut: Future<Output = Answer> + 'static,
{
    let edge = edge.clone();
    route.to(move |req: HttpRequest, payload: Payload| {
        let (edge, handler) = (edge.clone(), handler.clone());
        async move {
            let caller = Caller::Anybody;
            let mut call = Call { req: req.clone(), edge: edge.clone(), caller, schedule: None, segments };
            let origins = &edge.settings.cors_origins;
            let answer = match cors::preflight(&req, origins) {
                Some(answer) => Ok(answer),
                None => match enter(&mut call, gate).await {
                    Ok(()) => handler(call, payload).await,
                    Err(problem) => Err(problem.unread(&req, payload)),
                },
            };
            let mut answer = match answer {
                Ok(mut answer) => {
                    if let Some(id) = request_id(&req).and_then(|id| HeaderValue::from_str(id).ok()) {
                        answer.headers_mut().insert(REQUEST_ID, id);
                    }
                    answer
                }
                Err(problem) => problem.respond(&req),
            };
            headers::secure(answer.headers_mut());
            cors::admit(req.head(), origins, answer.headers_mut());
            answer
        }
    })
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
