//! An event.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Shown;
use crate::clock::Timestamp;
use crate::event::Event;

/// Something that happened, in the shape in which it is delivered to subscribers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Event)]
pub(crate) struct EventView<'a> {
    /// The same wherever and however often it is told.
    #[schema(pattern = "^evt_[0-9A-Za-z]+$")]
    id: &'a str,
    /// `job.completed`, or an application's own.
    r#type: &'a str,
    /// What sort of thing it happened to: `job`, `schedule`, `alert`, `key`, or an application's own.
    aggregate_type: &'a str,
    /// Which one of them.
    aggregate_id: &'a str,
    /// What is told of it: how it was after that, and `by` whom. Of a job for which `reason`, too.
    #[schema(value_type = serde_json::Value)]
    payload: &'a RawValue,
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Shown<Timestamp>,
}

impl<'a> EventView<'a> {
    /// None when its payload is no JSON, which no event's is.
    pub(crate) fn of(event: &'a Event) -> Option<Self> {
        Some(Self {
            id: event.id.as_str(),
            r#type: event.kind.as_str(),
            aggregate_type: &event.aggregate.sort,
            aggregate_id: &event.aggregate.id,
            payload: serde_json::from_str(&event.payload).ok()?,
            occurred_at: Shown(event.occurred_at),
        })
    }
}
