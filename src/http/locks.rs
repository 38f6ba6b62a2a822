//! `/locks/{name}`: acquire or renew, look, release.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::present::json;
use super::query::Query;
use super::view::{Created, LockView};
use super::{body, complaints, query};
use crate::error::Error;
use crate::service::locks::Wish;
use crate::store::Proof;

/// A wish for a lock.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = LockRequest)]
pub(crate) struct LockRequest {
    /// For whom. One owner is one holder: whoever comes with the same owner renews. A random one is made when left out;
    /// the answer names it.
    #[schema(min_length = 1, max_length = 200, example = "importer-7")]
    owner: Option<String>,
    /// The term, from now; a day at most.
    #[schema(exclusive_minimum = 0, maximum = 86400)]
    ttl_seconds: f64,
    /// Renews the grant with this token and nothing else; needs `owner`.
    #[schema(minimum = 1)]
    fencing_token: Option<u64>,
}

/// `PUT /locks/{name}`
pub(crate) async fn acquire(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let request: LockRequest =
        serde_json::from_slice(&text).map_err(|error| complaints::about(&complaints::LOCK, &text, &error))?;
    let wish =
        Wish { owner: request.owner, ttl: seconds("ttlSeconds", request.ttl_seconds)?, renews: request.fencing_token };
    let (lock, is_new) = call.service().acquire_lock(call.part("name"), wish).await?;
    let (status, done) = if is_new { (StatusCode::CREATED, "acquired") } else { (StatusCode::OK, "renewed") };
    let message = format!("Lock {} {done}. Renew it before it expires.", lock.name);
    json(status, &Created::new(LockView::of(&lock), &message))
}

/// `GET /locks/{name}`
pub(crate) async fn get(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let lock = call.service().lock_holder(call.part("name")).await?;
    json(StatusCode::OK, &LockView::of(&lock))
}

/// `DELETE /locks/{name}`
pub(crate) async fn release(call: Call, _: Payload) -> Answer {
    body::none(&call)?;
    let mut query = Query::of(&call)?;
    let owner = query.one("owner");
    let token = query.read("fencingToken", |text| text.parse::<u64>().map_err(|_| "must be a whole number"));
    query.end()?;
    let by = match (owner, token) {
        (Some(owner), None) => Proof::Owner(owner.into()),
        (None, Some(token)) => Proof::Token(token),
        (Some(_), Some(_)) => return Err(Error::field("owner", "give owner or fencingToken, not both").into()),
        (None, None) => {
            return Err(Error::field("owner", "is required, or fencingToken: only the holder releases").into());
        }
    };
    call.service().release_lock(call.part("name"), by).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A number of seconds of a body.
pub(crate) fn seconds(field: &str, seconds: f64) -> Result<Duration, Error> {
    let span = Duration::try_from_secs_f64(seconds);
    span.map_err(|_| Error::field(field, "must be a number of seconds, not negative and not endless"))
}
