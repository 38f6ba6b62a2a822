//! `/dashboard/dead-letters`: jobs that used up their tries, to retry or to discard, one by one or all.

use actix_web::web::Payload;
use maud::{Markup, html};

use super::WRITE;
use super::part::{self, Told};
use super::visit::{Answer, Visit};
use super::words::fill;
use crate::http::query::cursor;
use crate::job::Job;
use crate::store::Filter;
use crate::store::query::{Sort, Start};

/// `GET /dashboard/dead-letters`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let mut query = visit.query()?;
    // No filter: what is done to all of them would be done to others, too.
    let page = query.page();
    query.end()?;
    let found = visit.service().jobs(Filter { dead: true, ..Filter::default() }, page).await?;
    let order = if page.sort == Sort::CreatedAscending { "sort=createdAt&" } else { "" };
    let total = visit.lang.number(found.total);
    let bulk = |act: &str, name: &str, class: &str| {
        html! { a class={ "button " (class) } href=(visit.to(&format!("/jobs/bulk?dead=true&act={act}"))) { (name) } }
    };
    let body = html! {
        h1 { (words.dead_letters) }
        p class="lead quiet" { (words.dead_why) }
        div data-live=[visit.live()] {
            @if found.items.is_empty() && page.start == Start::Offset(0) {
                section class="empty" { h2 { (words.no_dead) } p { (words.no_dead_hint) } }
            } @else {
                div class="summary" {
                    p { (fill(if found.exact { words.jobs_in_all } else { words.jobs_at_least }, &[&total])) }
                    @if visit.may(WRITE) {
                        div class="buttons" {
                            (bulk("retry", words.retry_all, ""))
                            (bulk("discard", words.discard_all, "danger"))
                        }
                    }
                }
                table class="list" {
                    thead {
                        tr {
                            th scope="col" { (words.job) }
                            th scope="col" { (words.error) }
                            th scope="col" class="minor" { (words.attempts) }
                            th scope="col" { (words.ended_at) }
                            th scope="col" { span class="unseen" { (words.acts) } }
                        }
                    }
                    tbody { @for job in &found.items { (row(&visit, job)) } }
                }
            }
            @if let Some(after) = found.next() {
                nav class="pager" aria-label=(words.pages) {
                    a class="button" rel="next" href=(visit.to(&format!("/dead-letters?{order}cursor={}", cursor(after, page.sort)))) { (words.next_page) }
                }
            }
        }
    };
    Ok(visit.page(words.dead_letters, body))
}

fn row(visit: &Visit, job: &Job) -> Markup {
    let words = visit.words();
    let button = |act: &str, name: &str, class: &str| {
        html! {
            form method="post" action=(visit.to(&format!("/jobs/{}/{act}", job.id))) { button class=(class) { (name) } }
        }
    };
    html! {
        tr id={ "job-" (job.id) } {
            td class="job" {
                a href=(visit.to(&format!("/jobs/{}", job.id))) {
                    span class="name" { (job.spec.sub_type) } " " code class="quiet" { (part::short(job.id)) }
                }
            }
            td class="told" {
                @if let Some(error) = job.latest_error() {
                    code { (error.kind) } span class="message quiet" title=(error.message) { (error.message) }
                }
            }
            td class="minor" { (job.life.attempt) }
            td { @if let Some(end) = job.end() { (part::time(end.at, Told::Ago)) } }
            td {
                @if visit.may(WRITE) {
                    div class="buttons" { (button("retry", words.retry, "")) (button("discard", words.discard, "danger")) }
                }
            }
        }
    }
}
