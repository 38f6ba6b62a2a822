//! One request on its way through a page: who comes, in which language, from which address. Errors turn into pages here and
//! nowhere else.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource};
use maud::Markup;

use super::words::{self, Lang, Words};
use super::{READ, frame, gate, session};
use crate::error::Error;
use crate::http::Settings;
use crate::http::problem::status_of;
use crate::http::query::Query;
use crate::job::{Job, JobId};
use crate::key::{Caller, Need};
use crate::service::Service;
use crate::service::schedules::Asked;

/// What a page answers.
pub(super) type Answer = Result<HttpResponse, Error>;

/// What all visits of one server thread share.
pub(super) struct Desk {
    pub(super) service: Arc<Service>,
    pub(super) settings: Settings,
}

/// One request.
#[derive(Clone)]
pub(super) struct Visit {
    pub(super) req: HttpRequest,
    pub(super) desk: Rc<Desk>,
    /// Who comes.
    pub(super) caller: Caller,
    pub(super) lang: Lang,
}

impl Visit {
    pub(super) fn service(&self) -> &Arc<Service> {
        &self.desk.service
    }

    /// Every word, in the reader's language.
    pub(super) fn words(&self) -> &'static Words {
        words::of(self.lang)
    }

    /// The address of a page: what stands before `/dashboard` is the prefix that we are mounted under.
    pub(super) fn to(&self, path: &str) -> String {
        let whole = self.req.path();
        let base = match &self.desk.settings.base_path {
            Some(base) => base.trim_end_matches('/'),
            None => whole.find("/dashboard").map_or("", |at| &whole[..at]),
        };
        format!("{base}/dashboard{path}")
    }

    /// The stream that keeps a page live, for those whose key opens it.
    pub(super) fn live(&self) -> Option<String> {
        self.may(READ).then(|| self.to("/live"))
    }

    /// The address that was asked for, with its query.
    pub(super) fn here(&self) -> String {
        let path = self.to(self.req.path().split_once("/dashboard").map_or("", |(_, rest)| rest));
        match self.req.query_string() {
            "" => path,
            query => format!("{path}?{query}"),
        }
    }

    /// What stands after the `?`.
    pub(super) fn query(&self) -> Result<Query, Error> {
        Query::read_from(self.req.query_string(), &self.caller)
    }

    /// A part of the path.
    pub(super) fn part(&self, name: &str) -> &str {
        self.req.match_info().get(name).unwrap_or_default()
    }

    /// The only part of the path, without the escapes that it may have.
    pub(super) fn only_part(&self) -> String {
        let decoded = web::Path::<String>::extract(&self.req).into_inner();
        decoded.map(web::Path::into_inner).unwrap_or_default()
    }

    /// The job that the path names, if whoever comes may see it.
    pub(super) async fn job(&self) -> Result<Arc<Job>, Error> {
        let text = self.part("id");
        let id: JobId = text.parse().map_err(|_| Error::no_job(text.chars().take(100).collect::<String>()))?;
        let job = self.service().job(id).await?;
        if self.caller.sees(job.spec.user_id.as_deref()) { Ok(job) } else { Err(Error::no_job(id)) }
    }

    /// Whether whoever comes may do what needs so much.
    pub(super) fn may(&self, need: Need) -> bool {
        self.caller.may(need).is_ok()
    }

    /// Who acts, for the records.
    pub(super) fn called(&self) -> Box<str> {
        match &self.caller {
            Caller::Anybody => "dashboard".into(),
            Caller::Key(_) => self.caller.called(),
        }
    }

    /// A schedule that they want something of.
    pub(super) fn asked<'a>(&self, which: &'a str) -> Asked<'a> {
        Asked::by(which, &self.called())
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.req.headers().get(name)?.to_str().ok()
    }

    /// A page.
    pub(super) fn page(&self, title: &str, body: Markup) -> HttpResponse {
        self.page_with(StatusCode::OK, title, body)
    }

    fn page_with(&self, status: StatusCode, title: &str, body: Markup) -> HttpResponse {
        HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .body(frame::around(self, title, &body).into_string())
    }

    /// Sends the browser on to a page, after a change.
    pub(super) fn see(&self, place: &str) -> HttpResponse {
        HttpResponse::SeeOther().insert_header((header::LOCATION, place)).finish()
    }

    fn refused(&self, error: &Error) -> HttpResponse {
        let words = self.words();
        let status = status_of(error);
        let is_page = self.header(&header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
        if matches!(error, Error::Unauthorized(_)) && is_page && self.req.method().is_safe() {
            let next = words::escaped(&self.here());
            return self.see(&format!("{}?next={next}", self.to("/sign-in")));
        }
        let (title, told) = match error {
            Error::NotFound { .. } => (words.not_here, error.to_string()),
            Error::Forbidden(_) | Error::Unauthorized(_) => (words.not_allowed, error.to_string()),
            Error::Internal(source) => {
                tracing::error!(error = %source, path = self.req.path(), "a page failed");
                (words.went_wrong, words.see_log.to_owned())
            }
            _ => (words.not_possible, error.to_string()),
        };
        self.page_with(status, title, frame::refusal(self, title, &told, error))
    }
}

/// Where addresses go: to where they are answered, or to who asks what they need.
pub(super) enum Table<'a> {
    Routes(&'a mut ServiceConfig),
    Needs(&'a mut Vec<Needed>),
}

/// What one method of an address needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needed {
    /// The address, with the names of its parts in braces.
    pub path: &'static str,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// What whoever comes must hold.
    pub need: Need,
}

/// An address with its methods, each with what it needs.
pub(super) struct At<'a> {
    desk: Option<&'a Rc<Desk>>,
    path: &'static str,
    resource: Resource,
    methods: Vec<(&'static str, Need)>,
}

impl<'a> At<'a> {
    pub(super) fn new(desk: Option<&'a Rc<Desk>>, path: &'static str) -> Self {
        Self { desk, path, resource: web::resource(path), methods: Vec::new() }
    }

    /// A page, for GET and for HEAD.
    pub(super) fn get<F, Fut>(self, need: Need, handler: F) -> Self
    where
        F: Fn(Visit, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::GET, "GET", need, handler)
    }

    /// A change.
    pub(super) fn post<F, Fut>(self, need: Need, handler: F) -> Self
    where
        F: Fn(Visit, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.on(Method::POST, "POST", need, handler)
    }

    fn on<F, Fut>(mut self, method: Method, name: &'static str, need: Need, handler: F) -> Self
    where
        F: Fn(Visit, Payload) -> Fut + Clone + 'static,
        Fut: Future<Output = Answer> + 'static,
    {
        self.methods.push((name, need));
        let Some(desk) = self.desk.cloned() else { return self };
        let route = web::method(method).to(move |req: HttpRequest, payload: Payload| {
            let (desk, handler) = (desk.clone(), handler.clone());
            async move {
                let lang = session::lang(&req);
                let mut visit = Visit { req, desk, caller: Caller::Anybody, lang };
                let answer = match gate::enter(&mut visit, need).await {
                    Ok(()) => handler(visit.clone(), payload).await,
                    Err(error) => Err(error),
                };
                let mut answer = answer.unwrap_or_else(|error| visit.refused(&error));
                gate::secure(&mut answer);
                answer
            }
        });
        Self { resource: self.resource.route(route), ..self }
    }

    pub(super) fn mount(self, table: &mut Table<'_>) {
        match table {
            Table::Routes(config) => {
                config.service(self.resource);
            }
            Table::Needs(needs) => {
                needs.extend(self.methods.iter().map(|(method, need)| Needed { path: self.path, method, need: *need }));
            }
        }
    }
}
