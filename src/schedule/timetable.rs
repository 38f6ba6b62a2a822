//! When a schedule ticks: the local times of a cron expression, put onto the line of time by a zone and by a rule for
//! clock changes.
//!
//! The line of time falls into spans within which a zone's clocks stand still against UTC. In each span the
//! expression is searched on a plain calendar; what the clock leaps over before a span, or repeats in it, is the
//! policy's to say. So a tick is a property of its instant alone: whoever asks from wherever gets the same ticks, in
//! rising order, none of them twice.

use serde::{Deserialize, Serialize};

use super::calendar::{DAY, date_of};
use super::zone::{FIRST_SECOND, LAST_SECOND, Span};
use super::{ClockChange, Cron, Fold, Gap, Zone};
use crate::clock::Timestamp;

/// When a schedule ticks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timetable {
    /// The local times.
    pub cron: Cron,
    /// Where they are local.
    pub zone: Zone,
    /// What becomes of those that a clock change skips or repeats.
    #[serde(default)]
    pub dst: DstPolicy,
}

/// What becomes of local times that a clock change skips or repeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DstPolicy {
    /// Those that it skips.
    pub gap: Gap,
    /// Those that it repeats. An expression that names every hour ([`Cron::is_rhythm`]) keeps its pace instead.
    pub fold: Fold,
}

/// One moment at which a schedule is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The moment. It is the tick's identity.
    pub at: Timestamp,
    /// What the zone's clocks are ahead of UTC then, in seconds.
    pub offset_seconds: i32,
    /// The clock change that it has to do with, if there is one.
    pub clock_change: Option<ClockChange>,
}

/// More ticks than a request may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {count} ticks in that window, more than {bound}; ask for a shorter one")]
pub struct TooMany {
    /// How many there are.
    pub count: u64,
    /// How many there may be.
    pub bound: usize,
}

impl Timetable {
    /// A timetable with the usual rule for clock changes.
    pub fn new(cron: Cron, zone: Zone) -> Self {
        Self { cron, zone, dst: DstPolicy::default() }
    }

    /// The first tick after a moment; none when there is none before the year 9999.
    pub fn next_after(&self, after: Timestamp) -> Option<Tick> {
        let mut from = (after.as_millis().div_euclid(1_000) + 1).max(FIRST_SECOND);
        while from <= LAST_SECOND {
            let span = self.zone.span_at(from);
            if span.start == from && self.leaps_over_a_time(&span) {
                return Some(tick(span.start, &span, Some(ClockChange::Gap)));
            }
            let (opens, closes) = self.window(&span);
            let local = opens.max(from + span.offset);
            let found = self.cron.pattern.next(local)?;
            if found < closes {
                let repeated = span.repeats(found).then_some(ClockChange::Fold);
                let second = found - span.offset;
                // The last span of a zone never ends, and the search does not either.
                return (second <= LAST_SECOND).then(|| tick(second, &span, repeated));
            }
            // Nothing is named before `found`, so the search goes on shortly before it, unless the next span begins
            // by showing times again that lie before `local`.
            let shown_again = span.end.saturating_add(span.after) < local;
            let shortly_before = if shown_again { from } else { found - 3 * DAY };
            from = span.end.max(shortly_before);
        }
        None
    }

    /// The ticks after a moment, in order.
    pub fn ticks(&self, after: Timestamp) -> impl Iterator<Item = Tick> + '_ {
        std::iter::successors(self.next_after(after), |tick| self.next_after(tick.at))
    }

    /// The last tick after `after` that is not later than `until`.
    ///
    /// [`next_after`](Self::next_after) never falls when its argument rises, so the moment before the last tick is
    /// found by halving: some sixty steps at most, however long the window is.
    pub fn last_in(&self, after: Timestamp, until: Timestamp) -> Option<Tick> {
        let within =
            |second: i64| self.next_after(Timestamp::from_millis(second * 1_000)).filter(|tick| tick.at <= until);
        let (mut low, mut high) = (after.as_millis().div_euclid(1_000), until.as_millis().div_euclid(1_000));
        let mut last = within(low)?;
        // The last tick is seldom far from the end: go back from there by twice as much each time.
        let mut reach = 1;
        while high - reach > low {
            match within(high - reach) {
                Some(tick) => {
                    (last, low) = (tick, high - reach);
                    break;
                }
                None => (high, reach) = (high - reach, reach * 2),
            }
        }
        // A tick follows `low`, none follows `high`.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match within(middle) {
                Some(tick) => (last, low) = (tick, tick.at.as_millis() / 1_000 - 1),
                None => high = middle,
            }
        }
        Some(last)
    }

    /// How many ticks there are after `after` that are not later than `until`. The work grows with the months and the
    /// clock changes between them, not with the ticks.
    pub fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        let mut from = (after.as_millis().div_euclid(1_000) + 1).max(FIRST_SECOND);
        let end = (until.as_millis().div_euclid(1_000) + 1).min(LAST_SECOND);
        let mut sum = 0;
        while from < end {
            let span = self.zone.span_at(from);
            let (opens, closes) = self.window(&span);
            let opens = opens.max(from + span.offset);
            let closes = closes.min(end.min(span.end) + span.offset);
            sum += self.cron.pattern.count(opens, closes);
            // A tick that stands for a time leapt over counts by itself, unless one is named for that second anyway.
            let named = || self.cron.pattern.next(opens) == Some(opens);
            if span.start == from && self.leaps_over_a_time(&span) && !named() {
                sum += 1;
            }
            from = span.end;
        }
        sum
    }

    /// All ticks after `after` that are not later than `until`.
    ///
    /// # Errors
    /// [`TooMany`] when there are more than `bound`.
    pub fn ticks_between(&self, after: Timestamp, until: Timestamp, bound: usize) -> Result<Vec<Tick>, TooMany> {
        match self.count(after, until) {
            count if count > bound as u64 => Err(TooMany { count, bound }),
            _ => Ok(self.ticks(after).take_while(|tick| tick.at <= until).collect()),
        }
    }

    /// The local times of a span that may tick: those that it repeats, or that are repeated after it, belong to one
    /// of the two spans or to both.
    fn window(&self, span: &Span) -> (i64, i64) {
        let mut opens = span.start.saturating_add(span.offset);
        let mut closes = span.end.saturating_add(span.offset);
        if !self.cron.is_rhythm() {
            match self.dst.fold {
                Fold::First => opens = opens.max(span.start.saturating_add(span.before)),
                Fold::Second => closes = closes.min(span.end.saturating_add(span.after)),
                Fold::Both => {}
            }
        }
        (opens, closes)
    }

    /// Whether the clock leaps, where the span begins, over a time that the expression names and that is to be made
    /// up for.
    fn leaps_over_a_time(&self, span: &Span) -> bool {
        let leaves = span.start.saturating_add(span.before);
        let lands = span.start.saturating_add(span.offset);
        self.dst.gap == Gap::Shift
            && leaves < lands
            && self.cron.pattern.next(leaves).is_some_and(|named| named < lands)
    }
}

impl Span {
    /// Whether the clock shows a local time of this span twice: once in a neighbour.
    fn repeats(&self, local: i64) -> bool {
        local < self.start.saturating_add(self.before) || local >= self.end.saturating_add(self.after)
    }
}

fn tick(second: i64, span: &Span, clock_change: Option<ClockChange>) -> Tick {
    Tick { at: Timestamp::from_millis(second * 1_000), offset_seconds: span.offset as i32, clock_change }
}

impl Tick {
    /// What the clocks of the zone show, with what they are ahead of UTC: `2026-10-25T02:30:00+01:00`.
    pub fn local(&self) -> String {
        let local = self.at.as_millis().div_euclid(1_000) + i64::from(self.offset_seconds);
        let (year, month, day) = date_of(local.div_euclid(DAY));
        let time = local.rem_euclid(DAY);
        let (sign, ahead) = (if self.offset_seconds < 0 { '-' } else { '+' }, self.offset_seconds.unsigned_abs());
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{sign}{:02}:{:02}",
            time / 3_600,
            time / 60 % 60,
            time % 60,
            ahead / 3_600,
            ahead / 60 % 60
        )
    }
}
