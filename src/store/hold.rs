//! A lock in the hands of this process: it renews itself, tells when it was lost all the same, and is given up when it is
//! dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Acquired, Grant, Lock, Proof, Released, Slug, Store, StoreError, Take};
use crate::clock::{Clock, Timestamp};

/// A lock that is held until this is dropped.
///
/// It renews itself three times in each term. If that does not succeed until the term is over (the store cannot write, the
/// process was suspended), it is lost: [`lost`](Self::lost) tells, and somebody else may have it by then. A lock is a sign of
/// life and no proof (rule 2): hand [`fencing_token`](Self::fencing_token) to what you write to.
#[must_use = "the lock is given up as soon as this is dropped"]
pub struct Hold {
    term: Arc<Term>,
    renewal: AbortHandle,
    runtime: Handle,
}

struct Term {
    store: Arc<dyn Store>,
    clock: Clock,
    lock: Arc<Lock>,
    ttl: Duration,
    until_ms: AtomicI64,
    lost: CancellationToken,
}

impl Hold {
    /// Takes a lock for this process; none when somebody has it, even the same owner. It is renewed on `runtime`.
    ///
    /// # Errors
    /// When the store cannot commit, or has too many locks.
    pub async fn take(
        store: &Arc<dyn Store>,
        clock: &Clock,
        runtime: &Handle,
        (name, owner, ttl): (Slug, Arc<str>, Duration),
    ) -> Result<Option<Self>, StoreError> {
        let take = Take { name, owner, ttl, grant: Grant::New, in_process: true };
        let asked = Instant::now();
        let lock = match store.locks().acquire(take, clock.now()).await? {
            Acquired::Granted(lock) | Acquired::Renewed(lock) => lock,
            Acquired::Held(_) | Acquired::Over => return Ok(None),
            Acquired::Full => return Err(StoreError::Unavailable("there are as many locks as there may be".into())),
        };
        let term = Arc::new(Term {
            store: store.clone(),
            clock: clock.clone(),
            until_ms: AtomicI64::new(lock.until.as_millis()),
            lock,
            ttl,
            lost: CancellationToken::new(),
        });
        let renewal = runtime.spawn(term.clone().keep(asked)).abort_handle();
        Ok(Some(Self { term, renewal, runtime: runtime.clone() }))
    }

    /// What the lock is called.
    pub fn name(&self) -> &Slug {
        &self.term.lock.name
    }

    /// Who it is held for.
    pub fn owner(&self) -> &str {
        &self.term.lock.owner
    }

    /// A number that is larger than that of every earlier grant, also across restarts. Let what you write to refuse a
    /// smaller one than it has seen.
    pub fn fencing_token(&self) -> u64 {
        self.term.lock.token
    }

    /// Until when it is held if it is not renewed any more.
    pub fn until(&self) -> Timestamp {
        Timestamp::from_millis(self.term.until_ms.load(Ordering::Acquire))
    }

    /// Whether it was lost: somebody else may have it.
    pub fn is_lost(&self) -> bool {
        self.term.lost.is_cancelled() || self.until() <= self.term.clock.now()
    }

    /// Waits until it is lost.
    pub async fn lost(&self) {
        self.term.lost.cancelled().await;
    }

    /// Gives it up, and waits until that is durable. The answer is false when it was lost before.
    ///
    /// # Errors
    /// When the store cannot commit: then it is free when its term is over.
    pub async fn release(self) -> Result<bool, StoreError> {
        self.renewal.abort();
        Ok(self.term.release().await? == Released::Done)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.renewal.abort();
        let term = self.term.clone();
        let mut release = Box::pin(async move { term.release().await });
        // The engine decides when it is asked: whoever comes next finds the lock free. What is left is the disk's part.
        let asked = release.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if asked.is_pending() {
            self.runtime.spawn(release);
        }
    }
}

impl Term {
    /// Renews the lock until it is lost. The term that counts is the one from before asking.
    async fn keep(self: Arc<Self>, mut asked: Instant) {
        loop {
            let over = asked + self.ttl;
            tokio::time::sleep(self.ttl / 3).await;
            let began = Instant::now();
            match tokio::time::timeout_at(over, self.renew()).await {
                Ok(Ok(Some(until))) => {
                    self.until_ms.store(until.as_millis(), Ordering::Release);
                    asked = began;
                }
                Ok(Err(error)) if Instant::now() < over => {
                    tracing::warn!(lock = %self.lock.name, %error, "a lock was not renewed; it is tried again");
                }
                Ok(_) | Err(_) => break,
            }
        }
        tracing::warn!(lock = %self.lock.name, owner = %self.lock.owner, "a lock was lost");
        self.lost.cancel();
    }

    /// The end of the new term; none when the grant is over.
    async fn renew(&self) -> Result<Option<Timestamp>, StoreError> {
        let take = Take {
            name: self.lock.name.clone(),
            owner: self.lock.owner.clone(),
            ttl: self.ttl,
            grant: Grant::Renewed(self.lock.token),
            in_process: true,
        };
        match self.store.locks().acquire(take, self.clock.now()).await? {
            Acquired::Granted(lock) | Acquired::Renewed(lock) => Ok(Some(lock.until)),
            Acquired::Held(_) | Acquired::Over | Acquired::Full => Ok(None),
        }
    }

    async fn release(&self) -> Result<Released, StoreError> {
        let (name, token) = (self.lock.name.clone(), self.lock.token);
        self.store.locks().release(name, Proof::Token(token), self.clock.now()).await
    }
}
