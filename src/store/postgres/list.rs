//! Lists over both halves, live and ended jobs, merged by sequence number. What a column tells is asked of the database; a text
//! is looked for here, in the same words as on every engine, within bounds.

use std::sync::Arc;

use tokio_postgres::types::{ToSql, Type};

use super::kept;
use super::look::{self, readable};
use super::place::Fault;
use super::rows::{Reader, number_of};
use super::session::Session;
use crate::clock::Timestamp;
use crate::job::{Job, Status};
use crate::limits;
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page, PageOf};

/// Jobs looked through in one statement when a text is looked for.
const CHUNK: usize = 1_000;
/// Jobs looked through for one answer.
const LOOKED_THROUGH_MAX: usize = 20_000;

/// A page of the jobs that a filter names, with their total.
pub(super) async fn page(session: &Session, filter: &Filter, page: Page) -> Result<PageOf<Arc<Job>>, Fault> {
    if let Some(id) = filter.whole_id()
        && let Some(job) = look::get(session, id).await?
    {
        return Ok(page_of_one(job, filter, page));
    }
    if filter.text.is_some() {
        return searched(session, filter, page).await;
    }
    let (after, offset) = place(page.start);
    let asked = Asked::of(filter, page.sort, after);
    let mut items = asked.jobs(session, page.limit.saturating_add(1), offset).await?;
    let more = items.len() > page.limit;
    items.truncate(page.limit);
    let (total, exact) = total(session, filter, page.sort).await?;
    Ok(PageOf { items, total, exact, more, reached: None })
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
    let counted = Asked::of(filter, sort, None).count(session, most + 1).await?;
    Ok((counted.min(most), counted <= most))
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
        let chunk = Asked::of(filter, sort, after).jobs(session, CHUNK, 0).await?;
        let is_last = chunk.len() < CHUNK;
        after = chunk.last().map(|job| job.seq);
        found.extend(chunk.into_iter().filter(|job| filter.matches(job)));
        if is_last {
            return Ok(Walked { found, reached: None });
        }
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
    live: Option<String>,
    ended: Option<String>,
    order: &'static str,
    params: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Asked {
    fn of(filter: &Filter, sort: Sort, after: Option<u64>) -> Self {
        let order = match sort {
            Sort::CreatedAscending => "ASC",
            Sort::CreatedDescending => "DESC",
        };
        let mut asked = Self { live: None, ended: None, order, params: Vec::new() };
        let mut both = String::from("true");
        let texts = [
            ("kind = ", filter.kind.as_ref().map(|name| name.as_str())),
            ("sub_type = ", filter.sub_type.as_ref().map(|name| name.as_str())),
            ("user_id = ", filter.user_id.as_deref()),
            ("schedule_id = ", filter.schedule_id.as_deref()),
        ];
        for (column, text) in texts.into_iter().filter_map(|(column, text)| Some((column, text?))) {
            both += &asked.and(column, text.to_owned(), Type::TEXT);
        }
        if let Some(tag) = filter.tag.as_deref() {
            both += &asked.and("tags @> ", vec![tag.to_owned()], Type::TEXT_ARRAY);
        }
        if let Some(priority) = filter.priority {
            both += &asked.and("priority = ", priority as i16, Type::INT2);
        }
        let times = [("created_at >= ", filter.created_after), ("created_at < ", filter.created_before)];
        for (column, at) in times.into_iter().filter_map(|(column, at)| Some((column, at?))) {
            both += &asked.and(column, Timestamp::as_millis(at), Type::INT8);
        }
        if filter.fired {
            both += " AND schedule_id IS NOT NULL";
        }
        if let Some(seq) = after {
            let beyond = if sort == Sort::CreatedAscending { "seq > " } else { "seq < " };
            both += &asked.and(beyond, seq as i64, Type::INT8);
        }
        asked.live = live_statuses(filter).map(|statuses| format!("{both} AND {statuses}"));
        let statuses: Vec<i16> =
            filter.status.iter().filter(|status| status.is_terminal()).map(|status| number_of(*status)).collect();
        if filter.status.is_empty() || !statuses.is_empty() {
            if !statuses.is_empty() {
                both += &asked.and("status = ANY(", statuses, Type::INT2_ARRAY);
                both += ")";
            }
            both += if filter.dead { " AND dead" } else { "" };
            asked.ended = Some(both);
        }
        asked
    }

    fn and(&mut self, column: &str, value: impl ToSql + Sync + Send + 'static, of: Type) -> String {
        self.params.push((Box::new(value), of));
        format!(" AND {column}${}", self.params.len())
    }

    async fn jobs(&self, session: &Session, limit: usize, offset: usize) -> Result<Vec<Arc<Job>>, Fault> {
        // Each half finds its own first rows by an index; the two are not merged by the server otherwise.
        let (most, order) = (limit.min(i64::MAX as usize), self.order);
        let first = format!("ORDER BY seq {order} LIMIT {}", most.saturating_add(offset).min(i64::MAX as usize));
        let halves = [
            self.live.as_ref().map(|terms| {
                format!(
                    "(SELECT seq, id, created_at, spec, life, state, run_at, started_at, leased, lease_until, holder, progress \
                     FROM faena.live WHERE {terms} {first})"
                )
            }),
            self.ended.as_ref().map(|terms| {
                format!(
                    "(SELECT seq, id, created_at, spec, life, 3::smallint AS state, NULL::bigint, NULL::bigint, false, NULL::bigint, \
                     NULL::text, NULL::text FROM faena.history WHERE {terms} {first})"
                )
            }),
        ];
        let halves: Vec<String> = halves.into_iter().flatten().collect();
        if halves.is_empty() {
            return Ok(Vec::new());
        }
        let both = halves.join(" UNION ALL ");
        let sql = format!("SELECT * FROM ({both}) AS found ORDER BY seq {order} LIMIT {most} OFFSET {offset}");
        let rows = session.query_once(&sql, &self.params()).await?;
        let mut reader = Reader::default();
        Ok(rows.iter().filter_map(|row| readable(reader.any(row))).collect())
    }

    async fn count(&self, session: &Session, most: u64) -> Result<u64, Fault> {
        let halves = [("live", &self.live), ("history", &self.ended)];
        let halves: Vec<String> = halves
            .into_iter()
            .filter_map(|(table, terms)| Some(format!("SELECT 1 FROM faena.{table} WHERE {}", terms.as_ref()?)))
            .collect();
        if halves.is_empty() {
            return Ok(0);
        }
        let sql = format!("SELECT count(*) FROM ({} LIMIT {most}) AS found", halves.join(" UNION ALL "));
        let rows = session.query_once(&sql, &self.params()).await?;
        let row = rows.first().ok_or_else(|| Fault::broken("nothing was counted"))?;
        Ok(row.try_get::<_, i64>(0)? as u64)
    }

    fn params(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.params.iter().map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone())).collect()
    }
}

/// The terms for live jobs in these statuses; none when no live job is meant.
fn live_statuses(filter: &Filter) -> Option<String> {
    if filter.dead {
        return None;
    }
    if filter.status.is_empty() {
        return Some("true".to_owned());
    }
    let terms: Vec<&str> = filter
        .status
        .iter()
        .filter_map(|status| match status {
            Status::Queued => Some("state < 2"),
            Status::Started => Some("(state = 2 AND progress IS NULL)"),
            Status::Progress => Some("(state = 2 AND progress IS NOT NULL)"),
            Status::Completed | Status::Failed | Status::Cancelled => None,
        })
        .collect();
    (!terms.is_empty()).then(|| format!("({})", terms.join(" OR ")))
}
