//! The days of the history: each has a partition for what went well or was cancelled, and one for what failed. They are made ahead
//! of time, and dropped whole once everything in them may be forgotten.

use std::sync::Arc;

use super::kept::Kept;
use super::place::Fault;
use super::session::Session;
use crate::clock::Timestamp;
use crate::store::Prune;

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// Days that are made ahead, today included.
const AHEAD: i64 = 2;

/// Held while days are made: the bytes of `days`. Who does not get it leaves it to another.
const ALONE: &str = "SELECT pg_try_advisory_xact_lock(1684107635)";
const MADE: &str = "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = 'faena' AND c.relkind = 'r' AND c.relname ~ '^(done|failed)_d[0-9]+$'";

/// Makes the partitions of today and tomorrow, where they are missing. One for whose day something has ended already, with nobody
/// there to make it, stays unmade: then that day's jobs are forgotten row by row.
pub(super) async fn make(session: &Session, now: Timestamp) -> Result<(), Fault> {
    let today = now.as_millis().div_euclid(DAY_MS);
    let made = made(session).await?;
    for day in today..today + AHEAD {
        for half in ["done", "failed"] {
            let name = format!("{half}_d{day}");
            if made.iter().any(|(there, ..)| *there == name) {
                continue;
            }
            match session.transaction(make_one(session, half, &name, day)).await {
                Err(Fault::Unfit(reason)) => tracing::debug!(%reason, name, "a day has begun without its partition"),
                done => done?,
            }
        }
    }
    Ok(())
}

async fn make_one(session: &Session, half: &str, name: &str, day: i64) -> Result<(), Fault> {
    if !session.one(ALONE, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(());
    }
    let (from, to) = (day * DAY_MS, (day + 1) * DAY_MS);
    let sql = format!(
        "SET LOCAL lock_timeout = '2s'; \
         CREATE TABLE IF NOT EXISTS faena.{name} PARTITION OF faena.{half} FOR VALUES FROM ({from}) TO ({to});"
    );
    session.run(&sql).await
}

/// The partitions that there are: name, whether it is of failed jobs, day.
async fn made(session: &Session) -> Result<Vec<(String, bool, i64)>, Fault> {
    let rows = session.query(MADE, &[]).await?;
    let read = |row: &tokio_postgres::Row| {
        let name: String = row.try_get::<_, &str>(0)?.to_owned();
        let day = name.rsplit_once("_d").and_then(|(_, day)| day.parse().ok());
        let day = day.ok_or_else(|| Fault::broken("a partition with another name"))?;
        Ok((name.clone(), name.starts_with("failed"), day))
    };
    rows.iter().map(read).collect()
}

/// Drops the days that are wholly past, and of which nothing is to be remembered. The answer counts their jobs, and names their results.
pub(super) async fn drop_past(
    session: &Session,
    prune: &Prune,
    now: Timestamp,
    kept: &mut Kept,
) -> Result<(u64, Vec<Arc<str>>), Fault> {
    let (mut jobs, mut results) = (0, Vec::new());
    for (name, failed, day) in made(session).await? {
        let before = if failed { prune.failed_before } else { prune.ended_before };
        if (day + 1) * DAY_MS > before.min(now).as_millis() {
            continue;
        }
        let counted =
            format!("SELECT kind, sub_type, priority, status, dead, count(*) FROM faena.{name} GROUP BY 1, 2, 3, 4, 5");
        for row in session.query_once(&counted, &[]).await? {
            jobs += kept.forget(&row)?;
        }
        let named = format!("SELECT result FROM faena.{name} WHERE result IS NOT NULL");
        for row in session.query_once(&named, &[]).await? {
            results.push(row.try_get::<_, &str>(0)?.into());
        }
        session
            .run(&format!(
                "DELETE FROM faena.log l WHERE l.seq BETWEEN (SELECT min(seq) FROM faena.{name}) AND (SELECT max(seq) FROM \
                     faena.{name}) AND EXISTS (SELECT FROM faena.{name} h WHERE h.seq = l.seq); \
                 DROP TABLE faena.{name};"
            ))
            .await?;
        tracing::info!(name, "a day of the history was dropped");
    }
    Ok((jobs, results))
}
