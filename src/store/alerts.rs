//! The side of a store that keeps alert rules and alerts, and that knows where to look for what breaks a rule.
//!
//! When an alert fires and when it clears is decided by [`decide`](crate::alert::decide()) and never by an engine; an engine
//! sees to it that of all who decide the same, one does it.

use std::sync::Arc;

use super::states::Expected;
use super::{Answer, PageOf};
use crate::alert::{Alert, AlertId, AlertStatus, Rule, Step, Subject};
use crate::clock::Timestamp;
use crate::event::{Endpoint, Subscription, SubscriptionId};
use crate::job::{Job, Name};
use crate::schedule::Schedule;

/// Alert rules and alerts.
pub trait Alerts: Send + Sync + 'static {
    /// Keeps a rule in place of the one with its name, if that is as expected.
    ///
    /// - The comparison and the write are one step; an unmet expectation changes nothing.
    /// - A revision is larger than every revision given before, of any rule, across removal and restart.
    /// - What is answered is durable, a refusal too.
    /// - Beyond [`limits::ALERT_RULES_MAX`](crate::limits::ALERT_RULES_MAX) rules the answer is [`RuleKept::Full`].
    fn put_rule(&self, rule: Rule, expected: Expected) -> Answer<'_, RuleKept>;

    /// All rules as committed, by name. A new store has those of [`Rule::of_a_new_store`]; what is removed stays so.
    fn rules(&self) -> Answer<'_, Vec<Arc<KeptRule>>>;

    /// Forgets a rule, if it is as expected. Its alerts stay as they are, for somebody to decide on.
    fn remove_rule(&self, name: Name, expected: Expected) -> Answer<'_, RuleRemoved>;

    /// Where to look for what breaks rules. An engine may answer with more than was asked for, and leaves nothing out but
    /// beyond `limit`. It takes no longer than is answered, but for silent schedules, each of which may be looked at.
    fn suspects(&self, ask: Ask, now: Timestamp) -> Answer<'_, Suspects>;

    /// Applies steps that [`decide`](crate::alert::decide()) made, in input order.
    ///
    /// - At most one alert fires for one rule and subject, by constraint: of all that fire at once, one does.
    /// - An alert clears once. What does not apply changes nothing and is answered [`Stepped::Stale`], once what it was
    ///   stale against is durable.
    /// - The count of an alert is one more than that of the latest which is remembered of its rule and subject.
    /// - Beyond [`limits::ALERTS_FIRING_MAX`](crate::limits::ALERTS_FIRING_MAX) firing ones the answer is [`Stepped::Full`].
    fn step_alerts(&self, steps: Vec<Step>, now: Timestamp) -> Answer<'_, Vec<Stepped>>;

    /// An alert as committed, or none.
    fn alert(&self, id: AlertId) -> Answer<'_, Option<Arc<Alert>>>;

    /// A page of the alerts that a filter names, as committed, with their exact total: those that fired last first.
    fn list_alerts(&self, filter: AlertFilter, page: AlertPage) -> Answer<'_, PageOf<Arc<Alert>>>;

    /// Forgets at most `limit` cleared alerts: those that cleared before a moment, and beyond the `keep` latest the oldest.
    /// The answer counts them.
    fn prune_alerts(&self, cleared_before: Timestamp, keep: usize, limit: usize) -> Answer<'_, u64>;
}

/// A rule as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRule {
    /// The rule.
    pub rule: Rule,
    /// Changes with every write, and never comes back.
    pub revision: u64,
}

/// What became of a rule to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleKept {
    /// It is kept, where none was.
    Made(Arc<KeptRule>),
    /// It is kept in place of another one.
    Replaced(Arc<KeptRule>),
    /// Something else was there than was expected: this.
    Unexpected(Option<Arc<KeptRule>>),
    /// There are as many as there may be.
    Full,
}

/// What became of a rule to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleRemoved {
    /// It is forgotten.
    Done,
    /// There was none.
    Absent,
    /// Another one was there than was expected: this.
    Unexpected(Arc<KeptRule>),
}

/// What somebody looks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Schedules that have failed so often in a row, or more often.
    pub failing: Option<u32>,
    /// Schedules that are [silent](crate::alert::silent_for) for so many milliseconds, or for longer.
    pub silent_ms: Option<u64>,
    /// Jobs whose try began at that moment or before, the longest running first.
    pub running_since: Option<Timestamp>,
    /// Queues: of a subtype, or all of them together.
    pub queues: Vec<Option<Name>>,
    /// Endpoints that are switched off, or that their program may not switch off.
    pub endpoints: bool,
    /// How many at most of each of these.
    pub limit: usize,
}

/// Where to look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Suspects {
    /// Schedules that fail.
    pub failing: Vec<Arc<Schedule>>,
    /// Schedules that are silent.
    pub silent: Vec<Arc<Schedule>>,
    /// Jobs that run.
    pub running: Vec<Arc<Job>>,
    /// The queues that were asked for, in input order.
    pub queues: Vec<Queue>,
    /// Endpoints.
    pub endpoints: Vec<Suspect>,
}

/// An endpoint that may take nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// Of which subscription.
    pub subscription: SubscriptionId,
    /// What people know it by.
    pub name: Box<str>,
    /// How it does.
    pub endpoint: Endpoint,
}

impl Suspect {
    /// The endpoint of a subscription, if it is switched off and somebody wants it to be served.
    pub(crate) fn of(terms: &Subscription, endpoint: Endpoint) -> Option<Self> {
        let is_off = terms.enabled && endpoint.off.is_some();
        is_off.then(|| Self { subscription: terms.id, name: terms.called().into(), endpoint })
    }

    /// The one that the settings name, if its latest try has failed. Nobody switches it off.
    pub(crate) fn of_settings(endpoint: Endpoint) -> Option<Self> {
        let (subscription, name) = (SubscriptionId::OUTBOX, "the publisher of the settings".into());
        (endpoint.failures_in_a_row > 0).then_some(Self { subscription, name, endpoint })
    }
}

/// How a queue stands. Jobs that wait for their time or for their concurrency key are not ready, and do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queue {
    /// Jobs that are ready to run.
    pub ready: u64,
    /// Since when the oldest of them is.
    pub oldest: Option<Timestamp>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepped {
    /// It applied; this is the alert after it.
    Applied(Arc<Alert>),
    /// Somebody else did it before, or there is no such alert any more.
    Stale,
    /// As many alerts fire as may be.
    Full,
}

/// Which alerts. An empty filter names all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Firing or cleared.
    pub status: Option<AlertStatus>,
    /// Of this rule.
    pub rule: Option<Name>,
    /// About the schedule with this id, or that had this name when they fired.
    pub schedule: Option<Box<str>>,
    /// About jobs of this subtype.
    pub sub_type: Option<Name>,
}

/// Which part of a list of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertPage {
    /// How many at most.
    pub limit: usize,
    /// After so many.
    pub offset: usize,
}

impl AlertFilter {
    /// Those that fire.
    pub fn firing() -> Self {
        Self { status: Some(AlertStatus::Firing), ..Self::default() }
    }

    /// Whether it names this alert.
    pub fn matches(&self, alert: &Alert) -> bool {
        self.status.is_none_or(|status| status == alert.status())
            && self.rule.as_ref().is_none_or(|rule| *rule == alert.rule)
            && self.sub_type.as_ref().is_none_or(|sub_type| alert.sub_type.as_ref() == Some(sub_type))
            && self.schedule.as_deref().is_none_or(|wanted| match &alert.subject {
                Subject::Schedule { id, name } => **name == *wanted || wanted.parse().is_ok_and(|wanted| *id == wanted),
                Subject::Queue | Subject::SubType(_) | Subject::Endpoint { .. } => false,
            })
    }
}
