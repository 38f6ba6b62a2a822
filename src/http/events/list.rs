//! `GET /events` as a list, for whoever asks for JSON: what happened, as the log has it. It is the audit trail.

use actix_web::http::{StatusCode, header};

use crate::http::call::{Answer, Call};
use crate::http::present::json;
use crate::http::query::{Query, cursor};
use crate::http::view::{EventView, Listed, Pagination, counted};
use crate::store::Sort;

/// Whether JSON is asked for by name. Whoever takes anything gets the stream, as ever.
pub(super) fn is_wanted(call: &Call) -> bool {
    let accepted = call.header(&header::ACCEPT).unwrap_or_default();
    let types: Vec<_> = accepted.split(',').map(|part| part.split(';').next().unwrap_or_default().trim()).collect();
    types.contains(&"application/json") && !types.contains(&"text/event-stream")
}

/// `GET /events` with `Accept: application/json`
pub(super) async fn list(call: &Call) -> Answer {
    let mut query = Query::of(call)?;
    let (filter, (page, sort)) = (query.event_filter(), query.event_page());
    query.end()?;
    let (found, end) = call.service().events(filter, page).await?;
    // Whoever begins with the oldest may go on from the end when more has happened.
    let end = (sort == Sort::CreatedAscending).then_some(end);
    let next_cursor = found.next().or(end).map(|place| cursor(place, sort));
    let listed = Listed {
        success: true,
        data: found.items.iter().filter_map(|told| EventView::of(&told.event)).collect(),
        message: format!("{}.", counted(found.items.len() as u64, "event")),
        pagination: Pagination {
            total: found.total,
            total_is_exact: found.exact,
            limit: page.limit,
            offset: 0,
            has_more: found.more,
            next_cursor: next_cursor.clone(),
        },
        next_cursor,
    };
    json(StatusCode::OK, &listed)
}
