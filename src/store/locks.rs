//! The side of a store that holds locks: who may do something alone, for how long, and the number by which a resource
//! tells the holder of today from the one of yesterday.

use std::sync::Arc;
use std::time::Duration;

use super::{Answer, Slug};
use crate::clock::Timestamp;

/// Locks by name.
///
/// A lock is a sign of life and no proof (rule 2): its holder may be slow, and its term over. The fencing token is what a
/// resource can rely on.
pub trait Locks: Send + Sync + 'static {
    /// Takes a lock, or renews the caller's own.
    ///
    /// - At most one owner has a lock at any moment; a term that is over by `now` binds nobody.
    /// - A grant's token is larger than every token granted before, on any lock, across release, expiry, restart and
    ///   pruning. A renewal keeps the token and begins a new term at `now`.
    /// - What is answered is durable, a refusal too: it is not told of a grant that a crash could take back.
    /// - Beyond [`limits::LOCKS_MAX`](crate::limits::LOCKS_MAX) held locks a new one is answered [`Acquired::Full`].
    fn acquire(&self, take: Take, now: Timestamp) -> Answer<'_, Acquired>;

    /// Gives a lock up. The decision is made when this is called, before its answer is waited for.
    fn release(&self, name: Slug, by: Proof, now: Timestamp) -> Answer<'_, Released>;

    /// Who holds a lock, as committed; none when nobody does, or the term is over.
    fn holder(&self, name: &Slug, now: Timestamp) -> Answer<'_, Option<Arc<Lock>>>;

    /// Forgets at most `limit` locks whose term is over. The answer counts them.
    fn prune_locks(&self, now: Timestamp, limit: usize) -> Answer<'_, u64>;
}

/// A held lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What it is called.
    pub name: Slug,
    /// Who holds it.
    pub owner: Arc<str>,
    /// Larger than that of every earlier grant. Hand it to what you write to, and let it refuse a smaller one.
    pub token: u64,
    /// Since when.
    pub acquired_at: Timestamp,
    /// Until when, unless it is renewed.
    pub until: Timestamp,
    /// It was taken by the process that has the store open, and ends with it: the next start finds it an orphan.
    pub in_process: bool,
}

/// A wish for a lock.
#[derive(Debug, Clone)]
pub struct Take {
    /// Which.
    pub name: Slug,
    /// For whom.
    pub owner: Arc<str>,
    /// How long, from now.
    pub ttl: Duration,
    /// What is good enough.
    pub grant: Grant,
    /// See [`Lock::in_process`].
    pub in_process: bool,
}

/// What is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// A grant that nobody had before, not even the same owner.
    New,
    /// That, or a renewal of the owner's own.
    Any,
    /// A renewal of the grant with this token, and nothing else.
    Renewed(u64),
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is the caller's, newly.
    Granted(Arc<Lock>),
    /// It was the caller's, and has a new term.
    Renewed(Arc<Lock>),
    /// Somebody else has it.
    Held(Arc<Lock>),
    /// The grant to renew is over, and nobody has the lock.
    Over,
    /// There are as many locks as there may be.
    Full,
}

/// By what right a lock is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// As this owner.
    Owner(Arc<str>),
    /// As the holder of this grant.
    Token(u64),
}

/// What became of giving up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Released {
    /// Nobody has it now.
    Done,
    /// Somebody else has it, and keeps it.
    Held(Arc<Lock>),
    /// Nobody had it.
    Absent,
}

impl Lock {
    /// Whether its term is not over yet.
    pub fn binds(&self, now: Timestamp) -> bool {
        self.until > now
    }
}
