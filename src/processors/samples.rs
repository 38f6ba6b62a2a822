//! What a model learns from: rows of numbers, brought to a common scale so that one learning rate suits all of them.

use super::cell::{boolean, number};
use super::descent::Learnt;
use super::profile::shorten;
use super::table::{Column, Table};
use super::train_model::Model;
use crate::work::{Context, Failure};

/// Rows between two looks at whether to stop.
const ROWS_AT_ONCE: usize = 8_192;

/// Rows of standardised features, each with its target.
#[derive(Debug)]
pub(super) struct Samples {
    /// The features, row after row.
    values: Vec<f64>,
    pub(super) targets: Vec<f64>,
    scales: Vec<Scale>,
    target_scale: Scale,
}

/// How a number is brought to the common scale: `(number - mean) / spread`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    mean: f64,
    spread: f64,
}

/// Takes the columns that a model needs out of a table. A row without a number in one of them is left out and noted.
///
/// # Errors
/// When a column does not exist, when too little is left to learn from, or the work must stop.
pub(super) fn select(
    table: &Table,
    target: &str,
    features: &[String],
    model: Model,
    ctx: &Context,
) -> Result<Samples, Failure> {
    let target = table.column(target)?;
    let features: Vec<_> = features.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
    let (mut values, mut targets) = (Vec::new(), Vec::new());
    for row in 0..table.rows() {
        if row % ROWS_AT_ONCE == 0 {
            ctx.check()?;
        }
        let before = values.len();
        let taken = features.iter().try_for_each(|feature| figure(feature, row).map(|value| values.push(value)));
        match taken.and_then(|()| goal(target, row, model)) {
            Ok(value) => targets.push(value),
            Err(complaint) => {
                values.truncate(before);
                ctx.partial_error(format!("row {}", table.number(row)), complaint);
            }
        }
    }
    check(&targets, model)?;
    Ok(Samples::scaled(values, targets, features.len(), model))
}

fn figure(column: &Column, row: usize) -> Result<f64, String> {
    let cell = column.cell(row);
    number(cell).ok_or_else(|| complaint(column, cell, "no number"))
}

fn goal(column: &Column, row: usize, model: Model) -> Result<f64, String> {
    if model == Model::Linear {
        return figure(column, row);
    }
    let cell = column.cell(row);
    match (boolean(cell), number(cell)) {
        (Some(yes), _) => Ok(f64::from(u8::from(yes))),
        (_, Some(value)) if value == 0.0 || value == 1.0 => Ok(value),
        _ => Err(complaint(column, cell, "neither 0 nor 1, neither false nor true")),
    }
}

fn complaint(column: &Column, cell: &str, what: &str) -> String {
    match cell.trim() {
        "" => format!("has nothing in `{}`", column.name()),
        cell => format!("has `{}` in `{}`, which is {what}", shorten(cell), column.name()),
    }
}

/// There is something to learn.
fn check(targets: &[f64], model: Model) -> Result<(), Failure> {
    let what = match targets {
        [] | [_] => format!("there are only {} usable rows; a model needs at least two", targets.len()),
        [first, rest @ ..] if model == Model::Logistic && rest.iter().all(|other| other == first) => {
            "all rows have the same target; there is nothing to tell apart".into()
        }
        _ => return Ok(()),
    };
    Err(Failure::permanent(what).kind("nothing_to_learn"))
}

impl Samples {
    fn scaled(mut values: Vec<f64>, mut targets: Vec<f64>, width: usize, model: Model) -> Self {
        let scales: Vec<_> = (0..width).map(|at| Scale::of(values.iter().copied().skip(at).step_by(width))).collect();
        for row in values.chunks_exact_mut(width) {
            row.iter_mut().zip(&scales).for_each(|(value, scale)| *value = scale.standard(*value));
        }
        // Odds have no scale; a number to predict does, and without one a large target would need another rate.
        let target_scale = match model {
            Model::Linear => Scale::of(targets.iter().copied()),
            Model::Logistic => Scale { mean: 0.0, spread: 1.0 },
        };
        targets.iter_mut().for_each(|target| *target = target_scale.standard(*target));
        Self { values, targets, scales, target_scale }
    }

    pub(super) fn rows(&self) -> usize {
        self.targets.len()
    }

    pub(super) fn features(&self) -> usize {
        self.scales.len()
    }

    /// The standardised features of every row.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// How far apart the targets are, for errors in the unit of the data.
    pub(super) fn target_spread(&self) -> f64 {
        self.target_scale.spread
    }

    /// Weights and intercept for the data as it was before it was scaled.
    pub(super) fn original(&self, learnt: &Learnt) -> (Vec<f64>, f64) {
        let weights = learnt.weights.iter().zip(&self.scales);
        let weights: Vec<_> = weights.map(|(weight, scale)| weight * self.target_scale.spread / scale.spread).collect();
        let shift: f64 = weights.iter().zip(&self.scales).map(|(weight, scale)| weight * scale.mean).sum();
        let intercept = learnt.intercept * self.target_scale.spread + self.target_scale.mean - shift;
        (weights, intercept)
    }
}

impl Scale {
    /// The scale of some numbers. Numbers that are all the same have no spread and stay at zero.
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count().max(1) as f64;
        let mean = values.clone().map(|value| value / count).sum::<f64>();
        let spread = values.map(|value| (value - mean) * ((value - mean) / count)).sum::<f64>().sqrt();
        let usable = spread.is_finite() && spread > mean.abs() * f64::EPSILON;
        Self { mean, spread: if usable { spread } else { 1.0 } }
    }

    fn standard(self, value: f64) -> f64 {
        (value - self.mean) / self.spread
    }
}
