//! `/dashboard/events`: everything that happened, by whom and why, the latest first.

use actix_web::web::Payload;
use maud::{Markup, html};
use serde_json::Value;

use super::part::tree::tree;
use super::part::{self, Told};
use super::visit::{Answer, Visit};
use super::words::escaped;
use super::{PLAN, READ};
use crate::http::query::cursor;
use crate::store::events::Told as Event;

/// Families of types, to choose from.
const FAMILIES: &[&str] = &["job.*", "job.failed", "job.dead", "schedule.*", "alert.*", "key.*"];

/// `GET /dashboard/events`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let pairs = url::form_urlencoded::parse(visit.req.query_string().as_bytes());
    let said: Vec<_> = pairs.into_owned().filter(|(_, value)| !value.is_empty()).collect();
    let written: Vec<_> = said.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    let mut query = crate::http::query::Query::read_from(&written.join("&"), &visit.caller)?;
    let filter = query.event_filter();
    let (mut page, sort) = query.event_page();
    page.newest_first = true;
    query.end()?;
    let sort = if said.iter().any(|(name, _)| name == "cursor") { sort } else { crate::store::query::Sort::default() };
    let (found, _) = visit.service().events(filter, page).await?;
    let kept: Vec<_> = said
        .iter()
        .filter(|(name, _)| name != "cursor")
        .map(|(name, value)| format!("{name}={}&", escaped(value)))
        .collect();
    let value = |name: &str| said.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let body = html! {
        h1 { (words.events) }
        form class="filters" method="get" action=(visit.to("/events")) role="search" {
            label { span { (words.event_type) } input name="type" list="types" value=(value("type")) placeholder="job.*"; }
            datalist id="types" { @for family in FAMILIES { option value=(family) {} } }
            label class="wide" { span { (words.about) } input name="aggregateId" value=(value("aggregateId")); }
            div class="buttons" {
                button class="primary" { (words.filter) }
                a class="button" href=(visit.to("/events")) { (words.clear) }
            }
        }
        div data-live=[visit.live()] {
            @if found.items.is_empty() { section class="empty" { h2 { (words.no_events) } } } @else {
                div class="card told-events" { @for told in &found.items { (event(&visit, told)) } }
            }
            @if let Some(after) = found.next() {
                nav class="pager" aria-label=(words.pages) {
                    a class="button" rel="next" href=(visit.to(&format!("/events?{}cursor={}", kept.concat(), cursor(after, sort)))) { (words.next_page) }
                }
            }
        }
    };
    Ok(visit.page(words.events, body))
}

fn event(visit: &Visit, told: &Event) -> Markup {
    let event = &told.event;
    let (sort, id) = (&*event.aggregate.sort, &*event.aggregate.id);
    let place = match sort {
        "job" if visit.may(READ) => Some(format!("/jobs/{id}")),
        "schedule" if visit.may(PLAN) => Some(format!("/schedules/{id}")),
        _ => None,
    };
    html! {
        details id={ "event-" (event.id.as_str()) } {
            summary {
                code class="kind" { (event.kind.as_str()) } " "
                span class="quiet" { (sort) " " code { (id) } " · " (part::time(event.occurred_at, Told::At)) }
            }
            @if let Ok(value) = serde_json::from_str::<Value>(&event.payload) { (tree(&value).0) }
            @if let Some(place) = place { p { a href=(visit.to(&place)) { (visit.words().go_there) } } }
        }
    }
}
