//! Alert rules and alerts as rows.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::alerts::{AlertChange, RuleItem};
use super::change::Change;
use super::core::Core;
use super::disk::{DiskError, broken};
use super::named::Step;
use super::rows::json;
use super::terms::write_number;
use crate::alert::{Alert, Rule};
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::store::alerts::KeptRule;

/// Their tables. One alert fires for one rule and subject, by constraint.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS alert_rule (
        name TEXT PRIMARY KEY, rule TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS alert (
        id BLOB PRIMARY KEY, rule TEXT NOT NULL, subject TEXT NOT NULL, cleared_at INTEGER, alert TEXT NOT NULL)
        WITHOUT ROWID;
    CREATE UNIQUE INDEX IF NOT EXISTS alert_firing ON alert (rule, subject) WHERE cleared_at IS NULL;
";

/// What the numbers of rules are called.
pub(super) const NUMBER_OF_RULES: &str = "alert_rule";

/// Writes what became of a rule.
pub(super) fn write_rule(conn: &Connection, step: &Step<RuleItem>) -> Result<(), DiskError> {
    let Some(item) = &step.after else {
        conn.prepare_cached("DELETE FROM alert_rule WHERE name = ?")?.execute([step.name.as_str()])?;
        return Ok(());
    };
    let KeptRule { rule, revision } = &*item.kept;
    let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO alert_rule VALUES (?, ?, ?)")?;
    insert.execute(params![step.name.as_str(), json(rule)?, *revision as i64])?;
    write_number(conn, NUMBER_OF_RULES, *revision)
}

/// Writes what became of an alert.
pub(super) fn write_alert(conn: &Connection, change: &AlertChange) -> Result<(), DiskError> {
    let rows = match &change.after {
        None => conn.prepare_cached("DELETE FROM alert WHERE id = ?")?.execute([change.id.as_bytes()])?,
        Some(alert) if alert.cleared_at.is_none() => {
            let mut insert = conn.prepare_cached("INSERT INTO alert VALUES (?, ?, ?, NULL, ?)")?;
            let subject = alert.subject.to_string();
            insert.execute(params![alert.id.as_bytes(), alert.rule.as_str(), subject, json(&**alert)?])?
        }
        Some(alert) => {
            let mut update = conn
                .prepare_cached("UPDATE alert SET cleared_at = ?2, alert = ?3 WHERE id = ?1 AND cleared_at IS NULL")?;
            let cleared_at = alert.cleared_at.map(Timestamp::as_millis);
            update.execute(params![alert.id.as_bytes(), cleared_at, json(&**alert)?])?
        }
    };
    match rows {
        1 => Ok(()),
        // Memory and disk no longer agree (rule 36).
        _ => Err(DiskError::Lost(format!("a write about an alert found {rows} rows").into())),
    }
}

/// Reads both at start. A store that never had a rule is given those of a new one; the answer holds these changes.
pub(super) fn recover(conn: &Connection, core: &mut Core) -> Result<Vec<Change>, StoreError> {
    let mut select = conn.prepare("SELECT rule, revision FROM alert_rule").map_err(broken)?;
    let mut rows = select.query([]).map_err(broken)?;
    while let Some(row) = rows.next().map_err(broken)? {
        let rule: Rule = serde_json::from_str(&row.get::<_, String>(0).map_err(broken)?).map_err(broken)?;
        let revision = row.get::<_, i64>(1).map_err(broken)? as u64;
        let item = RuleItem::of(KeptRule { rule, revision });
        core.watch.rules.recall(Arc::new(item.ok_or_else(|| broken("a rule has a name that is none"))?));
    }
    let mut select = conn.prepare("SELECT alert FROM alert").map_err(broken)?;
    let mut rows = select.query([]).map_err(broken)?;
    while let Some(row) = rows.next().map_err(broken)? {
        let alert: Alert = serde_json::from_str(&row.get::<_, String>(0).map_err(broken)?).map_err(broken)?;
        core.watch.book.recall(alert);
    }
    let had_rules = "SELECT count(*) FROM last_number WHERE of = ?";
    match conn.query_row(had_rules, [NUMBER_OF_RULES], |row| row.get::<_, i64>(0)).map_err(broken)? {
        0 => Ok(core.watch.of_a_new_store()),
        _ => Ok(Vec::new()),
    }
}
