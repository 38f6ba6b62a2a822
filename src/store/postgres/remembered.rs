//! What this node remembers of keys for half a second.
//!
//! A request with a key would otherwise be a round trip more. Whoever makes or revokes a key tells the other nodes, which forget
//! what they remember; half a second is for a word that was lost.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::key::{ApiKey, Digest, KeyId};
use crate::limits;
use crate::store::keys::SEEN_WITHIN;

/// What this node remembers of keys.
#[derive(Default)]
pub(super) struct Remembered(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// Grows whenever something may have changed: what was read before does not count any more.
    edition: u64,
    by_digest: HashMap<Digest, Noted>,
    by_id: HashMap<KeyId, Noted>,
    /// Whether there are keys. That there were any stays true.
    any: Option<(bool, Instant)>,
}

/// What was found, or that nothing was, and when that was looked up.
#[derive(Clone)]
struct Noted {
    key: Option<Arc<ApiKey>>,
    at: Instant,
}

/// Looks that are remembered at once. Beyond them all are forgotten: whoever tries many secrets gets no room here.
const REMEMBERED_MAX: usize = 4 * limits::KEYS_MAX;

impl Remembered {
    /// Something may have changed.
    pub(super) fn forget(&self) {
        let memory = &mut *self.0.lock();
        memory.edition += 1;
        memory.by_digest.clear();
        memory.by_id.clear();
        memory.any = memory.any.filter(|(any, _)| *any);
    }

    /// What is remembered of a digest; none when it is to be looked up.
    pub(super) fn digest(&self, digest: &Digest) -> Option<Option<Arc<ApiKey>>> {
        fresh(self.0.lock().by_digest.get(digest))
    }

    /// What is remembered of an id.
    pub(super) fn id(&self, id: &KeyId) -> Option<Option<Arc<ApiKey>>> {
        fresh(self.0.lock().by_id.get(id))
    }

    /// Whether there are keys, if that is remembered.
    pub(super) fn any(&self) -> Option<bool> {
        let (any, at) = self.0.lock().any?;
        (any || at.elapsed() < SEEN_WITHIN).then_some(any)
    }

    /// Which edition a look begins with. What it finds counts from here.
    pub(super) fn begin(&self) -> (u64, Instant) {
        (self.0.lock().edition, Instant::now())
    }

    pub(super) fn note_digest(&self, digest: Digest, key: Option<Arc<ApiKey>>, began: (u64, Instant)) {
        self.note(began, |memory, at| memory.by_digest.insert(digest, Noted { key, at }));
    }

    pub(super) fn note_id(&self, id: KeyId, key: Option<Arc<ApiKey>>, began: (u64, Instant)) {
        self.note(began, |memory, at| memory.by_id.insert(id, Noted { key, at }));
    }

    pub(super) fn note_any(&self, any: bool, began: (u64, Instant)) {
        self.note(began, |memory, at| memory.any.replace((any, at)));
    }

    fn note<T>(&self, (edition, at): (u64, Instant), note: impl FnOnce(&mut Memory, Instant) -> T) {
        let memory = &mut *self.0.lock();
        if memory.edition != edition {
            return;
        }
        if memory.by_digest.len() + memory.by_id.len() >= REMEMBERED_MAX {
            memory.by_digest.clear();
            memory.by_id.clear();
        }
        note(memory, at);
    }
}

fn fresh(noted: Option<&Noted>) -> Option<Option<Arc<ApiKey>>> {
    noted.filter(|noted| noted.at.elapsed() < SEEN_WITHIN).map(|noted| noted.key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_began_before_a_change_is_not_remembered() {
        let (remembered, digest) = (Remembered::default(), Digest::of("a"));
        let began = remembered.begin();
        remembered.forget();
        remembered.note_digest(digest, None, began);
        assert_eq!(remembered.digest(&digest), None);
        remembered.note_digest(digest, None, remembered.begin());
        assert_eq!(remembered.digest(&digest), Some(None));
        remembered.forget();
        assert_eq!(remembered.digest(&digest), None);
    }

    #[test]
    fn that_there_are_keys_is_never_forgotten() {
        let remembered = Remembered::default();
        remembered.note_any(false, remembered.begin());
        assert_eq!(remembered.any(), Some(false));
        remembered.forget();
        assert_eq!(remembered.any(), None);
        remembered.note_any(true, remembered.begin());
        remembered.forget();
        assert_eq!(remembered.any(), Some(true));
    }
}
