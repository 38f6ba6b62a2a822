//! Things by name that are there for a term: what is decided of them and, apart from it, what readers see (rule 8).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::change::Change;
use super::core::Core;
use super::{Embedded, settled};
use crate::clock::Timestamp;
use crate::store::{Answer, Lock, Slug, State};

/// Something with a name and a term.
pub(super) trait Item {
    fn name(&self) -> &Slug;
    fn until(&self) -> Timestamp;
    /// The number that no later one may repeat.
    fn number(&self) -> u64;
    /// What it costs to keep.
    fn bytes(&self) -> usize;
}

/// One decided change.
pub(super) struct Step<T> {
    pub(super) name: Slug,
    before: Option<Arc<T>>,
    pub(super) after: Option<Arc<T>>,
}

/// Things by name.
pub(super) struct Named<T> {
    decided: HashMap<Slug, Arc<T>>,
    shown: HashMap<Slug, Arc<T>>,
    /// What is decided, by the end of its term.
    terms: BTreeSet<(Timestamp, Slug)>,
    bytes: usize,
    last: u64,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { decided: HashMap::new(), shown: HashMap::new(), terms: BTreeSet::new(), bytes: 0, last: 0 }
    }
}

impl<T: Item> Named<T> {
    /// What is there and has not come to its end.
    pub(super) fn decided(&self, name: &Slug, now: Timestamp) -> Option<&Arc<T>> {
        self.decided.get(name).filter(|item| item.until() > now)
    }

    /// What readers see.
    pub(super) fn shown(&self, name: &Slug, now: Timestamp) -> Option<Arc<T>> {
        self.shown.get(name).filter(|item| item.until() > now).cloned()
    }

    /// All that readers see, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<T>> {
        self.shown.values()
    }

    /// Whether all that is decided of a name is on disk.
    pub(super) fn is_settled(&self, name: &Slug) -> bool {
        same(self.decided.get(name), self.shown.get(name))
    }

    /// How many there are, and what they cost.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.decided.len(), self.bytes)
    }

    /// What a name costs now.
    pub(super) fn bytes_of(&self, name: &Slug) -> usize {
        self.decided.get(name).map_or(0, |item| item.bytes())
    }

    /// Whether something is there, be its term over or not.
    pub(super) fn has(&self, name: &Slug) -> bool {
        self.decided.contains_key(name)
    }

    /// The next number.
    pub(super) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Numbers go on after this one.
    pub(super) fn number_after(&mut self, last: u64) {
        self.last = self.last.max(last);
    }

    /// Decides what is there from now on.
    pub(super) fn decide(&mut self, name: Slug, after: Option<Arc<T>>) -> Step<T> {
        let before = self.set(&name, after.clone());
        Step { name, before, after }
    }

    /// Decides that at most `limit` things whose term is over are forgotten, those first that ended first.
    pub(super) fn expire(&mut self, now: Timestamp, limit: usize) -> Vec<Step<T>> {
        let over = self.terms.iter().take_while(|(until, _)| *until <= now).take(limit);
        let over: Vec<Slug> = over.map(|(_, name)| name.clone()).collect();
        over.into_iter().map(|name| self.decide(name, None)).collect()
    }

    /// A change is on disk: readers see it.
    pub(super) fn confirm(&mut self, step: &Step<T>) {
        match &step.after {
            Some(item) => self.shown.insert(step.name.clone(), item.clone()),
            None => self.shown.remove(&step.name),
        };
    }

    /// A change could not be made durable. What was decided on top of it stands, and is whole by itself.
    pub(super) fn withdraw(&mut self, step: &Step<T>) {
        if same(self.decided.get(&step.name), step.after.as_ref()) {
            self.set(&step.name, step.before.clone());
        }
    }

    /// Takes up what the disk knows.
    pub(super) fn recall(&mut self, item: Arc<T>) {
        self.number_after(item.number());
        self.shown.insert(item.name().clone(), item.clone());
        self.set(&item.name().clone(), Some(item));
    }

    fn set(&mut self, name: &Slug, after: Option<Arc<T>>) -> Option<Arc<T>> {
        let before = match after {
            Some(item) => {
                self.bytes += item.bytes();
                self.terms.insert((item.until(), name.clone()));
                let until = item.until();
                let before = self.decided.insert(name.clone(), item);
                before.inspect(|before| {
                    if before.until() != until {
                        self.terms.remove(&(before.until(), name.clone()));
                    }
                })
            }
            None => self.decided.remove(name).inspect(|before| {
                self.terms.remove(&(before.until(), name.clone()));
            }),
        };
        self.bytes -= before.as_ref().map_or(0, |before| before.bytes());
        before
    }
}

impl Core {
    /// Makes a change of something named visible that is on disk.
    pub(super) fn confirm_named(&mut self, change: &Change) {
        match change {
            Change::Lock(step) => self.locks.confirm(step),
            Change::State(step) => self.states.confirm(step),
            Change::Rule(step) => self.watch.rules.confirm(step),
            Change::Alert(change) => self.watch.book.confirm(change),
            Change::Key(change) => self.access.confirm(change),
            Change::Outgoing(change) => self.outgoing.confirm(change),
            Change::Worker(change) => self.known.confirm(change),
            _ => {}
        }
    }

    /// Takes back a change of something named that could not be made durable.
    pub(super) fn withdraw_named(&mut self, change: &Change) {
        match change {
            Change::Lock(step) => self.locks.withdraw(step),
            Change::State(step) => self.states.withdraw(step),
            Change::Rule(step) => self.watch.rules.withdraw(step),
            Change::Alert(change) => self.watch.book.withdraw(change),
            Change::Key(change) => self.access.withdraw(change),
            Change::Outgoing(change) => self.outgoing.withdraw(change),
            Change::Worker(change) => self.known.withdraw(change),
            _ => {}
        }
    }
}

impl Embedded {
    /// Decides about things of one table, and answers when that is on disk. When nothing changes, the answer waits for
    /// what is known of `name` to be there: nobody is refused for the sake of something that a crash could take back.
    pub(super) fn decide_named<T: Item, A: Send + 'static>(
        &self,
        table: fn(&mut Core) -> &mut Named<T>,
        name: Option<Slug>,
        now: Timestamp,
        decide: impl FnOnce(&mut Named<T>) -> (A, Vec<Change>),
    ) -> Answer<'_, A> {
        if let Some(refusal) = self.refuses() {
            return Box::pin(std::future::ready(Err(refusal)));
        }
        let mut core = self.core(now);
        let things = table(&mut core);
        let (answer, changes) = decide(things);
        let settled_already = changes.is_empty() && name.is_none_or(|name| things.is_settled(&name));
        let ticket = if settled_already { None } else { self.record(&mut core, changes) };
        Box::pin(async move {
            settled(ticket).await?;
            Ok(answer)
        })
    }
}

fn same<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

impl Item for Lock {
    fn name(&self) -> &Slug {
        &self.name
    }

    fn until(&self) -> Timestamp {
        self.until
    }

    fn number(&self) -> u64 {
        self.token
    }

    fn bytes(&self) -> usize {
        0
    }
}

impl Item for State {
    fn name(&self) -> &Slug {
        &self.name
    }

    fn until(&self) -> Timestamp {
        self.until
    }

    fn number(&self) -> u64 {
        self.revision
    }

    fn bytes(&self) -> usize {
        self.value.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(token: u64, until: i64) -> Option<Arc<Lock>> {
        let until = Timestamp::from_millis(until);
        let name = Slug::new("a").unwrap();
        let acquired_at = Timestamp::default();
        Some(Arc::new(Lock { name, owner: "ana".into(), token, acquired_at, until, in_process: false }))
    }

    #[test]
    fn what_is_withdrawn_leaves_what_was_there_and_what_came_since() {
        let (name, now) = (Slug::new("a").unwrap(), Timestamp::default());
        let mut locks = Named::<Lock>::default();
        let first = locks.decide(name.clone(), lock(1, 5));
        let second = locks.decide(name.clone(), lock(2, 9));
        locks.withdraw(&first);
        assert_eq!(locks.decided(&name, now).unwrap().token, 2, "decided since");
        locks.withdraw(&second);
        assert_eq!(locks.decided(&name, now).unwrap().token, 1);
        locks.withdraw(&first);
        assert!(locks.decided(&name, now).is_none() && locks.terms.is_empty());
        assert!(locks.shown(&name, now).is_none(), "nobody ever saw it");
    }
}
