//! Lists over both halves, live and ended jobs, merged by sequence number. What a column tells is asked of the database, which looks
//! through so many jobs along one index for one page and no more: a page that it cannot fill says how far it got. A text is looked
//! for here, in the same words as on every engine.

use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::kept;
use super::look::{self, readable};
use super::place::Fault;
use super::rows::{Reader, number_of};
use super::session::Session;
use super::settled;
use crate::clock::Timestamp;
use crate::job::{Job, Status};
use crate::limits;
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page, PageOf};

/// Jobs of each half that are looked through for one page, or to count.
const LOOKED_THROUGH_MAX: usize = 50_000;
/// Jobs that come here in one statement when a text is looked for.
const CHUNK: usize = 1_000;
/// Time that a page by rising numbers waits for transactions which accept jobs below its first one, and pause between two looks.
const UNSETTLED_MAX: Duration = Duration::from_secs(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// A page of the jobs that a filter names, with their total.
pub(super) async fn page(session: &Session, filter: &Filter, page: Page) -> Result<PageOf<Arc<Job>>, Fault> {
    if let Some(id) = filter.whole_id()
        && let Some(job) = look::get(session, id).await?
    {
        return Ok(page_of_one(job, filter, page));
    }
    if page.sort == Sort::CreatedDescending {
        return as_it_shows(session, filter, page).await;
    }
    let over = Instant::now() + UNSETTLED_MAX;
    loop {
        let settled = settled::settled(session).await?;
        let found = as_it_shows(session, filter, page).await?;
        // An application may keep its transaction open for hours: then nobody waits for it.
        if Instant::now() > over {
            return Ok(found);
        }
        match settled::cut(found, settled) {
            Some(page) => return Ok(page),
            None => sleep(LOOK_AGAIN_AFTER).await,
        }
    }
}

/// The same, whatever may show later among the jobs of the page.
async fn as_it_shows(session: &Session, filter: &Filter, page: Page) -> Result<PageOf<Arc<Job>>, Fault> {
    if filter.text.is_some() {
        return searched(session, filter, page).await;
    }
    let (after, offset) = place(page.start);
    let (total, exact) = total(session, filter, page.sort).await?;
    let asked = Asked::of(filter, page.sort, after, window(offset));
    let found = asked.find(session, page.limit.saturating_add(1), offset).await?;
    let (mut items, mut reached) = (found.jobs, found.reached);
    let is_full = items.len() > page.limit;
    items.truncate(page.limit);
    if page.start == Start::Offset(0) && exact && items.len() as u64 >= total {
        // There are no others to look for.
        reached = None;
    }
    Ok(PageOf { items, total, exact, more: is_full || found.is_full || reached.is_some(), reached })
}

/// How much is looked through for a page that leaves out so many jobs. A deep one is found however long it takes.
fn window(offset: usize) -> Option<usize> {
    (offset <= limits::OFFSET_SEARCHED_MAX).then_some(LOOKED_THROUGH_MAX)
}

fn place(start: Start) -> (Option<u64>, usize) {
    match start {
        Start::Offset(offset) => (None, offset),
        Start::After(seq) => (Some(seq), 0),
    }
}

/// How many jobs a filter names without a text, and whether that is all of them.
async fn total(session: &Session, filter: &Filter, sort: Sort) -> Result<(u64, bool), Fault> {
    if filter.is_kept() {
        let tally = kept::jobs(session).await?;
        return Ok((tally.sum(|sort| filter.names_sort(sort)), true));
    }
    let most = limits::COUNTED_TOTAL_MAX;
    let (counted, is_all) = Asked::of(filter, sort, None, window(0)).count(session, most + 1).await?;
    Ok((counted.min(most), counted <= most && is_all))
}

/// The same with a text: jobs are looked at one after the other.
async fn searched(session: &Session, filter: &Filter, page: Page) -> Result<PageOf<Arc<Job>>, Fault> {
    let (after, offset) = place(page.start);
    let walked = walk(session, filter, page.sort, after).await?;
    let more = walked.found.len() > offset.saturating_add(page.limit) || walked.reached.is_some();
    let items: Vec<_> = walked.found.iter().skip(offset).take(page.limit).cloned().collect();
    let reached = walked.reached.filter(|_| items.len() < page.limit);
    let (total, exact) = match after {
        None => (walked.found.len(), walked.reached.is_none()),
        Some(_) => {
            let all = walk(session, filter, page.sort, None).await?;
            (all.found.len(), all.reached.is_none())
        }
    };
    Ok(PageOf { items, total: total as u64, exact, more, reached })
}

/// Jobs that were found, and where the search for more was given up.
struct Walked {
    found: Vec<Arc<Job>>,
    reached: Option<u64>,
}

async fn walk(session: &Session, filter: &Filter, sort: Sort, mut after: Option<u64>) -> Result<Walked, Fault> {
    let mut found = Vec::new();
    for _ in 0..LOOKED_THROUGH_MAX / CHUNK {
        let chunk = Asked::of(filter, sort, after, window(0)).find(session, CHUNK, 0).await?;
        found.extend(chunk.jobs.into_iter().filter(|job| filter.matches(job)));
        if !chunk.is_full {
            return Ok(Walked { found, reached: chunk.reached });
        }
        after = chunk.last;
    }
    Ok(Walked { found, reached: after })
}

/// The list that has at most this one job.
fn page_of_one(job: Arc<Job>, filter: &Filter, page: Page) -> PageOf<Arc<Job>> {
    let is_named = filter.matches(&job);
    let is_here = match (page.start, page.sort) {
        (Start::Offset(offset), _) => offset == 0,
        (Start::After(seq), Sort::CreatedAscending) => job.seq > seq,
        (Start::After(seq), Sort::CreatedDescending) => job.seq < seq,
    };
    let items = if is_named && is_here { vec![job] } else { Vec::new() };
    PageOf { items, total: u64::from(is_named), exact: true, more: false, reached: None }
}

/// A question as text, with its parameters.
struct Asked {
    live: Option<Half>,
    ended: Option<Half>,
    order: &'static str,
    params: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

/// One of the halves: along which index it is gone through, and what its jobs are tried against on the way.
#[derive(Clone)]
struct Half {
    columns: &'static str,
    from: &'static str,
    along: String,
    terms: String,
    /// Jobs that are looked through.
    window: Option<usize>,
}

/// What a question found.
struct Found {
    jobs: Vec<Arc<Job>>,
    /// The last of them, readable or not.
    last: Option<u64>,
    /// Whether there may be more right after it.
    is_full: bool,
    /// Where the search for more was given up.
    reached: Option<u64>,
}

const LIVE: &str = "seq, id, created_at, spec, life, state, run_at, started_at, leased, lease_until, holder, progress";
const ENDED: &str = "seq, id, created_at, spec, life, 3::smallint AS state, NULL::bigint AS run_at, NULL::bigint AS started_at, \
     false AS leased, NULL::bigint AS lease_until, NULL::text AS holder, NULL::text AS progress";
/// Few run at once, and there is an index for each sort of them.
const RUNNING: &str = "(SELECT * FROM faena.live WHERE state = 2 AND leased UNION ALL \
     SELECT * FROM faena.live WHERE state = 2 AND NOT leased) AS running";

impl Half {
    /// The first of its jobs.
    fn first(&self, order: &str, limit: usize) -> String {
        let Self { columns, along, terms, .. } = self;
        let from = match self.window {
            Some(window) => {
                format!("(SELECT * FROM {} WHERE {along} ORDER BY seq {order} LIMIT {window}) AS w", self.from)
            }
            None => self.from.to_owned(),
        };
        let along = if self.window.is_some() { "true" } else { along };
        format!("(SELECT {columns} FROM {from} WHERE {along}{terms} ORDER BY seq {order} LIMIT {limit})")
    }

    /// The last job that is looked at, when there are more.
    fn place(&self, order: &str) -> String {
        match self.window {
            Some(window) => format!(
                "(SELECT seq FROM {} WHERE {} ORDER BY seq {order} OFFSET {} LIMIT 1)",
                self.from,
                self.along,
                window - 1
            ),
            None => "NULL::bigint".to_owned(),
        }
    }
}

impl Asked {
    fn of(filter: &Filter, sort: Sort, after: Option<u64>, window: Option<usize>) -> Self {
        let order = match sort {
            Sort::CreatedAscending => "ASC",
            Sort::CreatedDescending => "DESC",
        };
        let mut asked = Self { live: None, ended: None, order, params: Vec::new() };
        // The rarest that has an index is the way; the others are looked at on it.
        let (mut along, mut terms) = (String::from("true"), String::new());
        let mut has_way = false;
        for (column, text) in [("user_id", filter.user_id.as_deref()), ("schedule_id", filter.schedule_id.as_deref())] {
            let Some(text) = text else { continue };
            let term = asked.and(&format!("{column} = "), text.to_owned(), Type::TEXT);
            *if has_way { &mut terms } else { &mut along } += &term;
            has_way = true;
        }
        let names = [("kind = ", filter.kind.as_ref()), ("sub_type = ", filter.sub_type.as_ref())];
        for (column, name) in names.into_iter().filter_map(|(column, name)| Some((column, name?))) {
            terms += &asked.and(column, name.to_string(), Type::TEXT);
        }
        if let Some(tag) = filter.tag.as_deref() {
            terms += &asked.and("tags @> ", vec![tag.to_owned()], Type::TEXT_ARRAY);
        }
        if let Some(priority) = filter.priority {
            terms += &asked.and("priority = ", priority as i16, Type::INT2);
        }
        let times = [("created_at >= ", filter.created_after), ("created_at < ", filter.created_before)];
        for (column, at) in times.into_iter().filter_map(|(column, at)| Some((column, at?))) {
            terms += &asked.and(column, Timestamp::as_millis(at), Type::INT8);
        }
        if filter.fired {
            terms += " AND schedule_id IS NOT NULL";
        }
        if let Some(seq) = after {
            let beyond = if sort == Sort::CreatedAscending { "seq > " } else { "seq < " };
            along += &asked.and(beyond, seq as i64, Type::INT8);
        }
        asked.live = live_half(filter, &along, &terms, window);
        asked.ended = ended_half(filter, has_way, along, terms, window);
        asked
    }

    fn and(&mut self, column: &str, value: impl ToSql + Sync + Send + 'static, of: Type) -> String {
        self.params.push((Box::new(value), of));
        format!(" AND {column}${}", self.params.len())
    }

    fn halves(&self) -> impl Iterator<Item = &Half> {
        [&self.live, &self.ended].into_iter().flatten()
    }

    /// The first of the jobs, but for so many.
    async fn find(&self, session: &Session, limit: usize, offset: usize) -> Result<Found, Fault> {
        let order = self.order;
        // Each half finds its own first rows by an index; the two are not merged by the server otherwise.
        let most = limit.saturating_add(offset).min(i64::MAX as usize);
        let firsts: Vec<String> = self.halves().map(|half| half.first(order, most)).collect();
        if firsts.is_empty() {
            return Ok(Found { jobs: Vec::new(), last: None, is_full: false, reached: None });
        }
        let both = firsts.join(" UNION ALL ");
        let (limit, offset) = (limit.min(i64::MAX as usize), offset.min(i64::MAX as usize));
        let sql = format!("SELECT * FROM ({both}) AS found ORDER BY seq {order} LIMIT {limit} OFFSET {offset}");
        let rows = session.query_once(&sql, &self.params()).await?;
        if rows.len() >= limit || self.halves().all(|half| half.window.is_none()) {
            return found(&rows, limit, None);
        }
        // The page is not full: where was it given up? That is asked at one moment with the rows.
        let places: Vec<String> = self.halves().map(|half| half.place(order)).collect();
        let (nearest, before) = if order == "ASC" { ("least", "<=") } else { ("greatest", ">=") };
        let sql = format!(
            "SELECT p.place, f.* FROM (SELECT {nearest}({}) AS place) AS p LEFT JOIN ({sql}) AS f \
             ON p.place IS NULL OR f.seq {before} p.place ORDER BY f.seq {order}",
            places.join(", ")
        );
        let rows = session.query_once(&sql, &self.params()).await?;
        let reached = rows.first().map(|row| row.try_get::<_, Option<i64>>("place")).transpose()?.flatten();
        found(&rows, limit, reached.map(|seq| seq as u64))
    }

    /// How many jobs there are, up to a bound, and whether all were looked at.
    async fn count(&self, session: &Session, most: u64) -> Result<(u64, bool), Fault> {
        let firsts: Vec<String> =
            self.halves().map(|half| Half { columns: "1", ..half.clone() }.first(self.order, most as usize)).collect();
        if firsts.is_empty() {
            return Ok((0, true));
        }
        let sql =
            format!("SELECT count(*) FROM (SELECT 1 FROM ({}) AS x LIMIT {most}) AS found", firsts.join(" UNION ALL "));
        let counted = one(session.query_once(&sql, &self.params()).await?)?.try_get::<_, i64>(0)? as u64;
        if counted >= most || self.halves().all(|half| half.window.is_none()) {
            return Ok((counted, true));
        }
        let places: Vec<String> = self.halves().map(|half| half.place(self.order)).collect();
        let sql = format!("SELECT coalesce({}) IS NULL", places.join(", "));
        Ok((counted, one(session.query_once(&sql, &self.params()).await?)?.try_get(0)?))
    }

    fn params(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.params.iter().map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone())).collect()
    }
}

fn one(rows: Vec<Row>) -> Result<Row, Fault> {
    rows.into_iter().next().ok_or_else(|| Fault::broken("nothing was counted"))
}

fn found(rows: &[Row], limit: usize, reached: Option<u64>) -> Result<Found, Fault> {
    let mut reader = Reader::default();
    let (mut jobs, mut last, mut count) = (Vec::with_capacity(rows.len()), None, 0);
    for row in rows {
        if let Some(seq) = row.try_get::<_, Option<i64>>("seq")? {
            (last, count) = (Some(seq as u64), count + 1);
            jobs.extend(readable(reader.any(row)));
        }
    }
    let is_full = count >= limit;
    Ok(Found { jobs, last, is_full, reached: reached.filter(|_| !is_full) })
}

/// The live jobs of a filter; none when no live job is meant.
fn live_half(filter: &Filter, along: &str, terms: &str, window: Option<usize>) -> Option<Half> {
    if filter.dead || filter.wants_finished_only() {
        return None;
    }
    let said = |status: &&Status| match status {
        Status::Queued => Some("state < 2"),
        Status::Started => Some("(state = 2 AND progress IS NULL)"),
        Status::Progress => Some("(state = 2 AND progress IS NOT NULL)"),
        Status::Completed | Status::Failed | Status::Cancelled => None,
    };
    let statuses: Vec<&str> = filter.status.iter().filter_map(|status| said(&status)).collect();
    let terms = match statuses.is_empty() {
        true => terms.to_owned(),
        false => format!("{terms} AND ({})", statuses.join(" OR ")),
    };
    let runs_only = !statuses.is_empty() && !filter.status.contains(&Status::Queued);
    let from = if runs_only { RUNNING } else { "faena.live" };
    let window = window.filter(|_| !runs_only && !terms.is_empty());
    Some(Half { columns: LIVE, from, along: along.to_owned(), terms, window })
}

/// The ended jobs of a filter; none when no such is meant.
fn ended_half(filter: &Filter, has_way: bool, along: String, terms: String, window: Option<usize>) -> Option<Half> {
    let statuses: Vec<String> = filter
        .status
        .iter()
        .filter(|status| status.is_terminal())
        .map(|status| number_of(*status).to_string())
        .collect();
    if !filter.status.is_empty() && statuses.is_empty() {
        return None;
    }
    let (mut along, mut terms) = (along, terms);
    // Its number stands there as it is: that of the completed ones has no index.
    let status = match &statuses[..] {
        [] => String::new(),
        [one] => format!(" AND status = {one}"),
        some => format!(" AND status IN ({})", some.join(", ")),
    };
    let is_rare = statuses.len() == 1 && !filter.status.contains(&Status::Completed);
    *if !has_way && !filter.dead && is_rare { &mut along } else { &mut terms } += &status;
    if filter.dead {
        *if has_way { &mut terms } else { &mut along } += " AND dead";
    }
    let window = window.filter(|_| !terms.is_empty());
    Some(Half { columns: ENDED, from: "faena.history", along, terms, window })
}
