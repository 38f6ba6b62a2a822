//! The keys of a store that is watched: they pass through, and what is written is timed.

use std::sync::Arc;

use super::Observed;
use super::surely::Surely;
use crate::clock::Timestamp;
use crate::key::{ApiKey, Digest, KeyId};
use crate::store::Answer;
use crate::store::keys::{KeyAdded, KeyRevoked, Keys};

impl Keys for Observed {
    fn add_key(&self, key: ApiKey) -> Answer<'_, KeyAdded> {
        let shared = self.shared.clone();
        Surely::boxed(async move { shared.timed("add_key", shared.inner.keys().add_key(key)).await })
    }

    fn all_keys(&self) -> Answer<'_, Vec<Arc<ApiKey>>> {
        self.shared.inner.keys().all_keys()
    }

    fn find_key(&self, digest: Digest) -> Answer<'_, Option<Arc<ApiKey>>> {
        self.shared.inner.keys().find_key(digest)
    }

    fn key(&self, id: KeyId) -> Answer<'_, Option<Arc<ApiKey>>> {
        self.shared.inner.keys().key(id)
    }

    fn has_keys(&self) -> Answer<'_, bool> {
        self.shared.inner.keys().has_keys()
    }

    fn revoke_key(&self, id: KeyId, by: Option<Arc<str>>, now: Timestamp) -> Answer<'_, KeyRevoked> {
        let shared = self.shared.clone();
        Surely::boxed(async move { shared.timed("revoke_key", shared.inner.keys().revoke_key(id, by, now)).await })
    }

    fn note_key_use(&self, id: KeyId, at: Timestamp) -> Answer<'_, ()> {
        self.shared.inner.keys().note_key_use(id, at)
    }
}
