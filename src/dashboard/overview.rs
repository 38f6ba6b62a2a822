//! `/dashboard`: how the whole stands, at one glance. The figures are kept and not counted (rule 28), so the page costs the same
//! with ten jobs and with ten million.

use actix_web::web::Payload;
use maud::{Markup, html};

use super::visit::{Answer, Visit};
use super::{jobs, words};
use crate::job::Status;
use crate::key::{Need, Scope};
use crate::service::figures::Board;
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page};

/// Jobs that are listed.
const NEWEST: usize = 10;
/// Figures of everybody's jobs.
const COUNT: Need = Need::Whole(Scope::JobsRead);

/// `GET /dashboard`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let user_id = visit.caller.user().map(Into::into);
    let page = Page { sort: Sort::CreatedDescending, limit: NEWEST, start: Start::Offset(0) };
    let newest = visit.service().jobs(Filter { user_id, ..Filter::default() }, page).await?;
    let board = if visit.may(COUNT) { Some(visit.service().board().await?) } else { None };
    let body = html! {
        div data-live=(visit.to("/live")) {
            h1 { (words.overview) }
            @if let Some(board) = &board { (figures(&visit, board)) }
            section class="card" {
                h2 { (words.newest_jobs) }
                (jobs::table(&visit, &newest.items))
            }
        }
    };
    Ok(visit.page(words.overview, body))
}

fn figures(visit: &Visit, board: &Board) -> Markup {
    let words = visit.words();
    let (tally, day) = (&board.tally, board.activity.day());
    let running: u64 = Status::RUNNING.iter().map(|status| tally.of(*status)).sum();
    let tile = |name: &str, number: u64, query: &str, class: &str| {
        html! {
            a class={ "tile " (class) } href=(visit.to(&format!("/jobs{query}"))) {
                span class="name" { (name) }
                span class="number" { (visit.lang.number(number)) }
            }
        }
    };
    let since = words::escaped(&board.activity.since.to_string());
    html! {
        section class="tiles" aria-label=(words.last_day) {
            (tile(words.running, running, "?status=started,progress", "running"))
            (tile(words.ready, tally.ready, "?status=queued", ""))
            (tile(words.scheduled, tally.delayed, "?status=queued", ""))
            (tile(words.succeeded_day, day.completed, &format!("?status=completed&createdAfter={since}"), "good"))
            (tile(words.failed_day, day.failed, &format!("?status=failed&createdAfter={since}"), if day.failed > 0 { "bad" } else { "" }))
        }
    }
}
