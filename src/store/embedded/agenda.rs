//! Schedules as readers see them: the committed state, found by id and by name, and listed. Reading never waits for a
//! decision or for the disk.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::RwLock;

use super::roll::Roll;
use crate::alert::silent_for;
use crate::clock::Timestamp;
use crate::schedule::{Schedule, ScheduleId};
use crate::store::PageOf;
use crate::store::schedules::{ScheduleFigures, ScheduleFilter, SchedulePage, ScheduleSort, Which};

/// The committed schedules.
#[derive(Default)]
pub(in crate::store) struct Agenda(RwLock<Shown>);

#[derive(Default)]
struct Shown {
    /// In the order of their acceptance; ids are none (rule 32).
    ordered: BTreeMap<Place, Arc<Schedule>>,
    places: HashMap<ScheduleId, Place>,
    names: HashMap<Arc<str>, ScheduleId>,
    roll: Roll,
}

type Place = (Timestamp, ScheduleId);

/// Schedules looked at under one hold of the lock, so that a long list stops nobody.
const CHUNK: usize = 1_000;

impl Agenda {
    /// Shows a schedule.
    pub(in crate::store) fn show(&self, schedule: Arc<Schedule>) {
        let mut shown = self.0.write();
        let place = (schedule.created_at, schedule.id);
        shown.places.insert(schedule.id, place);
        let name = schedule.spec.name.clone();
        shown.roll_on(place, Some(&schedule));
        let before = shown.ordered.insert(place, schedule);
        if let Some(before) = before.filter(|before| before.spec.name != name) {
            shown.release_name(&before);
        }
        shown.names.insert(name, place.1);
    }

    /// Shows a schedule no more.
    pub(in crate::store) fn hide(&self, id: ScheduleId) {
        let mut shown = self.0.write();
        let Some(place) = shown.places.remove(&id) else { return };
        shown.roll_on(place, None);
        if let Some(schedule) = shown.ordered.remove(&place) {
            shown.release_name(&schedule);
        }
    }

    /// The schedule that is meant.
    pub(in crate::store) fn find(&self, which: &Which) -> Option<Arc<Schedule>> {
        let shown = self.0.read();
        let id = match which {
            Which::Id(id) => id,
            Which::Name(name) => shown.names.get(&**name)?,
        };
        shown.ordered.get(shown.places.get(id)?).cloned()
    }

    /// All together, with the next ones and those that failed last.
    pub(in crate::store) fn figures(&self, limit: usize, now: Timestamp) -> ScheduleFigures {
        let shown = self.0.read();
        let find = |id: &ScheduleId| shown.ordered.get(shown.places.get(id)?).cloned();
        let roll = &shown.roll;
        let paused = roll.on_hold.iter().filter_map(find).filter(|schedule| schedule.life.is_on_hold(now)).count();
        ScheduleFigures {
            enabled: roll.enabled.iter().sum(),
            disabled: roll.disabled.iter().sum(),
            paused: paused as u64,
            by_priority: roll.by_priority(),
            executions: roll.executions,
            failures: roll.failures,
            failing: roll.failing.len() as u64,
            upcoming: roll.due.iter().filter_map(|(_, id)| find(id)).take(limit).collect(),
            failed: roll.failing.iter().rev().filter_map(|(_, id)| find(id)).take(limit).collect(),
        }
    }

    /// Those that have failed so often in a row, or more often; the worst first.
    pub(in crate::store) fn failing(&self, times: u32, limit: usize) -> Vec<Arc<Schedule>> {
        let shown = self.0.read();
        let find = |id: &ScheduleId| shown.ordered.get(shown.places.get(id)?).cloned();
        let worst = shown.roll.streaks.iter().rev().take_while(|(streak, _)| *streak >= times);
        worst.filter_map(|(_, id)| find(id)).take(limit).collect()
    }

    /// Those that have been silent for so long, in the order of their acceptance.
    pub(in crate::store) fn silent(&self, silent_ms: u64, now: Timestamp, limit: usize) -> Vec<Arc<Schedule>> {
        let is_silent = |schedule: &Schedule| silent_for(schedule, now).is_some_and(|silent| silent >= silent_ms);
        let mut silent = self.all_that(is_silent);
        silent.truncate(limit);
        silent
    }

    /// A page of those that a filter names.
    pub(in crate::store) fn page(
        &self,
        filter: &ScheduleFilter,
        page: SchedulePage,
        now: Timestamp,
    ) -> PageOf<Arc<Schedule>> {
        let mut named = self.all_that(|schedule| filter.matches(schedule, now));
        match page.sort {
            ScheduleSort::CreatedAscending => {}
            ScheduleSort::CreatedDescending => named.reverse(),
            ScheduleSort::Name => named.sort_by(|a, b| a.spec.name.cmp(&b.spec.name)),
            ScheduleSort::NextDue => named.sort_by_cached_key(|schedule| {
                let due_at = schedule.due_at();
                (due_at.is_none(), due_at)
            }),
        }
        let total = named.len() as u64;
        let more = named.len() > page.offset.saturating_add(page.limit);
        let items = named.into_iter().skip(page.offset).take(page.limit).collect();
        PageOf { items, total, exact: true, more, reached: None }
    }

    /// All that pass a test, in the order of their acceptance.
    fn all_that(&self, passes: impl Fn(&Schedule) -> bool) -> Vec<Arc<Schedule>> {
        let mut named = Vec::new();
        let mut from = Bound::Unbounded;
        loop {
            let shown = self.0.read();
            let mut looked_at = 0;
            for (place, schedule) in shown.ordered.range((from, Bound::Unbounded)).take(CHUNK) {
                from = Bound::Excluded(*place);
                looked_at += 1;
                if passes(schedule) {
                    named.push(schedule.clone());
                }
            }
            if looked_at < CHUNK {
                return named;
            }
        }
    }
}

impl Shown {
    /// Takes the schedule of a place out of what is kept of all, and in as it is now.
    fn roll_on(&mut self, place: Place, after: Option<&Arc<Schedule>>) {
        if let Some(before) = self.ordered.get(&place) {
            self.roll.leave(before);
        }
        after.into_iter().for_each(|after| self.roll.enter(after));
    }

    /// Frees a name, unless somebody else has it by now.
    fn release_name(&mut self, schedule: &Schedule) {
        if self.names.get(&schedule.spec.name) == Some(&schedule.id) {
            self.names.remove(&schedule.spec.name);
        }
    }
}
