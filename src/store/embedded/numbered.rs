//! Things by sequence number, in their order. Numbers are given one after the other and mostly live close together, so a look is
//! one into a small tree of blocks and one into an array; where only few of a block are left, it costs no more than they do.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Numbers in a block: many of them make few blocks, few of them make cheap ones of what stays behind.
const BLOCK: usize = 32;

/// Things by number.
pub(super) struct Numbered<T> {
    blocks: BTreeMap<u64, Box<Block<T>>>,
}

struct Block<T> {
    things: [Option<T>; BLOCK],
    count: usize,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { blocks: BTreeMap::new() }
    }
}

impl<T> Numbered<T> {
    /// The thing with this number.
    pub(super) fn get(&self, number: &u64) -> Option<&T> {
        let (block, place) = place(*number);
        self.blocks.get(&block)?.things[place].as_ref()
    }

    /// Whether there is one.
    pub(super) fn contains_key(&self, number: &u64) -> bool {
        self.get(number).is_some()
    }

    /// Keeps a thing under this number, and gives the one that was there.
    pub(super) fn insert(&mut self, number: u64, thing: T) -> Option<T> {
        let (block, place) = place(number);
        let block = self.blocks.entry(block).or_insert_with(|| Box::new(Block::empty()));
        let before = block.things[place].replace(thing);
        block.count += usize::from(before.is_none());
        before
    }

    /// Takes the thing with this number away.
    pub(super) fn remove(&mut self, number: &u64) -> Option<T> {
        let (number, place) = place(*number);
        let block = self.blocks.get_mut(&number)?;
        let thing = block.things[place].take()?;
        block.count -= 1;
        if block.count == 0 {
            self.blocks.remove(&number);
        }
        Some(thing)
    }

    /// From a number on, the lowest first.
    pub(super) fn rising(&self, from: Bound<u64>) -> impl Iterator<Item = (u64, &T)> {
        let first = match from {
            Bound::Included(number) => number,
            Bound::Excluded(number) => number.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let blocks = self.blocks.range(place(first).0..);
        blocks.flat_map(|(number, block)| block.iter(*number)).skip_while(move |(number, _)| *number < first)
    }

    /// From a number down, the highest first.
    pub(super) fn falling(&self, from: Bound<u64>) -> impl Iterator<Item = (u64, &T)> {
        let end = match from {
            Bound::Included(number) => number.saturating_add(1),
            Bound::Excluded(number) => number,
            Bound::Unbounded => u64::MAX,
        };
        let blocks = self.blocks.range(..=place(end).0).rev();
        blocks.flat_map(|(number, block)| block.iter(*number).rev()).skip_while(move |(number, _)| *number >= end)
    }
}

impl<T> Block<T> {
    fn empty() -> Self {
        Self { things: [const { None }; BLOCK], count: 0 }
    }

    fn iter(&self, number: u64) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        let things = self.things.iter().enumerate();
        things.filter_map(move |(place, thing)| Some((number * BLOCK as u64 + place as u64, thing.as_ref()?)))
    }
}

/// In which block a number is, and where in it.
fn place(number: u64) -> (u64, usize) {
    (number / BLOCK as u64, (number % BLOCK as u64) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_in_order(steps in proptest::collection::vec((0..200_u64, any::<bool>()), 0..300), from in 0..210_u64) {
            let (mut numbered, mut map) = (Numbered::default(), BTreeMap::new());
            for (thing, (number, stays)) in steps.into_iter().enumerate() {
                if stays {
                    prop_assert_eq!(numbered.insert(number, thing), map.insert(number, thing));
                } else {
                    prop_assert_eq!(numbered.remove(&number), map.remove(&number));
                }
                prop_assert_eq!(numbered.get(&number), map.get(&number));
            }
            prop_assert_eq!(numbered.blocks.values().map(|block| block.count).sum::<usize>(), map.len());
            for from in [Bound::Unbounded, Bound::Included(from), Bound::Excluded(from)] {
                let rising = map.range((from, Bound::Unbounded)).map(|(number, thing)| (*number, thing));
                prop_assert!(numbered.rising(from).eq(rising));
                let falling = map.range((Bound::Unbounded, from)).rev().map(|(number, thing)| (*number, thing));
                prop_assert!(numbered.falling(from).eq(falling));
            }
        }
    }
}
