//! Locks and shared states.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Shown;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::{Lock, State};

/// A held lock.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Lock)]
pub(crate) struct LockView<'a> {
    name: &'a str,
    /// Who holds it: what renews it, and releases it.
    owner: &'a str,
    /// Larger than that of every earlier grant. Hand it to what you write to, and let it refuse a smaller one.
    #[schema(minimum = 1)]
    fencing_token: u64,
    #[schema(value_type = String, format = DateTime)]
    acquired_at: Shown<Timestamp>,
    /// When it is free again, unless it is renewed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Shown<Timestamp>,
}

/// A shared state that was kept.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = KeptState)]
pub(crate) struct KeptView<'a> {
    name: &'a str,
    /// Changes with every write and never comes back; the `ETag` is made of it.
    #[schema(minimum = 1)]
    revision: u64,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Shown<Timestamp>,
    /// When it is forgotten.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Shown<Timestamp>,
}

/// A shared state.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = State)]
pub(crate) struct StateView<'a> {
    name: &'a str,
    /// The value, as it was given.
    #[schema(value_type = Value)]
    value: &'a RawValue,
    /// Changes with every write and never comes back; the `ETag` is made of it.
    #[schema(minimum = 1)]
    revision: u64,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Shown<Timestamp>,
    /// When it is forgotten.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Shown<Timestamp>,
}

impl<'a> LockView<'a> {
    pub(crate) fn of(lock: &'a Lock) -> Self {
        Self {
            name: lock.name.as_str(),
            owner: &lock.owner,
            fencing_token: lock.token,
            acquired_at: Shown(lock.acquired_at),
            expires_at: Shown(lock.until),
        }
    }
}

impl<'a> KeptView<'a> {
    pub(crate) fn of(state: &'a State) -> Self {
        Self {
            name: state.name.as_str(),
            revision: state.revision,
            updated_at: Shown(state.updated_at),
            expires_at: Shown(state.until),
        }
    }
}

impl<'a> StateView<'a> {
    pub(crate) fn of(state: &'a State) -> Result<Self, Error> {
        Ok(Self {
            name: state.name.as_str(),
            value: serde_json::from_str(&state.value).map_err(Error::internal)?,
            revision: state.revision,
            updated_at: Shown(state.updated_at),
            expires_at: Shown(state.until),
        })
    }
}
