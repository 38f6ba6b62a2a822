//! Looking for events in the rows of the log: in the order of places, in steps of bounded work. What a filter says about time, jobs
//! and other things narrows which rows are opened.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::disk::broken;
use crate::clock::Timestamp;
use crate::event::batch::glances;
use crate::event::{Aggregate, EventId, Pattern};
use crate::job::{Job, JobId};
use crate::store::events::{EventFilter, EventPage, Place, Told, commit_of, place};
use crate::store::{PageOf, StoreError};

/// Time after which a search for a page is given up.
const SEARCH_MAX: Duration = Duration::from_millis(8);
/// Rows that are looked at however long it takes: a busy machine must not make pages of nothing.
const ROWS_MIN: u32 = 64;
/// How far clocks may have been set back: moments of rows rise with their numbers but for that.
const SET_BACK_MAX: Duration = Duration::from_secs(60);

/// Events after a place up to the place `end`, at most `limit`.
pub(super) fn after(conn: &Connection, after: Place, end: Place, limit: usize) -> Result<Vec<Told>, StoreError> {
    let mut select =
        conn.prepare_cached("SELECT n, events FROM event WHERE n BETWEEN ? AND ? ORDER BY n").map_err(broken)?;
    let mut rows = select.query(params![commit_of(after) as i64, commit_of(end) as i64]).map_err(broken)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(broken)? {
        let n = row.get::<_, i64>(0).map_err(broken)? as u64;
        for (index, glance) in (0u16..).zip(glances(row.get_ref(1).map_err(broken)?.as_blob().map_err(broken)?)) {
            let place = place(n, index);
            if place <= after {
                continue;
            }
            if found.len() >= limit {
                return Ok(found);
            }
            found.push(Told::at(place, glance.and_then(|glance| glance.entry()).map_err(broken)?));
        }
    }
    Ok(found)
}

/// The place before the first event that is remembered.
pub(super) fn start(conn: &Connection, end: Place) -> Result<Place, StoreError> {
    let first: Option<i64> = conn.query_row("SELECT min(n) FROM event", [], |row| row.get(0)).map_err(broken)?;
    Ok(first.map_or(end, |first| place(first as u64, 0) - 1))
}

/// Which rows to open.
enum Rows {
    /// All of a range.
    All,
    /// Those about this number of a job.
    OfJob(u64),
    /// Those about this aggregate, by its digest.
    Of(u64),
    /// Those about anything that is no job.
    OfOthers,
}

/// A page of what a filter names, of what can be read up to the place `end`; `job` is the one that the filter is about, if it is known.
pub(super) fn page(
    conn: &Connection,
    filter: &EventFilter,
    job: Option<&Job>,
    page: EventPage,
    end: Place,
) -> Result<PageOf<Told>, StoreError> {
    let began = Instant::now();
    let rows = rows(filter, job);
    let since = filter.since.max(job.map(|job| job.created_at));
    let ended_at = job.and_then(Job::end).map(|end| end.at.plus_millis(1));
    let until = [filter.until, ended_at].into_iter().flatten().min();
    let (mut first, mut last) = between(conn, since, until, commit_of(end))?;
    match page.after {
        Some(after) if page.newest_first => last = last.min(commit_of(after)),
        Some(after) => first = first.max(commit_of(after)),
        None => {}
    }
    let condition = match rows {
        Rows::All => "?3 = ?3",
        Rows::OfJob(_) => "?3 BETWEEN first_seq AND last_seq",
        Rows::Of(_) => "n IN (SELECT n FROM event_of WHERE aggregate = ?3 AND n BETWEEN ?1 AND ?2)",
        Rows::OfOthers => "?3 = ?3 AND n IN (SELECT n FROM event_of WHERE n BETWEEN ?1 AND ?2)",
    };
    let number = match rows {
        Rows::OfJob(number) | Rows::Of(number) => number as i64,
        Rows::All | Rows::OfOthers => 0,
    };
    let order = if page.newest_first { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT n, CASE WHEN {condition} THEN events END FROM event WHERE n BETWEEN ?1 AND ?2 ORDER BY n {order}"
    );
    // What has an index is asked for by it alone; a job's rows are told from others as they come, so that a search can be given up.
    let sql = match rows {
        Rows::Of(_) | Rows::OfOthers => {
            format!("SELECT n, events FROM event WHERE n BETWEEN ?1 AND ?2 AND {condition} ORDER BY n {order}")
        }
        _ => sql,
    };
    let mut select = conn.prepare_cached(&sql).map_err(broken)?;
    let mut rows = select.query(params![first as i64, last as i64, number]).map_err(broken)?;
    let mut found = Vec::new();
    let mut looked_at = 0;
    while let Some(row) = rows.next().map_err(broken)? {
        let n = row.get::<_, i64>(0).map_err(broken)? as u64;
        if let Some(bytes) = row.get_ref(1).map_err(broken)?.as_blob_or_null().map_err(broken)? {
            let mut named = Vec::new();
            for (index, glance) in (0u16..).zip(glances(bytes)) {
                let (place, glance) = (place(n, index), glance.map_err(broken)?);
                let is_beyond = |after| if page.newest_first { place < after } else { place > after };
                if page.after.is_none_or(is_beyond) && place <= end && filter.matches_glance(&glance) {
                    named.push(Told::at(place, glance.entry().map_err(broken)?));
                }
            }
            if page.newest_first {
                named.reverse();
            }
            found.append(&mut named);
        }
        if found.len() > page.limit {
            found.truncate(page.limit);
            return Ok(PageOf { total: found.len() as u64 + 1, exact: false, more: true, reached: None, items: found });
        }
        looked_at += 1;
        if looked_at >= ROWS_MIN && looked_at % 8 == 0 && began.elapsed() > SEARCH_MAX {
            let reached = Some(if page.newest_first { place(n, 0) } else { place(n, u16::MAX) });
            return Ok(PageOf { total: found.len() as u64, exact: false, more: true, reached, items: found });
        }
    }
    let exact = page.after.is_none();
    Ok(PageOf { total: found.len() as u64, exact, more: false, reached: None, items: found })
}

/// Which rows a filter is about.
fn rows(filter: &EventFilter, job: Option<&Job>) -> Rows {
    let may_be_of_job = |pattern: &Pattern| pattern.as_str() == "*" || pattern.as_str().starts_with("job.");
    let wants_jobs = filter.types.is_empty() || filter.types.iter().any(may_be_of_job);
    match (&filter.sort, &filter.id) {
        (Some(sort), Some(id)) if &**sort != "job" => {
            Rows::Of(Aggregate { sort: (&**sort).into(), id: (&**id).into() }.digest())
        }
        (Some(sort), None) if &**sort != "job" => Rows::OfOthers,
        _ if !wants_jobs => Rows::OfOthers,
        _ => job.map_or(Rows::All, |job| Rows::OfJob(job.seq)),
    }
}

/// The numbers of the rows that may have events of a time.
fn between(
    conn: &Connection,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    end: u64,
) -> Result<(u64, u64), StoreError> {
    let begin: Option<i64> = conn.query_row("SELECT min(n) FROM event", [], |row| row.get(0)).map_err(broken)?;
    let all = begin.map_or(1, |begin| begin as u64)..=end;
    let first = match since {
        Some(since) => reached(conn, &all, since.minus(SET_BACK_MAX))?,
        None => *all.start(),
    };
    let last = match until {
        Some(until) => reached(conn, &all, until.plus(SET_BACK_MAX))?.min(end),
        None => end,
    };
    Ok((first, last))
}

/// The first row of a range whose events happened at or after a moment, by halves; one beyond its end when there is none.
fn reached(conn: &Connection, range: &RangeInclusive<u64>, at: Timestamp) -> Result<u64, StoreError> {
    let mut select =
        conn.prepare_cached("SELECT n, last_at FROM event WHERE n >= ? ORDER BY n LIMIT 1").map_err(broken)?;
    let (mut low, mut high) = (*range.start(), *range.end() + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let mut rows = select.query([middle as i64]).map_err(broken)?;
        match rows.next().map_err(broken)? {
            Some(row) if row.get::<_, i64>(1).map_err(broken)? < at.as_millis() => {
                low = row.get::<_, i64>(0).map_err(broken)? as u64 + 1;
            }
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Where an event of this id can be: what it is about, and no earlier than that was made.
pub(super) fn of_event(id: &EventId) -> EventFilter {
    let Some((of, _, kind)) = id.step() else { return EventFilter::default() };
    let sort = kind.as_str().split('.').next().map(Into::into);
    let types = vec![Pattern::from(kind)];
    EventFilter { types, sort, id: Some(JobId::from_bytes(of).to_string().into()), ..EventFilter::default() }
}
