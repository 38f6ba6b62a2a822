//! `/outbox`: how much waits to be sent, have it sent now, forget what was sent long ago.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::present::json;
use super::schedule::read;
use super::view::{CleanupView, Created, OutboxView, ProcessedView};
use super::{body, complaints, query};
use crate::limits;

/// What to forget.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = OutboxCleanup)]
pub(crate) struct OutboxCleanupRequest {
    /// Deliveries that ended longer ago than so many days; 30 when left out.
    #[schema(minimum = 0, maximum = 36500)]
    days: Option<u32>,
}

/// `GET /outbox/stats`
pub(crate) async fn stats(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let figures = call.service().outbox_figures().await?;
    json(StatusCode::OK, &Created::new(OutboxView::of(&figures), "How the outbox stands."))
}

/// `POST /outbox/process`
pub(crate) async fn process(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    body::none(&call)?;
    let sent = call.service().process_outbox().await?;
    let said = format!("Processed: {}, failed: {}.", sent.processed, sent.failed);
    json(StatusCode::OK, &Created::new(ProcessedView::of(sent), &said))
}

/// `POST /outbox/cleanup`
pub(crate) async fn cleanup(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let request: OutboxCleanupRequest = read(&complaints::OUTBOX_CLEANUP, &body::json_if_any(&call, payload).await?)?;
    let age = request.days.map_or(limits::SENDING_RETENTION, |days| Duration::from_secs(u64::from(days) * 24 * 3_600));
    let forgotten = call.service().clean_outbox(age).await?;
    json(StatusCode::OK, &Created::new(CleanupView { forgotten }, &format!("{forgotten} events forgotten.")))
}
