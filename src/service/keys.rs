//! Keys as people see them: made, looked at, taken back; and who a request comes from.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::Timestamp;
use crate::error::{Error, FieldError};
use crate::job::JobId;
use crate::key::{ApiKey, Caller, Digest, KeyId, NewKey, Pass, Refusal, Scope, Secret, Session, Standing};
use crate::limits;
use crate::store::Store;
use crate::store::keys::{KeyAdded, KeyRevoked};

use super::Service;

/// What the key is called that an operator names when the server starts.
pub const ADMIN_KEY_NAME: &str = "FAENA_ADMIN_KEY";

impl Service {
    /// Makes a key. Its secret is in this answer and nowhere else.
    ///
    /// # Errors
    /// [`Error::Invalid`] for terms that break a rule; the first key of all must have the scope `admin`. [`Error::Full`].
    pub async fn create_key(&self, new: NewKey) -> Result<(Arc<ApiKey>, Secret), Error> {
        let now = self.now();
        let is_first = !self.store().keys().has_keys().await?;
        let complaints = new.complaints(is_first, now).into_iter();
        let faults: Vec<_> = complaints
            .map(|complaint| FieldError { field: complaint.field.to_owned(), message: complaint.message })
            .collect();
        if !faults.is_empty() {
            return Err(Error::fields(faults));
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| Error::internal(error.to_string()))?;
        let secret = Secret::of(&random);
        match self.store().keys().add_key(new.made(secret.digest(), now)).await? {
            KeyAdded::Added(key) => Ok((key, secret)),
            KeyAdded::Taken(_) => Err(Error::internal("two random secrets are the same")),
            KeyAdded::Full => Err(Error::Full { what: "keys", max: limits::KEYS_MAX }),
        }
    }

    /// All keys, revoked ones too, in the order in which they were made.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keys(&self) -> Result<Vec<Arc<ApiKey>>, Error> {
        Ok(self.store().keys().all_keys().await?)
    }

    /// Takes a key back, as somebody asks for: it opens nothing any more, on no node. Asking twice is asking once.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_key(&self, id: KeyId, by: &str) -> Result<Arc<ApiKey>, Error> {
        match self.store().keys().revoke_key(id, Some(by.into()), self.now()).await? {
            KeyRevoked::Done(key) | KeyRevoked::Already(key) => Ok(key),
            KeyRevoked::Absent => Err(Error::NotFound { what: "key", id: id.to_string() }),
        }
    }

    /// Who a request comes from that presents a secret, or none. Without any key everybody is [`Caller::Anybody`].
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when there are keys and what is presented is none that opens anything; [`Error::TooOften`]; when
    /// the store fails.
    pub async fn caller(&self, presented: Option<&str>) -> Result<Caller, Error> {
        if !self.looks_for_keys().await? {
            return Ok(Caller::Anybody);
        }
        let keys = self.store().keys();
        let Some(presented) = presented else {
            return Err(unauthorized("this needs a key; send it as `Authorization: Bearer KEY`"));
        };
        let found = match presented.len() {
            0..=limits::KEY_SECRET_BYTES_MAX => keys.find_key(Digest::of(presented)).await?,
            _ => None,
        };
        let key = found.ok_or_else(|| unauthorized("this key is not known here"))?;
        self.checked(key)
    }

    /// Whether it is known already that there are keys. The store is not asked.
    pub fn is_keyed(&self) -> bool {
        self.keyed.load(Ordering::Acquire)
    }

    /// Notes that there are keys. There always will be.
    pub fn note_keyed(&self) {
        self.keyed.store(true, Ordering::Release);
    }

    async fn looks_for_keys(&self) -> Result<bool, Error> {
        if !self.is_keyed() && self.store().keys().has_keys().await? {
            self.note_keyed();
        }
        Ok(self.is_keyed())
    }

    /// Whether a caller who was let in would be let in still: a stream ends with the key that opened it. While the store cannot
    /// be asked, it goes on.
    pub async fn still_may(&self, caller: &Caller) -> bool {
        let Caller::Key(key) = caller else { return !self.is_keyed() };
        match self.store().keys().key(key.id).await {
            Ok(found) => found.is_some_and(|key| key.standing(self.now()) == Standing::Valid),
            Err(_) => true,
        }
    }

    /// A pass to the events of a job, for a browser. It opens what this caller may see, and no longer than
    /// their key does; without any key it is a text that nobody looks at.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such job, or it is not theirs.
    pub async fn pass(&self, caller: &Caller, id: JobId) -> Result<Pass, Error> {
        let job = self.job(id).await?;
        if !caller.sees(job.spec.user_id.as_deref()) {
            return Err(Error::no_job(id));
        }
        let now = self.now();
        let ends = now.plus(limits::PASS_LIFE);
        let nobody = || Arc::new(NewKey::default().made(Digest::from_bytes([0; 32]), now));
        let key = match caller {
            Caller::Key(key) => key.clone(),
            Caller::Anybody => nobody(),
        };
        let ends = key.expires_at.map_or(ends, |expires_at| expires_at.min(ends));
        Ok(Pass::new(&key, id, ends))
    }

    /// Who a request for the events of a job comes from that presents the text of a pass.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when there are keys and the pass is none to this job, or its time is over; [`Error::TooOften`].
    pub async fn bearer_of_pass(&self, text: &str, id: JobId) -> Result<Caller, Error> {
        if !self.looks_for_keys().await? {
            return Ok(Caller::Anybody);
        }
        let keys = self.store().keys();
        let wrong = || unauthorized("this token opens nothing here, or not any more; ask for a new one");
        let pass = Pass::read(text).filter(|pass| pass.job == id).ok_or_else(wrong)?;
        let key = keys.key(pass.key).await?.filter(|key| pass.is_signed_by(key, self.now())).ok_or_else(wrong)?;
        self.checked(key)
    }

    /// Signs somebody in who shows their key, for a while. None when there are no keys: then nobody needs to.
    ///
    /// # Errors
    /// Those of [`caller`](Self::caller).
    pub async fn sign_in(&self, presented: &str) -> Result<Option<Session>, Error> {
        match self.caller(Some(presented)).await? {
            Caller::Anybody => Ok(None),
            Caller::Key(key) => {
                let ends = self.now().plus(limits::SESSION_LIFE);
                let ends = key.expires_at.map_or(ends, |expires_at| expires_at.min(ends));
                Ok(Some(Session::new(&key, ends)))
            }
        }
    }

    /// Who a request comes from that presents the text of a session, or none.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when there are keys and the session is none of them, or its time is over; [`Error::TooOften`].
    pub async fn bearer_of_session(&self, text: Option<&str>) -> Result<Caller, Error> {
        if !self.looks_for_keys().await? {
            return Ok(Caller::Anybody);
        }
        let wrong = || unauthorized("sign in with a key");
        let session = text.and_then(Session::read).ok_or_else(wrong)?;
        let key = self.store().keys().key(session.key).await?;
        self.checked(key.filter(|key| session.is_signed_by(key, self.now())).ok_or_else(wrong)?)
    }

    /// Who holds a key, if it opens anything and does not ask too often; that it was used is noted once a minute.
    fn checked(&self, key: Arc<ApiKey>) -> Result<Caller, Error> {
        let now = self.now();
        match key.standing(now) {
            Standing::Valid => {}
            Standing::Revoked => return Err(unauthorized("this key was revoked")),
            Standing::Expired => return Err(unauthorized("this key has expired; ask for a new one")),
        }
        if self.is_worth_a_note(&key, now) {
            // Nobody waits for it: it takes hold by being asked for.
            drop(self.store().keys().note_key_use(key.id, now));
        }
        self.count_request(&key, now)?;
        Ok(Caller::Key(key))
    }

    fn is_worth_a_note(&self, key: &ApiKey, now: Timestamp) -> bool {
        let is_old = |noted: Timestamp| now.millis_since(noted) >= limits::KEY_USE_NOTED_EVERY.as_millis() as u64;
        if !key.last_used_at.is_none_or(is_old) {
            return false;
        }
        // Whoever forgets all of it notes once more: that is no harm, and the bound of what is remembered here.
        if self.key_uses.len() > 2 * limits::KEYS_MAX {
            self.key_uses.clear();
        }
        let mut noted = self.key_uses.entry(key.id).or_insert(Timestamp::from_millis(i64::MIN));
        let is_worth_it = is_old(*noted);
        if is_worth_it {
            *noted = now;
        }
        is_worth_it
    }
}

/// Sees to it that the key which an operator names is there, and says whether there is any.
///
/// # Errors
/// When the store fails, or has as many keys as it may have.
pub async fn admit_operator(store: &dyn Store, secret: Option<&Secret>, now: Timestamp) -> Result<bool, Error> {
    let Some(secret) = secret else { return Ok(store.keys().has_keys().await?) };
    let new = NewKey { name: ADMIN_KEY_NAME.into(), scopes: vec![Scope::Admin], ..NewKey::default() };
    match store.keys().add_key(new.made(secret.digest(), now)).await? {
        KeyAdded::Added(key) => tracing::info!(key = %key.id, "the key of {ADMIN_KEY_NAME} is kept"),
        KeyAdded::Taken(key) if key.standing(now) == Standing::Valid => {}
        KeyAdded::Taken(key) => {
            tracing::warn!(key = %key.id, "the key of {ADMIN_KEY_NAME} was revoked and opens nothing; name another one");
        }
        KeyAdded::Full => return Err(Error::Full { what: "keys", max: limits::KEYS_MAX }),
    }
    Ok(true)
}

fn unauthorized(message: &str) -> Error {
    Error::Unauthorized(message.to_owned())
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Forbidden(refusal.to_string())
    }
}
