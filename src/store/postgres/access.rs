//! Keys: a row each. What requests ask for is remembered for a moment.

use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Postgres;
use super::place::Fault;
use super::rows::json;
use super::session::Session;
use crate::clock::Timestamp;
use crate::event::tell;
use crate::key::{ApiKey, Digest, KeyId};
use crate::limits;
use crate::store::Answer;
use crate::store::keys::{KeyAdded, KeyRevoked, Keys};

/// Held while a transaction makes a key: the bytes of `keys`.
const ALONE: &str = "SELECT pg_advisory_xact_lock(1801812339)";
const ALL: &str = "SELECT key, revoked_at, used_at FROM faena.api_key ORDER BY created_at, id";
const BY_ID: &str = "SELECT key, revoked_at, used_at FROM faena.api_key WHERE id = $1";
const BY_DIGEST: &str = "SELECT key, revoked_at, used_at FROM faena.api_key WHERE digest = $1";
const ANY: &str = "SELECT EXISTS (SELECT FROM faena.api_key)";
const MAKE_ROOM: &str = "DELETE FROM faena.api_key WHERE id = (SELECT id FROM faena.api_key WHERE revoked_at IS NOT NULL \
     ORDER BY revoked_at, id LIMIT 1) RETURNING 1";
const COUNT: &str = "SELECT count(*) FROM faena.api_key";
const ADD: &str = "INSERT INTO faena.api_key (id, digest, created_at, key) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (digest) DO NOTHING RETURNING 1";
const REVOKE: &str = "UPDATE faena.api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING 1";
const NOTE_USE: &str = "UPDATE faena.api_key SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)";

impl Keys for Postgres {
    fn add_key(&self, key: ApiKey) -> Answer<'_, KeyAdded> {
        let added = self.errand(move |session| {
            let key = key.clone();
            Box::pin(async move { add(session, &key).await })
        });
        self.changing_keys(added)
    }

    fn all_keys(&self) -> Answer<'_, Vec<Arc<ApiKey>>> {
        self.read(|session| Box::pin(all(session)))
    }

    fn find_key(&self, digest: Digest) -> Answer<'_, Option<Arc<ApiKey>>> {
        if let Some(known) = self.keys.digest(&digest) {
            return Box::pin(std::future::ready(Ok(known)));
        }
        let began = self.keys.begin();
        let found = self.read(move |session| Box::pin(by_digest(session, digest)));
        Box::pin(async move { found.await.inspect(|key| self.keys.note_digest(digest, key.clone(), began)) })
    }

    fn key(&self, id: KeyId) -> Answer<'_, Option<Arc<ApiKey>>> {
        if let Some(known) = self.keys.id(&id) {
            return Box::pin(std::future::ready(Ok(known)));
        }
        let began = self.keys.begin();
        let found = self.read(move |session| Box::pin(by_id(session, id)));
        Box::pin(async move { found.await.inspect(|key| self.keys.note_id(id, key.clone(), began)) })
    }

    fn has_keys(&self) -> Answer<'_, bool> {
        if let Some(any) = self.keys.any() {
            return Box::pin(std::future::ready(Ok(any)));
        }
        let began = self.keys.begin();
        let found = self.read(|session| Box::pin(any(session)));
        Box::pin(async move { found.await.inspect(|any| self.keys.note_any(*any, began)) })
    }

    fn revoke_key(&self, id: KeyId, by: Option<Arc<str>>, now: Timestamp) -> Answer<'_, KeyRevoked> {
        let revoked = self.errand(move |session| Box::pin(revoke(session, id, by.clone(), now)));
        self.changing_keys(revoked)
    }

    fn note_key_use(&self, id: KeyId, at: Timestamp) -> Answer<'_, ()> {
        self.errand(move |session| Box::pin(note_use(session, id, at)))
    }
}

impl Postgres {
    /// Forgets what is remembered of keys once a change of them is committed, and has the other nodes forget it.
    fn changing_keys<'a, T: Send + 'a>(&'a self, change: Answer<'a, T>) -> Answer<'a, T> {
        Box::pin(async move {
            let changed = change.await;
            self.keys.forget();
            self.hints.tell_keys();
            changed
        })
    }
}

/// Keeps a key, if there is room and nobody has its secret.
pub(super) async fn add(session: &Session, key: &ApiKey) -> Result<KeyAdded, Fault> {
    session.query(ALONE, &[]).await?;
    if let Some(there) = by_digest(session, key.digest).await? {
        return Ok(KeyAdded::Taken(there));
    }
    let full = session.one(COUNT, &[]).await?.try_get::<_, i64>(0)? >= limits::KEYS_MAX as i64;
    if full && session.query(MAKE_ROOM, &[]).await?.is_empty() {
        return Ok(KeyAdded::Full);
    }
    let digest: &[u8] = key.digest.as_bytes();
    let params = [
        (&uuid(key.id) as _, Type::UUID),
        (&digest as _, Type::BYTEA),
        (&key.created_at.as_millis() as _, Type::INT8),
        (&json(key)? as _, Type::TEXT),
    ];
    session.query(ADD, &params).await?;
    tell(session, None, key, None);
    Ok(KeyAdded::Added(Arc::new(key.clone())))
}

/// All keys, in the order in which they were made.
pub(super) async fn all(session: &Session) -> Result<Vec<Arc<ApiKey>>, Fault> {
    session.query(ALL, &[]).await?.iter().map(read).collect()
}

/// The key whose secret has this digest.
pub(super) async fn by_digest(session: &Session, digest: Digest) -> Result<Option<Arc<ApiKey>>, Fault> {
    let digest: &[u8] = digest.as_bytes();
    session.query(BY_DIGEST, &[(&digest as _, Type::BYTEA)]).await?.first().map(read).transpose()
}

/// The key of an id.
pub(super) async fn by_id(session: &Session, id: KeyId) -> Result<Option<Arc<ApiKey>>, Fault> {
    session.query(BY_ID, &[(&uuid(id) as _, Type::UUID)]).await?.first().map(read).transpose()
}

/// Whether there are any.
pub(super) async fn any(session: &Session) -> Result<bool, Fault> {
    Ok(session.one(ANY, &[]).await?.try_get(0)?)
}

/// Takes a key back.
pub(super) async fn revoke(
    session: &Session,
    id: KeyId,
    by: Option<Arc<str>>,
    now: Timestamp,
) -> Result<KeyRevoked, Fault> {
    let params = [(&uuid(id) as _, Type::UUID), (&now.as_millis() as _, Type::INT8)];
    let done = !session.query(REVOKE, &params).await?.is_empty();
    Ok(match by_id(session, id).await? {
        None => KeyRevoked::Absent,
        Some(key) if done => {
            tell(session, Some(&ApiKey { revoked_at: None, ..ApiKey::clone(&key) }), &key, by.as_deref());
            KeyRevoked::Done(key)
        }
        Some(key) => KeyRevoked::Already(key),
    })
}

fn tell(session: &Session, before: Option<&ApiKey>, after: &ApiKey, by: Option<&str>) {
    let event = tell::of_key(before, after, by);
    session.tell(|told| event.iter().for_each(|event| told.event(event, None)));
}

/// Notes that a key was used.
pub(super) async fn note_use(session: &Session, id: KeyId, at: Timestamp) -> Result<(), Fault> {
    let params = [(&uuid(id) as _, Type::UUID), (&at.as_millis() as _, Type::INT8)];
    session.query(NOTE_USE, &params).await?;
    Ok(())
}

/// What changes stands in columns of its own.
fn read(row: &Row) -> Result<Arc<ApiKey>, Fault> {
    let key: ApiKey = serde_json::from_str(row.try_get(0)?).map_err(Fault::broken)?;
    let at = |column| Ok::<_, Fault>(row.try_get::<_, Option<i64>>(column)?.map(Timestamp::from_millis));
    Ok(Arc::new(ApiKey { revoked_at: at(1)?, last_used_at: at(2)?, ..key }))
}

fn uuid(id: KeyId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}
