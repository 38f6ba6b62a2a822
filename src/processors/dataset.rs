//! The input that several processors share: rows of data, as CSV text, as JSON, or in a file of the input folder.
//! A bad row does not spoil the others: it is left out, counted, and the first hundred are named.

use std::borrow::Cow;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::path::Path;

use validator::ValidationError;

use super::input;
use super::row::{Cells, Row};
use super::table::Table;
use crate::work::{Context, Failure};

/// Rows between two looks at whether to stop.
const ROWS_AT_ONCE: u32 = 4_096;

/// Where the data is.
#[derive(Debug)]
pub(super) enum Dataset {
    /// Here, as CSV.
    Csv(String),
    /// Here, as JSON objects.
    Rows(Vec<Row>),
    /// In a file of the input folder, as CSV.
    Path(String),
}

/// Exactly one of the three was given; a rule for the payloads that hold them.
pub(super) fn exactly_one(
    csv: Option<&String>,
    rows: Option<&Vec<Row>>,
    path: Option<&String>,
) -> Result<(), ValidationError> {
    let given = usize::from(csv.is_some()) + usize::from(rows.is_some()) + usize::from(path.is_some());
    let complaint = match (given, csv, rows) {
        (1, Some(csv), _) if csv.trim().is_empty() => "csv is empty; it needs at least a line with column names",
        (1, _, Some(rows)) if rows.is_empty() => "rows is empty; it needs at least one object",
        (1, ..) => return Ok(()),
        _ => "give the data in exactly one of csv, rows and path",
    };
    Err(ValidationError::new("dataset").with_message(complaint.into()))
}

impl Dataset {
    /// The one that was given. The payload was validated before, so there is one.
    ///
    /// # Errors
    /// When there is none all the same.
    pub(super) fn given(csv: Option<String>, rows: Option<Vec<Row>>, path: Option<String>) -> Result<Self, Failure> {
        let given = csv.map(Self::Csv).or(rows.map(Self::Rows)).or(path.map(Self::Path));
        given.ok_or_else(|| Failure::permanent("there is no data").kind("bad_dataset"))
    }

    /// Reads it all, reporting progress between two percentages.
    ///
    /// # Errors
    /// When it cannot be read, has no columns, is too large, or the work must stop.
    pub(super) fn load(self, folder: Option<&Path>, ctx: &Context, share: Range<f64>) -> Result<Table, Failure> {
        let table = match self {
            Self::Csv(text) => load_csv(text.as_bytes(), text.len() as u64, ctx, &share)?,
            Self::Rows(rows) => load_rows(&rows, ctx, &share)?,
            Self::Path(path) => {
                let (file, size) = input::open(folder, &path)?;
                // A file may grow while it is read; no further than it was allowed to be.
                load_csv(BufReader::with_capacity(1 << 18, file.take(size)), size, ctx, &share)?
            }
        };
        if table.columns().is_empty() {
            return Err(Failure::permanent("the data has no columns").kind("bad_dataset"));
        }
        ctx.progress(share.end, format!("{} rows read", table.rows()));
        Ok(table)
    }
}

fn load_csv(source: impl Read, size: u64, ctx: &Context, share: &Range<f64>) -> Result<Table, Failure> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source);
    let mut table = Table::default();
    for (index, name) in reader.byte_headers().map_err(unreadable)?.iter().enumerate() {
        match String::from_utf8_lossy(name).trim() {
            "" => table.add_column(&format!("column {}", index + 1))?,
            name => table.add_column(name)?,
        };
    }
    let width = table.columns().len();
    let mut record = csv::ByteRecord::new();
    let mut number = 0;
    while reader.read_byte_record(&mut record).map_err(unreadable)? {
        number += 1;
        match cells_of(&record, width) {
            Ok(cells) => table.add_row(number, cells)?,
            Err(complaint) => ctx.partial_error(format!("row {number}"), complaint),
        }
        if number % ROWS_AT_ONCE == 0 {
            report(ctx, share, reader.position().byte() as f64 / size.max(1) as f64, number)?;
        }
    }
    Ok(table)
}

/// The cells of a record that has as many as the header, in UTF-8.
fn cells_of(record: &csv::ByteRecord, width: usize) -> Result<impl Iterator<Item = &str>, Cow<'static, str>> {
    if record.len() != width {
        return Err(format!("has {} cells, the header has {width}", record.len()).into());
    }
    if record.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
        return Err("is not UTF-8".into());
    }
    Ok(record.iter().map(|cell| std::str::from_utf8(cell).unwrap_or_default()))
}

fn load_rows(rows: &[Row], ctx: &Context, share: &Range<f64>) -> Result<Table, Failure> {
    let mut table = Table::default();
    for (number, row) in (1..).zip(rows) {
        match row {
            Row::Cells(cells) => add_object(&mut table, number, cells)?,
            Row::Bad(complaint) => ctx.partial_error(format!("row {number}"), complaint),
        }
        if number % ROWS_AT_ONCE == 0 {
            report(ctx, share, f64::from(number) / rows.len() as f64, number)?;
        }
    }
    Ok(table)
}

/// Adds a row whose cells come with their columns' names; names that are new become columns.
fn add_object(table: &mut Table, number: u32, named: &Cells) -> Result<(), Failure> {
    let mut cells = vec![""; table.columns().len()];
    for (name, cell) in named {
        let index = match table.position(name) {
            Some(index) => index,
            None => table.add_column(name)?,
        };
        cells.resize(cells.len().max(index + 1), "");
        cells[index] = cell;
    }
    table.add_row(number, cells)
}

fn report(ctx: &Context, share: &Range<f64>, done: f64, rows: u32) -> Result<(), Failure> {
    ctx.check()?;
    ctx.progress(share.start + (share.end - share.start) * done.min(1.0), format!("{rows} rows read"));
    Ok(())
}

/// The disk may do better next time.
fn unreadable(error: csv::Error) -> Failure {
    Failure::new(format!("cannot read the data: {error}")).kind("unreadable")
}
