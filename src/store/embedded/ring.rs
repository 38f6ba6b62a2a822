//! The event log of the engine without a journal: the latest events, kept as the jobs that they are about. They are spelled when
//! somebody reads, since whoever decides holds the lock.

use std::collections::VecDeque;
use std::sync::Arc;

use super::change::{By, Change};
use super::core::Core;
use super::telling::Tells;
use crate::clock::Timestamp;
use crate::event::{Event, Kind, tell};
use crate::job::Job;
use crate::store::events::{EventFilter, Place, Told, place};

/// Events that are remembered; older ones are forgotten first. What is remembered keeps its job in memory as it was.
const KEPT_MAX: usize = 100_000;

/// The latest events.
#[derive(Default)]
pub(super) struct Ring {
    kept: VecDeque<Kept>,
    /// How many have been forgotten: the first that is kept has the next number.
    forgotten: u64,
}

/// An event.
#[derive(Clone)]
enum Kept {
    Job { kind: Kind, job: Arc<Job>, at: Timestamp, by: By },
    Other(Arc<Event>, By),
}

impl Ring {
    /// The place of the last event.
    pub(super) fn end(&self) -> Place {
        place(self.forgotten + self.kept.len() as u64, 0)
    }

    /// The place before the first one that is kept.
    pub(super) fn start(&self) -> Place {
        place(self.forgotten, 0)
    }

    fn push(&mut self, kept: Kept, fallen: &mut Vec<Arc<Job>>) {
        if self.kept.len() >= KEPT_MAX {
            self.forgotten += 1;
            if let Some(Kept::Job { job, .. }) = self.kept.pop_front() {
                fallen.push(job);
            }
        }
        self.kept.push_back(kept);
    }

    /// Forgets events from before a moment, at most `limit` and none after `up_to`.
    pub(super) fn forget(&mut self, before: Timestamp, up_to: Option<Place>, limit: usize) -> u64 {
        let mut count = 0;
        while (count as usize) < limit
            && self.kept.front().is_some_and(|kept| kept.at() < before)
            && up_to.is_none_or(|up_to| place(self.forgotten + 1, 0) <= up_to)
        {
            self.kept.pop_front();
            self.forgotten += 1;
            count += 1;
        }
        count
    }

    /// At most `limit` events after a place, or before it when the latest come first; spelled by [`Copied::told`].
    pub(super) fn copy(&self, newest_first: bool, after: Option<Place>, limit: usize) -> Vec<Copied> {
        let first = self.forgotten + 1;
        let copied =
            |(index, kept): (usize, &Kept)| Copied { place: place(first + index as u64, 0), kept: kept.clone() };
        let kept = self.kept.iter().enumerate();
        // Places of the ring have no index, so the number alone says what is before and after.
        let index_of = |place: Place| (crate::store::events::commit_of(place) + 1).saturating_sub(first) as usize;
        if newest_first {
            let before = after.map_or(self.kept.len(), |place| index_of(place).saturating_sub(1).min(self.kept.len()));
            return self.kept.range(..before).enumerate().rev().take(limit).map(copied).collect();
        }
        kept.skip(after.map_or(0, index_of)).take(limit).map(copied).collect()
    }
}

impl Kept {
    fn at(&self) -> Timestamp {
        match self {
            Self::Job { at, .. } => *at,
            Self::Other(event, _) => event.occurred_at,
        }
    }
}

/// An event of the ring for whoever reads it, away from the lock.
pub(super) struct Copied {
    pub(super) place: Place,
    kept: Kept,
}

impl Copied {
    /// Whether a filter may name it: its type, its moment and its job say no without its being spelled.
    pub(super) fn may_be_of(&self, filter: &EventFilter) -> bool {
        let Kept::Job { kind, job, at, .. } = &self.kept else { return true };
        let is_of_type = filter.types.is_empty() || filter.types.iter().any(|pattern| pattern.names(kind.as_str()));
        let is_theirs = filter.user.is_none() || filter.user.as_deref() == job.spec.user_id.as_deref();
        let is_it = filter.id.as_deref().is_none_or(|id| id.parse() == Ok(job.id));
        is_of_type && is_theirs && is_it && filter.happened(*at)
    }

    /// It, spelled.
    pub(super) fn told(&self) -> Told {
        let place = self.place;
        match &self.kept {
            Kept::Job { kind, job, at, by } => Told {
                place,
                event: tell::job_event(*kind, job, *at, by.as_deref()),
                user: job.spec.user_id.clone(),
                callback: job.spec.callback_url().map(Into::into),
            },
            Kept::Other(event, user) => Told { place, event: Event::clone(event), user: user.clone(), callback: None },
        }
    }
}

impl Core {
    /// Tells what changes tell, where no disk stands behind them.
    pub(super) fn tell<C: std::borrow::Borrow<Change>>(&mut self, changes: impl Iterator<Item = C>) {
        let Some(ring) = &mut self.ring else { return };
        let mut calls = false;
        for change in changes {
            match change.borrow().tells() {
                Tells::Nothing => {}
                Tells::Job { kinds, before, job, by } => {
                    calls |= tell::calls_back(kinds, job);
                    let at = tell::moment(before, job);
                    for kind in kinds {
                        let kept = Kept::Job { kind: *kind, job: job.clone(), at, by: by.cloned() };
                        ring.push(kept, &mut self.fallen);
                    }
                }
                Tells::Others(events, user) => {
                    events.into_iter().for_each(|event| {
                        ring.push(Kept::Other(Arc::new(event), user.clone()), &mut self.fallen);
                    });
                }
                Tells::Own(events, user) => events.iter().for_each(|event| {
                    ring.push(Kept::Other(Arc::new(event.clone()), user.cloned()), &mut self.fallen);
                }),
            }
        }
        self.news.tell(ring.end(), calls);
    }
}
