//! `/alerts`: what fires and what has cleared.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::{Answer, Call};
use super::present::json;
use super::query::{self, Query};
use super::view::{AlertView, Listed, Pagination};
use crate::error::Error;

/// `GET /alerts`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    let mut query = Query::of(&call)?;
    let (filter, page) = (query.alert_filter(), query.alert_page());
    query.end()?;
    let found = call.service().alerts(filter, page).await?;
    let listed = Listed {
        success: true,
        data: found.items.iter().map(|alert| AlertView::of(alert)).collect(),
        message: format!("{} of {} alerts.", found.items.len(), found.total),
        pagination: Pagination {
            total: found.total,
            total_is_exact: found.exact,
            limit: page.limit,
            offset: page.offset,
            has_more: found.more,
            next_cursor: None,
        },
        next_cursor: None,
    };
    json(StatusCode::OK, &listed)
}

/// `GET /alerts/{id}`
pub(crate) async fn get(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let text = call.part("id");
    // What is no id names no alert.
    let missing = || Error::NotFound { what: "alert", id: text.chars().take(100).collect() };
    let alert = call.service().alert(text.parse().map_err(|_| missing())?).await?;
    json(StatusCode::OK, &AlertView::of(&alert))
}
