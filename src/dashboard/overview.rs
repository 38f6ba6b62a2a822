//! `/dashboard`: how the whole stands, at one glance. The figures are kept and not counted (rule 28), so the page costs the same
//! with ten jobs and with ten million. A key that is kept to one user sees that user's newest jobs.

mod whole;

use actix_web::web::Payload;
use maud::{Markup, html};

use super::part::chart::{Reach, chart};
use super::part::{self, Told};
use super::visit::{Answer, Visit};
use super::words::{self, fill};
use super::{COUNT, jobs};
use crate::job::Status;
use crate::service::figures::Board;
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page};

/// Jobs that are listed.
const NEWEST: usize = 10;

/// `GET /dashboard`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let mut query = visit.query()?;
    let reach = if query.one("span").as_deref() == Some("day") { Reach::Day } else { Reach::Hours };
    query.end()?;
    let user_id = visit.caller.user().map(Into::into);
    let page = Page { sort: Sort::CreatedDescending, limit: NEWEST, start: Start::Offset(0) };
    let newest = visit.service().jobs(Filter { user_id, ..Filter::default() }, page).await?;
    let whole = if visit.may(COUNT) { Some(visit.service().board().await?) } else { None };
    let body = html! {
        div data-live=[visit.live()] {
            h1 { (words.overview) }
            @if let Some(board) = &whole {
                (whole::degraded(&visit))
                (whole::alerts(&visit, board).await?)
                (figures(&visit, board))
                (activity(&visit, board, reach))
            }
            div class="columns" {
                section class="card" {
                    h2 { (words.newest_jobs) }
                    (jobs::table(&visit, &newest.items))
                }
                div {
                    @if let Some(board) = &whole { (waits(&visit, board)) }
                    (whole::firings(&visit).await?)
                    (whole::nodes(&visit).await?)
                }
            }
        }
    };
    Ok(visit.page(words.overview, body))
}

fn figures(visit: &Visit, board: &Board) -> Markup {
    let words = visit.words();
    let (tally, day) = (&board.tally, board.activity.day());
    let running: u64 = Status::RUNNING.iter().map(|status| tally.of(*status)).sum();
    let tile = |name: &str, number: u64, place: &str, class: &str| {
        html! {
            a class={ "tile " (class) } href=(visit.to(place)) {
                span class="name" { (name) }
                span class="number" { (visit.lang.number(number)) }
            }
        }
    };
    let since = words::escaped(&board.activity.since.to_string());
    let bad = |number: u64| if number > 0 { "bad" } else { "" };
    html! {
        section class="tiles" aria-label=(words.last_day) {
            (tile(words.running, running, "/jobs?status=started,progress", "running"))
            (tile(words.ready, tally.ready, "/jobs?status=queued", ""))
            (tile(words.scheduled, tally.delayed, "/jobs?status=queued", ""))
            (tile(words.succeeded_day, day.completed, &format!("/jobs?status=completed&createdAfter={since}"), "good"))
            (tile(words.failed_day, day.failed, &format!("/jobs?status=failed&createdAfter={since}"), bad(day.failed)))
            (tile(words.dead_letters, tally.dead, "/dead-letters", bad(tally.dead)))
        }
    }
}

/// What ended, minute by minute.
fn activity(visit: &Visit, board: &Board, reach: Reach) -> Markup {
    let words = visit.words();
    let link = |name: &str, query: &str, is: bool| {
        html! { a href=(visit.to(query)) aria-current=[is.then_some("true")] { (name) } }
    };
    html! {
        section class="card" {
            div class="head" {
                h2 { (words.throughput) }
                div class="switch" {
                    (link(words.two_hours, "", reach == Reach::Hours))
                    (link(words.one_day, "?span=day", reach == Reach::Day))
                }
            }
            (chart(words, visit.lang, &board.activity, reach))
        }
    }
}

/// How long jobs take, and how long they wait.
fn waits(visit: &Visit, board: &Board) -> Markup {
    let words = visit.words();
    let day = board.activity.day();
    let of = |percent| board.activity.durations.percentile(percent);
    html! {
        section class="card" {
            h2 { (words.run_time) }
            @if let (Some(p50), Some(p95), Some(p99)) = (of(50), of(95), of(99)) {
                dl class="facts" {
                    dt { (words.median) } dd { (part::span(visit.lang, p50)) }
                    dt { "95 %" } dd { (part::span(visit.lang, p95)) }
                    dt { "99 %" } dd { (part::span(visit.lang, p99)) }
                    @if let Some(mean) = day.mean() { dt { (words.mean) } dd { (part::span(visit.lang, mean)) } }
                }
            } @else {
                p class="quiet" { (words.nothing_completed) }
            }
            h2 { (words.oldest_waiting) }
            @match board.tally.oldest.as_deref().and_then(|job| Some((job, job.run_at()?))) {
                Some((job, since)) => p {
                    a href=(visit.to(&format!("/jobs/{}", job.id))) { (job.spec.sub_type) " " code { (part::short(job.id)) } }
                    " " span class="quiet" { (words.waits_since) " " (part::time(since, Told::Since)) }
                },
                None => p class="quiet" { (words.nobody_waits) },
            }
            p class="quiet" { (fill(words.retried_day, &[&visit.lang.number(day.retried)])) }
        }
    }
}
