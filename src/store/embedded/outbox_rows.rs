//! Subscriptions, courses and sendings as rows.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::core::Core;
use super::disk::{DiskError, broken};
use super::outbox::{Item, OutgoingChange, Part};
use super::rows::json;
use crate::event::SubscriptionId;
use crate::store::StoreError;

/// Their table: what belongs to one subscription stands together.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS outgoing (
        subscription BLOB NOT NULL, part INTEGER NOT NULL, place INTEGER NOT NULL, item TEXT NOT NULL,
        PRIMARY KEY (subscription, part, place)) WITHOUT ROWID;
";

/// Writes what became of one of them.
pub(super) fn write(conn: &Connection, change: &OutgoingChange) -> Result<(), DiskError> {
    let (id, part) = &change.key;
    let (part, place) = match part {
        Part::Terms => (0, 0),
        Part::Course => (1, 0),
        Part::Sending(place) => (2, *place as i64),
    };
    let item = match &change.after {
        None => {
            let mut delete =
                conn.prepare_cached("DELETE FROM outgoing WHERE subscription = ? AND part = ? AND place = ?")?;
            delete.execute(params![id.as_bytes(), part, place])?;
            return Ok(());
        }
        Some(Item::Terms(terms)) => json(&**terms)?,
        Some(Item::Course(course)) => json(&**course)?,
        Some(Item::Sending(sending)) => json(&**sending)?,
    };
    let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO outgoing VALUES (?, ?, ?, ?)")?;
    insert.execute(params![id.as_bytes(), part, place, item])?;
    Ok(())
}

/// Reads them at start.
pub(super) fn recover(conn: &Connection, core: &mut Core) -> Result<(), StoreError> {
    let mut select = conn.prepare("SELECT subscription, part, item FROM outgoing").map_err(broken)?;
    let mut rows = select.query([]).map_err(broken)?;
    while let Some(row) = rows.next().map_err(broken)? {
        let id = SubscriptionId::from_bytes(row.get(0).map_err(broken)?);
        let item = row.get::<_, String>(2).map_err(broken)?;
        let item = match row.get::<_, i64>(1).map_err(broken)? {
            0 => Item::Terms(Arc::new(serde_json::from_str(&item).map_err(broken)?)),
            1 => Item::Course(Arc::new(serde_json::from_str(&item).map_err(broken)?)),
            _ => Item::Sending(Arc::new(serde_json::from_str(&item).map_err(broken)?)),
        };
        core.outgoing.recall(id, item);
    }
    Ok(())
}
