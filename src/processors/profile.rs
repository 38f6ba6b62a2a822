//! What a column of data looks like: its type, its range, its mean and spread, its commonest values. It is made block
//! by block and put together in the order of the blocks, so that the answer does not depend on how many threads
//! there were.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::cell::Cell;
use crate::limits;
use crate::work::context::cut;

/// Values of a column that a profile names.
const TOP_VALUES: usize = 10;
/// Whole numbers up to here are exact in a floating-point number.
const EXACT_WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// What a column looks like.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// What the column is called.
    pub name: String,
    /// `integer`, `number`, `boolean`, `date`, `text`, `empty`, or `mixed` when its cells differ.
    pub r#type: &'static str,
    /// Cells that are not empty.
    pub count: u64,
    /// Cells that are.
    pub empty: u64,
    /// Different values.
    pub distinct: u64,
    /// Whether `distinct` is exact; if not, there are at least so many.
    pub distinct_is_exact: bool,
    /// The smallest: a number in a column of numbers, otherwise the first text by the alphabet.
    pub min: Value,
    /// The largest.
    pub max: Value,
    /// The mean of a column of numbers.
    pub mean: Option<f64>,
    /// The sample standard deviation of a column of at least two numbers.
    pub stddev: Option<f64>,
    /// The commonest values, most frequent first.
    pub top: Vec<Top>,
}

/// A value and how often it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Top {
    /// The value, cut if it is long.
    pub value: String,
    /// How often.
    pub count: u64,
}

/// The profile of some cells of a column, to be put together with others.
#[derive(Debug, Default)]
pub(super) struct Part<'a> {
    kinds: Kinds,
    moments: Moments,
    least: Option<&'a str>,
    greatest: Option<&'a str>,
    tally: Tally<'a>,
}

/// How many cells there are of each sort.
#[derive(Debug, Default, Clone, Copy)]
struct Kinds {
    empty: u64,
    integer: u64,
    number: u64,
    boolean: u64,
    date: u64,
    text: u64,
}

impl<'a> Part<'a> {
    /// Looks at some cells.
    pub(super) fn of(cells: impl Iterator<Item = &'a str>) -> Self {
        let mut part = Self::default();
        let mut empty = 0;
        for cell in cells {
            match cell.trim() {
                "" => empty += 1,
                value => part.tally.add(value, 1),
            }
        }
        // Each value is read once, however often it is there.
        for &(value, count) in &part.tally.values {
            let cell = Cell::read(value);
            part.kinds.add(cell, count);
            if let Cell::Integer(number) | Cell::Number(number) = cell {
                part.moments.add(number, count);
            }
            part.least = Some(part.least.map_or(value, |least| least.min(value)));
            part.greatest = Some(part.greatest.map_or(value, |greatest| greatest.max(value)));
        }
        part.kinds.empty = empty;
        part
    }

    /// Puts the next part of the same column behind this one.
    pub(super) fn append(&mut self, next: Self) {
        self.kinds.append(next.kinds);
        self.moments.append(next.moments);
        self.least = self.least.into_iter().chain(next.least).min();
        self.greatest = self.greatest.into_iter().chain(next.greatest).max();
        self.tally.append(next.tally);
    }

    /// The profile of all that was put together.
    pub(super) fn finish(self, name: &str) -> Profile {
        let r#type = self.kinds.name();
        let numeric = matches!(r#type, "integer" | "number");
        let shown = |text: Option<&str>| text.map_or(Value::Null, |text| shorten(text).into());
        let whole = r#type == "integer";
        let (min, max) = match numeric {
            true => (figure(self.moments.min, whole), figure(self.moments.max, whole)),
            false => (shown(self.least), shown(self.greatest)),
        };
        Profile {
            name: name.into(),
            r#type,
            count: self.kinds.filled(),
            empty: self.kinds.empty,
            distinct: self.tally.values.len() as u64,
            distinct_is_exact: !self.tally.overflowed,
            min,
            max,
            mean: numeric.then_some(self.moments.mean),
            stddev: if numeric { self.moments.stddev() } else { None },
            top: self.tally.top(),
        }
    }
}

impl Kinds {
    fn add(&mut self, cell: Cell, count: u64) {
        let slot = match cell {
            Cell::Empty => &mut self.empty,
            Cell::Integer(_) => &mut self.integer,
            Cell::Number(_) => &mut self.number,
            Cell::Boolean => &mut self.boolean,
            Cell::Date => &mut self.date,
            Cell::Text => &mut self.text,
        };
        *slot += count;
    }

    fn append(&mut self, next: Self) {
        self.empty += next.empty;
        self.integer += next.integer;
        self.number += next.number;
        self.boolean += next.boolean;
        self.date += next.date;
        self.text += next.text;
    }

    fn filled(self) -> u64 {
        self.integer + self.number + self.boolean + self.date + self.text
    }

    fn name(self) -> &'static str {
        match self.filled() {
            0 => "empty",
            all if all == self.integer => "integer",
            all if all == self.integer + self.number => "number",
            all if all == self.boolean => "boolean",
            all if all == self.date => "date",
            all if all == self.text => "text",
            _ => "mixed",
        }
    }
}

/// Mean and spread in one pass that does not lose small differences of large numbers: Welford 1962 with weights,
/// put together after Chan, Golub and LeVeque 1979.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0.0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    fn add(&mut self, value: f64, times: u64) {
        let times = times as f64;
        self.append(Self { count: times, mean: value, squares: 0.0, min: value, max: value });
    }

    fn append(&mut self, next: Self) {
        if next.count == 0.0 {
            return;
        }
        let count = self.count + next.count;
        let apart = next.mean - self.mean;
        self.mean += apart * (next.count / count);
        self.squares += next.squares + apart * apart * (self.count * (next.count / count));
        self.count = count;
        self.min = self.min.min(next.min);
        self.max = self.max.max(next.max);
    }

    fn stddev(&self) -> Option<f64> {
        (self.count > 1.0).then(|| (self.squares / (self.count - 1.0)).sqrt())
    }
}

/// How often each value is there, in the order of their first appearance; bounded.
#[derive(Debug, Default)]
struct Tally<'a> {
    index: HashMap<&'a str, u32>,
    values: Vec<(&'a str, u64)>,
    overflowed: bool,
}

impl<'a> Tally<'a> {
    fn add(&mut self, value: &'a str, count: u64) {
        if let Some(&at) = self.index.get(value) {
            self.values[at as usize].1 += count;
        } else if self.values.len() < limits::DISTINCT_VALUES_MAX {
            self.index.insert(value, self.values.len() as u32);
            self.values.push((value, count));
        } else {
            self.overflowed = true;
        }
    }

    fn append(&mut self, next: Self) {
        self.overflowed |= next.overflowed;
        next.values.into_iter().for_each(|(value, count)| self.add(value, count));
    }

    /// The commonest values; of two that are as common, the one that comes first in the alphabet.
    fn top(mut self) -> Vec<Top> {
        let by_count = |a: &(&str, u64), b: &(&str, u64)| b.1.cmp(&a.1).then(a.0.cmp(b.0));
        if self.values.len() > TOP_VALUES {
            self.values.select_nth_unstable_by(TOP_VALUES, by_count);
            self.values.truncate(TOP_VALUES);
        }
        self.values.sort_unstable_by(by_count);
        self.values.into_iter().map(|(value, count)| Top { value: shorten(value), count }).collect()
    }
}

/// A value short enough to be shown.
pub(super) fn shorten(value: &str) -> String {
    match cut(value, limits::SHOWN_VALUE_BYTES_MAX) {
        all if all.len() == value.len() => all.to_owned(),
        start => format!("{start}…"),
    }
}

/// A number as it is best shown: whole ones without a point as long as they are exact.
fn figure(value: f64, whole: bool) -> Value {
    if whole && value.abs() <= EXACT_WHOLE_MAX { (value as i64).into() } else { value.into() }
}
