//! Where in the history the jobs of a filter can be: for each block of neighbouring sequence numbers, how many ended
//! jobs of each sort it has, and when they were accepted. It lets a list leave out what cannot match and step over what
//! matches whole, however long the history is. A megabyte stands for some millions of jobs.

use std::collections::{BTreeMap, HashMap};

use super::counts::{BLOCK_SEQS, Counts};
use crate::clock::Timestamp;
use crate::store::query::{Filter, Sort, Sort4};

/// The blocks of the history.
#[derive(Default)]
pub(super) struct Blocks {
    sorts: Vec<Sort4>,
    numbers: HashMap<Sort4, u32>,
    blocks: BTreeMap<u64, Vec<Kept>>,
}

/// The jobs of one sort in one block.
#[derive(Clone, Copy)]
struct Kept {
    sort: u32,
    jobs: u32,
    first: Timestamp,
    last: Timestamp,
}

/// A block that may have jobs of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) block: u64,
    /// Jobs that the counts say are of the filter.
    pub(super) jobs: u64,
    /// They all are; otherwise some of them may have been accepted before or after what it names.
    pub(super) is_counted: bool,
    /// Besides, no other job of the block is of one of its sorts.
    pub(super) is_whole: bool,
}

impl Part {
    /// Its first and its last sequence number.
    pub(super) fn seqs(&self) -> (u64, u64) {
        (self.block * BLOCK_SEQS, self.block * BLOCK_SEQS + BLOCK_SEQS - 1)
    }
}

impl Blocks {
    /// Takes in what a transaction has changed.
    pub(super) fn apply(&mut self, counts: &Counts) {
        for (sort, changes) in &counts.changes {
            let number = self.number(sort);
            for (&block, change) in changes {
                let kept = self.blocks.entry(block).or_default();
                match kept.iter_mut().find(|kept| kept.sort == number) {
                    Some(known) => {
                        known.jobs = (i64::from(known.jobs) + change.jobs).clamp(0, i64::from(u32::MAX)) as u32;
                        known.first = known.first.min(change.first);
                        known.last = known.last.max(change.last);
                    }
                    None if change.jobs > 0 => {
                        // As a whole: a block has room for few sorts more than it has.
                        kept.reserve_exact(1);
                        let (first, last) = (change.first, change.last);
                        kept.push(Kept { sort: number, jobs: change.jobs as u32, first, last });
                    }
                    None => {}
                }
                kept.retain(|kept| kept.jobs > 0);
                if kept.is_empty() {
                    self.blocks.remove(&block);
                }
            }
        }
    }

    /// The blocks that may have jobs of a filter, in order. Only its sort and its dates are looked at.
    pub(super) fn parts(&self, filter: &Filter, order: Sort) -> Vec<Part> {
        let wanted: Vec<bool> = self.sorts.iter().map(|sort| filter.names_sort(sort)).collect();
        let part = |(&block, kept): (&u64, &Vec<Kept>)| {
            let (mut jobs, mut is_counted, mut is_whole) = (0, true, true);
            for kept in kept.iter().filter(|kept| wanted.get(kept.sort as usize) == Some(&true)) {
                let outside = filter.created_after.is_some_and(|after| kept.last < after)
                    || filter.created_before.is_some_and(|before| kept.first >= before);
                is_whole &= !outside;
                if !outside {
                    jobs += u64::from(kept.jobs);
                    is_counted &= filter.created_after.is_none_or(|after| kept.first >= after)
                        && filter.created_before.is_none_or(|before| kept.last < before);
                }
            }
            (jobs > 0).then_some(Part { block, jobs, is_counted, is_whole: is_counted && is_whole })
        };
        match order {
            Sort::CreatedAscending => self.blocks.iter().filter_map(part).collect(),
            Sort::CreatedDescending => self.blocks.iter().rev().filter_map(part).collect(),
        }
    }

    fn number(&mut self, sort: &Sort4) -> u32 {
        if let Some(number) = self.numbers.get(sort) {
            return *number;
        }
        let number = self.sorts.len() as u32;
        self.sorts.push(sort.clone());
        self.numbers.insert(sort.clone(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Job, Name, NewJob, Priority};

    fn job(seq: u64, at: i64, priority: Priority) -> Job {
        NewJob::new(Name::new("noop").unwrap(), "{}").priority(priority).accept(seq, Timestamp::from_millis(at))
    }

    fn blocks(jobs: &[Job]) -> Blocks {
        let mut counts = Counts::default();
        jobs.iter().for_each(|job| counts.add(job));
        let mut blocks = Blocks::default();
        blocks.apply(&counts);
        blocks
    }

    fn created(after: i64, before: i64) -> Filter {
        let at = |millis| Some(Timestamp::from_millis(millis));
        Filter { created_after: at(after), created_before: at(before), ..Filter::default() }
    }

    #[test]
    fn blocks_are_left_out_looked_through_or_whole() {
        let jobs: Vec<_> = (0..4 * BLOCK_SEQS).map(|seq| job(seq, seq as i64, Priority::Low)).collect();
        let blocks = blocks(&jobs);
        let parts = blocks.parts(&created(300, 800), Sort::CreatedDescending);
        let part = |block, whole| Part { block, jobs: BLOCK_SEQS, is_counted: whole, is_whole: whole };
        assert_eq!(parts, [part(3, false), part(2, true), part(1, false)]);
        assert_eq!(blocks.parts(&created(5_000, 6_000), Sort::default()), []);
        let high = Filter { priority: Some(Priority::High), ..Filter::default() };
        assert_eq!(blocks.parts(&high, Sort::default()), []);
    }

    #[test]
    fn a_clock_that_was_set_back_widens_its_block_alone() {
        let jobs = [job(1, 5_000, Priority::Low), job(2, 10, Priority::High), job(600, 20, Priority::High)];
        let blocks = blocks(&jobs);
        let found = |filter: &Filter| blocks.parts(filter, Sort::CreatedAscending);
        // The other job of the block is of another sort, and accepted at another time.
        let one = Part { block: 0, jobs: 1, is_counted: true, is_whole: false };
        assert_eq!(found(&created(4_000, 9_000)), [one]);
        assert_eq!(found(&created(0, 15)), [one]);
        let low = Filter { priority: Some(Priority::Low), ..created(4_000, 9_000) };
        assert_eq!(found(&low), [Part { is_whole: true, ..one }]);
        assert_eq!(found(&created(0, 9_000)).len(), 2);
    }

    #[test]
    fn a_block_that_lost_its_jobs_is_gone() {
        let (stays, goes) = (job(1, 1, Priority::Low), job(700, 2, Priority::Low));
        let mut blocks = blocks(&[stays, goes.clone()]);
        let mut counts = Counts::default();
        counts.remove(goes.sort4(), &goes);
        blocks.apply(&counts);
        assert_eq!(
            blocks.parts(&Filter::default(), Sort::default()),
            [Part { block: 0, jobs: 1, is_counted: true, is_whole: true }]
        );
    }
}
