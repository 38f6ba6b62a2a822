//! The engine's side of the event log: read from its rows, or from memory where there are none.

use std::future::ready;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::change::{Change, Forget};
use super::ring::Ring;
use super::{Embedded, Journalled, event_search, settled};
use crate::clock::Timestamp;
use crate::event::{Event, EventId};
use crate::job::{Job, JobId};
use crate::store::events::{EventFilter, EventPage, Events, Place, START, Told};
use crate::store::{Answer, PageOf, Store, StoreError};

/// Events of the ring that are copied in one go: so long nobody decides.
const COPIED_MAX: usize = 1_000;

impl Embedded {
    /// What the ring says.
    fn in_ring<T>(&self, look: impl FnOnce(&Ring) -> T) -> Option<T> {
        self.core.lock().ring.as_ref().map(look)
    }

    fn page_of_ring(&self, filter: &EventFilter, page: EventPage) -> PageOf<Told> {
        let mut items = Vec::new();
        let mut after = page.after;
        while items.len() <= page.limit {
            let copied = self.in_ring(|ring| ring.copy(page.newest_first, after, COPIED_MAX)).unwrap_or_default();
            let Some(last) = copied.last() else {
                let exact = page.after.is_none();
                return PageOf { total: items.len() as u64, exact, more: false, reached: None, items };
            };
            after = Some(last.place);
            items.extend(
                copied
                    .iter()
                    .filter(|one| one.may_be_of(filter))
                    .map(|one| one.told())
                    .filter(|told| filter.matches(told)),
            );
        }
        items.truncate(page.limit);
        PageOf { total: items.len() as u64 + 1, exact: false, more: true, reached: None, items }
    }

    /// The job that a filter is about, if it is about one that is known.
    async fn job_of(&self, filter: &EventFilter) -> Result<Option<Arc<Job>>, StoreError> {
        let is_job = filter.sort.as_deref().is_none_or(|sort| sort == "job");
        match filter.id.as_deref().filter(|_| is_job).and_then(|id| id.parse::<JobId>().ok()) {
            Some(id) => self.get(id).await,
            None => Ok(None),
        }
    }

    async fn page_of_rows(
        &self,
        journalled: &Journalled,
        filter: EventFilter,
        page: EventPage,
    ) -> Result<PageOf<Told>, StoreError> {
        // A job that changes while this looks is looked for up to where it had come before.
        let end = self.news.end();
        let job = self.job_of(&filter).await?;
        journalled.readers.read(move |conn| event_search::page(conn, &filter, job.as_deref(), page, end)).await
    }
}

impl Events for Embedded {
    fn after(&self, after: Place, limit: usize) -> Answer<'_, Vec<Told>> {
        Box::pin(async move {
            let Some(journalled) = &self.journalled else {
                let copied = self.in_ring(|ring| ring.copy(false, Some(after), limit.min(COPIED_MAX)));
                return Ok(copied.unwrap_or_default().iter().map(|one| one.told()).collect());
            };
            let end = self.news.end();
            if after >= end {
                return Ok(Vec::new());
            }
            journalled.readers.read(move |conn| event_search::after(conn, after, end, limit)).await
        })
    }

    fn end(&self) -> Answer<'_, Place> {
        Box::pin(ready(Ok(self.news.end())))
    }

    fn start(&self) -> Answer<'_, Place> {
        Box::pin(async move {
            let Some(journalled) = &self.journalled else {
                return Ok(self.in_ring(Ring::start).unwrap_or(START));
            };
            let end = self.news.end();
            journalled.readers.read(move |conn| event_search::start(conn, end)).await
        })
    }

    fn place_of(&self, id: EventId) -> Answer<'_, Option<Place>> {
        let filter = event_search::of_event(&id);
        Box::pin(async move {
            let mut page = EventPage { newest_first: true, after: None, limit: COPIED_MAX };
            loop {
                let found = self.list_events(filter.clone(), page).await?;
                if let Some(told) = found.items.iter().find(|told| told.event.id == id) {
                    return Ok(Some(told.place));
                }
                let Some(next) = found.next() else { return Ok(None) };
                page.after = Some(next);
            }
        })
    }

    fn list_events(&self, filter: EventFilter, page: EventPage) -> Answer<'_, PageOf<Told>> {
        Box::pin(async move {
            match &self.journalled {
                Some(journalled) => self.page_of_rows(journalled, filter, page).await,
                None => Ok(self.page_of_ring(&filter, page)),
            }
        })
    }

    fn emit(&self, events: Vec<Event>) -> Answer<'_, ()> {
        if let Some(refusal) = self.refuses() {
            return Box::pin(ready(Err(refusal)));
        }
        let mut core = self.core.lock();
        let ticket = self.record(&mut core, vec![Change::Tell(events, None)]);
        Box::pin(settled(ticket))
    }

    fn forget(&self, before: Timestamp, up_to: Option<Place>, limit: usize) -> Answer<'_, u64> {
        if let Some(refusal) = self.over() {
            return Box::pin(ready(Err(refusal)));
        }
        let mut core = self.core.lock();
        if let Some(ring) = &mut core.ring {
            return Box::pin(ready(Ok(ring.forget(before, up_to, limit))));
        }
        let answer = Arc::new(Mutex::new(0));
        let ticket = self.record(&mut core, vec![Change::Forget(Forget { before, up_to, limit }, answer.clone())]);
        Box::pin(async move {
            settled(ticket).await?;
            let count = *answer.lock();
            Ok(count)
        })
    }

    fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    fn called(&self) -> watch::Receiver<Place> {
        self.news.called()
    }
}
