//! Deciding what is kept under a name.

use std::sync::Arc;

use super::Embedded;
use super::change::Change;
use super::core::Core;
use super::named::Named;
use crate::clock::Timestamp;
use crate::limits;
use crate::store::{Answer, Deleted, Expected, Kept, Put, Slug, State, States};

/// States whose term is over that make room for a new one when there are too many.
const ROOM: usize = 100;

impl States for Embedded {
    fn put_state(&self, put: Put, now: Timestamp) -> Answer<'_, Kept> {
        let name = put.name.clone();
        self.decide_named(state_table, Some(name), now, |states| keep(states, put, now))
    }

    fn state(&self, name: &Slug, now: Timestamp) -> Answer<'_, Option<Arc<State>>> {
        Box::pin(std::future::ready(Ok(self.core(now).states.shown(name, now))))
    }

    fn delete_state(&self, name: Slug, expected: Expected, now: Timestamp) -> Answer<'_, Deleted> {
        self.decide_named(state_table, Some(name.clone()), now, |states| delete(states, name, expected, now))
    }

    fn prune_states(&self, now: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.decide_named(state_table, None, now, |states| {
            let changes: Vec<_> = states.expire(now, limit).into_iter().map(Change::State).collect();
            (changes.len() as u64, changes)
        })
    }
}

fn state_table(core: &mut Core) -> &mut Named<State> {
    &mut core.states
}

fn keep(states: &mut Named<State>, put: Put, now: Timestamp) -> (Kept, Vec<Change>) {
    let there = states.decided(&put.name, now).cloned();
    if !put.expected.allows(there.as_deref()) {
        return (Kept::Unexpected(there), Vec::new());
    }
    let mut changes = Vec::new();
    if overflows(states, &put) {
        changes.extend(states.expire(now, ROOM).into_iter().map(Change::State));
        if overflows(states, &put) {
            return (Kept::Full, changes);
        }
    }
    let Put { name, value, ttl, .. } = put;
    let revision = states.number();
    let state = Arc::new(State { name: name.clone(), value, revision, updated_at: now, until: now.plus(ttl) });
    changes.push(Change::State(states.decide(name, Some(state.clone()))));
    (if there.is_some() { Kept::Replaced(state) } else { Kept::Made(state) }, changes)
}

/// Whether a value would be more than there may be.
fn overflows(states: &Named<State>, put: &Put) -> bool {
    let (count, bytes) = states.size();
    let one_more = usize::from(!states.has(&put.name));
    let bytes = bytes - states.bytes_of(&put.name) + put.value.len();
    count + one_more > limits::STATES_MAX || bytes > limits::STATES_BYTES_MAX
}

fn delete(states: &mut Named<State>, name: Slug, expected: Expected, now: Timestamp) -> (Deleted, Vec<Change>) {
    match states.decided(&name, now) {
        None => (Deleted::Absent, Vec::new()),
        Some(there) if !expected.allows(Some(there)) => (Deleted::Unexpected(there.clone()), Vec::new()),
        Some(_) => (Deleted::Done, vec![Change::State(states.decide(name, None))]),
    }
}
