//! The alert itself: that a rule was broken, of what, since when, and until when.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AlertId, AlertStatus, Kind, Rule, Seen, Subject};
use crate::clock::Timestamp;
use crate::job::{JobId, Name};

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Who it is.
    pub id: AlertId,
    /// The rule that was broken.
    pub rule: Name,
    /// What that rule watched.
    pub kind: Kind,
    /// Who or what broke it.
    pub subject: Subject,
    /// Of which subtype the jobs of the subject are, if they are of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_type: Option<Name>,
    /// The job that stood for the subject when it fired, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// How far it had gone when it fired, in the unit of the kind.
    pub value: u64,
    /// How far it might have gone.
    pub bound: u64,
    /// One sentence about it.
    pub message: Arc<str>,
    /// When it fired.
    pub fired_at: Timestamp,
    /// When it cleared; none while it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Timestamp>,
    /// Which one it is of its rule and subject, from 1, among those that are remembered; given by the store.
    pub count: u32,
}

impl Alert {
    /// The alert of a broken rule.
    pub(super) fn of(rule: &Rule, seen: &Seen, now: Timestamp) -> Self {
        Self {
            id: AlertId::new(),
            rule: rule.name.clone(),
            kind: rule.kind,
            subject: seen.subject.clone(),
            sub_type: seen.sub_type.clone(),
            job: seen.job,
            value: seen.value,
            bound: rule.bound,
            message: seen.sentence(rule).into(),
            fired_at: now,
            cleared_at: None,
            count: 1,
        }
    }

    /// Where it stands.
    pub const fn status(&self) -> AlertStatus {
        match self.cleared_at {
            None => AlertStatus::Firing,
            Some(_) => AlertStatus::Cleared,
        }
    }

    /// The same alert, cleared; a clock that was set back clears nothing before it has fired.
    #[must_use]
    pub fn cleared(&self, at: Timestamp) -> Self {
        Self { cleared_at: Some(at.max(self.fired_at)), ..self.clone() }
    }
}
