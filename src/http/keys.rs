//! `/keys`: made, listed, taken back. A secret is in the answer that makes it, and nowhere else.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::present::{json, json_into};
use super::request::Faults;
use super::view::{Created, KeyView, Listed, MadeKeyView, PassView};
use super::{body, complaints, query};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::key::{KeyId, NewKey, Quota, Scope};

/// What a key is called when nobody says.
const UNNAMED: &str = "unnamed";

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewKey)]
pub(crate) struct KeyRequest {
    /// What it opens, at least one; `admin` opens everything. The first key of all must have it.
    #[schema(value_type = Vec<super::view::ScopeWord>, min_items = 1, max_items = 6)]
    scopes: Vec<String>,
    /// Keeps it to the jobs and schedules of this user. Not with `workers` or `admin`.
    #[schema(min_length = 1, max_length = 200)]
    user_id: Option<String>,
    /// From when on it opens nothing (RFC 3339); never when left out.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What a person knows it by.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Requests that it may make in a minute, at once or evenly; what the server's settings say when left out. Each node counts
    /// for itself.
    #[schema(minimum = 1, maximum = 10_000_000)]
    requests_per_minute: Option<u32>,
    /// Jobs that it may have asked for and that have not begun yet; what the server's settings say when left out.
    #[schema(minimum = 1, maximum = 1_000_000)]
    queued_max: Option<u32>,
}

/// `POST /keys`
pub(crate) async fn create(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let request: KeyRequest =
        serde_json::from_slice(&text).map_err(|error| complaints::about(&complaints::KEY, &text, &error))?;
    let (key, secret) = call.service().create_key(NewKey { by: Some(call.called()), ..request.into_key()? }).await?;
    let mut answer = HttpResponse::build(StatusCode::CREATED);
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    let view = MadeKeyView::of(&key, &secret, call.service().now());
    json_into(answer, &Created::new(view, "Key made. Its secret is shown this once."))
}

/// `GET /keys`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let (keys, now) = (call.service().keys().await?, call.service().now());
    json(StatusCode::OK, &Listed::whole(keys.iter().map(|key| KeyView::of(key, now)).collect(), "key"))
}

/// `DELETE /keys/{id}`
pub(crate) async fn revoke(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    body::none(&call)?;
    let text = call.part("id");
    // What is no id names no key.
    let missing = || Error::NotFound { what: "key", id: text.chars().take(100).collect() };
    let id: KeyId = text.parse().map_err(|_| missing())?;
    call.service().revoke_key(id, &call.called()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /jobs/{id}/events/token`
pub(crate) async fn pass(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    query::none(&call)?;
    body::none(&call)?;
    let pass = call.service().pass(call.caller(), id).await?;
    let token = pass.text();
    let url = format!("{}/jobs/{id}/events?token={token}", call.base());
    let mut answer = HttpResponse::build(StatusCode::CREATED);
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    json_into(answer, &Created::new(PassView::of(&token, &url, pass.expires_at), "Token made."))
}

impl KeyRequest {
    fn into_key(self) -> Result<NewKey, Error> {
        let mut faults = Faults::default();
        let read = |(index, word): (usize, &String)| faults.take(&format!("scopes[{index}]"), word.parse::<Scope>());
        let scopes = self.scopes.iter().enumerate().filter_map(read).collect();
        let expires_at = self.expires_at.and_then(|text| faults.take("expiresAt", text.parse::<Timestamp>()));
        if !faults.is_empty() {
            return Err(faults.into());
        }
        Ok(NewKey {
            name: self.name.unwrap_or_else(|| UNNAMED.to_owned()).into(),
            scopes,
            user_id: self.user_id.map(Into::into),
            expires_at,
            quota: Quota { requests_per_minute: self.requests_per_minute, queued_max: self.queued_max },
            by: None,
        })
    }
}
