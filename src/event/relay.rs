//! What a relay does next for one subscription: which events may be tried now, what follows from a try, and what is to be
//! written down of it. It sends nothing and writes nothing; whoever does tells it.
//!
//! Events of one aggregate go one after the other: the next one is tried when the one before it was taken, or given up. All
//! others go on. An event gets a record only when it could not be sent at once, so that the log stays the one place where events
//! wait. Everything up to the cursor is settled or has such a record; what was sent beyond it may be sent again after a
//! crash.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::delivery::{self, Delivery};
use super::sending::{LastTry, Sending, SendingState};
use super::subscription::{Course, authority};
use super::{Aggregate, Endpoint, Event, Heard, Next};
use crate::clock::Timestamp;
use crate::limits;

/// The relay of one subscription.
#[derive(Debug)]
pub struct Relay {
    /// A stable name of the endpoint.
    name: Box<str>,
    bounds: Bounds,
    course: Course,
    /// Up to where the log was read.
    read: u64,
    waiting: BTreeMap<u64, Waiting>,
    settled: Vec<Sending>,
    last_failed: Option<Timestamp>,
    stepped_at: Option<Timestamp>,
    has_news: bool,
}

/// How much may go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Tries in all.
    pub tries: usize,
    /// Tries to one address.
    pub tries_to_one: usize,
    /// Whether all events go to one endpoint, which is judged by what becomes of them.
    pub one_endpoint: bool,
    /// Whether that one is switched off when it takes nothing for long.
    pub may_be_off: bool,
}

impl Bounds {
    /// For a subscription to one address.
    pub const ONE: Self = Self {
        tries: limits::RELAY_TRIES_MAX,
        tries_to_one: limits::RELAY_TRIES_MAX,
        one_endpoint: true,
        may_be_off: true,
    };
    /// For events that go to an address of their own each.
    pub const MANY: Self =
        Self { tries: 4 * limits::RELAY_TRIES_MAX, tries_to_one: 2, one_endpoint: false, may_be_off: false };
}

/// An event that is not settled.
#[derive(Debug)]
struct Waiting {
    sending: Sending,
    /// The store has a record of it.
    is_kept: bool,
    /// Which is not up to date.
    is_changed: bool,
    /// Since when a try goes on.
    tried_since: Option<Timestamp>,
}

/// What is to be written down in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The course on which the step was decided; the step takes it to the next revision.
    pub expected: u64,
    /// The course after it.
    pub course: Course,
    /// Records to keep, in the order of their places. What is not pending any more is remembered for a while.
    pub sendings: Vec<Sending>,
}

impl Relay {
    /// A relay that goes on where its subscription stands, with the pending records of it.
    pub fn new(name: &str, bounds: Bounds, course: Course, pending: impl IntoIterator<Item = Sending>) -> Self {
        let wait = |sending: Sending| {
            (sending.place, Waiting { sending, is_kept: true, is_changed: false, tried_since: None })
        };
        Self {
            name: name.into(),
            bounds,
            course,
            read: course.cursor,
            waiting: pending.into_iter().map(wait).collect(),
            settled: Vec::new(),
            last_failed: None,
            stepped_at: None,
            has_news: false,
        }
    }

    /// Up to where the log was read.
    pub fn read_to(&self) -> u64 {
        self.read
    }

    /// How many more events may be read from the log. None while the endpoint takes nothing, but for one to see whether it does
    /// again.
    pub fn room(&self) -> usize {
        if self.is_off() || self.waiting.len() >= limits::SENDINGS_WAITING_MAX {
            return 0;
        }
        let unkept = self.waiting.values().filter(|waiting| !waiting.is_kept).count();
        let most = if self.is_failing() { 1 } else { limits::RELAY_READ_AHEAD };
        most.saturating_sub(unkept)
    }

    /// Takes in what the log has up to `read_to`: of the events there, those that are wanted, each with its place and its
    /// address if it has one of its own.
    pub fn offer(&mut self, wanted: impl IntoIterator<Item = (u64, Event, Box<str>)>, read_to: u64, now: Timestamp) {
        for (place, event, to) in wanted {
            // One that was kept before the crash of who kept it stands already.
            self.waiting.entry(place).or_insert_with(|| {
                let sending = Sending::new(place, event, to, now);
                Waiting { sending, is_kept: false, is_changed: false, tried_since: None }
            });
        }
        self.read = self.read.max(read_to);
    }

    /// The events to try now, by their places. Each of them is under way until [`heard`](Self::heard) is called for it.
    pub fn start(&mut self, now: Timestamp) -> Vec<u64> {
        if self.is_off() {
            return Vec::new();
        }
        let most = if self.is_failing() { 1 } else { self.bounds.tries };
        let mut free = most.saturating_sub(self.waiting.values().filter(|one| one.tried_since.is_some()).count());
        let (probes, mut busy) = (self.may_probe(now), self.busy());
        let mut before: HashSet<(&Aggregate, &str)> = HashSet::new();
        let mut starting = Vec::new();
        for (place, one) in &self.waiting {
            if free == 0 {
                break;
            }
            let is_next = before.insert((&one.sending.event.aggregate, &one.sending.to));
            let may_begin =
                one.tried_since.is_none() && is_next && one.sending.is_due(now) && (one.sending.attempts > 0 || probes);
            let tries_there = busy.entry(authority(&one.sending.to)).or_default();
            if may_begin && *tries_there < self.bounds.tries_to_one {
                *tries_there += 1;
                free -= 1;
                starting.push(*place);
            }
        }
        for place in &starting {
            if let Some(one) = self.waiting.get_mut(place) {
                one.tried_since = Some(now);
            }
        }
        starting
    }

    /// The event of a place that is not settled.
    pub fn sending(&self, place: u64) -> Option<&Sending> {
        self.waiting.get(&place).map(|one| &one.sending)
    }

    /// Takes in what came of a try. The answer is what becomes of the event, or none when nothing is known of it.
    pub fn heard(&mut self, place: u64, heard: Heard, duration_ms: u64, said: &str, now: Timestamp) -> Option<Next> {
        let was_failing = self.is_failing();
        let one = self.waiting.get_mut(&place)?;
        let to = if one.sending.to.is_empty() { self.name.clone() } else { one.sending.to.clone() };
        let delivery = Delivery { event: one.sending.event.id.clone(), to, failures: one.sending.failures };
        let verdict = delivery::decide(&delivery, self.course.endpoint, heard, now);
        if self.bounds.one_endpoint {
            self.course.endpoint =
                Endpoint { off: verdict.endpoint.off.filter(|_| self.bounds.may_be_off), ..verdict.endpoint };
        }
        one.tried_since = None;
        let sending = &mut one.sending;
        sending.attempts = sending.attempts.saturating_add(1);
        sending.last = Some(LastTry::new(heard, duration_ms, said, now));
        if verdict.next == Next::Delivered {
            self.course.delivered += 1;
        } else {
            sending.failures = sending.failures.saturating_add(1);
            self.course.failed += 1;
            self.last_failed = Some(now);
        }
        let state = match verdict.next {
            Next::Delivered => SendingState::Delivered,
            Next::Dead => SendingState::Dead,
            Next::Again(at) => {
                sending.next_at = Some(at);
                one.is_changed = true;
                self.has_news = true;
                return Some(verdict.next);
            }
        };
        if let Some(one) = self.waiting.remove(&place) {
            self.settled.push(Sending { state, next_at: None, changed_at: now, ..one.sending });
        }
        self.has_news = true;
        if was_failing && !self.is_failing() {
            self.hurry(now);
        }
        Some(verdict.next)
    }

    /// What is to be written down now, if anything is: not more often than each [`limits::RELAY_STEP_EVERY`], unless it
    /// `must` be. Once it is asked for it must be written, or the relay begun anew from what is written.
    pub fn progress(&mut self, now: Timestamp, must: bool) -> Option<Progress> {
        // A cursor alone is in no hurry: what it passes was not wanted.
        let every = if self.is_written() { CURSOR_EVERY_MS } else { limits::RELAY_STEP_EVERY.as_millis() as u64 };
        let is_soon = self.stepped_at.is_some_and(|at| now.millis_since(at) < every && now >= at);
        if is_soon && !must {
            return None;
        }
        let mut sendings = std::mem::take(&mut self.settled);
        let mut before: HashSet<(&Aggregate, &str)> = HashSet::new();
        let mut kept = Vec::new();
        for (place, one) in &self.waiting {
            // Who waits for another one of its aggregate may wait for days, and so may who is tried for long.
            let waits = !before.insert((&one.sending.event.aggregate, &one.sending.to));
            let is_slow = one.tried_since.is_some_and(|since| now.millis_since(since) > SLOW_MS);
            if one.is_changed || !one.is_kept && (waits && self.is_held(one) || is_slow) {
                kept.push(*place);
            }
        }
        for place in kept {
            if let Some(one) = self.waiting.get_mut(&place) {
                (one.is_kept, one.is_changed) = (true, false);
                sendings.push(one.sending.clone());
            }
        }
        let unkept = self.waiting.iter().find(|(_, one)| !one.is_kept).map(|(place, _)| place - 1);
        let cursor = unkept.unwrap_or(self.read).max(self.course.cursor);
        if sendings.is_empty() && cursor == self.course.cursor && !self.has_news {
            return None;
        }
        let expected = self.course.revision;
        self.course = Course { cursor, revision: expected + 1, ..self.course };
        (self.stepped_at, self.has_news) = (Some(now), false);
        sendings.sort_by_key(|sending| sending.place);
        Some(Progress { expected, course: self.course, sendings })
    }

    /// When there is something to do again by the clock alone; none when only news bring something.
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_off() {
            return None;
        }
        let untried = self.waiting.values().any(|one| one.sending.attempts == 0 && one.tried_since.is_none());
        let probe =
            self.last_failed.filter(|_| self.is_failing() && untried).map(|at| at.plus(limits::RELAY_PROBE_EVERY));
        let idle = self.waiting.values().filter(|one| one.tried_since.is_none());
        let again = idle.filter_map(|one| one.sending.next_at).filter(|at| *at > now).min();
        [probe.filter(|at| *at > now), again].into_iter().flatten().min()
    }

    /// The revision of the course that it goes on from.
    pub fn revision(&self) -> u64 {
        self.course.revision
    }

    /// How its endpoint does.
    pub fn endpoint(&self) -> Endpoint {
        self.course.endpoint
    }

    /// Whether all that came of tries was asked for by [`progress`](Self::progress).
    pub fn is_written(&self) -> bool {
        !self.has_news
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.waiting.values().all(|one| one.tried_since.is_none())
    }

    /// Whether the endpoint is switched off.
    fn is_off(&self) -> bool {
        self.bounds.one_endpoint && self.course.endpoint.off.is_some()
    }

    /// Whether the endpoint takes nothing at the moment: then one event at a time sees whether it does again.
    fn is_failing(&self) -> bool {
        self.bounds.one_endpoint && self.course.endpoint.failures_in_a_row >= limits::RELAY_FAILING_AFTER
    }

    /// Whether an event that was never tried may be.
    fn may_probe(&self, now: Timestamp) -> bool {
        let gap = limits::RELAY_PROBE_EVERY.as_millis() as u64;
        !self.is_failing() || self.last_failed.is_none_or(|at| now.millis_since(at) >= gap)
    }

    /// Whether an event that waits for one before it may do so for long: that one has failed, or is kept.
    fn is_held(&self, waiting: &Waiting) -> bool {
        let of = |one: &&Waiting| {
            one.sending.event.aggregate == waiting.sending.event.aggregate && one.sending.to == waiting.sending.to
        };
        self.waiting
            .range(..waiting.sending.place)
            .map(|(_, one)| one)
            .find(of)
            .is_some_and(|first| first.is_kept || first.is_changed)
    }

    /// What is not due yet is due now: the endpoint takes events again, or somebody wants to know whether it does.
    pub fn hurry(&mut self, now: Timestamp) {
        for one in self.waiting.values_mut().filter(|one| one.sending.next_at.is_some_and(|at| at > now)) {
            one.sending.next_at = Some(now);
            one.is_changed = true;
        }
    }

    /// Tries that go on, by where they go: who has many addresses on a machine has one machine all the same.
    fn busy(&self) -> HashMap<&str, usize> {
        let mut busy = HashMap::new();
        for one in self.waiting.values().filter(|one| one.tried_since.is_some()) {
            *busy.entry(authority(&one.sending.to)).or_default() += 1;
        }
        busy
    }
}

/// A try that takes longer does not hold the cursor, in milliseconds.
const SLOW_MS: u64 = 1_000;
/// Shortest time between two commits of a cursor alone, in milliseconds.
const CURSOR_EVERY_MS: u64 = 1_000;
