//! The event log as people see it: what happened, by whom and why; and where in it a watcher stands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Service;
use crate::error::Error;
use crate::job::JobId;
use crate::store::events::{EventFilter, EventPage, Place, Told};
use crate::store::{PageOf, StoreError};

/// Time within which watchers of this process have been told what the log tells.
const TOLD_WITHIN: Duration = Duration::from_secs(1);
/// Pause between two looks at the end of the log.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Events that a watcher who comes back is told of; beyond it, it looks at the list.
const CAUGHT_UP_MAX: usize = 10_000;
/// Events that are read in one go.
const READ_AT_ONCE: usize = 1_000;

/// Ends of the log, as they were seen lately.
#[derive(Default)]
pub(super) struct Trail(Mutex<VecDeque<(Instant, Place)>>);

/// Something that a watcher has missed.
#[derive(Debug, Clone)]
pub enum Missed {
    /// A job has changed, for the last time at this place of the log.
    Job(Place, JobId),
    /// An alert fired or cleared.
    Alert(Arc<Told>),
}

impl Missed {
    /// Where in the log it stands.
    pub fn place(&self) -> Place {
        match self {
            Self::Job(place, _) => *place,
            Self::Alert(told) => told.place,
        }
    }
}

impl Service {
    /// A page of the events that a filter names, and a place up to which there are no others once there is no further page.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn events(&self, filter: EventFilter, page: EventPage) -> Result<(PageOf<Told>, Place), Error> {
        // Looked at first: what shows later stands after it.
        let end = self.store().events().end().await?;
        let found = self.store().events().list_events(filter, page).await?;
        let last = found.items.last().map(|told| told.place);
        Ok((found, last.map_or(end, |last| last.max(end))))
    }

    /// A place of the log up to which everybody who watches was told of everything; none as long as that is not known. Who comes
    /// back to it may hear something twice and misses nothing.
    pub async fn told_up_to(&self) -> Option<Place> {
        let now = Instant::now();
        let is_due = self.trail.0.lock().back().is_none_or(|(at, _)| now.duration_since(*at) >= LOOK_EVERY);
        let end = if is_due { self.store().events().end().await.ok() } else { None };
        let mut trail = self.trail.0.lock();
        trail.extend(end.map(|end| (now, end)));
        let is_old =
            |seen: Option<&(Instant, Place)>| seen.is_some_and(|(at, _)| now.duration_since(*at) >= TOLD_WITHIN);
        while is_old(trail.get(1)) {
            trail.pop_front();
        }
        trail.front().filter(|seen| is_old(Some(seen))).map(|(_, place)| *place)
    }

    /// What changed after a place, each job once, in the order of its last change. None when that is not known any more, or too
    /// much.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn missed_since(&self, since: Place) -> Result<Option<VecDeque<Missed>>, StoreError> {
        let log = self.store().clone();
        if log.events().start().await? > since || log.events().end().await? < since {
            return Ok(None);
        }
        let (mut place, mut read) = (since, 0);
        let mut missed: Vec<Missed> = Vec::new();
        loop {
            let part = log.events().after(place, READ_AT_ONCE).await?;
            let Some(last) = part.last() else { break };
            place = last.place;
            read += part.len();
            if read > CAUGHT_UP_MAX {
                return Ok(None);
            }
            for told in part {
                match &*told.event.aggregate.sort {
                    "job" => missed.extend(told.event.aggregate.id.parse().ok().map(|id| Missed::Job(told.place, id))),
                    "alert" => missed.push(Missed::Alert(Arc::new(told))),
                    _ => {}
                }
            }
        }
        let mut seen = std::collections::HashSet::new();
        missed.reverse();
        missed.retain(|missed| match missed {
            Missed::Job(_, id) => seen.insert(*id),
            Missed::Alert(_) => true,
        });
        missed.reverse();
        Ok(Some(missed.into()))
    }
}
