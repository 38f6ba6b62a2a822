//! A dataset in memory, column by column: the cells of a column lie one behind the other in one text, so a million
//! of them cost no more than their bytes and four more each, and going down a column is going through memory.

use std::collections::HashMap;
use std::ops::Range;

use crate::limits;
use crate::work::Failure;

/// A dataset, column by column.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    /// The number that each row had where it came from, from 1: bad ones are left out.
    numbers: Vec<u32>,
}

/// One column.
#[derive(Debug, Default)]
pub(super) struct Column {
    name: String,
    text: String,
    /// Where each cell ends in the text.
    ends: Vec<u32>,
}

impl Table {
    /// The columns, in the order of the dataset.
    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many good rows there are.
    pub(super) fn rows(&self) -> usize {
        self.numbers.len()
    }

    /// The number that the row at `index` had where it came from.
    pub(super) fn number(&self, index: usize) -> u32 {
        self.numbers.get(index).copied().unwrap_or_default()
    }

    /// The column of a name.
    ///
    /// # Errors
    /// When there is none; the message names those that there are.
    pub(super) fn column(&self, name: &str) -> Result<&Column, Failure> {
        self.by_name.get(name).map(|&index| &self.columns[index]).ok_or_else(|| {
            /// Columns that a message names.
            const NAMED: usize = 20;
            let known: Vec<_> = self.columns.iter().take(NAMED).map(|column| column.name.as_str()).collect();
            let more = if self.columns.len() > NAMED { ", …" } else { "" };
            let message = format!("the data has no column `{name}`; there are: {}{more}", known.join(", "));
            Failure::permanent(message).kind("no_such_column")
        })
    }

    /// Adds a column, empty for the rows so far.
    ///
    /// # Errors
    /// When there are too many, or one of the same name.
    pub(super) fn add_column(&mut self, name: &str) -> Result<usize, Failure> {
        let index = self.columns.len();
        if index == limits::DATASET_COLUMNS_MAX {
            return Err(too_large(format!("more than {} columns", limits::DATASET_COLUMNS_MAX)));
        }
        self.bounded(self.numbers.len(), index + 1)?;
        if self.by_name.insert(name.to_owned(), index).is_some() {
            return Err(Failure::permanent(format!("the column `{name}` is there twice")).kind("bad_dataset"));
        }
        self.columns.push(Column { name: name.into(), text: String::new(), ends: vec![0; self.numbers.len()] });
        Ok(index)
    }

    /// The place of a column, if there is one of that name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Adds a row, its cells in the order of the columns; what is missing at its end is empty.
    ///
    /// # Errors
    /// When the table is as large as it may be.
    pub(super) fn add_row<'a>(&mut self, number: u32, cells: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
        self.bounded(self.numbers.len() + 1, self.columns.len())?;
        let mut cells = cells.into_iter();
        for column in &mut self.columns {
            column.text.push_str(cells.next().unwrap_or_default());
            let end = u32::try_from(column.text.len()).map_err(|_| too_large("more than 4 GiB in a column"))?;
            column.ends.push(end);
        }
        self.numbers.push(number);
        Ok(())
    }

    fn bounded(&self, rows: usize, columns: usize) -> Result<(), Failure> {
        match rows.saturating_mul(columns) {
            0..=limits::DATASET_CELLS_MAX => Ok(()),
            _ => Err(too_large(format!("more than {} cells", limits::DATASET_CELLS_MAX))),
        }
    }
}

impl Column {
    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The cell of the row at `index`.
    pub(super) fn cell(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start as usize..self.ends[index] as usize]
    }

    /// The cells of some rows.
    pub(super) fn cells(&self, rows: Range<usize>) -> impl Iterator<Item = &str> {
        rows.map(|index| self.cell(index))
    }
}

/// A dataset that no retry makes smaller.
pub(super) fn too_large(what: impl std::fmt::Display) -> Failure {
    Failure::permanent(format!("the data has {what}; split it into smaller jobs")).kind("too_large")
}
