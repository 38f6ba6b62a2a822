//! Keys.

use serde::Serialize;
use utoipa::ToSchema;

use super::{ScopeWord, Shown};
use crate::clock::Timestamp;
use crate::key::{ApiKey, KeyId, Secret};

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub(crate) struct KeyView<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: Shown<KeyId>,
    name: &'a str,
    /// What it opens.
    #[schema(value_type = Vec<ScopeWord>)]
    scopes: Vec<&'static str>,
    /// Whose jobs and schedules it opens; everybody's when null.
    #[schema(required)]
    user_id: Option<&'a str>,
    /// `valid`, `expired` or `revoked`.
    #[schema(pattern = "^(valid|expired|revoked)$")]
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Shown<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<Shown<Timestamp>>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    revoked_at: Option<Shown<Timestamp>>,
    /// To the minute.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_used_at: Option<Shown<Timestamp>>,
    /// Requests that it may make in a minute; what the server's settings say when null.
    #[schema(required)]
    requests_per_minute: Option<u32>,
    /// Jobs of it that may wait to begin; what the server's settings say when null.
    #[schema(required)]
    queued_max: Option<u32>,
}

/// A key that was made just now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MadeKey)]
pub(crate) struct MadeKeyView<'a> {
    #[serde(flatten)]
    #[schema(inline)]
    record: KeyView<'a>,
    /// The secret, shown this once: send it as `Authorization: Bearer KEY`.
    key: &'a str,
}

/// A pass to the events of one job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EventsToken)]
pub(crate) struct PassView<'a> {
    /// Give it as `?token=`.
    token: &'a str,
    /// The address of the stream, with the token.
    url: &'a str,
    /// From when on it opens nothing. A stream that is open goes on.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Shown<Timestamp>,
}

impl<'a> KeyView<'a> {
    pub(crate) fn of(key: &'a ApiKey, now: Timestamp) -> Self {
        Self {
            id: Shown(key.id),
            name: &key.name,
            scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
            user_id: key.user_id.as_deref(),
            status: key.standing(now).as_str(),
            created_at: Shown(key.created_at),
            expires_at: key.expires_at.map(Shown),
            revoked_at: key.revoked_at.map(Shown),
            last_used_at: key.last_used_at.map(Shown),
            requests_per_minute: key.quota.requests_per_minute,
            queued_max: key.quota.queued_max,
        }
    }
}

impl<'a> MadeKeyView<'a> {
    pub(crate) fn of(key: &'a ApiKey, secret: &'a Secret, now: Timestamp) -> Self {
        Self { record: KeyView::of(key, now), key: secret.reveal() }
    }
}

impl<'a> PassView<'a> {
    pub(crate) fn of(token: &'a str, url: &'a str, expires_at: Timestamp) -> Self {
        Self { token, url, expires_at: Shown(expires_at) }
    }
}
