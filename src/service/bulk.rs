//! Acting on all jobs that a filter names, in chunks, so that a million of them stall nobody (rule 27).

use std::sync::Arc;

use super::Service;
use crate::error::Error;
use crate::job::{Event, Status};
use crate::limits;
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page};

/// What became of the jobs that a filter named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bulk {
    /// So many were named.
    pub matched: u64,
    /// So many of them changed; the others were so already, or could not.
    pub changed: u64,
}

impl Service {
    /// Cancels all jobs of a filter that have not ended.
    ///
    /// # Errors
    /// When the store fails; chunks before it stay as they are.
    pub async fn cancel_all(&self, mut filter: Filter, by: &str) -> Result<Bulk, Error> {
        if filter.status.is_empty() {
            filter.status = vec![Status::Queued, Status::Started, Status::Progress];
        }
        self.for_all(filter, Event::CancelAsked { by: Arc::from(by) }).await
    }

    /// Has all jobs of a filter done again that failed or were cancelled.
    ///
    /// # Errors
    /// When the store fails; chunks before it stay as they are.
    pub async fn retry_all(&self, mut filter: Filter, by: &str) -> Result<Bulk, Error> {
        if filter.status.is_empty() {
            filter.status = vec![Status::Failed, Status::Cancelled];
        }
        self.for_all(filter, Event::RetryAsked { by: Arc::from(by) }).await
    }

    /// Discards all dead letters of a filter.
    ///
    /// # Errors
    /// When the store fails; chunks before it stay as they are.
    pub async fn discard_all(&self, mut filter: Filter) -> Result<Bulk, Error> {
        filter.dead = true;
        self.for_all(filter, Event::Discarded).await
    }

    /// Goes through the jobs in the order of their acceptance. Only those accepted before now are touched: a stream
    /// of new ones must not keep it going for ever.
    async fn for_all(&self, mut filter: Filter, event: Event) -> Result<Bulk, Error> {
        let now = self.now();
        let until = now.plus_millis(1);
        filter.created_before = Some(filter.created_before.map_or(until, |before| before.min(until)));
        let mut bulk = Bulk::default();
        let mut start = Start::Offset(0);
        loop {
            let page = Page { sort: Sort::CreatedAscending, limit: limits::BULK_CHUNK, start };
            let chunk = self.store().list(filter.clone(), page, now).await?;
            let next = chunk.next();
            bulk.matched += chunk.items.len() as u64;
            bulk.changed += self.act_on_all(chunk.items, &event, now).await?;
            match next {
                Some(after) => start = Start::After(after),
                None => return Ok(bulk),
            }
        }
    }
}
