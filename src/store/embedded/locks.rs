//! Deciding who holds a lock.

use std::sync::Arc;

use super::Embedded;
use super::change::Change;
use super::core::Core;
use super::named::Named;
use crate::clock::Timestamp;
use crate::limits;
use crate::store::{Acquired, Answer, Grant, Lock, Locks, Proof, Released, Slug, Take};

/// Locks whose term is over that make room for a new one when there are too many.
const ROOM: usize = 100;

impl Locks for Embedded {
    fn acquire(&self, take: Take, now: Timestamp) -> Answer<'_, Acquired> {
        let name = take.name.clone();
        self.decide_named(lock_table, Some(name), now, |locks| acquire(locks, take, now))
    }

    fn release(&self, name: Slug, by: Proof, now: Timestamp) -> Answer<'_, Released> {
        self.decide_named(lock_table, Some(name.clone()), now, |locks| release(locks, name, &by, now))
    }

    fn holder(&self, name: &Slug, now: Timestamp) -> Answer<'_, Option<Arc<Lock>>> {
        Box::pin(std::future::ready(Ok(self.core(now).locks.shown(name, now))))
    }

    fn prune_locks(&self, now: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.decide_named(lock_table, None, now, |locks| {
            let changes: Vec<_> = locks.expire(now, limit).into_iter().map(Change::Lock).collect();
            (changes.len() as u64, changes)
        })
    }
}

fn lock_table(core: &mut Core) -> &mut Named<Lock> {
    &mut core.locks
}

fn acquire(locks: &mut Named<Lock>, take: Take, now: Timestamp) -> (Acquired, Vec<Change>) {
    let Take { name, owner, ttl, grant, in_process } = take;
    let until = now.plus(ttl);
    if let Some(held) = locks.decided(&name, now).cloned() {
        let renews = match grant {
            Grant::New => false,
            Grant::Any => held.owner == owner,
            Grant::Renewed(token) => held.token == token && held.owner == owner,
        };
        if !renews {
            return (Acquired::Held(held), Vec::new());
        }
        let renewed = Arc::new(Lock { until, ..Lock::clone(&held) });
        return (Acquired::Renewed(renewed.clone()), vec![Change::Lock(locks.decide(name, Some(renewed)))]);
    }
    if matches!(grant, Grant::Renewed(_)) {
        return (Acquired::Over, Vec::new());
    }
    let mut changes = Vec::new();
    if !locks.has(&name) && locks.size().0 >= limits::LOCKS_MAX {
        changes.extend(locks.expire(now, ROOM).into_iter().map(Change::Lock));
        if changes.is_empty() {
            return (Acquired::Full, changes);
        }
    }
    let token = locks.number();
    let granted = Arc::new(Lock { name: name.clone(), owner, token, acquired_at: now, until, in_process });
    changes.push(Change::Lock(locks.decide(name, Some(granted.clone()))));
    (Acquired::Granted(granted), changes)
}

fn release(locks: &mut Named<Lock>, name: Slug, by: &Proof, now: Timestamp) -> (Released, Vec<Change>) {
    let Some(held) = locks.decided(&name, now) else { return (Released::Absent, Vec::new()) };
    let proven = match by {
        Proof::Owner(owner) => held.owner == *owner,
        Proof::Token(token) => held.token == *token,
    };
    if !proven {
        return (Released::Held(held.clone()), Vec::new());
    }
    (Released::Done, vec![Change::Lock(locks.decide(name, None))])
}
