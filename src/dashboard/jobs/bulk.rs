//! `/dashboard/jobs/bulk`: cancel, retry or discard all jobs that a filter names, after a page that counts them and asks.

use actix_web::web::Payload;
use maud::html;

use super::FILTERS;
use crate::dashboard::form::Form;
use crate::dashboard::visit::{Answer, Visit};
use crate::dashboard::words::{Words, escaped, fill};
use crate::error::Error;
use crate::http::query::Query;
use crate::job::Status;
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page};

/// What is done with all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Cancel,
    Retry,
    Discard,
}

impl Act {
    fn of(word: Option<&str>) -> Result<Self, Error> {
        match word {
            Some("cancel") => Ok(Self::Cancel),
            Some("retry") => Ok(Self::Retry),
            Some("discard") => Ok(Self::Discard),
            _ => Err(Error::field("act", "must be cancel, retry or discard")),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }

    /// The question, and the button that says yes.
    const fn asks(self, words: &Words) -> (&'static str, &'static str) {
        match self {
            Self::Cancel => (words.sure_cancel, words.cancel_all),
            Self::Retry => (words.sure_retry, words.retry_all),
            Self::Discard => (words.sure_discard, words.discard_all),
        }
    }

    /// The jobs of a filter that it concerns.
    fn concerns(self, mut filter: Filter) -> Filter {
        if filter.status.is_empty() && !filter.dead {
            filter.status = match self {
                Self::Cancel => vec![Status::Queued, Status::Started, Status::Progress],
                Self::Retry => vec![Status::Failed, Status::Cancelled],
                Self::Discard => Vec::new(),
            };
        }
        filter.dead |= self == Self::Discard;
        filter
    }
}

/// What is to be done, and with which jobs. Nobody cancels everything by leaving something out: all is said as `dead` or a filter.
fn read(visit: &Visit, text: &str) -> Result<(Act, Filter), Error> {
    let mut query = Query::read_from(text, &visit.caller)?;
    let act = Act::of(query.one("act").as_deref())?;
    let dead = query.flag("dead");
    let filter = query.filter();
    let named = query.names_something() || dead;
    query.end()?;
    if !named {
        return Err(Error::invalid("name the jobs by a filter"));
    }
    Ok((act, act.concerns(Filter { dead, ..filter })))
}

/// `GET /dashboard/jobs/bulk`
pub(in crate::dashboard) async fn ask(visit: Visit, _: Payload) -> Answer {
    let (act, filter) = read(&visit, visit.req.query_string())?;
    let words = visit.words();
    let page = Page { sort: Sort::default(), limit: 1, start: Start::Offset(0) };
    let found = visit.service().jobs(filter, page).await?;
    let number = visit.lang.number(found.total);
    let number = if found.exact { number } else { format!("≥ {number}") };
    let (question, yes) = act.asks(words);
    let question = fill(question, &[&number]);
    let said: Vec<_> = url::form_urlencoded::parse(visit.req.query_string().as_bytes()).into_owned().collect();
    let back: Vec<_> = said.iter().filter(|(name, _)| FILTERS.contains(&&**name)).collect();
    let back: Vec<_> = back.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    let body = html! {
        section class="ask" {
            h1 { (question) }
            p class="quiet" { (words.sure_why) }
            form method="post" action=(visit.to("/jobs/bulk")) class="buttons" {
                @for (name, value) in &said { input type="hidden" name=(name) value=(value); }
                button class=(if act == Act::Retry { "primary" } else { "danger" }) { (yes) }
                a class="button" href=(visit.to(&format!("/jobs?{}", back.join("&")))) { (words.go_back) }
            }
        }
    };
    Ok(visit.page(&question, body))
}

/// `POST /dashboard/jobs/bulk`
pub(in crate::dashboard) async fn act(visit: Visit, payload: Payload) -> Answer {
    let sent = Form::read(&visit, payload).await?;
    let (act, filter) = read(&visit, &sent.query())?;
    let by = visit.called();
    let bulk = match act {
        Act::Cancel => visit.service().cancel_all(filter, &by).await?,
        Act::Retry => visit.service().retry_all(filter, &by).await?,
        Act::Discard => visit.service().discard_all(filter).await?,
    };
    let words = visit.words();
    let (changed, matched) = (visit.lang.number(bulk.changed), visit.lang.number(bulk.matched));
    let told = fill(words.bulk_done, &[&changed, &matched]);
    let body = html! {
        section class="ask" id={ "done-" (act.word()) } {
            h1 { (told) }
            p { a class="button primary" href=(visit.to("/jobs")) { (words.jobs) } }
        }
    };
    Ok(visit.page(&told, body))
}
