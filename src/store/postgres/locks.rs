//! Deciding who holds a lock: one at a time over all nodes, so that tokens rise in the order of the grants.

use std::sync::Arc;

use futures_util::future;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::bounds::Bounds;
use super::place::Fault;
use super::session::Session;
use crate::clock::Timestamp;
use crate::limits;
use crate::store::{Acquired, Grant, Lock, Proof, Released, Slug, Take};

/// Locks whose term is over that make room for a new one when there are too many.
const ROOM: i64 = 100;

/// Held while a transaction decides about locks: the bytes of `lock`.
const ALONE: &str = "SELECT pg_advisory_xact_lock(1819239275)";
const FIND: &str = "SELECT name, owner, token, acquired_at, until, in_process FROM faena.lock WHERE name = $1";
const GRANT: &str = "INSERT INTO faena.lock (name, owner, token, acquired_at, until, in_process) \
     VALUES ($1, $2, nextval('faena.number'), $3, $4, $5) \
     ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, token = excluded.token, acquired_at = excluded.acquired_at, \
         until = excluded.until, in_process = excluded.in_process RETURNING token";
const RENEW: &str = "UPDATE faena.lock SET until = $2 WHERE name = $1";
const FREE: &str = "DELETE FROM faena.lock WHERE name = $1";
const COUNT: &str = "SELECT count(*), 0::bigint FROM faena.lock";
const EXPIRE: &str = "DELETE FROM faena.lock WHERE name IN \
     (SELECT name FROM faena.lock WHERE until <= $1 ORDER BY until, name LIMIT $2) AND until <= $1 RETURNING 1";

/// Takes a lock, or renews it.
pub(super) async fn acquire(session: &Session, take: Take, now: Timestamp, bounds: &Bounds) -> Result<Acquired, Fault> {
    let Take { name, owner, ttl, grant, in_process } = take;
    let found = find(session, &name).await?;
    let is_there = found.is_some();
    let until = now.plus(ttl);
    if let Some(held) = found.filter(|lock| lock.binds(now)) {
        let renews = match grant {
            Grant::New => false,
            Grant::Any => held.owner == owner,
            Grant::Renewed(token) => held.token == token && held.owner == owner,
        };
        if !renews {
            return Ok(Acquired::Held(Arc::new(held)));
        }
        let params = [(&name.as_str() as _, Type::TEXT), (&until.as_millis() as _, Type::INT8)];
        session.query(RENEW, &params).await?;
        return Ok(Acquired::Renewed(Arc::new(Lock { until, ..held })));
    }
    if matches!(grant, Grant::Renewed(_)) {
        return Ok(Acquired::Over);
    }
    let (most, _) = (limits::LOCKS_MAX as i64, ());
    if !is_there && !bounds.has_room(session, COUNT, (1, 0), (most, i64::MAX)).await? {
        if expire(session, now, ROOM).await? == 0 {
            return Ok(Acquired::Full);
        }
        bounds.forget();
    }
    let params = [
        (&name.as_str() as _, Type::TEXT),
        (&&*owner as _, Type::TEXT),
        (&now.as_millis() as _, Type::INT8),
        (&until.as_millis() as _, Type::INT8),
        (&in_process as _, Type::BOOL),
    ];
    let token = session.one(GRANT, &params).await?.try_get::<_, i64>(0)? as u64;
    Ok(Acquired::Granted(Arc::new(Lock { name, owner, token, acquired_at: now, until, in_process })))
}

/// Gives a lock up.
pub(super) async fn release(session: &Session, name: Slug, by: Proof, now: Timestamp) -> Result<Released, Fault> {
    let Some(held) = find(session, &name).await?.filter(|lock| lock.binds(now)) else { return Ok(Released::Absent) };
    let proven = match by {
        Proof::Owner(owner) => held.owner == owner,
        Proof::Token(token) => held.token == token,
    };
    if !proven {
        return Ok(Released::Held(Arc::new(held)));
    }
    session.query(FREE, &[(&name.as_str() as _, Type::TEXT)]).await?;
    Ok(Released::Done)
}

/// Who holds a lock.
pub(super) async fn holder(session: &Session, name: &Slug, now: Timestamp) -> Result<Option<Arc<Lock>>, Fault> {
    let rows = session.query(FIND, &[(&name.as_str() as _, Type::TEXT)]).await?;
    let lock = rows.first().map(lock).transpose()?;
    Ok(lock.filter(|lock| lock.binds(now)).map(Arc::new))
}

/// Forgets locks whose term is over, while nobody decides about any.
pub(super) async fn expire(session: &Session, now: Timestamp, limit: i64) -> Result<u64, Fault> {
    let params = [(&now.as_millis() as _, Type::INT8), (&limit as _, Type::INT8)];
    let (_, gone) = future::try_join(session.query(ALONE, &[]), session.query(EXPIRE, &params)).await?;
    Ok(gone.len() as u64)
}

/// The lock as it is, once nobody else decides about any.
async fn find(session: &Session, name: &Slug) -> Result<Option<Lock>, Fault> {
    let params = [(&name.as_str() as _, Type::TEXT)];
    let (_, rows) = future::try_join(session.query(ALONE, &[]), session.query(FIND, &params)).await?;
    rows.first().map(lock).transpose()
}

fn lock(row: &Row) -> Result<Lock, Fault> {
    Ok(Lock {
        name: Slug::new(row.try_get::<_, &str>(0)?).map_err(Fault::broken)?,
        owner: row.try_get::<_, &str>(1)?.into(),
        token: row.try_get::<_, i64>(2)? as u64,
        acquired_at: Timestamp::from_millis(row.try_get(3)?),
        until: Timestamp::from_millis(row.try_get(4)?),
        in_process: row.try_get(5)?,
    })
}
