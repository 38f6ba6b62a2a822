//! Keys as rows.

use rusqlite::{Connection, params};

use super::access::KeyChange;
use super::core::Core;
use super::disk::{DiskError, broken};
use super::rows::json;
use crate::key::ApiKey;
use crate::store::StoreError;

/// Their table. No two have one secret, by constraint.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS api_key (id BLOB PRIMARY KEY, digest BLOB NOT NULL UNIQUE, key TEXT NOT NULL) WITHOUT ROWID;
";

/// Writes what became of a key.
pub(super) fn write(conn: &Connection, change: &KeyChange) -> Result<(), DiskError> {
    let Some(key) = &change.after else {
        conn.prepare_cached("DELETE FROM api_key WHERE id = ?")?.execute([change.id.as_bytes()])?;
        return Ok(());
    };
    let mut insert = conn.prepare_cached(
        "INSERT INTO api_key VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET digest = ?2, key = ?3",
    )?;
    insert.execute(params![key.id.as_bytes(), key.digest.as_bytes(), json(&**key)?])?;
    Ok(())
}

/// Reads them at start.
pub(super) fn recover(conn: &Connection, core: &mut Core) -> Result<(), StoreError> {
    let mut select = conn.prepare("SELECT key FROM api_key").map_err(broken)?;
    let mut rows = select.query([]).map_err(broken)?;
    while let Some(row) = rows.next().map_err(broken)? {
        let key: ApiKey = serde_json::from_str(&row.get::<_, String>(0).map_err(broken)?).map_err(broken)?;
        core.access.recall(key);
    }
    Ok(())
}
