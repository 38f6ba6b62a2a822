//! Alert rules and alerts: deciding what is kept of them, and what readers see.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::change::Change;
use super::core::Core;
use super::named::{Item, Named};
use super::{Embedded, settled};
use crate::alert::{Alert, AlertId, Rule, Step};
use crate::clock::Timestamp;
use crate::job::Name;
use crate::limits;
use crate::store::alerts::{AlertFilter, AlertPage, Alerts, Ask, KeptRule, RuleKept, RuleRemoved, Stepped, Suspects};
use crate::store::{Answer, Expected, PageOf, Slug};

/// Everything about alerts.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) rules: Named<RuleItem>,
    pub(super) book: Book,
}

/// A rule among named things.
pub(super) struct RuleItem {
    name: Slug,
    pub(super) kept: Arc<KeptRule>,
}

/// The alerts.
#[derive(Default)]
pub(super) struct Book {
    /// As decided, in the order in which they fired.
    decided: BTreeMap<Place, Arc<Alert>>,
    /// The one that fires of each rule and subject, as decided.
    firing: HashMap<Key, Place>,
    /// How many are remembered of each rule and subject, and the count of the latest.
    counts: HashMap<Key, (usize, u32)>,
    /// As committed.
    shown: BTreeMap<Place, Arc<Alert>>,
    places: HashMap<AlertId, Place>,
}

/// A rule and a subject.
type Key = (Name, String);

type Place = (Timestamp, AlertId);

/// Rules are there at any time.
const ANY_TIME: Timestamp = Timestamp::from_millis(i64::MIN);

/// One decided change of an alert.
pub(super) struct AlertChange {
    pub(super) before: Option<Arc<Alert>>,
    pub(super) after: Option<Arc<Alert>>,
    pub(super) id: AlertId,
}

impl Watch {
    /// Keeps the rules that a new store has. The answer holds the changes.
    pub(super) fn of_a_new_store(&mut self) -> Vec<Change> {
        let rules = Rule::of_a_new_store().into_iter();
        rules.flat_map(|rule| keep(&mut self.rules, rule, Expected::Nothing).1).collect()
    }
}

impl RuleItem {
    /// None when the name is none that a thing may have: no rule with such a name is ever kept.
    pub(super) fn of(kept: KeptRule) -> Option<Self> {
        Some(Self { name: Slug::new(kept.rule.name.as_str()).ok()?, kept: Arc::new(kept) })
    }
}

impl Item for RuleItem {
    fn name(&self) -> &Slug {
        &self.name
    }

    /// A rule has no term.
    fn until(&self) -> Timestamp {
        Timestamp::from_millis(i64::MAX)
    }

    fn number(&self) -> u64 {
        self.kept.revision
    }

    fn bytes(&self) -> usize {
        0
    }
}

impl Book {
    fn apply(&mut self, step: Step, now: Timestamp) -> Result<AlertChange, Stepped> {
        match step {
            Step::Fire(alert) => {
                let key = key(&alert);
                if self.firing.contains_key(&key) {
                    return Err(Stepped::Stale);
                }
                if self.firing.len() >= limits::ALERTS_FIRING_MAX {
                    return Err(Stepped::Full);
                }
                let count = self.counts.get(&key).map_or(1, |(_, latest)| latest.saturating_add(1));
                Ok(self.decide(None, Some(Alert { count, ..alert })))
            }
            Step::Clear(id) => {
                // Nobody has seen an alert that is not shown, so nobody can want it cleared.
                let known = self.places.get(&id).and_then(|place| self.decided.get(place));
                let before = known.filter(|alert| alert.cleared_at.is_none()).cloned().ok_or(Stepped::Stale)?;
                let after = before.cleared(now);
                Ok(self.decide(Some(before), Some(after)))
            }
        }
    }

    fn decide(&mut self, before: Option<Arc<Alert>>, after: Option<Alert>) -> AlertChange {
        let after = after.map(Arc::new);
        self.set(before.as_ref(), after.as_ref());
        let id = before.as_ref().or(after.as_ref()).map_or_else(AlertId::new, |alert| alert.id);
        AlertChange { before, after, id }
    }

    fn set(&mut self, before: Option<&Arc<Alert>>, after: Option<&Arc<Alert>>) {
        if let Some(before) = before {
            self.leave(before);
        }
        let Some(after) = after else { return };
        let (key, place) = (key(after), place(after));
        if after.cleared_at.is_none() {
            self.firing.insert(key.clone(), place);
        }
        let (kept, latest) = self.counts.entry(key).or_default();
        (*kept, *latest) = (*kept + 1, after.count.max(*latest));
        self.decided.insert(place, after.clone());
    }

    fn leave(&mut self, alert: &Alert) {
        let (key, place) = (key(alert), place(alert));
        self.decided.remove(&place);
        if self.firing.get(&key) == Some(&place) {
            self.firing.remove(&key);
        }
        if let Some((kept, _)) = self.counts.get_mut(&key) {
            *kept = kept.saturating_sub(1);
            if *kept == 0 {
                self.counts.remove(&key);
            }
        }
    }

    fn prune(&mut self, cleared_before: Timestamp, keep: usize, limit: usize) -> Vec<AlertChange> {
        let cleared = self.decided.len() - self.firing.len();
        let mut over = cleared.saturating_sub(keep);
        let mut gone = Vec::new();
        for alert in self.decided.values() {
            let Some(at) = alert.cleared_at else { continue };
            if gone.len() == limit {
                break;
            }
            if over > 0 || at < cleared_before {
                over = over.saturating_sub(1);
                gone.push(alert.clone());
            }
        }
        gone.into_iter().map(|alert| self.decide(Some(alert), None)).collect()
    }

    /// A change is on disk: readers see it.
    pub(super) fn confirm(&mut self, change: &AlertChange) {
        match (&change.before, &change.after) {
            (_, Some(alert)) => self.show(alert.clone()),
            (Some(alert), None) => {
                self.shown.remove(&place(alert));
                self.places.remove(&alert.id);
            }
            (None, None) => {}
        }
    }

    /// A change could not be made durable.
    pub(super) fn withdraw(&mut self, change: &AlertChange) {
        let now = change.after.as_ref().or(change.before.as_ref()).and_then(|alert| self.decided.get(&place(alert)));
        let stands = match (now, &change.after) {
            (Some(now), Some(after)) => Arc::ptr_eq(now, after),
            (None, None) => true,
            _ => false,
        };
        if stands {
            self.set(change.after.as_ref(), change.before.as_ref());
        }
    }

    /// Takes up what the disk knows.
    pub(super) fn recall(&mut self, alert: Alert) {
        let alert = Arc::new(alert);
        self.set(None, Some(&alert));
        self.show(alert);
    }

    fn show(&mut self, alert: Arc<Alert>) {
        self.places.insert(alert.id, place(&alert));
        self.shown.insert(place(&alert), alert);
    }

    fn page(&self, filter: &AlertFilter, page: AlertPage) -> PageOf<Arc<Alert>> {
        let named = || self.shown.values().rev().filter(|alert| filter.matches(alert));
        let total = named().count();
        let items = named().skip(page.offset).take(page.limit).cloned().collect();
        let more = total > page.offset.saturating_add(page.limit);
        PageOf { items, total: total as u64, exact: true, more, reached: None }
    }
}

fn key(alert: &Alert) -> Key {
    (alert.rule.clone(), alert.subject.to_string())
}

/// In the order in which they fired; ids are none (rule 32).
fn place(alert: &Alert) -> Place {
    (alert.fired_at, alert.id)
}

impl Alerts for Embedded {
    fn put_rule(&self, rule: Rule, expected: Expected) -> Answer<'_, RuleKept> {
        self.decide_named(rule_table, slug(&rule.name), ANY_TIME, |rules| keep(rules, rule, expected))
    }

    fn rules(&self) -> Answer<'_, Vec<Arc<KeptRule>>> {
        let mut rules: Vec<_> = self.core.lock().watch.rules.all().map(|item| item.kept.clone()).collect();
        rules.sort_by(|a, b| a.rule.name.cmp(&b.rule.name));
        Box::pin(std::future::ready(Ok(rules)))
    }

    fn remove_rule(&self, name: Name, expected: Expected) -> Answer<'_, RuleRemoved> {
        self.decide_named(rule_table, slug(&name), ANY_TIME, |rules| remove(rules, &name, expected))
    }

    fn suspects(&self, ask: Ask, now: Timestamp) -> Answer<'_, Suspects> {
        Box::pin(async move { Ok(self.suspects_now(&ask, now)) })
    }

    fn step_alerts(&self, steps: Vec<Step>, now: Timestamp) -> Answer<'_, Vec<Stepped>> {
        let stepped = self.refuses().map_or_else(
            || {
                let mut core = self.core(now);
                let mut changes = Vec::new();
                let mut answers = Vec::with_capacity(steps.len());
                for step in steps {
                    answers.push(match core.watch.book.apply(step, now) {
                        Ok(change) => {
                            let alert = change.after.clone();
                            changes.push(Change::Alert(change));
                            alert.map_or(Stepped::Stale, Stepped::Applied)
                        }
                        Err(refused) => refused,
                    });
                }
                // What somebody else did may not be on disk yet: then a stale answer waits for it.
                let ticket = if answers.is_empty() { None } else { self.record(&mut core, changes) };
                Ok((answers, ticket))
            },
            Err,
        );
        Box::pin(async move {
            let (answers, ticket) = stepped?;
            settled(ticket).await?;
            Ok(answers)
        })
    }

    fn alert(&self, id: AlertId) -> Answer<'_, Option<Arc<Alert>>> {
        let core = self.core.lock();
        let book = &core.watch.book;
        let found = book.places.get(&id).and_then(|place| book.shown.get(place)).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn list_alerts(&self, filter: AlertFilter, page: AlertPage) -> Answer<'_, PageOf<Arc<Alert>>> {
        let found = self.core.lock().watch.book.page(&filter, page);
        Box::pin(std::future::ready(Ok(found)))
    }

    fn prune_alerts(&self, cleared_before: Timestamp, keep: usize, limit: usize) -> Answer<'_, u64> {
        let pruned = self.refuses().map_or_else(
            || {
                let mut core = self.core.lock();
                let changes: Vec<_> = core.watch.book.prune(cleared_before, keep, limit);
                let count = changes.len() as u64;
                let changes: Vec<_> = changes.into_iter().map(Change::Alert).collect();
                let ticket = if changes.is_empty() { None } else { self.record(&mut core, changes) };
                Ok((count, ticket))
            },
            Err,
        );
        Box::pin(async move {
            let (count, ticket) = pruned?;
            settled(ticket).await?;
            Ok(count)
        })
    }
}

fn rule_table(core: &mut Core) -> &mut Named<RuleItem> {
    &mut core.watch.rules
}

fn slug(name: &Name) -> Option<Slug> {
    Slug::new(name.as_str()).ok()
}

fn keep(rules: &mut Named<RuleItem>, rule: Rule, expected: Expected) -> (RuleKept, Vec<Change>) {
    let there = slug(&rule.name).and_then(|name| Some(rules.decided(&name, ANY_TIME)?.kept.clone()));
    if !expected.allows_revision(there.as_ref().map(|there| there.revision)) {
        return (RuleKept::Unexpected(there), Vec::new());
    }
    if there.is_none() && rules.size().0 >= limits::ALERT_RULES_MAX {
        return (RuleKept::Full, Vec::new());
    }
    let revision = rules.number();
    let Some(item) = RuleItem::of(KeptRule { rule, revision }) else {
        return (RuleKept::Unexpected(there), Vec::new());
    };
    let kept = item.kept.clone();
    let change = Change::Rule(rules.decide(item.name.clone(), Some(Arc::new(item))));
    (if there.is_some() { RuleKept::Replaced(kept) } else { RuleKept::Made(kept) }, vec![change])
}

fn remove(rules: &mut Named<RuleItem>, name: &Name, expected: Expected) -> (RuleRemoved, Vec<Change>) {
    let Some(name) = slug(name) else { return (RuleRemoved::Absent, Vec::new()) };
    match rules.decided(&name, ANY_TIME).map(|item| item.kept.clone()) {
        None => (RuleRemoved::Absent, Vec::new()),
        Some(there) if !expected.allows_revision(Some(there.revision)) => (RuleRemoved::Unexpected(there), Vec::new()),
        Some(_) => (RuleRemoved::Done, vec![Change::Rule(rules.decide(name, None))]),
    }
}
