//! The record of a key: everything but its secret. A digest stands in its place.

use serde::{Deserialize, Serialize};

use super::{Digest, KeyId, Quota, Scope};
use crate::clock::Timestamp;
use crate::limits;
use crate::schedule::Complaint;

/// A key that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Who it is.
    pub id: KeyId,
    /// What a person knows it by.
    pub name: Box<str>,
    /// What it opens, in the order of [`Scope::ALL`], each once.
    pub scopes: Box<[Scope]>,
    /// Whose jobs and schedules it opens; everybody's when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Box<str>>,
    /// What is kept of its secret.
    pub digest: Digest,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Box<str>>,
    /// From when on it opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When somebody took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// What it may use up, where that is its own.
    #[serde(default, skip_serializing_if = "Quota::is_none")]
    pub quota: Quota,
}

/// A key to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewKey {
    /// What a person knows it by.
    pub name: Box<str>,
    /// What it opens.
    pub scopes: Vec<Scope>,
    /// Whose jobs and schedules it opens; everybody's when there is none.
    pub user_id: Option<Box<str>>,
    /// From when on it opens nothing.
    pub expires_at: Option<Timestamp>,
    /// What it may use up; the usual for what is left out.
    pub quota: Quota,
    /// Who asked for it, if that is known.
    pub by: Option<Box<str>>,
}

/// Whether a key opens anything at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Valid,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl Standing {
    /// The word as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl ApiKey {
    /// Whether it opens anything at that moment.
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.revoked_at.is_some() {
            Standing::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            Standing::Expired
        } else {
            Standing::Valid
        }
    }

    /// Whether it has a scope. `admin` has them all.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// The same key, taken back. What was taken back stays so.
    pub fn revoked(&self, now: Timestamp) -> Self {
        Self { revoked_at: self.revoked_at.or(Some(now)), ..self.clone() }
    }

    /// The same key, used at that moment; none when it is known to have been used then or later.
    pub fn used(&self, at: Timestamp) -> Option<Self> {
        let is_news = self.last_used_at.is_none_or(|known| known < at);
        is_news.then(|| Self { last_used_at: Some(at), ..self.clone() })
    }
}

impl NewKey {
    /// The key with a secret of this digest.
    pub fn made(self, digest: Digest, now: Timestamp) -> ApiKey {
        let scopes = Scope::ALL.iter().copied().filter(|scope| self.scopes.contains(scope)).collect();
        ApiKey {
            id: KeyId::new(),
            name: self.name,
            scopes,
            user_id: self.user_id,
            digest,
            created_at: now,
            created_by: self.by,
            expires_at: self.expires_at,
            revoked_at: None,
            last_used_at: None,
            quota: self.quota,
        }
    }

    /// What is wrong with it. The first key of all must be able to make others, or nobody ever could.
    pub fn complaints(&self, is_first: bool, now: Timestamp) -> Vec<Complaint> {
        let mut found = Vec::new();
        let mut complain = |field, message: String| found.push(Complaint { field, message });
        let bytes = |text: &str| {
            let fits = (1..=limits::KEY_BYTES_MAX).contains(&text.len()) && !text.contains('\0');
            (!fits).then(|| format!("must have 1 to {} bytes, and no U+0000", limits::KEY_BYTES_MAX))
        };
        if let Some(message) = bytes(&self.name) {
            complain("name", message);
        }
        if self.scopes.is_empty() {
            let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
            complain("scopes", format!("must name at least one of {}", all.join(", ")));
        }
        if let Some(user_id) = &self.user_id {
            if let Some(message) = bytes(user_id) {
                complain("userId", message);
            }
            if let Some(scope) = self.scopes.iter().find(|scope| !scope.can_be_bound()) {
                complain(
                    "userId",
                    format!("cannot be kept to by a key that has the scope `{scope}`; leave one of them out"),
                );
            }
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            complain("expiresAt", "must lie in the future".to_owned());
        }
        let mut bounded = |field, given: Option<u32>, most: u32| {
            if given.is_some_and(|given| !(1..=most).contains(&given)) {
                complain(field, format!("must be 1 to {most}"));
            }
        };
        bounded("requestsPerMinute", self.quota.requests_per_minute, limits::KEY_REQUESTS_PER_MINUTE_MAX);
        bounded("queuedMax", self.quota.queued_max, limits::KEY_QUEUED_MAX);
        if is_first && (!self.scopes.contains(&Scope::Admin) || self.user_id.is_some()) {
            complain(
                "scopes",
                "the first key must have the scope `admin`: without one nobody could make another".to_owned(),
            );
        }
        if is_first && self.expires_at.is_some() {
            complain("expiresAt", "the first key must not expire: after it nobody could make another".to_owned());
        }
        found
    }
}
