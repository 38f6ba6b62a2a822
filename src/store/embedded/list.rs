//! Lists over both halves: live jobs from memory, ended ones from disk, merged by sequence number.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use rusqlite::Connection;

use super::core::Core;
use super::search::Search;
use super::shown::Shown;
use super::walk::{Errand, Walked, is_beyond, nearer};
use super::{Embedded, history};
use crate::job::Job;
use crate::limits;
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page, PageOf, Store, StoreError};

/// Live jobs looked at under one hold of the lock, so that a long list does not stop the queue.
const CHUNK: usize = 1_000;

/// What the disk has of a page.
struct Ended {
    walked: Walked<u64>,
    /// Where the page can begin, and how many jobs it leaves out from there on.
    jump: Option<(u64, usize)>,
    /// How many jobs it has in all, and whether that is all of them.
    total: (u64, bool),
}

impl Embedded {
    pub(super) async fn list_page(&self, filter: Filter, page: Page) -> Result<PageOf<Arc<Job>>, StoreError> {
        if let Some(id) = filter.whole_id()
            && let Some(job) = self.get(id).await?
        {
            return Ok(page_of_one(job, &filter, page));
        }
        let (after, offset) = match page.start {
            Start::Offset(offset) => (None, offset),
            Start::After(seq) => (Some(seq), 0),
        };
        // A list from its beginning counts on the way.
        let count_to = if filter.is_kept() || after.is_some() { 0 } else { limits::COUNTED_TOTAL_MAX };
        let errand = Errand { order: page.sort, after, need: offset + page.limit + 1, count_to };
        // Memory first, then disk: a job that ends in between is found twice rather than missed.
        let live = self.scan(&filter, errand);
        let ranks = live.found.iter().map(|job| job.seq).collect();
        let ended = self.ended(&filter, errand, ranks, offset).await?;
        let reached = nearer(page.sort, live.reached, ended.walked.reached);
        let (total, exact) = match filter.is_kept() {
            true => (self.core.lock().kept_total(&filter), true),
            false => summed(&filter, self.live_total(&filter, &live), ended.total),
        };

        let (jump, skip) = ended.jump.map_or((None, offset), |(place, skip)| (Some(place), skip));
        let mut merged: BTreeMap<u64, Option<Arc<Job>>> =
            live.found.into_iter().map(|job| (job.seq, Some(job))).collect();
        merged.extend(ended.walked.found.into_iter().map(|seq| (seq, None)));
        merged.retain(|seq, _| {
            reached.is_none_or(|place| !is_beyond(page.sort, *seq, place))
                && jump.is_none_or(|place| is_beyond(page.sort, *seq, place))
        });
        let part = |rows: &mut dyn Iterator<Item = (u64, Option<Arc<Job>>)>| -> Vec<_> {
            rows.skip(skip).take(page.limit + 1).collect()
        };
        let mut rows = match page.sort {
            Sort::CreatedAscending => part(&mut merged.into_iter()),
            Sort::CreatedDescending => part(&mut merged.into_iter().rev()),
        };
        let is_full = rows.len() > page.limit;
        rows.truncate(page.limit);
        let more = is_full || reached.is_some();
        let last = rows.last().map(|(seq, _)| *seq);
        let reached = if is_full { last } else { reached };
        let items = self.filled(rows, &filter).await?;
        Ok(PageOf { items, total, exact, more, reached })
    }

    /// Jobs in memory that a filter names, in order.
    fn scan(&self, filter: &Filter, errand: Errand) -> Walked<Arc<Job>> {
        let mut walked = Walked::begin(errand);
        let is_journalled = self.journalled.is_some();
        if is_journalled && (filter.wants_finished_only() || !self.core.lock().has_live(filter)) {
            return walked;
        }
        let mut after = errand.after;
        while !walked.is_over() {
            let chunk = self.core.lock().shown_after(after, errand.order, &self.shown);
            let Some((last, jobs)) = chunk else { break };
            after = Some(last);
            for job in jobs {
                // What the disk has is listed from there.
                let is_of_it = (!is_journalled || !job.is_finished()) && filter.matches(&job);
                if !walked.meet(job.seq, is_of_it.then_some(job)) {
                    break;
                }
            }
        }
        walked
    }

    /// Ended jobs that a filter names, in order. `live` are the sequence numbers that memory has of the list.
    async fn ended(&self, filter: &Filter, errand: Errand, live: Vec<u64>, offset: usize) -> Result<Ended, StoreError> {
        let Some(journalled) = self.journalled.as_ref().filter(|_| !filter.wants_live_only()) else {
            return Ok(Ended { walked: Walked::begin(errand), jump: None, total: (0, true) });
        };
        let (filter, blocks) = (filter.clone(), journalled.blocks.clone());
        let read = move |conn: &Connection| {
            let search = Search::of(&filter, &blocks.read(), errand.order, offset);
            let jump = search.jump(conn, errand.order, offset, &live)?;
            let errand = match jump {
                Some((place, skip)) => {
                    Errand { after: Some(place), need: errand.need - offset + skip, count_to: 0, ..errand }
                }
                None => Errand { count_to: if filter.is_placed() { 0 } else { errand.count_to }, ..errand },
            };
            let walked = search.walk(conn, errand)?;
            let total = if filter.is_kept() {
                (0, true)
            } else if filter.is_placed() {
                search.total(conn)?
            } else if errand.count_to > 0 {
                walked.total()
            } else {
                search.walk(conn, Errand::to_count(errand.order))?.total()
            };
            Ok(Ended { walked, jump, total })
        };
        journalled.readers.read(read).await
    }

    /// Jobs in memory that a filter names, as far as they are counted; `listed` are those of a page.
    fn live_total(&self, filter: &Filter, listed: &Walked<Arc<Job>>) -> (u64, bool) {
        let order = listed.errand().order;
        if listed.errand().after.is_none() {
            listed.total()
        } else {
            self.scan(filter, Errand::to_count(order)).total()
        }
    }

    /// Fetches the rows that only the disk has. One that was forgotten or changed meanwhile is left out.
    async fn filled(&self, rows: Vec<(u64, Option<Arc<Job>>)>, filter: &Filter) -> Result<Vec<Arc<Job>>, StoreError> {
        let missing: Vec<u64> = rows.iter().filter(|(_, job)| job.is_none()).map(|(seq, _)| *seq).collect();
        let mut loaded = BTreeMap::new();
        if let Some(journalled) = self.journalled.as_ref().filter(|_| !missing.is_empty()) {
            let jobs = journalled.readers.read(move |conn| history::load(conn, &missing)).await?;
            loaded.extend(jobs.into_iter().filter(|job| filter.matches(job)).map(|job| (job.seq, Arc::new(job))));
        }
        Ok(rows.into_iter().filter_map(|(seq, job)| job.or_else(|| loaded.remove(&seq))).collect())
    }
}

/// The list that has at most this one job.
fn page_of_one(job: Arc<Job>, filter: &Filter, page: Page) -> PageOf<Arc<Job>> {
    let is_named = filter.matches(&job);
    let is_here = match page.start {
        Start::Offset(offset) => offset == 0,
        Start::After(seq) => is_beyond(page.sort, job.seq, seq),
    };
    let items = if is_named && is_here { vec![job] } else { Vec::new() };
    PageOf { items, total: u64::from(is_named), exact: true, more: false, reached: None }
}

/// Both halves together.
fn summed(filter: &Filter, live: (u64, bool), ended: (u64, bool)) -> (u64, bool) {
    let (total, exact) = (live.0 + ended.0, live.1 && ended.1);
    match filter.is_placed() {
        true => (total, exact),
        false => (total.min(limits::COUNTED_TOTAL_MAX), exact && total < limits::COUNTED_TOTAL_MAX),
    }
}

impl Core {
    /// The next chunk of jobs in memory as they are shown, with the place where it ends. None at the end.
    fn shown_after(&self, after: Option<u64>, sort: Sort, shown: &Shown) -> Option<(u64, Vec<Arc<Job>>)> {
        let bound = after.map_or(Bound::Unbounded, Bound::Excluded);
        let chunk: Vec<_> = match sort {
            Sort::CreatedAscending => self.jobs.rising(bound).take(CHUNK).collect(),
            Sort::CreatedDescending => self.jobs.falling(bound).take(CHUNK).collect(),
        };
        let last = chunk.last()?.0;
        Some((last, chunk.into_iter().filter_map(|(_, job)| shown.get(job.id)).collect()))
    }

    /// Whether any job that has not ended is of the sorts that a filter names.
    fn has_live(&self, filter: &Filter) -> bool {
        self.tally.iter().any(|(sort, _)| !sort.status.is_terminal() && filter.names_sort(&sort))
    }

    /// The total of a filter that the kept counters answer.
    fn kept_total(&self, filter: &Filter) -> u64 {
        self.tally.iter().filter(|(sort, _)| filter.names_sort(sort)).map(|(_, jobs)| jobs).sum()
    }
}
