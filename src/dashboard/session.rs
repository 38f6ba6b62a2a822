//! Signing in with a key, signing out, and the language. The cookie holds no key: it holds a signed text that opens what the key
//! opens for a working day, and ends with the key.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use maud::html;

use super::form::Form;
use super::frame;
use super::visit::{Answer, Visit};
use super::words::{self, Lang};
use crate::error::Error;
use crate::limits;

const SESSION: &str = "faena_session";
const LANGUAGE: &str = "faena_language";
const YEAR_SECONDS: u64 = 365 * 24 * 3_600;

/// What the browser presents as its session.
pub(super) fn presented(req: &HttpRequest) -> Option<&str> {
    cookie(req, SESSION)
}

/// The reader's language: what they chose, or what their browser prefers.
pub(super) fn lang(req: &HttpRequest) -> Lang {
    let preferred = || req.headers().get(header::ACCEPT_LANGUAGE)?.to_str().ok().map(words::preferred);
    cookie(req, LANGUAGE).and_then(Lang::of).or_else(preferred).unwrap_or_default()
}

/// The value of a cookie (RFC 6265, 4.2.1).
fn cookie<'a>(req: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let lines = req.headers().get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// `GET /dashboard/sign-in`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let next = visit.query()?.one("next").unwrap_or_default();
    Ok(form(&visit, &next, None))
}

/// The form, which goes on to `next` once somebody is in.
fn form(visit: &Visit, next: &str, complaint: Option<&str>) -> HttpResponse {
    let words = visit.words();
    let body = html! {
        div class="sign-in" {
            h1 { (words.sign_in) }
            p class="quiet" { (words.sign_in_why) }
            form method="post" action=(visit.to("/sign-in")) class="stack" {
                input type="hidden" name="next" value=(next);
                label for="key" { (words.key) }
                input id="key" name="key" type="password" autocomplete="current-password" required autofocus
                    maxlength=(limits::KEY_SECRET_BYTES_MAX) aria-describedby=[complaint.map(|_| "complaint")]
                    aria-invalid=[complaint.map(|_| "true")];
                @if let Some(complaint) = complaint {
                    p id="complaint" class="complaint" role="alert" { (complaint) }
                }
                button class="primary" { (words.sign_in) }
            }
        }
    };
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(frame::bare(visit, words.sign_in, &body).into_string())
}

/// `POST /dashboard/sign-in`
pub(super) async fn sign_in(visit: Visit, payload: Payload) -> Answer {
    let sent = Form::read(&visit, payload).await?;
    let session = match visit.service().sign_in(sent.text("key").unwrap_or_default()).await {
        Ok(session) => session,
        Err(Error::Unauthorized(told)) => {
            let mut answer = form(&visit, sent.text("next").unwrap_or_default(), Some(&told));
            *answer.status_mut() = actix_web::http::StatusCode::UNAUTHORIZED;
            return Ok(answer);
        }
        Err(error) => return Err(error),
    };
    let mut place = back(&visit, sent.text("next"));
    if let Some(session) = &session
        && place == visit.to("")
    {
        // The first page that this key opens.
        let caller = visit.service().bearer_of_session(Some(&session.text())).await?;
        let first = frame::places(&Visit { caller, ..visit.clone() }).first().map(|(path, _)| visit.to(path));
        place = first.unwrap_or(place);
    }
    let mut answer = visit.see(&place);
    if let Some(session) = session {
        let life = session.expires_at.millis_since(visit.service().now()) / 1_000;
        set(&visit, &mut answer, SESSION, &session.text(), life)?;
    }
    Ok(answer)
}

/// `POST /dashboard/sign-out`
pub(super) async fn sign_out(visit: Visit, _: Payload) -> Answer {
    let mut answer = visit.see(&visit.to("/sign-in"));
    set(&visit, &mut answer, SESSION, "", 0)?;
    Ok(answer)
}

/// `POST /dashboard/language`
pub(super) async fn language(visit: Visit, payload: Payload) -> Answer {
    let sent = Form::read(&visit, payload).await?;
    let lang = sent.text("lang").and_then(Lang::of).unwrap_or_default();
    let mut answer = visit.see(&back(&visit, sent.text("next")));
    set(&visit, &mut answer, LANGUAGE, lang.code(), YEAR_SECONDS)?;
    Ok(answer)
}

/// Where somebody goes on: a page of ours, whatever was asked for.
fn back(visit: &Visit, next: Option<&str>) -> String {
    let home = visit.to("");
    let is_ours = |next: &str| {
        let rest = next.strip_prefix(&*home).unwrap_or("!");
        (rest.is_empty() || rest.starts_with(['/', '?'])) && !next.contains(['\\', '\r', '\n']) && next.starts_with('/')
    };
    next.filter(|next| is_ours(next) && !next.starts_with("//")).map_or_else(|| home.clone(), str::to_owned)
}

/// Sets a cookie of the dashboard alone: no script reads it, and no other site's request carries it. Its value is of letters,
/// digits, `-` and `_`.
fn set(visit: &Visit, answer: &mut HttpResponse, name: &str, value: &str, seconds: u64) -> Result<(), Error> {
    let secure = if visit.req.connection_info().scheme() == "https" { "; Secure" } else { "" };
    let path = visit.to("");
    let cookie = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let cookie = HeaderValue::from_str(&cookie).map_err(Error::internal)?;
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(())
}
