//! Looking for events in the log: a walk over the rows that may have what is wanted, in bounded time. A row says which jobs it may
//! tell of and which moments; what else it tells of stands in an index.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::events::read;
use super::place::Fault;
use super::rows::uuid;
use super::session::Session;
use super::{sequencer, spelled};
use crate::clock::Timestamp;
use crate::event::batch::Glance;
use crate::event::{Aggregate, EventId};
use crate::job::JobId;
use crate::store::PageOf;
use crate::store::events::{EventFilter, EventPage, Place, Told, commit_of, place};

/// Events that one call looks at.
const LOOKED_AT_MAX: usize = 50_000;
/// Rows that one call passes by.
const PASSED_MAX: i64 = 200_000;
/// Rows that one statement passes by when it looks for a job.
const STRETCH: i64 = 20_000;
/// An event may be committed as long as this after it happened, and is found all the same by the end of a time: transactions of
/// applications may be long.
const LATE_MS: i64 = 3_600_000;

/// Rows from the place `$1` to the place `$2`, both included, in one order or the other: so many that they have some thousand
/// events.
macro_rules! all {
    ($order:literal) => {
        concat!(
            "SELECT place, events, claimed::text, count FROM (SELECT place, events, claimed, count, sum(count) OVER (ORDER BY place",
            $order,
            ") - count AS before FROM (SELECT place, events, claimed, count FROM faena.event_batch WHERE place BETWEEN $1 AND $2 \
                 ORDER BY place",
            $order,
            " LIMIT 500) AS next) AS next WHERE before < 5000 ORDER BY place",
            $order
        )
    };
}
/// Those that tell of what has the digest `$3`.
macro_rules! about {
    ($order:literal) => {
        concat!(
            "SELECT b.place, b.events, b.claimed::text, b.count FROM (SELECT a.place AS at FROM faena.event_about a \
                 WHERE a.about = $3 AND a.place BETWEEN $1 AND $2 ORDER BY a.place",
            $order,
            " LIMIT 50) AS a JOIN faena.event_batch b ON b.place = ANY(ARRAY[a.at]) AND b.place IS NOT NULL ORDER BY a.at",
            $order
        )
    };
}
/// Those that may tell of the job with the number `$3`.
macro_rules! of_job {
    ($order:literal) => {
        concat!(
            "SELECT place, events, claimed::text, count FROM faena.event_batch \
             WHERE place BETWEEN $1 AND $2 AND min_seq <= $3 AND max_seq >= $3 ORDER BY place",
            $order,
            " LIMIT 50"
        )
    };
}
const ALL: [&str; 2] = [all!(""), all!(" DESC")];
const ABOUT: [&str; 2] = [about!(""), about!(" DESC")];
const OF_JOB: [&str; 2] = [of_job!(""), of_job!(" DESC")];
/// The first row up to which something has happened at that moment or later.
const SINCE: &str = "SELECT place FROM faena.event_batch WHERE place IS NOT NULL AND high_at >= $1 \
     ORDER BY high_at, place LIMIT 1";
const FIRST: &str = "SELECT place FROM faena.event_batch WHERE place IS NOT NULL ORDER BY place LIMIT 1";
/// A job's number and times, while it is remembered.
const JOB: &str = "SELECT seq, created_at, NULL::bigint FROM faena.live WHERE id = $1 \
     UNION ALL SELECT seq, created_at, ended_at FROM faena.history WHERE id = $1 LIMIT 1";

/// What rows are looked for.
enum Which {
    All,
    About(i64),
    OfJob(i64),
}

/// Rows that are looked at: which, and from where to where.
struct Stretch {
    which: Which,
    low: i64,
    high: i64,
    newest_first: bool,
}

/// Whether the walk goes on.
type Goes = bool;

/// A page of the events that a filter names.
pub(super) async fn page(session: &Session, filter: &EventFilter, page: EventPage) -> Result<PageOf<Told>, Fault> {
    let end = sequencer::settle(session).await?.place.cast_signed();
    let mut stretch = Stretch::of(session, filter, page.newest_first, end).await?;
    if let Some(after) = page.after {
        let at = commit_of(after).cast_signed();
        *if page.newest_first { &mut stretch.high } else { &mut stretch.low } = match page.newest_first {
            true => stretch.high.min(at),
            false => stretch.low.max(at),
        };
    }
    let is_beyond = |at: Place| match page.after {
        Some(after) if page.newest_first => at < after,
        Some(after) => at > after,
        None => true,
    };
    let mut items = Vec::new();
    let reached = walk(session, stretch, |at, glance| {
        if is_beyond(at) && filter.matches_glance(glance) {
            items.push(Told::at(at, glance.entry()?));
        }
        Ok(items.len() <= page.limit)
    })
    .await?;
    let is_full = items.len() > page.limit;
    items.truncate(page.limit);
    let reached = reached.filter(|_| !is_full);
    let more = is_full || reached.is_some();
    let total = items.len() as u64;
    Ok(PageOf { items, total, exact: !more && page.after.is_none(), more, reached })
}

/// Where an event stands. The id of a step says of whom; of others it is only known that they are late in the log, mostly.
pub(super) async fn place_of(session: &Session, id: &EventId) -> Result<Option<Place>, Fault> {
    let end = sequencer::settle(session).await?.place.cast_signed();
    let step = id.step();
    let mut filter = EventFilter::default();
    if let Some((of, _, kind)) = &step {
        filter.sort = kind.as_str().split('.').next().map(Into::into);
        filter.id = Some(JobId::from_bytes(*of).to_string().into());
    }
    let stretch = Stretch::of(session, &filter, true, end).await?;
    let mut found = None;
    walk(session, stretch, |at, glance| {
        let may_be = match &step {
            Some((.., kind)) => glance.kind() == kind.as_str() && filter.matches_glance(glance),
            None => glance.sort() != "job",
        };
        if may_be && glance.entry()?.event.id == *id {
            found = Some(at);
        }
        Ok(found.is_none())
    })
    .await?;
    Ok(found)
}

impl Stretch {
    /// As few rows as are sure to have all that a filter names.
    async fn of(session: &Session, filter: &EventFilter, newest_first: bool, end: i64) -> Result<Self, Fault> {
        let first = session.query(FIRST, &[]).await?;
        let first = first.first().map_or(Ok(end + 1), |row| row.try_get(0))?;
        let mut stretch = Self { which: Which::All, low: first, high: end, newest_first };
        if let Some(since) = filter.since {
            stretch.low = stretch.low.max(at_or_after(session, since, end + 1).await?);
        }
        if let Some(until) = filter.until {
            stretch.high = stretch.high.min(at_or_after(session, until.plus_millis(LATE_MS as u64), end).await?);
        }
        let (Some(sort), Some(id)) = (filter.sort.as_deref(), filter.id.as_deref()) else { return Ok(stretch) };
        if sort != "job" {
            let digest = Aggregate { sort: sort.into(), id: id.into() }.digest();
            stretch.which = Which::About(digest.cast_signed());
        } else if let Ok(id) = id.parse::<JobId>() {
            // The rows of one that is forgotten may be any.
            if let Some(row) = session.query(JOB, &[(&uuid(id) as _, Type::UUID)]).await?.first() {
                stretch.which = Which::OfJob(row.try_get(0)?);
                let created = Timestamp::from_millis(row.try_get(1)?);
                stretch.low = stretch.low.max(at_or_after(session, created, end + 1).await?);
                if let Some(ended) = row.try_get::<_, Option<i64>>(2)?.map(Timestamp::from_millis) {
                    let late = ended.plus_millis(LATE_MS as u64);
                    stretch.high = stretch.high.min(at_or_after(session, late, end).await?);
                }
            }
        }
        Ok(stretch)
    }

    /// The next rows, and whether there are none beyond them, and up to where that was looked at.
    async fn next(&self, session: &Session) -> Result<(Vec<Row>, Option<i64>), Fault> {
        let way = usize::from(self.newest_first);
        let (mut low, mut high) = (self.low, self.high);
        let (sql, third) = match self.which {
            Which::All => (ALL[way], None),
            Which::About(digest) => (ABOUT[way], Some(digest)),
            Which::OfJob(seq) => {
                if self.newest_first {
                    low = low.max(high.saturating_sub(STRETCH));
                } else {
                    high = high.min(low.saturating_add(STRETCH));
                }
                (OF_JOB[way], Some(seq))
            }
        };
        let mut params = vec![(&low as _, Type::INT8), (&high as _, Type::INT8)];
        params.extend(third.as_ref().map(|third| (third as _, Type::INT8)));
        let rows = session.query(sql, &params).await?;
        let looked_to = if self.newest_first { low } else { high };
        let is_short = match self.which {
            Which::All => rows.is_empty(),
            _ => rows.len() < 50,
        };
        let reached = match rows.last() {
            Some(last) if !is_short => last.try_get(0)?,
            _ => looked_to,
        };
        let is_over = if self.newest_first { reached <= self.low } else { reached >= self.high };
        Ok((rows, (!is_over).then_some(reached)))
    }

    /// The same beyond a row.
    fn beyond(self, reached: i64) -> Self {
        match self.newest_first {
            true => Self { high: reached - 1, ..self },
            false => Self { low: reached + 1, ..self },
        }
    }
}

/// Shows events until one of them is enough. The answer is where it was given up, if it was: it goes on beyond that.
async fn walk(
    session: &Session,
    mut stretch: Stretch,
    mut each: impl FnMut(Place, &Glance<'_>) -> Result<Goes, crate::event::batch::Unreadable>,
) -> Result<Option<Place>, Fault> {
    let (mut looked_at, mut passed) = (0, 0);
    while stretch.low <= stretch.high {
        let from = if stretch.newest_first { stretch.high } else { stretch.low };
        let (rows, reached) = stretch.next(session).await?;
        for row in &rows {
            looked_at += row.try_get::<_, i32>("count")? as usize;
            if !show(row, stretch.newest_first, &mut each)? {
                return Ok(None);
            }
        }
        let Some(reached) = reached else { return Ok(None) };
        passed += (reached - from).abs();
        if looked_at > LOOKED_AT_MAX || passed > PASSED_MAX {
            let index = if stretch.newest_first { 0 } else { u16::MAX };
            return Ok(Some(place(reached.cast_unsigned(), index)));
        }
        stretch = stretch.beyond(reached);
    }
    Ok(None)
}

/// Shows the events of a row in the order of the walk.
fn show(
    row: &Row,
    newest_first: bool,
    each: &mut impl FnMut(Place, &Glance<'_>) -> Result<Goes, crate::event::batch::Unreadable>,
) -> Result<Goes, Fault> {
    let events = spelled::events(row)?;
    let mut goes = true;
    if !newest_first {
        read(row, &events, |at, glance| {
            if goes {
                goes = each(at, &glance)?;
            }
            Ok(())
        })?;
        return Ok(goes);
    }
    let mut seen = Vec::new();
    read(row, &events, |at, glance| {
        seen.push((at, glance));
        Ok(())
    })?;
    for (at, glance) in seen.iter().rev() {
        match each(*at, glance) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(_) => tracing::error!(place = at, "an event cannot be read"),
        }
    }
    Ok(true)
}

/// The first row up to which something has happened at a moment or later; `none` when there is no such row.
async fn at_or_after(session: &Session, at: Timestamp, none: i64) -> Result<i64, Fault> {
    let rows = session.query(SINCE, &[(&at.as_millis() as _, Type::INT8)]).await?;
    Ok(rows.first().map_or(Ok(none), |row| row.try_get(0))?)
}
