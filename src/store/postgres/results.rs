//! Results that are too large for a job's row, in the database itself: any node finds them, and they go with its backups. A result
//! is cut into pieces, written in one transaction, and seen once its head says so; reading asks for one piece after the other, and
//! holds no connection while a slow client takes them.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Postgres;
use super::place::Fault;
use super::session::{Doing, Pool, Session};
use crate::store::results::{Found, Results, check, first_failure};
use crate::store::{Answer, StoreError};

/// Results in the database of the jobs.
#[derive(Clone)]
pub struct Pieces {
    pool: Arc<Pool>,
    handle: Handle,
    room: Arc<Semaphore>,
}

/// Bytes of one piece: what one reader holds in memory, on either side.
const PIECE_BYTES: usize = 256 * 1024;
/// Results that one node writes at once. Each takes one of the connections of those who read.
const WRITERS_MAX: usize = 2;

const EDITION: &str = "SELECT nextval('faena.number')";
const PIECE: &str = "INSERT INTO faena.result_piece (edition, piece, bytes) VALUES ($1, $2, $3)";
/// The last statement but one: whoever puts something under the same key waits for no more than this.
const HEAD: &str = "INSERT INTO faena.result AS r (key, job, edition, size) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (key) DO UPDATE SET former = r.edition, edition = excluded.edition, size = excluded.size, \
         looked_at = clock_timestamp() \
     RETURNING former";
const FORGET: &str = "DELETE FROM faena.result_piece WHERE edition = $1";
const FIND: &str = "SELECT edition, size FROM faena.result WHERE key = $1";
const READ: &str = "SELECT bytes FROM faena.result_piece WHERE edition = $1 AND piece = $2";
const DELETE: &str = "WITH gone AS (DELETE FROM faena.result WHERE key = $1 RETURNING edition) \
     DELETE FROM faena.result_piece p USING gone WHERE p.edition = gone.edition";
/// Looks at a few at a time, whichever were not looked at for longest. A living job may hand a result in long before it ends; one
/// that has ended names what it has.
const SWEEP: &str = "WITH due AS (SELECT key, job FROM faena.result WHERE looked_at < clock_timestamp() - interval '1 hour' \
         ORDER BY looked_at LIMIT 200 FOR UPDATE SKIP LOCKED), \
     judged AS (SELECT d.key, d.job IS NULL OR EXISTS (SELECT FROM faena.live l WHERE l.id = d.job) \
         OR EXISTS (SELECT FROM faena.history h WHERE h.id = d.job AND h.result = d.key) AS is_wanted FROM due d), \
     looked AS (UPDATE faena.result r SET looked_at = clock_timestamp() FROM judged j WHERE r.key = j.key AND j.is_wanted), \
     gone AS (DELETE FROM faena.result r USING judged j WHERE r.key = j.key AND NOT j.is_wanted RETURNING r.edition), \
     bytes AS (DELETE FROM faena.result_piece p USING gone WHERE p.edition = gone.edition) \
     SELECT count(*) FROM gone";

impl Postgres {
    /// Its place for large results.
    pub fn results(&self) -> Pieces {
        let room = Arc::new(Semaphore::new(WRITERS_MAX));
        Pieces { pool: self.pool.clone(), handle: self.handle.clone(), room }
    }
}

impl Results for Pieces {
    fn put<'a>(&'a self, key: &'a str, _content_type: &'a str, bytes: Bytes) -> Answer<'a, ()> {
        async move {
            check(key)?;
            let named: Arc<str> = key.into();
            let put = async {
                let _room = self.room.acquire().await.map_err(Fault::broken)?;
                let put = self.ask(move |session| {
                    let (named, bytes) = (named.clone(), bytes.clone());
                    Box::pin(async move { session.transaction(write(session, &named, &bytes)).await })
                });
                put.await
            };
            put.await.map_err(|fault| about("keep", key, fault))
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Found>> {
        async move {
            check(key)?;
            let (pieces, named): (_, Arc<str>) = (self.clone(), key.into());
            let asked = named.clone();
            let Some((edition, size)) = self.find(asked).await.map_err(|fault| about("find", key, fault))? else {
                return Ok(None);
            };
            let count = (size as u64).div_ceil(PIECE_BYTES as u64);
            let chunks = stream::iter(0..count as i32).then(move |piece| {
                let (pieces, named) = (pieces.clone(), named.clone());
                async move { pieces.read(edition, piece).await.map_err(|fault| about("read", &named, fault)) }
            });
            Ok(Some(Found { size: size as u64, chunks: chunks.boxed() }))
        }
        .boxed()
    }

    fn delete<'a>(&'a self, keys: &'a [Arc<str>]) -> Answer<'a, ()> {
        async move {
            let mut done = Vec::with_capacity(keys.len());
            // One by one: many large ones together could take longer than a statement may.
            for key in keys {
                let deleted = match check(key) {
                    Ok(()) => self.forget(key.clone()).await.map_err(|fault| about("delete", key, fault)),
                    Err(error) => Err(error),
                };
                done.push(deleted);
            }
            first_failure(done)
        }
        .boxed()
    }
}

impl Pieces {
    /// Asks on a connection, which belongs to the runtime of the store and not to that of whoever asks.
    async fn ask<T, W>(&self, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a Session) -> Doing<'a, T> + Send + Sync + 'static,
    {
        let pool = self.pool.clone();
        let asked = self.handle.spawn(async move { pool.with(work).await });
        asked.await.map_err(|_| Fault::Refused("the store is closed".into()))?
    }

    async fn find(&self, key: Arc<str>) -> Result<Option<(i64, i64)>, Fault> {
        let rows = self.ask(move |session| {
            let key = key.clone();
            Box::pin(async move { session.query(FIND, &[(&&*key as _, Type::TEXT)]).await })
        });
        let rows = rows.await?;
        rows.first().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
    }

    async fn read(&self, edition: i64, piece: i32) -> Result<Bytes, Fault> {
        let rows = self.ask(move |session| {
            Box::pin(
                async move { session.query(READ, &[(&edition as _, Type::INT8), (&piece as _, Type::INT4)]).await },
            )
        });
        match rows.await?.first() {
            Some(row) => Ok(Bytes::copy_from_slice(row.try_get::<_, &[u8]>(0)?)),
            None => Err(Fault::Refused("it was replaced or forgotten meanwhile".into())),
        }
    }

    async fn forget(&self, key: Arc<str>) -> Result<(), Fault> {
        let forgotten = self.ask(move |session| {
            let key = key.clone();
            Box::pin(async move { session.query(DELETE, &[(&&*key as _, Type::TEXT)]).await })
        });
        forgotten.await.map(drop)
    }
}

async fn write(session: &Session, key: &str, bytes: &Bytes) -> Result<(), Fault> {
    let edition: i64 = session.one(EDITION, &[]).await?.try_get(0)?;
    for (piece, bytes) in bytes.chunks(PIECE_BYTES).enumerate() {
        let piece = piece as i32;
        let params = [(&edition as _, Type::INT8), (&piece as _, Type::INT4), (&bytes as _, Type::BYTEA)];
        session.query(PIECE, &params).await?;
    }
    let job: Option<Uuid> = key.get(..36).and_then(|id| id.parse().ok());
    let size = bytes.len() as i64;
    let head =
        [(&key as _, Type::TEXT), (&job as _, Type::UUID), (&edition as _, Type::INT8), (&size as _, Type::INT8)];
    if let Some(former) = session.one(HEAD, &head).await?.try_get::<_, Option<i64>>(0)? {
        session.query(FORGET, &[(&former as _, Type::INT8)]).await?;
    }
    Ok(())
}

/// Forgets results that no job has, such as of a process that died before its job could name them. The answer counts them.
pub(super) async fn sweep(session: &Session) -> Result<u64, Fault> {
    let swept = session.one(SWEEP, &[]).await?.try_get::<_, i64>(0)? as u64;
    if swept > 0 {
        tracing::info!(swept, "results were forgotten that no job has");
    }
    Ok(swept)
}

/// Says what could not be done, and why the database says so.
fn about(what: &str, key: &str, fault: Fault) -> StoreError {
    let text = |why: Arc<str>| format!("cannot {what} the result {key} in the database: {why}").into();
    match fault.told() {
        StoreError::Unavailable(why) => StoreError::Unavailable(text(why)),
        unreadable @ StoreError::Unreadable(_) => unreadable,
        StoreError::Broken(why) => StoreError::Broken(text(why)),
    }
}
