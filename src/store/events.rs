//! The side of a store that keeps the event log: everything that happened, in order, told in the commit in which it happened
//! (rule 14). What an event says is decided by [`event::tell`](crate::event::tell) and never by an engine.
//!
//! An engine writes one row for a commit: a [`Batch`](crate::event::Batch) of its events. It becomes events again when
//! somebody reads.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Answer, PageOf};
use crate::clock::Timestamp;
use crate::event::batch::{Entry, Glance};
use crate::event::{Event, EventId, Pattern};

/// Where an event stands in the log: the number of its commit and its place among those of that commit, as [`place`] puts them
/// together. The log is read in the order of places. It is no number of an event, and between two neighbours there may be a gap.
pub type Place = u64;

/// Before the first event.
pub const START: Place = 0;

/// Bits of a place that name the event within its commit.
const INDEX_BITS: u32 = 16;

/// The place of the event `index` of the commit `n`, which counts from 1.
pub const fn place(n: u64, index: u16) -> Place {
    (n << INDEX_BITS) | index as u64
}

/// The number of the commit that a place is in.
pub const fn commit_of(place: Place) -> u64 {
    place >> INDEX_BITS
}

/// The event log.
pub trait Events: Send + Sync + 'static {
    /// Events after a place, in order, at most `limit`; fewer only when there are no more for now.
    ///
    /// - Each change of a job, a schedule, an alert or a key that raises its revision tells what
    ///   [`event::tell`](crate::event::tell) says, in the same commit: with it or not at all, and once.
    /// - Events of one aggregate stand in the order in which they happened.
    /// - What has been read stays where it is: an event that shows later than another one stands after it, on whichever node and
    ///   however long its transaction took. So whoever remembers the last place that it has read misses nothing.
    /// - What a reader may not see yet is not there yet (rule 8). An event stays readable when its job is forgotten.
    fn after(&self, after: Place, limit: usize) -> Answer<'_, Vec<Told>>;

    /// The place of the last event, or one that nothing is after: where somebody begins who wants to hear of what comes. It never
    /// goes back, across restarts and [`forget`](Self::forget) either.
    fn end(&self) -> Answer<'_, Place>;

    /// A place that everything is after which is still remembered: whoever has read less has missed something.
    fn start(&self) -> Answer<'_, Place>;

    /// Where an event stands, if it is remembered.
    fn place_of(&self, id: EventId) -> Answer<'_, Option<Place>>;

    /// A page of the events that a filter names.
    ///
    /// - It takes milliseconds, however many events there are. A search that finds little is given up for the moment: then the
    ///   page is shorter than was asked for, and [`PageOf::next`] says where it goes on. A walk from page to page misses nothing.
    /// - Nobody counts them: the total is at least that of the page.
    fn list_events(&self, filter: EventFilter, page: EventPage) -> Answer<'_, PageOf<Told>>;

    /// Tells an application's own events, together and in order, outside of any job. Whose they are is not known.
    fn emit(&self, events: Vec<Event>) -> Answer<'_, ()>;

    /// Forgets commits whose events all happened before a moment, oldest first, at most `limit` of them; and with `up_to` only
    /// those that have no event after that place. The answer counts the commits.
    ///
    /// An engine may keep the latest commit in any case.
    fn forget(&self, before: Timestamp, up_to: Option<Place>, limit: usize) -> Answer<'_, u64>;

    /// Changes when there may be more to read: a hint, which may be lost or mean nothing. Looking is the truth (rule 25).
    fn news(&self) -> watch::Receiver<()>;

    /// A place after which no event has a [`callback`](Told::callback), up to the [`end`](Self::end) as it was before this was looked
    /// at: most jobs have none, and whoever calls back need not read what they tell. It changes when there is a callback.
    fn called(&self) -> watch::Receiver<Place>;
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Where it stands.
    pub place: Place,
    /// It.
    pub event: Event,
    /// Whose it is, if it is anybody's: a key of another user finds nothing of it.
    pub user: Option<Arc<str>>,
    /// Who is to hear of the end of its job besides subscribers: its `callbackUrl`.
    pub callback: Option<Arc<str>>,
}

impl Told {
    /// An entry of a batch at its place.
    pub fn at(place: Place, entry: Entry) -> Self {
        let Entry { event, user, callback } = entry;
        Self { place, event, user, callback }
    }
}

/// Which events. An empty filter names all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of one of these types; empty for any.
    pub types: Vec<Pattern>,
    /// Of aggregates of this sort.
    pub sort: Option<Box<str>>,
    /// Of the aggregate with this id.
    pub id: Option<Box<str>>,
    /// Of this user.
    pub user: Option<Box<str>>,
    /// That happened at or after.
    pub since: Option<Timestamp>,
    /// That happened before.
    pub until: Option<Timestamp>,
}

impl EventFilter {
    /// Whether it names this event.
    pub fn matches(&self, told: &Told) -> bool {
        let Event { kind, aggregate, occurred_at, .. } = &told.event;
        (self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(kind)))
            && self.sort.as_deref().is_none_or(|sort| *sort == *aggregate.sort)
            && self.id.as_deref().is_none_or(|id| *id == *aggregate.id)
            && self.user.as_deref().is_none_or(|user| told.user.as_deref() == Some(user))
            && self.happened(*occurred_at)
    }

    /// The same of one that is not read as a whole yet.
    pub fn matches_glance(&self, glance: &Glance<'_>) -> bool {
        (self.types.is_empty() || self.types.iter().any(|pattern| pattern.names(glance.kind())))
            && self.sort.as_deref().is_none_or(|sort| sort == glance.sort())
            && self.id.as_deref().is_none_or(|id| glance.is_of(id))
            && self.user.as_deref().is_none_or(|user| glance.user() == Some(user))
            && self.happened(glance.at())
    }

    pub(crate) fn happened(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// Which part of a list of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPage {
    /// Whether the latest come first.
    pub newest_first: bool,
    /// Beyond this place, in that order; from the beginning of that order when there is none.
    pub after: Option<Place>,
    /// How many at most.
    pub limit: usize,
}

impl PageOf<Told> {
    /// The place that the next part starts after, if there may be one.
    pub fn next(&self) -> Option<Place> {
        let last = self.items.last().map(|told| told.place);
        self.reached.or(last).filter(|_| self.more)
    }
}
