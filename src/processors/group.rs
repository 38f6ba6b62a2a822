//! Grouping: rows with the same values in some columns become one row with figures from others. Blocks of rows are
//! grouped in parallel and put together in their order, so that sums do not depend on how many threads there were.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::cell::number;
use super::generate_report::{Measure, Op};
use super::profile::shorten;
use super::table::{Column, Table, too_large};
use crate::limits;
use crate::work::{Context, Failure};

/// Rows that are grouped in one go.
const BLOCK_ROWS: usize = 8_192;

/// A dataset in groups.
#[derive(Debug)]
pub(super) struct Grouped<'a> {
    /// Names of the columns that make the groups.
    pub(super) by: &'a [String],
    /// What is said of each group.
    pub(super) measures: &'a [Measure],
    /// The groups, by their values.
    pub(super) groups: Vec<Group<'a>>,
    /// The figures of all rows together.
    pub(super) totals: Vec<Option<f64>>,
    /// Rows in all groups.
    pub(super) rows: u64,
}

/// The rows with the same values in some columns.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// These values.
    pub(super) key: Vec<&'a str>,
    /// How many rows.
    pub(super) rows: u64,
    /// The measures, in the order in which they were asked for; none where there is nothing to measure.
    pub(super) figures: Vec<Option<f64>>,
}

impl Grouped<'_> {
    /// Headings of the columns of the report.
    pub(super) fn headings(&self) -> impl Iterator<Item = String> {
        let measured = self.measures.iter().map(|measure| format!("{}({})", measure.op.as_str(), measure.column));
        self.by.iter().cloned().chain(measured)
    }
}

/// Groups a table, reporting progress between two percentages. A cell that should be a number and is none is left
/// out and noted as an error of its row.
///
/// # Errors
/// When a column does not exist, there are too many groups, or the work must stop.
pub(super) fn group<'a>(
    table: &'a Table,
    by: &'a [String],
    measures: &'a [Measure],
    ctx: &Context,
    share: Range<f64>,
) -> Result<Grouped<'a>, Failure> {
    let keys: Vec<_> = by.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
    let measured: Vec<_> = measures
        .iter()
        .map(|measure| table.column(&measure.column).map(|column| (column, measure.op)))
        .collect::<Result<_, _>>()?;
    let (blocks, done) = (table.rows().div_ceil(BLOCK_ROWS), AtomicUsize::new(0));
    let parts = (0..blocks).into_par_iter().map(|block| {
        ctx.check()?;
        let rows = block * BLOCK_ROWS..table.rows().min((block + 1) * BLOCK_ROWS);
        let part = part(&keys, &measured, rows);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        let percent = share.start + (share.end - share.start) * done as f64 / blocks as f64;
        ctx.progress(percent, format!("{done} of {blocks} blocks grouped"));
        part
    });
    let parts: Vec<Part<'_>> = parts.collect::<Result<_, Failure>>()?;

    let mut whole = Part::default();
    for part in parts {
        ctx.check()?;
        whole.append(part)?;
    }
    for Bad { row, column, cell } in whole.bad.named {
        let message = format!("has `{}` in `{column}`, which is no number", shorten(cell));
        ctx.partial_error(format!("row {}", table.number(row)), message);
    }
    (0..whole.bad.more).for_each(|_| ctx.partial_error("", ""));
    Ok(finish(whole.sums, by, measures))
}

/// Rows and measures of each group.
type Sums<'a> = HashMap<Vec<&'a str>, (u64, Vec<Sum>)>;

/// What some rows come to.
#[derive(Default)]
struct Part<'a> {
    sums: Sums<'a>,
    bad: Complaints<'a>,
}

/// Cells that should be numbers.
#[derive(Default)]
struct Complaints<'a> {
    /// As many as will be named.
    named: Vec<Bad<'a>>,
    /// How many there are besides.
    more: u64,
}

/// A cell that should be a number.
struct Bad<'a> {
    row: usize,
    column: &'a str,
    cell: &'a str,
}

fn part<'a>(keys: &[&'a Column], measured: &[(&'a Column, Op)], rows: Range<usize>) -> Result<Part<'a>, Failure> {
    let mut part = Part::default();
    let mut key = Vec::with_capacity(keys.len());
    for row in rows {
        key.clear();
        key.extend(keys.iter().map(|column| column.cell(row).trim()));
        if !part.sums.contains_key(&key) {
            let fresh = measured.iter().map(|(_, op)| Sum::new(*op)).collect();
            part.sums.insert(key.clone(), (0, fresh));
        }
        let Some((count, sums)) = part.sums.get_mut(&key) else { continue };
        *count += 1;
        for ((column, _), sum) in measured.iter().zip(sums) {
            let cell = column.cell(row);
            if !cell.trim().is_empty() && !sum.add(cell) {
                part.bad.add(Bad { row, column: column.name(), cell });
            }
        }
    }
    if part.sums.len() > limits::REPORT_GROUPS_MAX { Err(too_many_groups()) } else { Ok(part) }
}

impl<'a> Complaints<'a> {
    /// Notes a bad cell once, even if several measures look at it.
    fn add(&mut self, bad: Bad<'a>) {
        let mut known = self.named.iter().rev().take_while(|other| other.row == bad.row);
        if known.any(|other| other.column == bad.column) {
            return;
        }
        if self.named.len() < limits::PARTIAL_ERRORS_KEPT_MAX {
            self.named.push(bad);
        } else {
            self.more += 1;
        }
    }

    fn append(&mut self, next: Self) {
        let room = limits::PARTIAL_ERRORS_KEPT_MAX.saturating_sub(self.named.len());
        self.more += next.more + next.named.len().saturating_sub(room) as u64;
        self.named.extend(next.named.into_iter().take(room));
    }
}

impl Part<'_> {
    fn append(&mut self, next: Self) -> Result<(), Failure> {
        for (key, (rows, sums)) in next.sums {
            match self.sums.entry(key) {
                Entry::Vacant(free) => drop(free.insert((rows, sums))),
                Entry::Occupied(mut taken) => {
                    let (before, mine) = taken.get_mut();
                    *before += rows;
                    mine.iter_mut().zip(sums).for_each(|(mine, next)| mine.append(next));
                }
            }
        }
        self.bad.append(next.bad);
        if self.sums.len() > limits::REPORT_GROUPS_MAX { Err(too_many_groups()) } else { Ok(()) }
    }
}

fn too_many_groups() -> Failure {
    too_large(format!("more than {} groups in these columns", limits::REPORT_GROUPS_MAX))
}

fn finish<'a>(sums: Sums<'a>, by: &'a [String], measures: &'a [Measure]) -> Grouped<'a> {
    let mut sorted: Vec<_> = sums.into_iter().collect();
    sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut totals: Vec<_> = measures.iter().map(|measure| Sum::new(measure.op)).collect();
    let mut rows = 0;
    let groups = sorted.into_iter().map(|(key, (count, sums))| {
        rows += count;
        let figures = sums.iter().map(Sum::figure).collect();
        totals.iter_mut().zip(sums).for_each(|(total, sum)| total.append(sum));
        Group { key, rows: count, figures }
    });
    let groups = groups.collect();
    Grouped { by, measures, groups, totals: totals.iter().map(Sum::figure).collect(), rows }
}

/// A measure under way.
#[derive(Debug)]
struct Sum {
    op: Op,
    count: u64,
    /// The sum, the smallest or the largest, with what rounding has swallowed of the sum (Neumaier 1974).
    value: f64,
    swallowed: f64,
    /// All values, for a median.
    all: Vec<f64>,
}

impl Sum {
    fn new(op: Op) -> Self {
        Self { op, count: 0, value: 0.0, swallowed: 0.0, all: Vec::new() }
    }

    /// Takes a cell that is not empty; false if it should be a number and is none.
    fn add(&mut self, cell: &str) -> bool {
        if self.op == Op::Count {
            self.count += 1;
            return true;
        }
        number(cell).map(|value| self.take(value, 1)).is_some()
    }

    fn take(&mut self, value: f64, count: u64) {
        match self.op {
            Op::Median => self.all.push(value),
            Op::Min if self.count > 0 => self.value = self.value.min(value),
            Op::Max if self.count > 0 => self.value = self.value.max(value),
            Op::Min | Op::Max => self.value = value,
            Op::Sum | Op::Mean => {
                let sum = self.value + value;
                let (large, small) =
                    if self.value.abs() >= value.abs() { (self.value, value) } else { (value, self.value) };
                self.swallowed += (large - sum) + small;
                self.value = sum;
            }
            Op::Count => {}
        }
        self.count += count;
    }

    fn append(&mut self, next: Self) {
        match self.op {
            Op::Count => self.count += next.count,
            Op::Median => {
                self.count += next.count;
                self.all.extend(next.all);
            }
            _ if next.count == 0 => {}
            _ => {
                self.take(next.value, next.count);
                self.swallowed += next.swallowed;
            }
        }
    }

    fn figure(&self) -> Option<f64> {
        if self.op == Op::Count {
            return Some(self.count as f64);
        }
        (self.count > 0).then(|| match self.op {
            Op::Sum => self.value + self.swallowed,
            Op::Mean => (self.value + self.swallowed) / self.count as f64,
            Op::Median => median(self.all.clone()),
            Op::Min | Op::Max | Op::Count => self.value,
        })
    }
}

/// The middle of some values, of which there is at least one.
fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if even => lower + (upper - lower) / 2.0,
        _ => upper,
    }
}
