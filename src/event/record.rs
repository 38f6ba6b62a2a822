//! An event in its shape on the wire, and its id, by which whoever hears it twice knows that it is one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{EventType, Kind};
use crate::clock::Timestamp;
use crate::job::Emitted;
use crate::limits;

/// That something has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who it is: the same change has the same id, wherever and however often it is told.
    pub id: EventId,
    /// What has happened.
    pub kind: EventType,
    /// To whom.
    pub aggregate: Aggregate,
    /// JSON text about it.
    pub payload: Arc<str>,
    /// When.
    pub occurred_at: Timestamp,
}

/// What an event is about. Events of one are delivered in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Aggregate {
    /// Its sort: `job`, `schedule`, `alert`, `key`, or an application's own such as `Payout`.
    pub sort: Arc<str>,
    /// Which one of them.
    pub id: Arc<str>,
}

impl Event {
    /// An application's own event.
    ///
    /// # Errors
    /// A sentence, when the type or the sort is one of this program, when a text is empty, too long or has control characters in
    /// it, or when the payload cannot be written or is too large.
    pub fn own(
        kind: EventType,
        aggregate: Aggregate,
        payload: &impl Serialize,
        occurred_at: Timestamp,
    ) -> Result<Self, String> {
        if kind.kind().is_some() || Kind::FAMILIES.contains(&&*aggregate.sort) {
            return Err(format!("`{kind}` of `{}` is told by the program itself", aggregate.sort));
        }
        for (text, what) in [(&aggregate.sort, "aggregateType"), (&aggregate.id, "aggregateId")] {
            if text.is_empty() || text.len() > limits::KEY_BYTES_MAX || text.chars().any(char::is_control) {
                return Err(format!("{what} must be 1 to {} bytes, without control characters", limits::KEY_BYTES_MAX));
            }
        }
        let payload = serde_json::to_string(payload).map_err(|error| format!("the payload is no JSON: {error}"))?;
        if payload.len() > limits::EVENT_BYTES_MAX {
            return Err(format!("the payload is larger than {} bytes", limits::EVENT_BYTES_MAX));
        }
        Ok(Self { id: EventId::fresh(), kind, aggregate, payload: payload.into(), occurred_at })
    }
}

impl From<Event> for Emitted {
    fn from(event: Event) -> Self {
        let Aggregate { sort, id: of } = event.aggregate;
        Self {
            id: event.id.as_str().into(),
            kind: event.kind.as_str().into(),
            sort,
            of,
            payload: event.payload,
            at: event.occurred_at,
        }
    }
}

impl TryFrom<Emitted> for Event {
    type Error = String;

    fn try_from(told: Emitted) -> Result<Self, String> {
        let aggregate = Aggregate { sort: told.sort, id: told.of };
        let (id, kind) = (told.id.parse()?, EventType::new(&told.kind)?);
        Ok(Self { id, kind, aggregate, payload: told.payload, occurred_at: told.at })
    }
}

impl Aggregate {
    /// A number to find it by: the same on every machine and in every release. Two may share one.
    pub fn digest(&self) -> u64 {
        // FNV-1a: the offset and the prime of 64 bits.
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        let hash = self.sort.as_bytes().iter().fold(0xCBF2_9CE4_8422_2325, mix);
        self.id.as_bytes().iter().fold(mix(hash, &0), mix)
    }
}

/// The identity of an event: `evt_` and up to 60 letters and digits. It is the `webhook-id` of its deliveries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId(Box<str>);

impl EventId {
    /// Longest id.
    const BYTES_MAX: usize = 64;

    /// The id of what a step tells: of whose step, by its id, at which revision, and which of the things that it tells. It is
    /// made of them and of nothing else, so it is the same for everybody who tells of that step.
    pub(super) fn of_step(of: &[u8; 16], revision: u32, kind: Kind) -> Self {
        let of = u128::from_be_bytes(*of);
        let kind = kind as u8;
        Self(format!("evt_{of:032x}{revision:08x}{kind:02x}").into())
    }

    /// Of whose step it is, if it is the id of a step: the id of what made the step, its revision, and the place of the type.
    pub fn step(&self) -> Option<([u8; 16], u32, Kind)> {
        let hex = self.0.strip_prefix("evt_").filter(|hex| hex.len() == 42)?;
        let of = u128::from_str_radix(hex.get(..32)?, 16).ok()?.to_be_bytes();
        let revision = u32::from_str_radix(hex.get(32..40)?, 16).ok()?;
        let kind = u8::from_str_radix(hex.get(40..)?, 16).ok()?;
        Some((of, revision, *Kind::ALL.get(usize::from(kind))?))
    }

    /// An id that nothing else has.
    fn fresh() -> Self {
        Self(format!("evt_{}", uuid::Uuid::now_v7().simple()).into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric());
        if text.len() <= Self::BYTES_MAX && text.strip_prefix("evt_").is_some_and(is_plain) {
            Ok(Self(text.into()))
        } else {
            let shown = text.escape_debug().take(80).collect::<String>();
            Err(format!("`{shown}` is not the id of an event: evt_ and then letters and digits"))
        }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for EventId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.0.into()
    }
}

/// An event as it stands on the wire and in a store.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    id: EventId,
    r#type: EventType,
    aggregate_type: Arc<str>,
    aggregate_id: Arc<str>,
    #[serde(borrow)]
    payload: std::borrow::Cow<'a, RawValue>,
    occurred_at: String,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let payload: &RawValue = serde_json::from_str(&self.payload).map_err(serde::ser::Error::custom)?;
        let written = Written {
            id: self.id.clone(),
            r#type: self.kind.clone(),
            aggregate_type: self.aggregate.sort.clone(),
            aggregate_id: self.aggregate.id.clone(),
            payload: std::borrow::Cow::Borrowed(payload),
            occurred_at: self.occurred_at.to_string(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        Ok(Self {
            id: written.id,
            kind: written.r#type,
            aggregate: Aggregate { sort: written.aggregate_type, id: written.aggregate_id },
            payload: written.payload.get().into(),
            occurred_at: written.occurred_at.parse().map_err(serde::de::Error::custom)?,
        })
    }
}
