//! `process_data`: looks at a dataset and says what is in it, column by column, in parallel.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

use super::dataset::{self, Dataset};
use super::input;
use super::profile::{Part, Profile};
use super::row::Row;
use super::table::Table;
use crate::work::context::PartialError;
use crate::work::{Completion, Context, Description, Failure, Processor};

/// Rows that are looked at in one go: between two of them a thread sees whether it must stop.
const BLOCK_ROWS: usize = 8_192;
/// Share of the work that is reading, in percent.
const READING: f64 = 40.0;

/// Profiles every column of a dataset.
#[derive(Debug, Default)]
pub struct ProcessData {
    /// Where files that a payload names are.
    pub input: Option<PathBuf>,
}

/// A dataset, in exactly one of three forms.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[validate(schema(function = has_data))]
pub struct Payload {
    /// The data as CSV text, the first line with the names of the columns.
    csv: Option<String>,
    /// The data as objects, each with plain values by column name.
    rows: Option<Vec<Row>>,
    /// The path of a CSV file below the server's input folder.
    #[validate(custom(function = input::plain_path))]
    path: Option<String>,
}

fn has_data(payload: &Payload) -> Result<(), ValidationError> {
    dataset::exactly_one(payload.csv.as_ref(), payload.rows.as_ref(), payload.path.as_ref())
}

/// What is in a dataset.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    rows: usize,
    columns: Vec<Profile>,
    errors: Vec<PartialError>,
    error_count: u64,
}

impl Processor for ProcessData {
    type Payload = Payload;

    fn describe(&self) -> Description {
        Description {
            kind: Some("data_processing"),
            summary: "Profiles every column of a dataset: type, range, mean, spread and commonest values.",
            ..Description::default()
        }
    }

    fn run(&self, payload: Payload, ctx: &Context) -> Result<Completion, Failure> {
        let data = Dataset::given(payload.csv, payload.rows, payload.path)?;
        let table = data.load(self.input.as_deref(), ctx, 0.0..READING)?;
        let columns = profile(&table, ctx)?;
        let errors = ctx.partial_errors();
        ctx.progress(100, format!("{} rows profiled, {} bad", table.rows(), errors.count));
        Completion::json(&Report { rows: table.rows(), columns, errors: errors.first, error_count: errors.count })
    }
}

/// The profiles of all columns. Columns and the blocks of each are shared out among the threads.
fn profile(table: &Table, ctx: &Context) -> Result<Vec<Profile>, Failure> {
    let blocks = table.rows().div_ceil(BLOCK_ROWS);
    let (done, all) = (AtomicU64::new(0), (blocks * table.columns().len()) as u64);
    table
        .columns()
        .par_iter()
        .map(|column| {
            let parts = (0..blocks).into_par_iter().map(|block| {
                ctx.check()?;
                let rows = block * BLOCK_ROWS..table.rows().min((block + 1) * BLOCK_ROWS);
                let part = Part::of(column.cells(rows));
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                let percent = READING + (99.0 - READING) * done as f64 / all as f64;
                if percent as u8 > ctx.percent() {
                    ctx.progress(percent, format!("profiled {done} of {all} blocks, now in `{}`", column.name()));
                }
                Ok(part)
            });
            let parts: Vec<_> = parts.collect::<Result<_, Failure>>()?;
            let mut whole = Part::default();
            parts.into_iter().for_each(|part| whole.append(part));
            Ok(whole.finish(column.name()))
        })
        .collect()
}
