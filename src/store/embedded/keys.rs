//! Keys that make a request or a job happen once: unique keys, and idempotency keys with the answer they stand for.
//! They are taken in the same step as the job is accepted, so there is no moment between looking and taking.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::job::{JobId, Unique, UniqueFor};
use crate::store::{Idempotency, Inserted, Receipt};

/// All keys that are taken.
#[derive(Default)]
pub(in crate::store) struct Keys {
    unique: HashMap<Box<str>, Hold>,
    requests: HashMap<Arc<str>, Remembered>,
    /// When remembered requests and windows pass.
    passing: BTreeSet<(Timestamp, Arc<str>)>,
}

/// Who holds a unique key, and until when.
#[derive(Debug, Clone, Copy)]
struct Hold {
    id: JobId,
    /// None while the job is active.
    until: Option<Timestamp>,
}

/// A request that came before.
#[derive(Debug, Clone)]
pub(in crate::store) struct Remembered {
    pub(in crate::store) key: Arc<str>,
    pub(in crate::store) body: [u8; 32],
    pub(in crate::store) until: Timestamp,
    pub(in crate::store) receipt: Arc<Receipt>,
}

impl Keys {
    /// Why a job with these keys cannot be accepted, if it cannot.
    pub(in crate::store) fn refuses(
        &self,
        unique: Option<&Unique>,
        key: Option<&Idempotency>,
        now: Timestamp,
    ) -> Option<Inserted> {
        if let Some(known) = key.and_then(|key| self.requests.get(&*key.key)).filter(|known| known.until > now) {
            let same = key.is_some_and(|key| key.body == known.body);
            return Some(if same { Inserted::Replayed(known.receipt.clone()) } else { Inserted::Mismatch });
        }
        self.holder(unique?, now).map(Inserted::Taken)
    }

    /// The job that holds a unique key.
    pub(in crate::store) fn holder(&self, unique: &Unique, now: Timestamp) -> Option<JobId> {
        let hold = self.unique.get(&unique.key)?;
        hold.until.is_none_or(|until| until > now).then_some(hold.id)
    }

    /// Takes a job's unique key.
    pub(in crate::store) fn take(&mut self, unique: &Unique, id: JobId, accepted_at: Timestamp) {
        let until = match unique.during {
            UniqueFor::Active => None,
            UniqueFor::WindowMs(window) => Some(accepted_at.plus_millis(window)),
        };
        self.hold(&unique.key, id, until);
    }

    /// Takes a unique key until a moment, or until it is released.
    pub(in crate::store) fn hold(&mut self, key: &str, id: JobId, until: Option<Timestamp>) {
        self.unique.insert(key.into(), Hold { id, until });
    }

    /// Releases the unique key of a job that has ended, unless its window goes on.
    pub(in crate::store) fn release(&mut self, unique: &Unique, id: JobId) {
        if unique.during == UniqueFor::Active && self.unique.get(&unique.key).is_some_and(|hold| hold.id == id) {
            self.unique.remove(&unique.key);
        }
    }

    /// Remembers a request and its answer.
    pub(in crate::store) fn remember(&mut self, request: Remembered) {
        self.passing.insert((request.until, request.key.clone()));
        if let Some(before) = self.requests.insert(request.key.clone(), request) {
            self.passing.remove(&(before.until, before.key));
        }
    }

    /// Whether a request is still remembered with this answer.
    pub(in crate::store) fn remembers(&self, key: &str, receipt: &Receipt) -> bool {
        self.requests.get(key).is_some_and(|known| known.receipt.id == receipt.id)
    }

    /// Takes back the keys of a job that could not be accepted after all.
    pub(in crate::store) fn withdraw(&mut self, unique: Option<&Unique>, request: Option<&str>, id: JobId) {
        if let Some(unique) = unique.filter(|unique| self.unique.get(&unique.key).is_some_and(|hold| hold.id == id)) {
            self.unique.remove(&unique.key);
        }
        if let Some(known) = request.and_then(|key| self.requests.remove(key)) {
            self.passing.remove(&(known.until, known.key));
        }
    }

    /// Forgets keys whose window has passed, at most `limit` of each sort. The answer says how many.
    pub(in crate::store) fn prune(&mut self, now: Timestamp, limit: usize) -> u64 {
        let mut forgotten = 0;
        while let Some((_, key)) = self.passing.first().filter(|(until, _)| *until <= now && forgotten < limit as u64) {
            self.requests.remove(key);
            self.passing.pop_first();
            forgotten += 1;
        }
        let before = self.unique.len();
        self.unique.retain(|_, hold| hold.until.is_none_or(|until| until > now));
        forgotten + (before - self.unique.len()) as u64
    }
}
