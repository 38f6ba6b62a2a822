//! Going through jobs for a page: what is asked for, what was found, and where it was given up. A walk that finds little
//! ends after a few milliseconds, so no page takes long, whatever its filter: it says how far it got, and the next page
//! goes on from there.

use std::time::{Duration, Instant};

use crate::limits;
use crate::store::query::Sort;

/// What to find.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errand {
    pub(super) order: Sort,
    /// Only what comes after this sequence number.
    pub(super) after: Option<u64>,
    /// So many jobs.
    pub(super) need: usize,
    /// Count on until here when they are found.
    pub(super) count_to: u64,
}

impl Errand {
    /// Counts a list from its beginning.
    pub(super) fn to_count(order: Sort) -> Self {
        Self { order, after: None, need: 0, count_to: limits::COUNTED_TOTAL_MAX }
    }
}

/// Jobs that are looked at however long it takes: a busy machine must not make pages of nothing.
const LOOKED_AT_MIN: u32 = 1_000;
/// Jobs that are found however long it takes: those of the largest page, after the deepest offset of a search.
const NEEDED_MAX: usize = limits::OFFSET_SEARCHED_MAX + limits::PAGE_MAX + 1;
/// Time after which a search for a page is given up.
const SEARCH_MAX: Duration = Duration::from_millis(8);
/// Time after which counting is given up: a total is worth less than the page.
const COUNT_MAX: Duration = Duration::from_millis(4);
/// Jobs looked at between two looks at the clock.
const BETWEEN_LOOKS: u32 = 32;

/// What a walk has found.
#[derive(Debug)]
pub(super) struct Walked<T> {
    errand: Errand,
    pub(super) found: Vec<T>,
    /// Jobs of the filter that were met, at most as many as were to be counted.
    pub(super) counted: u64,
    /// Where it was given up: everything until here has been looked at.
    pub(super) reached: Option<u64>,
    looked_at: u32,
    began: Instant,
}

impl<T> Walked<T> {
    /// A walk that begins now.
    pub(super) fn begin(errand: Errand) -> Self {
        Self { errand, found: Vec::new(), counted: 0, reached: None, looked_at: 0, began: Instant::now() }
    }

    /// What to find.
    pub(super) fn errand(&self) -> Errand {
        self.errand
    }

    /// Whether enough is found, or it was given up.
    pub(super) fn is_over(&self) -> bool {
        self.reached.is_some() || self.found.len() >= self.errand.need && self.counted >= self.errand.count_to
    }

    /// How many jobs it has counted, and whether that is all of them.
    pub(super) fn total(&self) -> (u64, bool) {
        (self.counted, self.reached.is_none() && self.counted < self.errand.count_to)
    }

    /// Takes in the next job, if it is of the filter. The answer is whether to go on.
    pub(super) fn meet(&mut self, seq: u64, job: Option<T>) -> bool {
        let was_needed = job.is_some() && self.found.len() < NEEDED_MAX.min(self.errand.need);
        if let Some(job) = job {
            self.counted += 1;
            if self.found.len() < self.errand.need {
                self.found.push(job);
            }
        }
        self.looked_at += 1;
        let may_give_up =
            !was_needed && self.looked_at >= LOOKED_AT_MIN && self.looked_at.is_multiple_of(BETWEEN_LOOKS);
        let time = if self.found.len() < self.errand.need { SEARCH_MAX } else { COUNT_MAX };
        if may_give_up && !self.is_over() && self.began.elapsed() >= time {
            self.reached = Some(seq);
        }
        !self.is_over()
    }
}

/// The nearer of two places at which walks in this order were given up: beyond it something may be missing.
pub(super) fn nearer(order: Sort, one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(match order {
            Sort::CreatedAscending => one.min(other),
            Sort::CreatedDescending => one.max(other),
        }),
        (one, other) => one.or(other),
    }
}

/// Whether a place in the order comes after another.
pub(super) fn is_beyond(order: Sort, seq: u64, place: u64) -> bool {
    match order {
        Sort::CreatedAscending => seq > place,
        Sort::CreatedDescending => seq < place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_ago() -> Instant {
        Instant::now() - SEARCH_MAX
    }

    fn walk(need: usize, count_to: u64, began: Instant, jobs: impl Iterator<Item = bool>) -> Walked<u64> {
        let errand = Errand { order: Sort::CreatedAscending, after: None, need, count_to };
        let mut walked = Walked { began, ..Walked::begin(errand) };
        for (seq, is_of_the_filter) in (1..).zip(jobs) {
            if !walked.meet(seq, is_of_the_filter.then_some(seq)) {
                break;
            }
        }
        walked
    }

    #[test]
    fn a_walk_ends_when_enough_is_found_and_counted() {
        let walked = walk(2, 3, Instant::now(), [true, false, true, true, true].into_iter());
        assert_eq!((walked.found, walked.counted, walked.reached), (vec![1, 3], 3, None));
    }

    #[test]
    fn a_walk_that_finds_nothing_is_given_up_but_not_at_once() {
        let walked = walk(2, 2, long_ago(), std::iter::once(true).chain(std::iter::repeat(false)));
        assert_eq!((walked.found.len(), walked.counted), (1, 1));
        let reached = walked.reached.expect("it was given up");
        assert!((u64::from(LOOKED_AT_MIN)..u64::from(LOOKED_AT_MIN + BETWEEN_LOOKS)).contains(&reached));
    }

    #[test]
    fn what_a_page_needs_is_found_however_long_it_takes() {
        let walked = walk(NEEDED_MAX, 0, long_ago(), std::iter::repeat(true));
        assert_eq!((walked.found.len(), walked.reached), (NEEDED_MAX, None));
        assert!(walk(2 * NEEDED_MAX, 0, long_ago(), std::iter::repeat(true)).reached.is_some());
    }

    #[test]
    fn the_nearer_place_is_the_one_that_comes_first() {
        assert_eq!(nearer(Sort::CreatedAscending, Some(3), Some(5)), Some(3));
        assert_eq!(nearer(Sort::CreatedDescending, Some(3), Some(5)), Some(5));
        assert_eq!(nearer(Sort::CreatedDescending, None, Some(5)), Some(5));
    }
}
