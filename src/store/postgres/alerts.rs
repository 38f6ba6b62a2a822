//! Alert rules and alerts: decided one at a time over all nodes; that one alert fires for one rule and subject is a constraint,
//! too.

use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::calendar::Calendar;
use super::place::Fault;
use super::rows::json;
use super::session::Session;
use super::{look, sendings};
use crate::alert::{Alert, AlertId, Rule, Step};
use crate::clock::Timestamp;
use crate::event::tell;
use crate::job::Name;
use crate::limits;
use crate::store::alerts::{AlertFilter, AlertPage, Ask, KeptRule, RuleKept, RuleRemoved, Stepped, Suspects};
use crate::store::{Expected, PageOf};

/// Held while a transaction decides about alerts: the bytes of `aler`.
const ALONE: &str = "SELECT pg_advisory_xact_lock(1634493810)";
const RULES: &str = "SELECT rule, revision FROM faena.alert_rule ORDER BY name COLLATE \"C\"";
const KEEP: &str = "INSERT INTO faena.alert_rule (name, rule, revision) VALUES ($1, $2, nextval('faena.number')) \
     ON CONFLICT (name) DO UPDATE SET rule = excluded.rule, revision = excluded.revision RETURNING revision";
const REMOVE: &str = "DELETE FROM faena.alert_rule WHERE name = $1";
const STANDS: &str = "SELECT EXISTS (SELECT FROM faena.alert WHERE rule = $1 AND subject = $2 AND cleared_at IS NULL), \
     (SELECT count(*) FROM faena.alert WHERE cleared_at IS NULL), \
     (SELECT coalesce(max(count), 0) FROM faena.alert WHERE rule = $1 AND subject = $2)";
const FIRE: &str =
    "INSERT INTO faena.alert (id, rule, subject, fired_at, count, alert) VALUES ($1, $2, $3, $4, $5, $6)";
const FIRING: &str = "SELECT alert FROM faena.alert WHERE id = $1 AND cleared_at IS NULL";
const CLEAR: &str = "UPDATE faena.alert SET cleared_at = $2, alert = $3 WHERE id = $1";
const FIND: &str = "SELECT alert FROM faena.alert WHERE id = $1";
const ALL: &str = "SELECT alert FROM faena.alert ORDER BY fired_at DESC, id DESC";
const FORGET: &str = "WITH cleared AS (SELECT id, fired_at, cleared_at, row_number() OVER (ORDER BY fired_at, id) AS place, \
         count(*) OVER () AS cleared FROM faena.alert WHERE cleared_at IS NOT NULL) \
     DELETE FROM faena.alert a USING (SELECT id FROM cleared WHERE place <= cleared - $2 OR cleared_at < $1 \
         ORDER BY fired_at, id LIMIT $3) AS old WHERE a.id = old.id RETURNING 1";

/// Keeps a rule, if what is there is as expected.
pub(super) async fn put_rule(session: &Session, rule: Rule, expected: Expected) -> Result<RuleKept, Fault> {
    session.query(ALONE, &[]).await?;
    let all = rules(session).await?;
    let there = all.iter().find(|kept| kept.rule.name == rule.name).cloned();
    if !expected.allows_revision(there.as_ref().map(|there| there.revision)) {
        return Ok(RuleKept::Unexpected(there));
    }
    if there.is_none() && all.len() >= limits::ALERT_RULES_MAX {
        return Ok(RuleKept::Full);
    }
    let params = [(&rule.name.as_str() as _, Type::TEXT), (&json(&rule)? as _, Type::TEXT)];
    let revision = session.one(KEEP, &params).await?.try_get::<_, i64>(0)? as u64;
    let kept = Arc::new(KeptRule { rule, revision });
    Ok(if there.is_some() { RuleKept::Replaced(kept) } else { RuleKept::Made(kept) })
}

/// All rules, by name.
pub(super) async fn rules(session: &Session) -> Result<Vec<Arc<KeptRule>>, Fault> {
    let rows = session.query(RULES, &[]).await?;
    let kept = |row: &Row| {
        let rule = serde_json::from_str(row.try_get(0)?).map_err(Fault::broken)?;
        Ok(Arc::new(KeptRule { rule, revision: row.try_get::<_, i64>(1)? as u64 }))
    };
    rows.iter().map(kept).collect()
}

/// Forgets a rule, if it is as expected.
pub(super) async fn remove_rule(session: &Session, name: Name, expected: Expected) -> Result<RuleRemoved, Fault> {
    session.query(ALONE, &[]).await?;
    match rules(session).await?.into_iter().find(|kept| kept.rule.name == name) {
        None => Ok(RuleRemoved::Absent),
        Some(there) if !expected.allows_revision(Some(there.revision)) => Ok(RuleRemoved::Unexpected(there)),
        Some(_) => {
            session.query(REMOVE, &[(&name.as_str() as _, Type::TEXT)]).await?;
            Ok(RuleRemoved::Done)
        }
    }
}

/// Applies steps in input order.
pub(super) async fn step_all(session: &Session, steps: Vec<Step>, now: Timestamp) -> Result<Vec<Stepped>, Fault> {
    session.query(ALONE, &[]).await?;
    let mut answers = Vec::with_capacity(steps.len());
    for step in steps {
        answers.push(match step {
            Step::Fire(alert) => fire(session, alert).await?,
            Step::Clear(id) => clear(session, id, now).await?,
        });
    }
    Ok(answers)
}

async fn fire(session: &Session, alert: Alert) -> Result<Stepped, Fault> {
    let subject = alert.subject.to_string();
    let about = [(&alert.rule.as_str() as _, Type::TEXT), (&subject as _, Type::TEXT)];
    let row = session.one(STANDS, &about).await?;
    if row.try_get(0)? {
        return Ok(Stepped::Stale);
    }
    if row.try_get::<_, i64>(1)? >= limits::ALERTS_FIRING_MAX as i64 {
        return Ok(Stepped::Full);
    }
    let count = row.try_get::<_, i32>(2)?.saturating_add(1);
    let alert = Alert { count: count as u32, ..alert };
    let params = [
        (&uuid(alert.id) as _, Type::UUID),
        (&alert.rule.as_str() as _, Type::TEXT),
        (&subject as _, Type::TEXT),
        (&alert.fired_at.as_millis() as _, Type::INT8),
        (&count as _, Type::INT4),
        (&json(&alert)? as _, Type::TEXT),
    ];
    session.query(FIRE, &params).await?;
    session.tell(|told| told.event(&tell::of_alert(&alert), None));
    Ok(Stepped::Applied(Arc::new(alert)))
}

async fn clear(session: &Session, id: AlertId, now: Timestamp) -> Result<Stepped, Fault> {
    let rows = session.query(FIRING, &[(&uuid(id) as _, Type::UUID)]).await?;
    let Some(row) = rows.first() else { return Ok(Stepped::Stale) };
    let cleared = alert(row)?.cleared(now);
    let at = cleared.cleared_at.map(Timestamp::as_millis);
    let params = [(&uuid(id) as _, Type::UUID), (&at as _, Type::INT8), (&json(&cleared)? as _, Type::TEXT)];
    session.query(CLEAR, &params).await?;
    session.tell(|told| told.event(&tell::of_alert(&cleared), None));
    Ok(Stepped::Applied(Arc::new(cleared)))
}

/// An alert, or none.
pub(super) async fn find(session: &Session, id: AlertId) -> Result<Option<Arc<Alert>>, Fault> {
    let rows = session.query(FIND, &[(&uuid(id) as _, Type::UUID)]).await?;
    rows.first().map(|row| alert(row).map(Arc::new)).transpose()
}

/// A page of those that a filter names. There are few thousands at most: each is looked at.
pub(super) async fn page(
    session: &Session,
    filter: &AlertFilter,
    page: AlertPage,
) -> Result<PageOf<Arc<Alert>>, Fault> {
    let rows = session.query(ALL, &[]).await?;
    let mut named = Vec::new();
    for row in &rows {
        named.push(alert(row)?);
    }
    named.retain(|alert| filter.matches(alert));
    let (total, more) = (named.len() as u64, named.len() > page.offset.saturating_add(page.limit));
    let items = named.into_iter().skip(page.offset).take(page.limit).map(Arc::new).collect();
    Ok(PageOf { items, total, exact: true, more, reached: None })
}

/// Forgets cleared alerts.
pub(super) async fn prune(session: &Session, before: Timestamp, keep: usize, limit: usize) -> Result<u64, Fault> {
    let (keep, limit) = (keep.min(i64::MAX as usize) as i64, limit as i64);
    let params = [(&before.as_millis() as _, Type::INT8), (&keep as _, Type::INT8), (&limit as _, Type::INT8)];
    Ok(session.query(FORGET, &params).await?.len() as u64)
}

/// Where to look for what breaks rules.
pub(super) async fn suspects(
    session: &Session,
    calendar: &Calendar,
    ask: &Ask,
    now: Timestamp,
) -> Result<Suspects, Fault> {
    let mut found = Suspects::default();
    if ask.failing.is_some() || ask.silent_ms.is_some() {
        let _turn = calendar.refresh(session).await?;
    }
    if let Some(times) = ask.failing {
        found.failing = calendar.agenda.failing(times, ask.limit);
    }
    if let Some(silent_ms) = ask.silent_ms {
        found.silent = calendar.agenda.silent(silent_ms, now, ask.limit);
    }
    if let Some(since) = ask.running_since {
        found.running = look::running_since(session, since, ask.limit).await?;
    }
    if !ask.queues.is_empty() {
        found.queues = look::queues(session, &ask.queues, now).await?;
    }
    if ask.endpoints {
        found.endpoints = sendings::suspects(session, ask.limit).await?;
    }
    Ok(found)
}

fn alert(row: &Row) -> Result<Alert, Fault> {
    serde_json::from_str(row.try_get(0)?).map_err(Fault::broken)
}

fn uuid(id: AlertId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}
