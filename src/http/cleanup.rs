//! `POST /cleanup`: forget jobs that ended long ago, before their retention does it.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::present::json;
use super::view::{CleanupView, Created};
use super::{body, query};
use crate::error::Error;

/// What to forget.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Cleanup)]
pub(crate) struct CleanupRequest {
    /// Jobs that ended longer ago than so many seconds.
    #[schema(minimum = 0)]
    older_than_seconds: u64,
}

/// `POST /cleanup`
pub(crate) async fn forget(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let body = body::json(&call, payload).await?;
    let wish: CleanupRequest = serde_json::from_slice(&body)
        .map_err(|error| Error::invalid(format!("give {{\"olderThanSeconds\": N}}: {error}")))?;
    let forgotten = call.service().cleanup(Duration::from_secs(wish.older_than_seconds)).await?;
    json(StatusCode::OK, &Created::new(CleanupView { forgotten }, &format!("{forgotten} jobs forgotten.")))
}
