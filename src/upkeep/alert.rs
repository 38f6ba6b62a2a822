//! Looks after alert rules. Any number of sentinels may look at one store: what they see is what is committed, what follows
//! is decided by the domain, and of all who decide the same one does it. Nothing is remembered from look to look, so a
//! restart changes nothing.
//!
//! It looks when it is told that a rule may be broken or whole again, and by the clock only while a rule is enabled that
//! time alone can break. No job waits for it.

mod looking;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::alert::{Alert, AlertStatus, Kind, Rule, Step, decide};
use crate::clock::{Clock, Timestamp};
use crate::limits;
use crate::store::alerts::{AlertFilter, AlertPage, Stepped};
use crate::store::{Schedules, Store, StoreError};

/// Who looks after alert rules.
#[derive(Clone)]
pub struct Sentinel {
    store: Arc<dyn Store>,
    schedules: Arc<dyn Schedules>,
    clock: Clock,
    doubted: Arc<Notify>,
}

/// What a look led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged {
    /// Alerts that fired.
    pub fired: u64,
    /// Alerts that cleared.
    pub cleared: u64,
    /// Alerts that could not fire, because as many do as may.
    pub held_back: u64,
    /// When to look again; none when time alone breaks nothing.
    pub next: Option<Timestamp>,
}

/// Longest time between two looks: a hint may be lost, or given to another process on the same store (rule 25).
const IDLE_LOOK_EVERY: Duration = Duration::from_secs(60);
/// Time between two looks in any case: hints come in swarms, and one look answers them all.
const APART: Duration = Duration::from_millis(100);

impl Sentinel {
    /// Who looks after the rules of `store`. `doubted` is told when one of them may be broken, or whole again.
    pub fn new(store: Arc<dyn Store>, schedules: Arc<dyn Schedules>, clock: Clock, doubted: Arc<Notify>) -> Self {
        Self { store, schedules, clock, doubted }
    }

    /// Looks until it is ended.
    pub(super) async fn run(self, ended: CancellationToken) {
        loop {
            let judged = tokio::select! {
                () = ended.cancelled() => return,
                judged = self.look() => judged,
            };
            let pause = match judged {
                Ok(judged) => self.pause(&judged),
                Err(error) => {
                    tracing::warn!(service = "alert", %error, "upkeep did not get through; it tries again");
                    limits::ALERT_LOOK_EVERY
                }
            };
            tokio::select! {
                () = ended.cancelled() => return,
                () = tokio::time::sleep(APART) => {}
            }
            tokio::select! {
                () = ended.cancelled() => return,
                () = self.doubted.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Looks at everything that rules watch, fires what is broken and clears what is not any more.
    ///
    /// # Errors
    /// When the store fails; what has fired or cleared stays so.
    pub async fn look(&self) -> Result<Judged, StoreError> {
        let now = self.clock.now();
        let alerts = self.store.alerts();
        let rules: Vec<Rule> = alerts.rules().await?.iter().map(|kept| kept.rule.clone()).collect();
        let page = AlertPage { limit: limits::ALERTS_FIRING_MAX, offset: 0 };
        let firing = alerts.list_alerts(AlertFilter::firing(), page).await?.items;
        if firing.is_empty() && !rules.iter().any(|rule| rule.enabled) {
            return Ok(Judged::default());
        }
        let looked = self.look_at(&rules, &firing, now).await?;

        let mut firing: BTreeMap<_, _> =
            firing.into_iter().map(|alert| ((alert.rule.clone(), alert.subject.to_string()), alert)).collect();
        let mut steps = Vec::new();
        for (rule, seen) in &looked.seen {
            let known = firing.remove(&(rule.name.clone(), seen.subject.to_string()));
            steps.extend(decide(Some(rule), Some(seen), known.as_deref(), now));
        }
        for ((name, _), alert) in firing {
            let rule = rules.iter().find(|rule| rule.name == name);
            // Who is among those that were left out is not known, and so nothing of them clears.
            if !(looked.is_cut && rule.is_some_and(|rule| rule.enabled && rule.kind == Kind::ExecutionLonger)) {
                steps.extend(decide(rule, None, Some(&alert), now));
            }
        }
        // What clears makes room for what fires.
        steps.sort_by_key(|step| matches!(step, Step::Fire(_)));
        let mut judged = Judged { next: looked.next, ..Judged::default() };
        self.commit(steps, now, &mut judged).await?;
        Ok(judged)
    }

    async fn commit(&self, steps: Vec<Step>, now: Timestamp, judged: &mut Judged) -> Result<(), StoreError> {
        if steps.is_empty() {
            return Ok(());
        }
        for answer in self.store.alerts().step_alerts(steps, now).await? {
            match answer {
                Stepped::Applied(alert) => {
                    tell(&alert);
                    match alert.status() {
                        AlertStatus::Firing => judged.fired += 1,
                        AlertStatus::Cleared => judged.cleared += 1,
                    }
                }
                Stepped::Stale => {}
                Stepped::Full => judged.held_back += 1,
            }
        }
        if judged.held_back > 0 {
            tracing::warn!(alerts = judged.held_back, "as many alerts fire as may; more are held back");
        }
        Ok(())
    }

    /// How long there is nothing to do.
    fn pause(&self, judged: &Judged) -> Duration {
        if judged.cleared > 0 {
            // A rule that watches something else now has cleared what it watched before, and may be broken all the same.
            return Duration::ZERO;
        }
        let next = judged.next.map(|at| Duration::from_millis(at.millis_since(self.clock.now())));
        next.map_or(IDLE_LOOK_EVERY, |next| next.min(IDLE_LOOK_EVERY))
    }
}

fn tell(alert: &Alert) {
    let Alert { id, rule, subject, value, bound, message, .. } = alert;
    match alert.status() {
        AlertStatus::Firing => {
            tracing::warn!(event = "alert.fired", alert = %id, %rule, %subject, value, bound, "{message}");
        }
        AlertStatus::Cleared => {
            tracing::info!(event = "alert.cleared", alert = %id, %rule, %subject, value, bound, "no more: {message}");
        }
    }
}
