//! When an alert fires and when it clears.

use super::{Alert, AlertId, Rule, Seen};
use crate::clock::Timestamp;

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// This alert fires, if none does for its rule and subject.
    Fire(Alert),
    /// The alert clears, if it still fires.
    Clear(AlertId),
}

/// What follows for one rule and one subject: `rule` is none when it has been removed, `seen` when the subject gives no
/// reason to look at it, `firing` when no alert fires for the two.
///
/// An alert whose rule watches something else by now clears, and what the rule has become fires at the next look.
pub fn decide(rule: Option<&Rule>, seen: Option<&Seen>, firing: Option<&Alert>, now: Timestamp) -> Option<Step> {
    let rule = rule.filter(|rule| rule.enabled);
    let broken = rule.zip(seen).filter(|(rule, seen)| rule.is_broken_by(seen.value));
    match (broken, firing) {
        (Some((rule, seen)), None) => Some(Step::Fire(Alert::of(rule, seen, now))),
        (Some((rule, _)), Some(alert)) if alert.kind == rule.kind => None,
        (_, Some(alert)) => Some(Step::Clear(alert.id)),
        (None, None) => None,
    }
}
