//! Locks: doing something alone. For clients, who renew their own, and for code in this process, whose locks renew
//! themselves.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::error::{Error, FieldError};
use crate::limits;
use crate::store::{Acquired, Grant, Hold, Lock, Proof, Released, Slug, Take};

/// A client's wish for a lock.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// For whom; a random owner is made when left out.
    pub owner: Option<String>,
    /// How long.
    pub ttl: Duration,
    /// Only the grant with this token is to be renewed.
    pub renews: Option<u64>,
}

impl Service {
    /// Takes a lock for this process until the answer is dropped; none when somebody has it. It renews itself, on the
    /// tokio runtime that this is called on. If the process dies, the next start frees it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when name or term are out of bounds; when the store cannot commit.
    pub async fn lock(&self, name: &str, ttl: Duration) -> Result<Option<Hold>, Error> {
        let name = checked(name, None, ttl)?;
        let runtime = tokio::runtime::Handle::try_current().map_err(Error::internal)?;
        let owner: Arc<str> = format!("process {} on {}", self.node().process, self.node().machine).into();
        Ok(Hold::take(self.store(), &self.parts.clock, &runtime, (name, owner, ttl)).await?)
    }

    /// Takes a lock for a client, or renews the client's own. The answer says whether it is new.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Held`], [`Error::Conflict`] when the grant to renew is over, [`Error::Full`].
    pub async fn acquire_lock(&self, name: &str, wish: Wish) -> Result<(Arc<Lock>, bool), Error> {
        let name = checked(name, wish.owner.as_deref(), wish.ttl)?;
        if let (Some(_), None) = (wish.renews, &wish.owner) {
            return Err(Error::field("owner", "is required to renew a grant by its fencingToken"));
        }
        let owner = wish.owner.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let grant = wish.renews.map_or(Grant::Any, Grant::Renewed);
        let take = Take { name: name.clone(), owner: owner.into(), ttl: wish.ttl, grant, in_process: false };
        let now = self.now();
        match self.store().locks().acquire(take, now).await? {
            Acquired::Granted(lock) => Ok((lock, true)),
            Acquired::Renewed(lock) => Ok((lock, false)),
            Acquired::Held(lock) => Err(held(&lock, self)),
            Acquired::Over => Err(Error::Conflict(format!("that grant of lock `{name}` is over; acquire it anew"))),
            Acquired::Full => Err(Error::Full { what: "locks", max: limits::LOCKS_MAX }),
        }
    }

    /// Gives a lock up.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nobody has it, [`Error::Held`] when somebody else does.
    pub async fn release_lock(&self, name: &str, by: Proof) -> Result<(), Error> {
        let name = checked(name, None, limits::LOCK_TTL_MAX)?;
        match self.store().locks().release(name.clone(), by, self.now()).await? {
            Released::Done => Ok(()),
            Released::Absent => Err(no_lock(&name)),
            Released::Held(lock) => Err(held(&lock, self)),
        }
    }

    /// Who has a lock.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nobody does.
    pub async fn lock_holder(&self, name: &str) -> Result<Arc<Lock>, Error> {
        let name = checked(name, None, limits::LOCK_TTL_MAX)?;
        self.store().locks().holder(&name, self.now()).await?.ok_or_else(|| no_lock(&name))
    }
}

fn no_lock(name: &Slug) -> Error {
    Error::NotFound { what: "held lock", id: name.to_string() }
}

fn held(lock: &Lock, service: &Service) -> Error {
    Error::Held {
        name: lock.name.to_string(),
        owner: lock.owner.to_string(),
        until: lock.until,
        retry_after: Duration::from_millis(lock.until.millis_since(service.now())),
    }
}

fn checked(name: &str, owner: Option<&str>, ttl: Duration) -> Result<Slug, Error> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, message: String| faults.push(FieldError { field: field.to_owned(), message });
    let name = Slug::given(name).map_err(|message| fault("name", message)).ok();
    if let Some(owner) = owner
        && (owner.is_empty() || owner.len() > limits::KEY_BYTES_MAX || owner.contains(char::is_control))
    {
        fault("owner", format!("must have 1 to {} bytes, none of them a control character", limits::KEY_BYTES_MAX));
    }
    if let Some(message) = super::out_of_bounds(ttl, limits::LOCK_TTL_MAX) {
        fault("ttlSeconds", message);
    }
    match name {
        Some(name) if faults.is_empty() => Ok(name),
        _ => Err(Error::fields(faults)),
    }
}
