//! `generate_report`: groups a dataset by some of its columns and measures others, as a page or as a table.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use validator::{Validate, ValidationError};

use super::dataset::{self, Dataset};
use super::group::{self, Grouped};
use super::row::Row;
use super::{input, page};
use crate::work::{Completion, Context, Description, Failure, Processor};

/// Makes a grouped report of a dataset.
#[derive(Debug, Default)]
pub struct GenerateReport {
    /// Where files that a payload names are.
    pub input: Option<PathBuf>,
}

/// A dataset in exactly one of three forms, and what to make of it.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[validate(schema(function = is_whole))]
pub struct Payload {
    /// The data as CSV text, the first line with the names of the columns.
    csv: Option<String>,
    /// The data as objects, each with plain values by column name.
    rows: Option<Vec<Row>>,
    /// The path of a CSV file below the server's input folder.
    #[validate(custom(function = input::plain_path))]
    path: Option<String>,
    /// Columns whose values make the groups.
    #[validate(length(min = 1, max = 8))]
    group_by: Vec<String>,
    /// What to say of each group.
    #[validate(length(min = 1, max = 32))]
    measures: Vec<Measure>,
    /// What to make: a page for people or a table for programs.
    format: Format,
    /// Heading of the page.
    #[validate(length(min = 1, max = 200))]
    title: Option<String>,
}

/// A figure of a group.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measure {
    /// The column that it is taken from.
    pub column: String,
    /// How.
    pub op: Op,
}

/// How a figure is made from the values of a column. Empty cells do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// How many there are, numbers or not.
    Count,
    /// The one in the middle, or the mean of the two in the middle.
    Median,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A page that needs nothing else.
    Html,
    /// A table.
    Csv,
}

impl Op {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::Median => "median",
        }
    }
}

fn is_whole(payload: &Payload) -> Result<(), ValidationError> {
    dataset::exactly_one(payload.csv.as_ref(), payload.rows.as_ref(), payload.path.as_ref())?;
    let twice = payload.group_by.iter().enumerate().find(|(at, name)| payload.group_by[..*at].contains(name));
    twice.map_or(Ok(()), |(_, name)| {
        let complaint = format!("groupBy names `{name}` twice");
        Err(ValidationError::new("group_by").with_message(complaint.into()))
    })
}

impl Processor for GenerateReport {
    type Payload = Payload;

    fn describe(&self) -> Description {
        Description {
            kind: Some("report_generation"),
            summary: "Groups a dataset by some of its columns and measures others, as an HTML page or as CSV.",
            ..Description::default()
        }
    }

    fn run(&self, payload: Payload, ctx: &Context) -> Result<Completion, Failure> {
        let data = Dataset::given(payload.csv, payload.rows, payload.path)?;
        let table = data.load(self.input.as_deref(), ctx, 0.0..50.0)?;
        let grouped = group::group(&table, &payload.group_by, &payload.measures, ctx, 50.0..90.0)?;
        let errors = ctx.partial_errors();
        for error in &errors.first {
            ctx.log(format!("{} {}", error.item, error.message));
        }
        ctx.check()?;
        ctx.progress(95, format!("writing {} groups", grouped.groups.len()));
        let completion = match payload.format {
            Format::Csv => ctx.complete_bytes("text/csv; charset=utf-8", table_of(&grouped)?),
            Format::Html => {
                let title = payload.title.unwrap_or_else(|| format!("Report by {}", payload.group_by.join(", ")));
                ctx.complete_bytes("text/html; charset=utf-8", page::page(&title, &grouped, &errors))
            }
        };
        ctx.progress(100, format!("{} groups of {} rows", grouped.groups.len(), grouped.rows));
        completion
    }
}

/// The report as CSV: the groups alone, so that a program may sum them up itself.
fn table_of(grouped: &Grouped) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(grouped.headings())?;
    for group in &grouped.groups {
        let figures = group.figures.iter().map(|figure| figure.map_or_else(String::new, |figure| figure.to_string()));
        writer.write_record(group.key.iter().map(|part| (*part).to_owned()).chain(figures))?;
    }
    writer.into_inner().map_err(|error| Failure::new(error.to_string()))
}
