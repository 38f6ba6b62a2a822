//! Deciding what is kept under a name: one at a time over all nodes, so that revisions rise in the order of the writes.

use std::sync::Arc;

use futures_util::future;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::bounds::Bounds;
use super::place::Fault;
use super::session::Session;
use crate::clock::Timestamp;
use crate::limits;
use crate::store::{Deleted, Expected, Kept, Put, Slug, State};

/// States whose term is over that make room for a new one when there are too many.
const ROOM: i64 = 100;

/// Held while a transaction decides about states: the bytes of `stat`.
const ALONE: &str = "SELECT pg_advisory_xact_lock(1937006964)";
const FIND: &str = "SELECT name, value, revision, updated_at, until FROM faena.state WHERE name = $1";
const KEEP: &str = "INSERT INTO faena.state (name, value, revision, updated_at, until, bytes) \
     VALUES ($1, $2, nextval('faena.number'), $3, $4, octet_length($2)) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = excluded.revision, \
         updated_at = excluded.updated_at, until = excluded.until, bytes = excluded.bytes RETURNING revision";
const DELETE: &str = "DELETE FROM faena.state WHERE name = $1";
const COUNT: &str = "SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM faena.state";
const EXPIRE: &str = "DELETE FROM faena.state WHERE name IN \
     (SELECT name FROM faena.state WHERE until <= $1 ORDER BY until, name LIMIT $2) AND until <= $1 RETURNING 1";

/// Keeps a value, if what is there is as expected.
pub(super) async fn keep(session: &Session, put: Put, now: Timestamp, bounds: &Bounds) -> Result<Kept, Fault> {
    let Put { name, value, ttl, expected } = put;
    let found = find(session, &name).await?;
    let (count, bytes) = found.as_ref().map_or((1, 0), |state| (0, state.value.len() as i64));
    let there = found.filter(|state| state.binds(now));
    if !expected.allows(there.as_ref()) {
        return Ok(Kept::Unexpected(there.map(Arc::new)));
    }
    let more = (count, value.len() as i64 - bytes);
    let most = (limits::STATES_MAX as i64, limits::STATES_BYTES_MAX as i64);
    if !bounds.has_room(session, COUNT, more, most).await? {
        expire(session, now, ROOM).await?;
        bounds.forget();
        if !bounds.has_room(session, COUNT, more, most).await? {
            return Ok(Kept::Full);
        }
    }
    let until = now.plus(ttl);
    let params = [
        (&name.as_str() as _, Type::TEXT),
        (&&*value as _, Type::TEXT),
        (&now.as_millis() as _, Type::INT8),
        (&until.as_millis() as _, Type::INT8),
    ];
    let revision = session.one(KEEP, &params).await?.try_get::<_, i64>(0)? as u64;
    let state = Arc::new(State { name, value, revision, updated_at: now, until });
    Ok(if there.is_some() { Kept::Replaced(state) } else { Kept::Made(state) })
}

/// Forgets a state, if it is as expected.
pub(super) async fn delete(
    session: &Session,
    name: Slug,
    expected: Expected,
    now: Timestamp,
) -> Result<Deleted, Fault> {
    match find(session, &name).await?.filter(|state| state.binds(now)) {
        None => Ok(Deleted::Absent),
        Some(there) if !expected.allows(Some(&there)) => Ok(Deleted::Unexpected(Arc::new(there))),
        Some(_) => {
            session.query(DELETE, &[(&name.as_str() as _, Type::TEXT)]).await?;
            Ok(Deleted::Done)
        }
    }
}

/// A state as it is kept.
pub(super) async fn read(session: &Session, name: &Slug, now: Timestamp) -> Result<Option<Arc<State>>, Fault> {
    let rows = session.query(FIND, &[(&name.as_str() as _, Type::TEXT)]).await?;
    let state = rows.first().map(state).transpose()?;
    Ok(state.filter(|state| state.binds(now)).map(Arc::new))
}

/// Forgets states whose term is over, while nobody decides about any.
pub(super) async fn expire(session: &Session, now: Timestamp, limit: i64) -> Result<u64, Fault> {
    let params = [(&now.as_millis() as _, Type::INT8), (&limit as _, Type::INT8)];
    let (_, gone) = future::try_join(session.query(ALONE, &[]), session.query(EXPIRE, &params)).await?;
    Ok(gone.len() as u64)
}

/// The state as it is, once nobody else decides about any.
async fn find(session: &Session, name: &Slug) -> Result<Option<State>, Fault> {
    let params = [(&name.as_str() as _, Type::TEXT)];
    let (_, rows) = future::try_join(session.query(ALONE, &[]), session.query(FIND, &params)).await?;
    rows.first().map(state).transpose()
}

fn state(row: &Row) -> Result<State, Fault> {
    Ok(State {
        name: Slug::new(row.try_get::<_, &str>(0)?).map_err(Fault::broken)?,
        value: row.try_get::<_, &str>(1)?.into(),
        revision: row.try_get::<_, i64>(2)? as u64,
        updated_at: Timestamp::from_millis(row.try_get(3)?),
        until: Timestamp::from_millis(row.try_get(4)?),
    })
}
