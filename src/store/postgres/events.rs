//! The event log: the port, and reading on from a place. Whoever reads gives places first to what shows, so that whatever was
//! committed before is there.

use tokio::sync::watch;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::place::Fault;
use super::session::Session;
use super::{Postgres, search, sequencer, spelled};
use crate::clock::Timestamp;
use crate::event::batch::glances;
use crate::event::{Event, EventId};
use crate::store::events::{EventFilter, EventPage, Events, Place, Told, commit_of, place};
use crate::store::{Answer, PageOf};

/// As many rows as it takes for so many events.
const AFTER: &str = "SELECT place, events, claimed::text FROM \
         (SELECT place, events, claimed, sum(count) OVER (ORDER BY place) - count AS before FROM \
         (SELECT place, events, claimed, count FROM faena.event_batch WHERE place >= $1 ORDER BY place LIMIT $2) AS next) AS next \
     WHERE before < $2 ORDER BY place";
const LAST: &str = "SELECT last, called FROM faena.event_end";
const FORGOTTEN: &str = "SELECT forgotten FROM faena.event_end";
/// Nobody gives places meanwhile, so rows stay where they are.
const ALONE: &str = "SELECT FROM faena.event_end FOR UPDATE";
const FORGET: &str = "WITH old AS MATERIALIZED (SELECT ctid AS at, place, place * 65536 + count - 1 AS last \
         FROM faena.event_batch WHERE place IS NOT NULL AND high_at < $1 AND place * 65536 + count - 1 <= $2 \
         ORDER BY high_at, place LIMIT $3), \
     gone AS (DELETE FROM faena.event_batch b USING old WHERE b.ctid = old.at), \
     about AS (DELETE FROM faena.event_about a USING old WHERE a.place = ANY(ARRAY[old.place])) \
     UPDATE faena.event_end SET forgotten = greatest(forgotten, (SELECT max(last) FROM old)) \
     RETURNING (SELECT count(*) FROM old)";

/// Events that are read at once.
const READ_MAX: usize = 10_000;

impl Events for Postgres {
    fn after(&self, after: Place, limit: usize) -> Answer<'_, Vec<Told>> {
        self.read(move |session| Box::pin(read_on(session, after, limit)))
    }

    fn end(&self) -> Answer<'_, Place> {
        let news = self.news.clone();
        self.read(move |session| {
            let news = news.clone();
            Box::pin(async move {
                sequencer::settle(session).await?;
                let row = session.one(LAST, &[]).await?;
                // Whoever knows this end knows of all calls before it.
                news.note_called(row.try_get::<_, i64>(1)?.cast_unsigned());
                Ok(row.try_get::<_, i64>(0)?.cast_unsigned())
            })
        })
    }

    fn start(&self) -> Answer<'_, Place> {
        self.read(|session| {
            Box::pin(async move { Ok(session.one(FORGOTTEN, &[]).await?.try_get::<_, i64>(0)?.cast_unsigned()) })
        })
    }

    fn place_of(&self, id: EventId) -> Answer<'_, Option<Place>> {
        self.read(move |session| {
            let id = id.clone();
            Box::pin(async move { search::place_of(session, &id).await })
        })
    }

    fn list_events(&self, filter: EventFilter, page: EventPage) -> Answer<'_, PageOf<Told>> {
        self.read(move |session| {
            let filter = filter.clone();
            Box::pin(async move { search::page(session, &filter, page).await })
        })
    }

    fn emit(&self, events: Vec<Event>) -> Answer<'_, ()> {
        let emitted = self.errand(move |session| {
            session.tell(|told| events.iter().for_each(|event| told.event(event, None)));
            Box::pin(std::future::ready(Ok(())))
        });
        self.telling(emitted)
    }

    fn forget(&self, before: Timestamp, up_to: Option<Place>, limit: usize) -> Answer<'_, u64> {
        self.chore(move |session| Box::pin(forget(session, before, up_to, limit)))
    }

    fn news(&self) -> watch::Receiver<()> {
        self.news.watch()
    }

    fn called(&self) -> watch::Receiver<Place> {
        self.news.called()
    }
}

impl Postgres {
    /// Has the other nodes look for what an errand tells, once it is committed. They hear of jobs, schedules and keys anyway.
    pub(super) fn telling<'a, T: Send + 'a>(&'a self, errand: Answer<'a, T>) -> Answer<'a, T> {
        Box::pin(async move {
            let done = errand.await?;
            self.hints.tell_told();
            Ok(done)
        })
    }
}

async fn read_on(session: &Session, after: Place, limit: usize) -> Result<Vec<Told>, Fault> {
    sequencer::settle(session).await?;
    let mut after = after;
    let mut told = Vec::new();
    while told.len() < limit {
        let wanted = (limit - told.len()).min(READ_MAX);
        // Those of the first row that were read before count, too.
        let most = wanted as i64 + (after & u64::from(u16::MAX)) as i64 + 1;
        let from = commit_of(after) as i64;
        let rows = session.query(AFTER, &[(&from as _, Type::INT8), (&most as _, Type::INT8)]).await?;
        let Some(last) = rows.last() else { break };
        let (beyond, last) = (after, place(last.try_get::<_, i64>(0)?.cast_unsigned(), u16::MAX));
        for row in &rows {
            read(row, &spelled::events(row)?, |at, glance| {
                if at > beyond && told.len() < limit {
                    told.push(Told::at(at, glance.entry()?));
                }
                Ok(())
            })?;
        }
        if last <= after {
            break;
        }
        after = last;
    }
    Ok(told)
}

/// Goes through the events of a row that begins with its place. What cannot be read of it is that row's problem
/// (rule 31).
pub(super) fn read<'a>(
    row: &Row,
    events: &'a [u8],
    mut each: impl FnMut(Place, crate::event::batch::Glance<'a>) -> Result<(), crate::event::batch::Unreadable>,
) -> Result<(), Fault> {
    let n = row.try_get::<_, i64>(0)?.cast_unsigned();
    for (index, glance) in (0..).zip(glances(events)) {
        if glance.and_then(|glance| each(place(n, index), glance)).is_err() {
            tracing::error!(
                place = place(n, index),
                "an event cannot be read; those after it in its commit are left out"
            );
            break;
        }
    }
    Ok(())
}

async fn forget(session: &Session, before: Timestamp, up_to: Option<Place>, limit: usize) -> Result<u64, Fault> {
    sequencer::settle_within(session).await?;
    session.query(ALONE, &[]).await?;
    let up_to = up_to.and_then(|place| i64::try_from(place).ok()).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = [(&before.as_millis() as _, Type::INT8), (&up_to as _, Type::INT8), (&limit as _, Type::INT8)];
    Ok(session.one(FORGET, &params).await?.try_get::<_, i64>(0)?.cast_unsigned())
}
