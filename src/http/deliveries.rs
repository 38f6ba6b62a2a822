//! `/subscriptions/{id}/deliveries`: what is on its way, what came of the latest, and another try of what nobody took.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::present::json;
use super::query::{self, Query};
use super::request::Faults;
use super::schedule::read;
use super::subscriptions::{admitted, subscription_id};
use super::view::{Created, DeliveryView, Listed, Pagination, ReplayedView};
use super::{body, complaints};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::event::EventId;
use crate::store::outbox::SendingFilter;

/// Which dead deliveries to try anew; all when nothing is named.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = Replay)]
pub(crate) struct ReplayRequest {
    /// Of events that happened then or later (RFC 3339).
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Of events that happened before (RFC 3339).
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// `GET /subscriptions/{id}/deliveries`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    let id = subscription_id(&call)?;
    let mut query = Query::of(&call)?;
    let filter = SendingFilter {
        state: query.read("state", str::parse),
        since: query.read("since", str::parse::<Timestamp>),
        until: query.read("until", str::parse::<Timestamp>),
        ..SendingFilter::of(id)
    };
    let page = query.alert_page();
    query.end()?;
    let found = call.service().sendings(call.caller(), filter, page.limit, page.offset).await?;
    let listed = Listed {
        success: true,
        data: found.items.iter().map(|sending| DeliveryView::of(sending)).collect(),
        message: format!("{} of {} deliveries.", found.items.len(), found.total),
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

/// `POST /subscriptions/{id}/deliveries/replay`
pub(crate) async fn replay_all(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let id = admitted(&call).await?;
    let request: ReplayRequest = read(&complaints::REPLAY, &body::json_if_any(&call, payload).await?)?;
    let mut faults = Faults::default();
    let mut moment = |field, text: Option<String>| text.and_then(|text| faults.take(field, text.parse::<Timestamp>()));
    let (since, until) = (moment("since", request.since), moment("until", request.until));
    if !faults.is_empty() {
        return Err(Error::from(faults).into());
    }
    let filter = SendingFilter { since, until, ..SendingFilter::of(id) };
    let replayed = call.service().replay_dead(call.caller(), filter).await?;
    let said = format!("{replayed} deliveries are tried anew.");
    json(StatusCode::OK, &Created::new(ReplayedView { replayed }, &said))
}

/// `POST /subscriptions/{id}/deliveries/{eventId}/replay`
pub(crate) async fn replay(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    body::none(&call)?;
    let id = subscription_id(&call)?;
    let text = call.part("eventId");
    let missing = || Error::NotFound { what: "delivery", id: text.chars().take(100).collect() };
    let event: EventId = text.parse().map_err(|_| missing())?;
    call.service().replay_one(call.caller(), id, event).await?;
    json(StatusCode::OK, &Created::new(ReplayedView { replayed: 1 }, "The delivery is tried anew."))
}
