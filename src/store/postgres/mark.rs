//! What a transaction leaves behind, so that it can be found out whether one was committed whose answer was lost. Its number does not
//! tell: a server that crashes hands out numbers anew whose transactions had left no trace on its disk.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::place::Fault;
use super::session::Session;

const LEAVE: &str = "INSERT INTO faena.mark (id) VALUES ($1) RETURNING pg_current_xact_id()::text";
const LEAVE_IF_WRITTEN: &str = "INSERT INTO faena.mark (id) SELECT $1 WHERE pg_current_xact_id_if_assigned() IS NOT NULL \
     RETURNING pg_current_xact_id()::text";
const STATUS: &str = "SELECT pg_xact_status($1::text::xid8)";
const IS_THERE: &str = "SELECT EXISTS (SELECT FROM faena.mark WHERE id = $1)";
/// By then nobody looks for it any more: whoever lost an answer has found out, or given up.
const FORGET: &str = "DELETE FROM faena.mark WHERE ctid = ANY(ARRAY(SELECT ctid FROM faena.mark \
     WHERE at < now() - interval '2 minutes' LIMIT 50000 FOR UPDATE SKIP LOCKED))";

/// The mark of one transaction.
pub(super) struct Mark {
    id: Uuid,
    transaction: String,
}

impl Mark {
    /// Makes sure that one can be left before anything else is asked.
    pub(super) async fn prepare(session: &Session) -> Result<(), Fault> {
        session.prepare(LEAVE, &[Type::UUID]).await
    }

    /// Leaves one in the transaction that is open.
    pub(super) async fn leave(session: &Session) -> Result<Self, Fault> {
        let id = Uuid::now_v7();
        let row = session.one(LEAVE, &[(&id as _, Type::UUID)]).await?;
        Ok(Self { id, transaction: row.try_get(0)? })
    }

    /// The same if it has written anything so far.
    pub(super) async fn leave_if_written(session: &Session) -> Result<Option<Self>, Fault> {
        let id = Uuid::now_v7();
        let rows = session.query(LEAVE_IF_WRITTEN, &[(&id as _, Type::UUID)]).await?;
        let mark = |row: &tokio_postgres::Row| Ok(Self { id, transaction: row.try_get(0)? });
        rows.first().map(mark).transpose()
    }

    /// Whether its transaction was committed; none while it is under way.
    pub(super) async fn was_committed(&self, session: &Session) -> Result<Option<bool>, Fault> {
        let status = session.one(STATUS, &[(&self.transaction as _, Type::TEXT)]).await;
        let status = match status {
            Ok(row) => row.try_get::<_, Option<String>>(0)?,
            // A number that the server has not come to again.
            Err(Fault::Unfit(_)) => return Ok(Some(false)),
            Err(fault) => return Err(fault),
        };
        match status.as_deref() {
            Some("in progress") => Ok(None),
            Some("aborted") => Ok(Some(false)),
            // By itself, or by another that has its number. It is looked for only now: a snapshot from before the end would not have it.
            _ => Ok(Some(session.one(IS_THERE, &[(&self.id as _, Type::UUID)]).await?.try_get(0)?)),
        }
    }
}

/// Removes those that nobody looks for any more.
pub(super) async fn forget(session: &Session) -> Result<(), Fault> {
    session.query(FORGET, &[]).await.map(drop)
}
