//! The alerts of a store that is watched: those that fire and clear are told to whoever listens, and new rules to whoever
//! looks after them.

use std::sync::Arc;

use super::Observed;
use super::surely::Surely;
use crate::alert::{Alert, AlertId, Rule, Step};
use crate::clock::Timestamp;
use crate::job::Name;
use crate::store::alerts::{AlertFilter, AlertPage, Alerts, Ask, KeptRule, RuleKept, RuleRemoved, Stepped, Suspects};
use crate::store::{Answer, Expected, PageOf};

impl Alerts for Observed {
    fn put_rule(&self, rule: Rule, expected: Expected) -> Answer<'_, RuleKept> {
        let shared = self.shared.clone();
        Surely::boxed(async move {
            let kept = shared.timed("put_rule", shared.inner.alerts().put_rule(rule, expected)).await?;
            shared.hub.doubted().notify_one();
            Ok(kept)
        })
    }

    fn rules(&self) -> Answer<'_, Vec<Arc<KeptRule>>> {
        self.shared.inner.alerts().rules()
    }

    fn remove_rule(&self, name: Name, expected: Expected) -> Answer<'_, RuleRemoved> {
        let shared = self.shared.clone();
        Surely::boxed(async move {
            let removed = shared.timed("remove_rule", shared.inner.alerts().remove_rule(name, expected)).await?;
            shared.hub.doubted().notify_one();
            Ok(removed)
        })
    }

    fn suspects(&self, ask: Ask, now: Timestamp) -> Answer<'_, Suspects> {
        self.timed("suspects", self.shared.inner.alerts().suspects(ask, now))
    }

    fn step_alerts(&self, steps: Vec<Step>, now: Timestamp) -> Answer<'_, Vec<Stepped>> {
        let shared = self.shared.clone();
        Surely::boxed(async move {
            let answers = shared.timed("step_alerts", shared.inner.alerts().step_alerts(steps, now)).await?;
            for answer in &answers {
                if let Stepped::Applied(alert) = answer {
                    shared.hub.publish_alert(alert);
                }
            }
            Ok(answers)
        })
    }

    fn alert(&self, id: AlertId) -> Answer<'_, Option<Arc<Alert>>> {
        self.shared.inner.alerts().alert(id)
    }

    fn list_alerts(&self, filter: AlertFilter, page: AlertPage) -> Answer<'_, PageOf<Arc<Alert>>> {
        self.shared.inner.alerts().list_alerts(filter, page)
    }

    fn prune_alerts(&self, cleared_before: Timestamp, keep: usize, limit: usize) -> Answer<'_, u64> {
        self.timed("prune_alerts", self.shared.inner.alerts().prune_alerts(cleared_before, keep, limit))
    }
}
