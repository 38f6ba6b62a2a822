//! `/dashboard/jobs`: a list whose filter stands in the address, in the words of `GET /jobs`.

pub(super) mod bulk;

use std::sync::Arc;

use actix_web::web::Payload;
use maud::{Markup, html};

use super::WRITE;
use super::part::{self, Told};
use super::visit::{Answer, Visit};
use super::words::{escaped, fill};
use crate::error::Error;
use crate::http::query::{Query, cursor};
use crate::job::{Job, Priority, Status};
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page, PageOf};

/// What the list is asked for, as it stands in the address.
struct Asked {
    filter: Filter,
    page: Page,
    /// The filter alone, as a query.
    query: String,
}

/// The parameters of a filter.
const FILTERS: &[&str] =
    &["status", "type", "subType", "priority", "userId", "tag", "scheduleId", "createdAfter", "createdBefore", "q"];

/// `GET /dashboard/jobs`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let asked = asked(&visit)?;
    let found = visit.service().jobs(asked.filter.clone(), asked.page).await?;
    let body = html! {
        h1 { (words.jobs) }
        (form(&visit, &asked))
        div data-live=[visit.live()] {
            (summary(&visit, &asked, &found))
            @if found.items.is_empty() { (nothing(&visit, &asked)) } @else { (table(&visit, &found.items)) }
            (pager(&visit, &asked, &found))
        }
    };
    Ok(visit.page(words.jobs, body))
}

/// Reads the address. An empty field of a form names nothing.
fn asked(visit: &Visit) -> Result<Asked, Error> {
    let pairs = url::form_urlencoded::parse(visit.req.query_string().as_bytes());
    let said: Vec<(String, String)> = pairs.into_owned().filter(|(_, value)| !value.is_empty()).collect();
    let write = |pairs: &mut dyn Iterator<Item = &(String, String)>| {
        pairs.map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect::<Vec<_>>().join("&")
    };
    let mut query = Query::read_from(&write(&mut said.iter()), &visit.caller)?;
    let (filter, page) = (query.filter(), query.page());
    query.end()?;
    let query = write(&mut said.iter().filter(|(name, _)| FILTERS.contains(&&**name)));
    Ok(Asked { filter, page, query })
}

/// The fields of a filter.
fn form(visit: &Visit, asked: &Asked) -> Markup {
    let (words, filter) = (visit.words(), &asked.filter);
    let one_of = |name: &str, label: &str, options: &[(&str, &str)], chosen: Option<&str>| {
        html! {
            label {
                span { (label) }
                select name=(name) {
                    option value="" { (words.any) }
                    @for (value, text) in options { option value=(value) selected[Some(*value) == chosen] { (text) } }
                }
            }
        }
    };
    let statuses: Vec<_> = [("started,progress", words.running)]
        .into_iter()
        .chain(
            Status::ALL
                .iter()
                .filter(|status| !Status::RUNNING.contains(status))
                .map(|status| (status.as_str(), words.status(*status))),
        )
        .collect();
    let status = match filter.status.as_slice() {
        [] => None,
        [one] => Some(one.as_str()),
        _ => Some("started,progress"),
    };
    let priorities: Vec<_> = Priority::ALL.iter().map(|one| (one.as_str(), part::priority(words, *one))).collect();
    let names: Vec<_> = visit.service().registry().iter().map(|processor| processor.sub_type.to_string()).collect();
    html! {
        form class="filters" method="get" action=(visit.to("/jobs")) role="search" {
            label class="wide" {
                span { (words.search) }
                input type="search" name="q" value=(filter.text.as_deref().unwrap_or_default()) placeholder=(words.search_hint);
            }
            (one_of("status", words.status, &statuses, status))
            label {
                span { (words.sub_type) }
                input name="subType" list="sub-types" value=(filter.sub_type.as_ref().map_or("", |name| name.as_str()));
            }
            datalist id="sub-types" { @for name in &names { option value=(name) {} } }
            (one_of("priority", words.priority, &priorities, filter.priority.map(Priority::as_str)))
            label { span { (words.tag) } input name="tag" value=(filter.tag.as_deref().unwrap_or_default()); }
            @if visit.caller.user().is_none() {
                label { span { (words.user) } input name="userId" value=(filter.user_id.as_deref().unwrap_or_default()); }
            }
            label {
                span { (words.order) }
                select name="sort" {
                    option value="" { (words.newest_first) }
                    option value="createdAt" selected[asked.page.sort == Sort::CreatedAscending] { (words.oldest_first) }
                }
            }
            div class="buttons" {
                button class="primary" { (words.filter) }
                a class="button" href=(visit.to("/jobs")) { (words.clear) }
            }
        }
    }
}

/// How many there are, and what can be done with all of them.
fn summary(visit: &Visit, asked: &Asked, found: &PageOf<Arc<Job>>) -> Markup {
    let words = visit.words();
    let total = visit.lang.number(found.total);
    let sentence = fill(if found.exact { words.jobs_in_all } else { words.jobs_at_least }, &[&total]);
    let bulk = |act: &str, name: &str| {
        html! { a class="button" href=(visit.to(&format!("/jobs/bulk?{}&act={act}", asked.query))) { (name) } }
    };
    let named = !asked.query.is_empty() && found.total > 0 && visit.may(WRITE);
    html! {
        div class="summary" {
            p { (sentence) }
            @if named {
                div class="buttons" {
                    @if !asked.filter.wants_finished_only() { (bulk("cancel", words.cancel_all)) }
                    @if !asked.filter.wants_live_only() { (bulk("retry", words.retry_all)) }
                }
            }
        }
    }
}

fn nothing(visit: &Visit, asked: &Asked) -> Markup {
    let words = visit.words();
    let is_plain = asked.query.is_empty();
    html! {
        section class="empty" {
            h2 { (if is_plain { words.no_jobs_yet } else { words.no_jobs }) }
            @if is_plain { p { (words.no_jobs_hint) } }
        }
    }
}

/// Jobs, one a row.
pub(super) fn table(visit: &Visit, jobs: &[Arc<Job>]) -> Markup {
    let words = visit.words();
    if jobs.is_empty() {
        return html! { p class="quiet" { (words.no_jobs_yet) } };
    }
    let now = visit.service().now();
    html! {
        table class="list" {
            thead {
                tr {
                    th scope="col" { (words.job) }
                    th scope="col" { (words.status) }
                    th scope="col" { (words.progress_of) }
                    th scope="col" class="minor" { (words.priority) }
                    th scope="col" { (words.created) }
                    th scope="col" class="minor number" { (words.took) }
                }
            }
            tbody { @for job in jobs { (row(visit, job, now)) } }
        }
    }
}

fn row(visit: &Visit, job: &Job, now: crate::clock::Timestamp) -> Markup {
    let words = visit.words();
    let told = job.life.progress.message();
    html! {
        tr id={ "job-" (job.id) } {
            td class="job" {
                a href=(visit.to(&format!("/jobs/{}", job.id))) {
                    span class="name" { (job.spec.sub_type) }
                    " " code class="quiet" { (part::short(job.id)) }
                }
                @for tag in job.spec.tags().iter().take(4) { " " span class="tag" { (tag) } }
            }
            td { (part::status(words, job, now)) }
            td class="progress" {
                (part::bar(words, job))
                @if let Some(told) = told { span class="message quiet" title=(told) { (told) } }
            }
            td class="minor" { (part::priority(words, job.spec.priority)) }
            td { (part::time(job.created_at, Told::Ago)) }
            td class="minor number" { (part::took(visit.lang, job)) }
        }
    }
}

fn pager(visit: &Visit, asked: &Asked, found: &PageOf<Arc<Job>>) -> Markup {
    let words = visit.words();
    let sort = match asked.page.sort {
        Sort::CreatedAscending => "&sort=createdAt",
        Sort::CreatedDescending => "",
    };
    let first = format!("/jobs?{}{sort}", asked.query);
    html! {
        nav class="pager" aria-label=(words.pages) {
            @if asked.page.start != Start::Offset(0) { a class="button" href=(visit.to(&first)) { (words.first_page) } }
            @if let Some(after) = found.next() {
                a class="button" rel="next" href=(visit.to(&format!("{first}&cursor={}", cursor(after, asked.page.sort)))) { (words.next_page) }
            }
        }
    }
}
