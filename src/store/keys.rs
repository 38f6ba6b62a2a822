//! The side of a store that keeps keys. What a key opens is decided by [`Caller`](crate::key::Caller) and never by an engine.

use std::sync::Arc;
use std::time::Duration;

use super::Answer;
use crate::clock::Timestamp;
use crate::key::{ApiKey, Digest, KeyId};

/// Keys.
pub trait Keys: Send + Sync + 'static {
    /// Keeps a key that was made.
    ///
    /// - Once answered `Added`, no crash loses it.
    /// - No two keys have one secret, by constraint (rule 13): of many who add the same, one does.
    /// - Beyond [`limits::KEYS_MAX`](crate::limits::KEYS_MAX) the one that was revoked longest ago makes room; where none was,
    ///   the answer is [`KeyAdded::Full`].
    fn add_key(&self, key: ApiKey) -> Answer<'_, KeyAdded>;

    /// All keys as committed, revoked ones too, in the order in which they were made.
    fn all_keys(&self) -> Answer<'_, Vec<Arc<ApiKey>>>;

    /// The key whose secret has this digest, or none. It is asked for each request, and answers from memory where it can.
    ///
    /// - What this store was told shows at once. What another node was told shows no later than [`SEEN_WITHIN`] after its
    ///   commit, and much sooner as a rule.
    fn find_key(&self, digest: Digest) -> Answer<'_, Option<Arc<ApiKey>>>;

    /// The key of an id, under the same terms.
    fn key(&self, id: KeyId) -> Answer<'_, Option<Arc<ApiKey>>>;

    /// Whether there is or ever was any key, under the same terms. Once there was one, this stays so.
    fn has_keys(&self) -> Answer<'_, bool>;

    /// Takes a key back, and tells who did. What was taken back stays so, with the moment of the first time.
    fn revoke_key(&self, id: KeyId, by: Option<Arc<str>>, now: Timestamp) -> Answer<'_, KeyRevoked>;

    /// Notes that a key was used. The last use never goes back. Nobody needs to wait for it.
    fn note_key_use(&self, id: KeyId, at: Timestamp) -> Answer<'_, ()>;
}

/// Longest time until a key that another node revoked opens nothing here: the life of what a node remembers of keys that it did
/// not hear of again. Nodes tell each other of keys at once; this is for when a word is lost.
pub const SEEN_WITHIN: Duration = Duration::from_millis(500);

/// What became of a key to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAdded {
    /// It is kept.
    Added(Arc<ApiKey>),
    /// That key has the same secret already.
    Taken(Arc<ApiKey>),
    /// There are as many as there may be.
    Full,
}

/// What became of a key to take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRevoked {
    /// It opens nothing any more.
    Done(Arc<ApiKey>),
    /// It was taken back before.
    Already(Arc<ApiKey>),
    /// There is none.
    Absent,
}
