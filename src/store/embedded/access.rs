//! Keys: deciding what is kept of them, and what requests find of them without the lock of the core.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use super::change::Change;
use super::core::Core;
use super::{Embedded, settled};
use crate::clock::Timestamp;
use crate::key::{ApiKey, Digest, KeyId};
use crate::limits;
use crate::store::Answer;
use crate::store::keys::{KeyAdded, KeyRevoked, Keys};

/// The keys as decided, and as shown.
#[derive(Default)]
pub(super) struct Access {
    decided: BTreeMap<KeyId, Arc<ApiKey>>,
    digests: HashMap<Digest, KeyId>,
    pub(super) shown: Arc<ShownKeys>,
}

/// The keys as committed. Every request looks here.
#[derive(Default)]
pub(super) struct ShownKeys(RwLock<Shown>);

#[derive(Default)]
struct Shown {
    keys: BTreeMap<KeyId, Arc<ApiKey>>,
    digests: HashMap<Digest, KeyId>,
}

/// One decided change of a key.
pub(super) struct KeyChange {
    pub(super) before: Option<Arc<ApiKey>>,
    pub(super) after: Option<Arc<ApiKey>>,
    pub(super) id: KeyId,
    /// Who took it back.
    pub(super) by: Option<Arc<str>>,
}

impl Access {
    fn add(&mut self, key: ApiKey) -> (KeyAdded, Vec<KeyChange>) {
        if let Some(there) = self.digests.get(&key.digest).and_then(|id| self.decided.get(id)) {
            return (KeyAdded::Taken(there.clone()), Vec::new());
        }
        let mut changes = Vec::new();
        if self.decided.len() >= limits::KEYS_MAX {
            let revoked = self.decided.values().filter(|key| key.revoked_at.is_some());
            let Some(oldest) = revoked.min_by_key(|key| (key.revoked_at, key.id)).cloned() else {
                return (KeyAdded::Full, Vec::new());
            };
            changes.push(self.decide(oldest.id, None));
        }
        let key = Arc::new(key);
        changes.push(self.decide(key.id, Some(key.clone())));
        (KeyAdded::Added(key), changes)
    }

    fn revoke(&mut self, id: KeyId, by: Option<Arc<str>>, now: Timestamp) -> (KeyRevoked, Vec<KeyChange>) {
        match self.decided.get(&id).cloned() {
            None => (KeyRevoked::Absent, Vec::new()),
            Some(key) if key.revoked_at.is_some() => (KeyRevoked::Already(key), Vec::new()),
            Some(key) => {
                let revoked = Arc::new(key.revoked(now));
                let change = self.decide(id, Some(revoked.clone()));
                (KeyRevoked::Done(revoked), vec![KeyChange { by, ..change }])
            }
        }
    }

    fn note_use(&mut self, id: KeyId, at: Timestamp) -> ((), Vec<KeyChange>) {
        let used = self.decided.get(&id).and_then(|key| key.used(at));
        ((), used.map(|used| self.decide(id, Some(Arc::new(used)))).into_iter().collect())
    }

    fn decide(&mut self, id: KeyId, after: Option<Arc<ApiKey>>) -> KeyChange {
        let before = self.set(id, after.clone());
        KeyChange { before, after, id, by: None }
    }

    fn set(&mut self, id: KeyId, after: Option<Arc<ApiKey>>) -> Option<Arc<ApiKey>> {
        set(&mut self.decided, &mut self.digests, id, after)
    }

    /// A change is on disk: requests see it.
    pub(super) fn confirm(&self, change: &KeyChange) {
        self.shown.set(change.id, change.after.clone());
    }

    /// A change could not be made durable. What was decided on top of it stands, and is whole by itself.
    pub(super) fn withdraw(&mut self, change: &KeyChange) {
        let stands = match (self.decided.get(&change.id), &change.after) {
            (Some(now), Some(after)) => Arc::ptr_eq(now, after),
            (None, None) => true,
            _ => false,
        };
        if stands {
            self.set(change.id, change.before.clone());
        }
    }

    /// Takes up what the disk knows.
    pub(super) fn recall(&mut self, key: ApiKey) {
        let key = Arc::new(key);
        self.shown.set(key.id, Some(key.clone()));
        self.set(key.id, Some(key));
    }
}

impl ShownKeys {
    fn set(&self, id: KeyId, after: Option<Arc<ApiKey>>) {
        let Shown { keys, digests } = &mut *self.0.write();
        set(keys, digests, id, after);
    }
}

fn set(
    keys: &mut BTreeMap<KeyId, Arc<ApiKey>>,
    digests: &mut HashMap<Digest, KeyId>,
    id: KeyId,
    after: Option<Arc<ApiKey>>,
) -> Option<Arc<ApiKey>> {
    match after {
        Some(key) => {
            digests.insert(key.digest, id);
            keys.insert(id, key)
        }
        None => keys.remove(&id).inspect(|before| {
            digests.remove(&before.digest);
        }),
    }
}

impl Embedded {
    fn decide_key<A: Send + 'static>(&self, decide: impl FnOnce(&mut Access) -> (A, Vec<KeyChange>)) -> Answer<'_, A> {
        if let Some(refusal) = self.refuses() {
            return Box::pin(std::future::ready(Err(refusal)));
        }
        let mut core: parking_lot::MutexGuard<'_, Core> = self.core.lock();
        let (answer, changes) = decide(&mut core.access);
        // What somebody else did may not be on disk yet: then an answer without changes waits for it.
        let ticket = self.record(&mut core, changes.into_iter().map(Change::Key).collect());
        Box::pin(async move {
            settled(ticket).await?;
            Ok(answer)
        })
    }

    fn look_for_key<A: Send + 'static>(&self, look: impl FnOnce(&Shown) -> A) -> Answer<'_, A> {
        Box::pin(std::future::ready(Ok(look(&self.keys.0.read()))))
    }
}

impl Keys for Embedded {
    fn add_key(&self, key: ApiKey) -> Answer<'_, KeyAdded> {
        self.decide_key(|access| access.add(key))
    }

    fn all_keys(&self) -> Answer<'_, Vec<Arc<ApiKey>>> {
        self.look_for_key(|shown| {
            let mut keys: Vec<_> = shown.keys.values().cloned().collect();
            keys.sort_by_key(|key| (key.created_at, key.id));
            keys
        })
    }

    fn find_key(&self, digest: Digest) -> Answer<'_, Option<Arc<ApiKey>>> {
        self.look_for_key(|shown| shown.digests.get(&digest).and_then(|id| shown.keys.get(id)).cloned())
    }

    fn key(&self, id: KeyId) -> Answer<'_, Option<Arc<ApiKey>>> {
        self.look_for_key(|shown| shown.keys.get(&id).cloned())
    }

    fn has_keys(&self) -> Answer<'_, bool> {
        self.look_for_key(|shown| !shown.keys.is_empty())
    }

    fn revoke_key(&self, id: KeyId, by: Option<Arc<str>>, now: Timestamp) -> Answer<'_, KeyRevoked> {
        self.decide_key(|access| access.revoke(id, by, now))
    }

    fn note_key_use(&self, id: KeyId, at: Timestamp) -> Answer<'_, ()> {
        self.decide_key(|access| access.note_use(id, at))
    }
}
