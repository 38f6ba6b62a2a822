//! A row of the table, and the table.

use std::io::Write;

use anyhow::Result;
use serde_json::json;

/// What was measured, beside what was aimed at.
pub struct Row {
    /// Its name, as `just bench NAME` takes it; several rows of one run share it.
    pub name: &'static str,
    /// What it is about.
    pub what: String,
    /// What was measured, or why it was not.
    pub measured: Result<f64, &'static str>,
    /// In what it was measured.
    pub unit: Unit,
    /// What was aimed at.
    pub goal: Goal,
    /// What stood beside it in the same run, for people.
    pub beside: String,
    /// Everything that was measured, for machines.
    pub details: serde_json::Value,
}

/// In what a row is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Times the yardstick of the same run.
    Ratio,
    /// Jobs or requests a second.
    PerSecond,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Mebibytes.
    Mebibytes,
    /// Hundredths of one core.
    Percent,
}

/// What a row aims at; none when the yardstick is missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Goal {
    /// What it has to reach.
    pub reach: Option<f64>,
    /// What would be best.
    pub dream: Option<f64>,
    /// Whether less is better.
    pub less_is_better: bool,
}

impl Goal {
    /// At least `reach`, better `dream`.
    pub fn at_least(reach: f64, dream: f64) -> Self {
        Self { reach: Some(reach), dream: Some(dream), less_is_better: false }
    }

    /// At most `reach`, better `dream`.
    pub fn at_most(reach: f64, dream: f64) -> Self {
        Self { reach: Some(reach), dream: Some(dream), less_is_better: true }
    }

    fn verdict(self, measured: f64) -> &'static str {
        let meets = |bound: f64| if self.less_is_better { measured <= bound } else { measured >= bound };
        match (self.reach, self.dream) {
            // First: a dream that is taken from the yardsticks of a slow run may be the lesser of the two.
            (Some(reach), _) if !meets(reach) => "missed",
            (_, Some(dream)) if meets(dream) => "dream",
            (Some(_), _) => "reached",
            (None, _) => "",
        }
    }
}

impl Unit {
    /// A figure as people read it.
    pub fn show(self, figure: f64) -> String {
        match self {
            Self::Ratio => format!("{figure:.2}"),
            Self::PerSecond => format!("{}/s", thousands(figure)),
            Self::Millis => format!("{figure:.3} ms"),
            Self::Seconds => format!("{figure:.2} s"),
            Self::Bytes => format!("{} B", thousands(figure)),
            Self::Mebibytes => format!("{figure:.1} MiB"),
            Self::Percent => format!("{figure:.2} %"),
        }
    }
}

/// Prints rows as one JSON object each, or as a table that a page of Markdown can hold.
pub fn print(rows: &[Row], as_json: bool, out: &mut impl Write) -> Result<()> {
    if as_json {
        for row in rows {
            writeln!(out, "{}", object(row))?;
        }
        return Ok(());
    }
    let head = ["row", "what", "measured", "reach", "dream", "", "beside it, in the same run"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(head).chain(rows.iter().map(line)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    for (index, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "))?;
        if index == 0 {
            writeln!(out, "| {} |", widths.map(|width| "-".repeat(width.max(3))).join(" | "))?;
        }
    }
    Ok(())
}

fn line(row: &Row) -> [String; 7] {
    let sign = if row.goal.less_is_better { "≤" } else { "≥" };
    let bound = |bound: Option<f64>| bound.map_or_else(String::new, |bound| format!("{sign} {}", row.unit.show(bound)));
    let (measured, verdict) = match row.measured {
        Ok(figure) => (row.unit.show(figure), row.goal.verdict(figure)),
        Err(reason) => (reason.to_owned(), ""),
    };
    let (reach, dream) = (bound(row.goal.reach), bound(row.goal.dream));
    [row.name.to_owned(), row.what.clone(), measured, reach, dream, verdict.to_owned(), row.beside.clone()]
}

fn object(row: &Row) -> serde_json::Value {
    json!({
        "row": row.name,
        "what": row.what,
        "measured": row.measured.ok(),
        "notMeasured": row.measured.err(),
        "unit": format!("{:?}", row.unit).to_lowercase(),
        "reach": row.goal.reach,
        "dream": row.goal.dream,
        "lessIsBetter": row.goal.less_is_better,
        "verdict": row.measured.ok().map(|figure| row.goal.verdict(figure)),
        "details": row.details,
    })
}

/// A whole number with its thousands apart.
fn thousands(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    if figure < 0.0 { format!("-{shown}") } else { shown }
}
