//! What the event log tells of a job: each change, when, by whom and why.

use maud::{Markup, html};
use serde_json::Value;

use crate::dashboard::HEAR;
use crate::dashboard::part::tree::tree;
use crate::dashboard::part::{self, Told};
use crate::dashboard::visit::Visit;
use crate::error::Error;
use crate::job::Job;
use crate::store::events::{EventFilter, EventPage};

/// Events that are shown.
const EVENTS: usize = 50;

/// The latest events of a job, for those whose key opens events.
pub(super) async fn events(visit: &Visit, job: &Job) -> Result<Markup, Error> {
    if !visit.may(HEAR) {
        return Ok(html! {});
    }
    let filter =
        EventFilter { sort: Some("job".into()), id: Some(job.id.to_string().into()), ..EventFilter::default() };
    let page = EventPage { newest_first: true, after: None, limit: EVENTS };
    let (found, _) = visit.service().events(filter, page).await?;
    Ok(html! {
        section class="card" {
            h2 { (visit.words().events) }
            div class="told-events" {
                @for told in &found.items {
                    details id={ "event-" (told.event.id.as_str()) } {
                        summary { code { (told.event.kind.as_str()) } " " span class="quiet" { (part::time(told.event.occurred_at, Told::At)) } }
                        @if let Ok(value) = serde_json::from_str::<Value>(&told.event.payload) { (tree(&value).0) }
                    }
                }
            }
        }
    })
}
