//! Who is next: an index of the waiting jobs, by subtype. Three queues by priority, first in first out within one;
//! an ordered set of those whose time has not come.
//!
//! Ageing (rule 30) needs no sweep: a job's urgency is the moment it became ready plus a handicap by priority, so the
//! order between any two jobs never changes while they wait. A normal job that has waited a minute stands before
//! a high one that just came.
//!
//! Jobs that are cancelled leave their entry behind; it is recognised when it surfaces, and swept away when such
//! entries outnumber the living.

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use crate::clock::Timestamp;
use crate::job::{Name, Priority};
use crate::limits;

/// The waiting jobs of all subtypes.
#[derive(Default)]
pub(super) struct Ready {
    lanes: FxHashMap<Name, Lane>,
}

/// The waiting jobs of one subtype.
#[derive(Default)]
struct Lane {
    /// By priority: high, normal, low; each in order.
    queues: [VecDeque<Entry>; 3],
    /// Jobs whose time has not come.
    delayed: BTreeSet<(Timestamp, u64, Priority)>,
    /// Living entries in the queues.
    ready: usize,
    paused: bool,
}

/// A job that may run: its sequence number, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) since: Timestamp,
    pub(super) seq: u64,
}

/// Entries left behind that a queue may hold before it is swept, beyond as many as there are living ones.
const LEFT_BEHIND_MAX: usize = 1_024;

/// How much later a job counts than it came.
const fn handicap(priority: Priority) -> u64 {
    match priority {
        Priority::High => 0,
        Priority::Normal => limits::AGEING_NORMAL.as_millis() as u64,
        Priority::Low => limits::AGEING_LOW.as_millis() as u64,
    }
}

impl Entry {
    /// The key of the order in which jobs run; the smallest is next.
    pub(super) fn urgency(self, priority: Priority) -> (Timestamp, u64) {
        (self.since.plus_millis(handicap(priority)), self.seq)
    }
}

impl Ready {
    /// Adds a waiting job.
    pub(super) fn add(&mut self, sub_type: &Name, priority: Priority, entry: Entry, now: Timestamp) {
        let lane = self.lane(sub_type);
        if entry.since > now {
            lane.delayed.insert((entry.since, entry.seq, priority));
        } else {
            lane.enqueue(priority, entry);
        }
    }

    /// Notes that a waiting job waits no more, without having been taken by [`next`](Self::next).
    pub(super) fn forget(&mut self, sub_type: &Name, priority: Priority, entry: Entry, lives: impl Fn(Entry) -> bool) {
        let lane = self.lane(sub_type);
        if lane.delayed.remove(&(entry.since, entry.seq, priority)) {
            return;
        }
        let queue = &mut lane.queues[priority as usize];
        if queue.binary_search(&entry).is_err() {
            // It has been taken and was not started: it had expired.
            return;
        }
        lane.ready = lane.ready.saturating_sub(1);
        if queue.len() > 2 * lane.ready + LEFT_BEHIND_MAX {
            queue.retain(|entry| lives(*entry));
        }
    }

    /// Takes the most urgent job of these subtypes. Entries that `lives` does not know are dropped on the way.
    pub(super) fn next(
        &mut self,
        sub_types: &[Name],
        now: Timestamp,
        lives: impl Fn(Entry) -> bool,
    ) -> Option<(u64, Priority)> {
        let mut best: Option<((Timestamp, u64), &Name, Priority)> = None;
        for sub_type in sub_types {
            let Some(lane) = self.lanes.get_mut(sub_type).filter(|lane| !lane.paused) else { continue };
            lane.wake(now);
            for &priority in Priority::ALL {
                let queue = &mut lane.queues[priority as usize];
                while queue.front().is_some_and(|entry| !lives(*entry)) {
                    queue.pop_front();
                }
                let Some(entry) = queue.front() else { continue };
                let urgency = entry.urgency(priority);
                if best.is_none_or(|(least, ..)| urgency < least) {
                    best = Some((urgency, sub_type, priority));
                }
            }
        }
        let (_, sub_type, priority) = best?;
        let lane = self.lanes.get_mut(sub_type)?;
        lane.ready = lane.ready.saturating_sub(1);
        lane.queues[priority as usize].pop_front().map(|entry| (entry.seq, priority))
    }

    /// When the next delayed job of these subtypes becomes ready.
    pub(super) fn next_due(&self, sub_types: &[Name]) -> Option<Timestamp> {
        let lanes = sub_types.iter().filter_map(|sub_type| self.lanes.get(sub_type)).filter(|lane| !lane.paused);
        lanes.filter_map(|lane| lane.delayed.first()).map(|(at, ..)| *at).min()
    }

    /// Stops or starts handing out a subtype.
    pub(super) fn pause(&mut self, sub_type: &Name, paused: bool) {
        self.lane(sub_type).paused = paused;
    }

    /// Whether a subtype is not handed out.
    pub(super) fn is_paused(&self, sub_type: &Name) -> bool {
        self.lanes.get(sub_type).is_some_and(|lane| lane.paused)
    }

    /// Subtypes that are not handed out.
    pub(super) fn paused(&self) -> Vec<Name> {
        let mut names: Vec<_> =
            self.lanes.iter().filter(|(_, lane)| lane.paused).map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// Living jobs of the same subtype that run before this one.
    pub(super) fn ahead(
        &self,
        sub_type: &Name,
        priority: Priority,
        entry: Entry,
        lives: impl Fn(Entry) -> bool,
    ) -> u64 {
        let Some(lane) = self.lanes.get(sub_type) else { return 0 };
        let own = entry.urgency(priority);
        Priority::ALL.iter().fold(0, |sum, &other| {
            let queue = &lane.queues[other as usize];
            sum + queue.iter().take_while(|entry| entry.urgency(other) < own).filter(|entry| lives(**entry)).count()
                as u64
        })
    }

    /// Jobs that are ready, jobs whose time has not come, and the one that has waited longest.
    pub(super) fn depth(&mut self, now: Timestamp, lives: impl Fn(Entry) -> bool) -> (u64, u64, Option<Entry>) {
        self.lanes.values_mut().fold((0, 0, None), |(ready, delayed, oldest), lane| {
            let (more_ready, more_delayed, older) = lane.depth(now, &lives);
            (ready + more_ready, delayed + more_delayed, oldest.into_iter().chain(older).min())
        })
    }

    /// The same of one subtype.
    pub(super) fn depth_of(
        &mut self,
        sub_type: &Name,
        now: Timestamp,
        lives: impl Fn(Entry) -> bool,
    ) -> (u64, u64, Option<Entry>) {
        self.lanes.get_mut(sub_type).map_or((0, 0, None), |lane| lane.depth(now, &lives))
    }

    /// The first living jobs: the ready ones by their urgency, then the delayed ones by their time.
    pub(super) fn upcoming(&mut self, limit: usize, now: Timestamp, lives: impl Fn(Entry) -> bool) -> Vec<u64> {
        let (mut ready, mut delayed) = (Vec::new(), Vec::new());
        for lane in self.lanes.values_mut() {
            lane.wake(now);
            for &priority in Priority::ALL {
                let living = lane.queues[priority as usize].iter().filter(|entry| lives(**entry)).take(limit);
                ready.extend(living.map(|entry| entry.urgency(priority)));
            }
            delayed.extend(lane.delayed.iter().take(limit).map(|(since, seq, _)| (*since, *seq)));
        }
        ready.sort_unstable();
        delayed.sort_unstable();
        ready.into_iter().chain(delayed).take(limit).map(|(_, seq)| seq).collect()
    }

    fn lane(&mut self, sub_type: &Name) -> &mut Lane {
        self.lanes.entry(sub_type.clone()).or_default()
    }
}

impl Lane {
    /// Jobs that are ready, jobs whose time has not come, and the one that has waited longest.
    fn depth(&mut self, now: Timestamp, lives: &impl Fn(Entry) -> bool) -> (u64, u64, Option<Entry>) {
        self.wake(now);
        let mut oldest = None;
        for queue in &mut self.queues {
            while queue.front().is_some_and(|entry| !lives(*entry)) {
                queue.pop_front();
            }
            oldest = oldest.into_iter().chain(queue.front().copied()).min();
        }
        (self.ready as u64, self.delayed.len() as u64, oldest)
    }

    /// Moves the jobs whose time has come into their queues.
    fn wake(&mut self, now: Timestamp) {
        while let Some(&(since, seq, priority)) = self.delayed.first().filter(|(at, ..)| *at <= now) {
            self.delayed.pop_first();
            self.enqueue(priority, Entry { seq, since });
        }
    }

    /// Puts an entry into its place, which is near an end: a fresh job's at the back, and that of one which has waited
    /// elsewhere, for its time or beside a gate, not far from it or at the front.
    fn enqueue(&mut self, priority: Priority, entry: Entry) {
        let queue = &mut self.queues[priority as usize];
        let place = match queue.back() {
            Some(last) if *last > entry => queue.partition_point(|other| *other < entry),
            _ => queue.len(),
        };
        queue.insert(place, entry);
        self.ready += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn drain(ready: &mut Ready, names: &[Name], now: i64) -> Vec<u64> {
        std::iter::from_fn(|| ready.next(names, at(now), |_| true)).map(|(seq, _)| seq).collect()
    }

    #[test]
    fn priority_first_then_first_in_first_out() {
        let name = Name::new("a").unwrap();
        let mut ready = Ready::default();
        for (seq, priority) in [(1, Priority::Low), (2, Priority::Normal), (3, Priority::High), (4, Priority::High)] {
            ready.add(&name, priority, Entry { seq, since: at(seq as i64) }, at(10));
        }
        assert_eq!(drain(&mut ready, &[name], 10), [3, 4, 2, 1]);
    }

    #[test]
    fn rule_30_waiting_raises_a_low_job() {
        let name = Name::new("a").unwrap();
        let mut ready = Ready::default();
        let aged = limits::AGEING_LOW.as_millis() as i64 + 1;
        ready.add(&name, Priority::Low, Entry { seq: 1, since: at(0) }, at(0));
        ready.add(&name, Priority::High, Entry { seq: 2, since: at(aged) }, at(aged));
        assert_eq!(drain(&mut ready, &[name], aged), [1, 2]);
    }

    #[test]
    fn delayed_jobs_come_when_their_time_has_come() {
        let name = Name::new("a").unwrap();
        let mut ready = Ready::default();
        ready.add(&name, Priority::Normal, Entry { seq: 1, since: at(50) }, at(0));
        assert_eq!(ready.next_due(std::slice::from_ref(&name)), Some(at(50)));
        assert!(drain(&mut ready, std::slice::from_ref(&name), 49).is_empty());
        assert_eq!(drain(&mut ready, &[name], 50), [1]);
    }

    #[test]
    fn what_is_left_behind_is_swept() {
        let name = Name::new("a").unwrap();
        let mut ready = Ready::default();
        let count = 3 * LEFT_BEHIND_MAX as u64;
        for seq in 0..count {
            ready.add(&name, Priority::Normal, Entry { seq, since: at(0) }, at(0));
        }
        for seq in 0..count {
            ready.forget(&name, Priority::Normal, Entry { seq, since: at(0) }, |entry| entry.seq > seq);
        }
        assert!(ready.lanes[&name].queues[1].len() <= LEFT_BEHIND_MAX + 1);
        assert_eq!(ready.depth(at(0), |_| false), (0, 0, None));
    }
}
