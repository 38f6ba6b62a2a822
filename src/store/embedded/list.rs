//! Lists over both halves: live jobs from memory, ended ones from disk, merged by sequence number.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::core::{Core, lives, place};
use super::shown::Shown;
use super::{Embedded, history};
use crate::clock::Timestamp;
use crate::job::{Job, State, Status};
use crate::limits;
use crate::store::query::{Sort, Sort4, Start};
use crate::store::{Filter, Page, PageOf, Prune, Pruned, Standing, StoreError};

/// Live jobs looked at under one hold of the lock, so that a long list does not stop the queue.
const CHUNK: usize = 1_000;

impl Embedded {
    pub(super) async fn list_page(
        &self,
        filter: Filter,
        page: Page,
        _now: Timestamp,
    ) -> Result<PageOf<Arc<Job>>, StoreError> {
        let offset = match page.start {
            Start::Offset(offset) => offset,
            Start::After(_) => 0,
        };
        let need = offset + page.limit + 1;
        // Memory first, then disk: a job that ends in between is found twice rather than missed.
        let live = self.scan(&filter, page.sort, page.start, need);
        let ended = self.ended(&filter, page, need).await?;
        let mut merged: BTreeMap<u64, Option<Arc<Job>>> = live.into_iter().map(|job| (job.seq, Some(job))).collect();
        merged.extend(ended.into_iter().map(|seq| (seq, None)));
        let part = |rows: &mut dyn Iterator<Item = (u64, Option<Arc<Job>>)>| -> Vec<_> {
            rows.skip(offset).take(page.limit + 1).collect()
        };
        let mut rows = match page.sort {
            Sort::CreatedAscending => part(&mut merged.into_iter()),
            Sort::CreatedDescending => part(&mut merged.into_iter().rev()),
        };
        let more = rows.len() > page.limit;
        rows.truncate(page.limit);
        let items = self.filled(rows).await?;
        let total = self.total(&filter).await?;
        Ok(PageOf { items, total, more })
    }

    /// Jobs in memory that a filter names, in order, at most `need`.
    fn scan(&self, filter: &Filter, sort: Sort, start: Start, need: usize) -> Vec<Arc<Job>> {
        let mut found = Vec::new();
        if self.journalled.is_some() && filter.wants_finished_only() {
            return found;
        }
        let mut after = match start {
            Start::After(seq) => Some(seq),
            Start::Offset(_) => None,
        };
        loop {
            let chunk = self.core.lock().shown_after(after, sort, &self.shown);
            let Some((last, jobs)) = chunk else { return found };
            after = Some(last);
            found.extend(jobs.into_iter().filter(|job| {
                // What the disk has is listed from there.
                (self.journalled.is_none() || !job.is_finished()) && filter.matches(job)
            }));
            if found.len() >= need {
                found.truncate(need);
                return found;
            }
        }
    }

    async fn ended(&self, filter: &Filter, page: Page, need: usize) -> Result<Vec<u64>, StoreError> {
        let Some(journalled) = self.journalled.as_ref().filter(|_| !filter.wants_live_only()) else {
            return Ok(Vec::new());
        };
        let filter = filter.clone();
        journalled.readers.read(move |conn| history::seqs(conn, &filter, page.sort, page.start, need)).await
    }

    /// Fetches the rows that only the disk has. One that was forgotten meanwhile is left out.
    async fn filled(&self, rows: Vec<(u64, Option<Arc<Job>>)>) -> Result<Vec<Arc<Job>>, StoreError> {
        let missing: Vec<u64> = rows.iter().filter(|(_, job)| job.is_none()).map(|(seq, _)| *seq).collect();
        let mut loaded = BTreeMap::new();
        if let Some(journalled) = self.journalled.as_ref().filter(|_| !missing.is_empty()) {
            let jobs = journalled.readers.read(move |conn| history::load(conn, &missing)).await?;
            loaded.extend(jobs.into_iter().map(|job| (job.seq, Arc::new(job))));
        }
        Ok(rows.into_iter().filter_map(|(seq, job)| job.or_else(|| loaded.remove(&seq))).collect())
    }

    async fn total(&self, filter: &Filter) -> Result<u64, StoreError> {
        if filter.is_kept() {
            return Ok(self.core.lock().kept_total(filter));
        }
        let live =
            self.scan(filter, Sort::default(), Start::Offset(0), limits::COUNTED_TOTAL_MAX as usize).len() as u64;
        let Some(journalled) = self.journalled.as_ref().filter(|_| !filter.wants_live_only()) else { return Ok(live) };
        let filter = filter.clone();
        let ended = journalled.readers.read(move |conn| history::count(conn, &filter)).await?;
        Ok((live + ended).min(limits::COUNTED_TOTAL_MAX))
    }
}

impl Core {
    /// The next chunk of jobs in memory as they are shown, with the place where it ends. None at the end.
    fn shown_after(&self, after: Option<u64>, sort: Sort, shown: &Shown) -> Option<(u64, Vec<Arc<Job>>)> {
        let bound = after.map_or(Bound::Unbounded, Bound::Excluded);
        let chunk: Vec<_> = match sort {
            Sort::CreatedAscending => self.jobs.range((bound, Bound::Unbounded)).take(CHUNK).collect(),
            Sort::CreatedDescending => self.jobs.range((Bound::Unbounded, bound)).rev().take(CHUNK).collect(),
        };
        let last = *chunk.last()?.0;
        Some((last, chunk.into_iter().filter_map(|(_, job)| shown.get(job.id)).collect()))
    }

    /// The total of a filter that the kept counters answer.
    fn kept_total(&self, filter: &Filter) -> u64 {
        let has = |sort: &Sort4| {
            (filter.status.is_empty() || filter.status.contains(&sort.status))
                && filter.kind.as_ref().is_none_or(|kind| *kind == sort.kind)
                && filter.sub_type.as_ref().is_none_or(|sub_type| *sub_type == sort.sub_type)
                && filter.priority.is_none_or(|priority| priority == sort.priority)
        };
        self.tally.iter().filter(|(sort, _)| has(sort)).map(|(_, jobs)| jobs).sum()
    }

    /// Why a job is not running.
    pub(super) fn standing(&self, job: &Job, now: Timestamp) -> Standing {
        let State::Waiting { run_at } = job.life.state else { return Standing::NotWaiting };
        let (sub_type, entry) = place(job);
        if run_at > now {
            return Standing::NotDue(run_at);
        }
        if self.ready.is_paused(sub_type) {
            return Standing::Paused;
        }
        let urgency = entry.urgency(job.spec.priority);
        if let Some(key) = job.spec.concurrency()
            && let Some(holders) = self.gates.holders(key, sub_type, urgency)
        {
            let by = holders.iter().filter_map(|seq| self.jobs.get(seq)).map(|job| job.id).collect();
            return Standing::Gated { key: key.key.clone(), by };
        }
        Standing::Behind(self.ready.ahead(sub_type, job.spec.priority, entry, |entry| lives(&self.jobs, entry)))
    }

    /// Forgets ended jobs of the archive.
    pub(super) fn prune_archive(&mut self, prune: &Prune, shown: &Shown) -> Pruned {
        let mut pruned = Pruned::default();
        let horizon = prune.ended_before.max(prune.failed_before);
        let Some(archive) = &self.archive else { return pruned };
        let old: Vec<u64> = archive.ended.iter().take_while(|(at, _)| *at < horizon).map(|(_, seq)| *seq).collect();
        for seq in old {
            let passed = self.jobs.get(&seq).is_some_and(|job| {
                let before = if job.status() == Status::Failed { prune.failed_before } else { prune.ended_before };
                job.end().is_some_and(|end| end.at < before)
            });
            if pruned.jobs < prune.limit as u64
                && passed
                && let Some(job) = self.forget_archived(seq, shown)
            {
                pruned.jobs += 1;
                pruned.results.extend(super::prune::stored_result(&job));
            }
        }
        pruned
    }
}
