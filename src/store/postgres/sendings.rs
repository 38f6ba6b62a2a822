//! How far subscriptions are, and what is on its way to them. A step of a relay locks the course, compares its revision, and
//! writes course and sendings together. A subscription has a few thousand sendings at most, so they are counted.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::outbox::uuid;
use super::place::Fault;
use super::rows::json;
use super::session::{Param, Session};
use crate::clock::Timestamp;
use crate::event::{Course, Endpoint, Progress, Sending, SendingState, SubscriptionId};
use crate::limits;
use crate::store::PageOf;
use crate::store::alerts::Suspect;
use crate::store::outbox::{Relayed, SendingFilter};

const COURSE: &str = "SELECT course FROM faena.course WHERE id = $1";
/// Courses whose endpoint is off, with the terms of their subscriptions; and the course of the settings.
const SUSPECTS: &str = "SELECT c.course, s.subscription FROM faena.course c LEFT JOIN faena.subscription s USING (id) \
     WHERE (s.id IS NOT NULL AND c.course::json->'endpoint'->>'off' IS NOT NULL) OR c.id = $1 ORDER BY c.id";
const LOCK_COURSE: &str = "SELECT course FROM faena.course WHERE id = $1 FOR UPDATE";
/// Two that begin the course of one of the program's own are two that step it: the second one begins anew.
const BEGIN_COURSE: &str = "INSERT INTO faena.course (id, course) VALUES ($1, $2)";
const PUT_COURSE: &str = "UPDATE faena.course SET course = $2 WHERE id = $1";
const PUT_SENDINGS: &str = "INSERT INTO faena.sending (subscription, place, state, event, occurred_at, changed_at, sending) \
     SELECT $1, * FROM unnest($2::bigint[], $3::smallint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[]) \
     ON CONFLICT (subscription, place) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at, \
         sending = excluded.sending";
const KEEP_LATEST: &str = "DELETE FROM faena.sending WHERE subscription = $1 AND state = $2 AND place <= \
     (SELECT place FROM faena.sending WHERE subscription = $1 AND state = $2 ORDER BY place DESC OFFSET $3 LIMIT 1)";
const PENDING: &str = "SELECT sending FROM faena.sending WHERE subscription = $1 AND state = 0 ORDER BY place";
/// What a filter names, in the order of its parameters.
macro_rules! named {
    ($what:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM faena.sending WHERE subscription = $1 AND ($2::smallint IS NULL OR state = $2) \
             AND ($3::text IS NULL OR event = $3) AND ($4::bigint IS NULL OR occurred_at >= $4) \
             AND ($5::bigint IS NULL OR occurred_at < $5) ",
            $rest
        )
    };
}
const NAMED: &str = named!("sending", "ORDER BY place DESC LIMIT $6 OFFSET $7");
const NAMED_COUNT: &str = named!("count(*)", "");
const NAMED_SETTLED: &str = named!("sending", "AND state <> 0 ORDER BY place LIMIT $6");
const FORGET: &str = "DELETE FROM faena.sending WHERE ctid = ANY(ARRAY(SELECT ctid FROM faena.sending \
     WHERE state <> 0 AND changed_at < $1 ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1";
const COUNTS: &str = "SELECT state, count(*) FROM faena.sending WHERE subscription = $1 GROUP BY state";

/// How far a subscription is.
pub(super) async fn course(session: &Session, id: SubscriptionId) -> Result<Option<Course>, Fault> {
    let rows = session.query(COURSE, &[(&uuid(id) as _, Type::UUID)]).await?;
    let course = rows.first().map(from_json).transpose()?;
    Ok(course.or_else(|| id.own_name().map(|_| Course::default())))
}

/// The endpoints that may take nothing any more, at most `limit`.
pub(super) async fn suspects(session: &Session, limit: usize) -> Result<Vec<Suspect>, Fault> {
    let mut found = Vec::new();
    for row in session.query(SUSPECTS, &[(&uuid(SubscriptionId::OUTBOX) as _, Type::UUID)]).await? {
        let course: Course = from_json(&row)?;
        found.extend(match row.try_get::<_, Option<&str>>(1)? {
            Some(terms) => Suspect::of(&serde_json::from_str(terms).map_err(Fault::broken)?, course.endpoint),
            None => Suspect::of_settings(course.endpoint),
        });
    }
    found.truncate(limit);
    Ok(found)
}

/// Applies a step of a relay.
pub(super) async fn relay(session: &Session, id: SubscriptionId, progress: Progress) -> Result<Relayed, Fault> {
    let there = match lock_course(session, id).await? {
        Some(course) => course,
        None if id.own_name().is_some() => begin(session, id, 0).await?,
        None => return Ok(Relayed::Absent),
    };
    if there.revision != progress.expected {
        return Ok(Relayed::Stale);
    }
    put_sendings(session, id, &progress.sendings).await?;
    for (state, kept) in
        [(SendingState::Delivered, limits::SENDINGS_DELIVERED_KEPT), (SendingState::Dead, limits::SENDINGS_DEAD_KEPT)]
    {
        if progress.sendings.iter().any(|sending| sending.state == state) {
            let params =
                [(&uuid(id) as _, Type::UUID), (&(state as i16) as _, Type::INT2), (&(kept as i64) as _, Type::INT8)];
            session.query(KEEP_LATEST, &params).await?;
        }
    }
    put_course(session, id, &progress.course).await?;
    Ok(Relayed::Applied)
}

/// The sendings of a subscription that are pending, in the order of their places.
pub(super) async fn pending(session: &Session, id: SubscriptionId) -> Result<Vec<Sending>, Fault> {
    session.query(PENDING, &[(&uuid(id) as _, Type::UUID)]).await?.iter().map(from_json).collect()
}

/// A page of the sendings that a filter names, the latest place first.
pub(super) async fn page(
    session: &Session,
    filter: &SendingFilter,
    limit: usize,
    offset: usize,
) -> Result<PageOf<Arc<Sending>>, Fault> {
    let named = Named::by(filter);
    let total: i64 = session.one(NAMED_COUNT, &named.params()).await?.try_get(0)?;
    let (most, left_out) = (limit.min(i64::MAX as usize) as i64, offset.min(i64::MAX as usize) as i64);
    let mut params = named.params();
    params.extend([(&most as _, Type::INT8), (&left_out as _, Type::INT8)]);
    let rows = session.query(NAMED, &params).await?;
    let items = rows.iter().map(|row| from_json(row).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
    let total = total as u64;
    let more = offset.saturating_add(items.len()) < total as usize;
    Ok(PageOf { items, total, exact: true, more, reached: None })
}

/// Has sendings tried anew.
pub(super) async fn replay(
    session: &Session,
    filter: &SendingFilter,
    limit: usize,
    now: Timestamp,
) -> Result<u64, Fault> {
    let id = filter.subscription;
    let Some(course) = lock_course(session, id).await? else { return Ok(0) };
    let (named, most) = (Named::by(filter), limit.min(i64::MAX as usize) as i64);
    let mut params = named.params();
    params.push((&most as _, Type::INT8));
    let rows = session.query(NAMED_SETTLED, &params).await?;
    let again = rows.iter().map(|row| Ok(from_json::<Sending>(row)?.replayed(now)));
    let again = again.collect::<Result<Vec<_>, Fault>>()?;
    if !again.is_empty() {
        put_sendings(session, id, &again).await?;
        step(session, id, course).await?;
    }
    Ok(again.len() as u64)
}

/// Forgets sendings that were settled before a moment.
pub(super) async fn forget(session: &Session, before: Timestamp, limit: usize) -> Result<u64, Fault> {
    let most = limit.min(i64::MAX as usize) as i64;
    let params = [(&before.as_millis() as _, Type::INT8), (&most as _, Type::INT8)];
    Ok(session.query(FORGET, &params).await?.len() as u64)
}

/// How many sendings there are of each state.
pub(super) async fn counts(session: &Session, id: SubscriptionId) -> Result<[u64; 3], Fault> {
    let mut counts = [0; 3];
    for row in session.query(COUNTS, &[(&uuid(id) as _, Type::UUID)]).await? {
        if let Some(count) = counts.get_mut(row.try_get::<_, i16>(0)? as usize) {
            *count = row.try_get::<_, i64>(1)? as u64;
        }
    }
    Ok(counts)
}

/// Begins the course of a new subscription behind a place.
pub(super) async fn begin(session: &Session, id: SubscriptionId, cursor: u64) -> Result<Course, Fault> {
    let course = Course { cursor, ..Course::default() };
    session.query(BEGIN_COURSE, &[(&uuid(id) as _, Type::UUID), (&json(&course)? as _, Type::TEXT)]).await?;
    Ok(course)
}

/// Gives the endpoint a new beginning: what waits for it is due.
pub(super) async fn begin_anew(session: &Session, id: SubscriptionId, now: Timestamp) -> Result<(), Fault> {
    let Some(course) = lock_course(session, id).await? else { return Ok(()) };
    let mut waiting = pending(session, id).await?;
    waiting.retain(|sending| !sending.is_due(now));
    waiting.iter_mut().for_each(|sending| sending.next_at = None);
    put_sendings(session, id, &waiting).await?;
    step(session, id, Course { endpoint: Endpoint::default(), ..course }).await
}

/// The course, so that nobody else steps it until the transaction ends.
pub(super) async fn lock_course(session: &Session, id: SubscriptionId) -> Result<Option<Course>, Fault> {
    let rows = session.query(LOCK_COURSE, &[(&uuid(id) as _, Type::UUID)]).await?;
    rows.first().map(from_json).transpose()
}

/// A step of the course that no relay decided: those that did begin anew.
async fn step(session: &Session, id: SubscriptionId, course: Course) -> Result<(), Fault> {
    put_course(session, id, &Course { revision: course.revision + 1, ..course }).await
}

async fn put_course(session: &Session, id: SubscriptionId, course: &Course) -> Result<(), Fault> {
    session.query(PUT_COURSE, &[(&uuid(id) as _, Type::UUID), (&json(course)? as _, Type::TEXT)]).await.map(drop)
}

async fn put_sendings(session: &Session, id: SubscriptionId, sendings: &[Sending]) -> Result<(), Fault> {
    if sendings.is_empty() {
        return Ok(());
    }
    let places: Vec<i64> = sendings.iter().map(|sending| sending.place.cast_signed()).collect();
    let states: Vec<i16> = sendings.iter().map(|sending| sending.state as i16).collect();
    let events: Vec<&str> = sendings.iter().map(|sending| sending.event.id.as_str()).collect();
    let occurred: Vec<i64> = sendings.iter().map(|sending| sending.event.occurred_at.as_millis()).collect();
    let changed: Vec<i64> = sendings.iter().map(|sending| sending.changed_at.as_millis()).collect();
    let texts = sendings.iter().map(json).collect::<Result<Vec<String>, _>>()?;
    let params = [
        (&uuid(id) as _, Type::UUID),
        (&places as _, Type::INT8_ARRAY),
        (&states as _, Type::INT2_ARRAY),
        (&events as _, Type::TEXT_ARRAY),
        (&occurred as _, Type::INT8_ARRAY),
        (&changed as _, Type::INT8_ARRAY),
        (&texts as _, Type::TEXT_ARRAY),
    ];
    session.query(PUT_SENDINGS, &params).await.map(drop)
}

/// A filter as parameters.
struct Named<'a> {
    subscription: Uuid,
    state: Option<i16>,
    event: Option<&'a str>,
    since: Option<i64>,
    until: Option<i64>,
}

impl<'a> Named<'a> {
    fn by(filter: &'a SendingFilter) -> Self {
        Self {
            subscription: uuid(filter.subscription),
            state: filter.state.map(|state| state as i16),
            event: filter.event.as_ref().map(|event| event.as_str()),
            since: filter.since.map(Timestamp::as_millis),
            until: filter.until.map(Timestamp::as_millis),
        }
    }

    fn params(&self) -> Vec<Param<'_>> {
        vec![
            (&self.subscription as _, Type::UUID),
            (&self.state as _, Type::INT2),
            (&self.event as _, Type::TEXT),
            (&self.since as _, Type::INT8),
            (&self.until as _, Type::INT8),
        ]
    }
}

fn from_json<T: DeserializeOwned>(row: &Row) -> Result<T, Fault> {
    serde_json::from_str(row.try_get(0)?).map_err(Fault::broken)
}
