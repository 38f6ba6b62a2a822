//! Who wants to hear of events: where they go, which types, whose, and by which secrets they are signed. A secret is replaced
//! without a gap: for a while the old one is valid beside the new one.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Endpoint, Event, Pattern, Secret, Via};
use crate::clock::Timestamp;
use crate::job::words::id;

id! {
    /// The identity of a subscription: a UUIDv7, or one of the two that the program has by itself.
    SubscriptionId
}

impl SubscriptionId {
    /// The one of the settings, to everything.
    pub const OUTBOX: Self = Self::from_bytes([0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1]);
    /// The one that tells a job's `callbackUrl` of its end.
    pub const CALLBACKS: Self = Self::from_bytes([0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 2]);

    /// The name of one that the program has by itself.
    pub fn own_name(self) -> Option<&'static str> {
        match self {
            Self::OUTBOX => Some("outbox"),
            Self::CALLBACKS => Some("callbacks"),
            _ => None,
        }
    }

    /// Reads an id, or the name of one that the program has by itself.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "outbox" => Some(Self::OUTBOX),
            "callbacks" => Some(Self::CALLBACKS),
            _ => text.parse().ok(),
        }
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Who it is.
    pub id: SubscriptionId,
    /// How events are sent.
    pub via: Via,
    /// Where to: the URL of a webhook, the address of a mail.
    pub to: Box<str>,
    /// Which types.
    pub events: Vec<Pattern>,
    /// Of whose jobs and schedules; of everybody's when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Box<str>>,
    /// What events are signed with: the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SharedSecret>,
    /// What it is for, in its maker's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Box<str>>,
    /// Whether anything is sent. What happens meanwhile is sent later, as far back as the log reaches.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Rises with each change of its terms.
    pub revision: u32,
}

/// A secret, and until when it is valid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SharedSecret {
    /// The secret itself. Stores keep it, since nothing can be signed with a digest.
    #[serde(with = "revealed")]
    pub secret: Secret,
    /// Until when; for good when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        self.until == other.until && self.secret.reveal() == other.secret.reveal()
    }
}

impl Eq for SharedSecret {}

/// How far a subscription is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Everything up to this place of the log is settled, or stands as a sending.
    pub cursor: u64,
    /// How its endpoint does.
    pub endpoint: Endpoint,
    /// Rises with each step.
    pub revision: u64,
    /// Events that were taken, ever.
    pub delivered: u64,
    /// Tries that failed, ever.
    pub failed: u64,
}

impl Subscription {
    /// What people know it by: what it is for, or the machine that events go to. A whole URL may hold what is nobody's business.
    pub fn called(&self) -> &str {
        self.description.as_deref().unwrap_or_else(|| authority(&self.to))
    }

    /// Whether it is to hear of an event of this user.
    pub fn wants(&self, event: &Event, user: Option<&str>) -> bool {
        let is_theirs = self.user_id.is_none() || self.user_id.as_deref() == user;
        is_theirs && self.events.iter().any(|pattern| pattern.matches(&event.kind))
    }

    /// The secrets that are valid at that moment, the latest first.
    pub fn valid_secrets(&self, now: Timestamp) -> Vec<Secret> {
        let valid = self.secrets.iter().filter(|shared| shared.until.is_none_or(|until| until > now));
        valid.map(|shared| shared.secret.clone()).collect()
    }

    /// The same with a new secret. The one until now is valid for `overlap` more; an older one is not any more.
    #[must_use]
    pub fn rotated(&self, secret: Secret, overlap: Duration, now: Timestamp) -> Self {
        let last = self.secrets.first().map(|last| SharedSecret { until: Some(now.plus(overlap)), ..last.clone() });
        let last = last.filter(|last| last.until.is_some_and(|until| until > now));
        let secrets = [Some(SharedSecret { secret, until: None }), last].into_iter().flatten().collect();
        Self { secrets, revision: self.revision + 1, ..self.clone() }
    }
}

/// The part of a URL that says which machine.
pub(super) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    rest.rsplit('@').next().unwrap_or(rest)
}

/// A secret as text, for stores alone.
mod revealed {
    use super::{Deserialize, Deserializer, Secret, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&secret.reveal())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
