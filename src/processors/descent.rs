//! Gradient descent over all rows at once. Blocks of rows are summed up in parallel and added in their order, so that
//! a model does not depend on how many threads learnt it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::samples::Samples;
use super::train_model::Model;
use crate::work::{Context, Failure};

/// Rows that are summed up in one go.
const BLOCK_ROWS: usize = 4_096;

/// What a model has learnt, for standardised features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Learnt {
    pub(super) weights: Vec<f64>,
    pub(super) intercept: f64,
}

/// How good a model is, on what it learnt from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics {
    /// Mean squared error of the standardised target, or mean log loss.
    loss: f64,
    /// Share of the target's variance that a linear model explains.
    #[serde(skip_serializing_if = "Option::is_none")]
    r2: Option<f64>,
    /// Root of the mean squared error of a linear model, in the unit of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    rmse: Option<f64>,
    /// Share of the rows that a logistic model tells right.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<f64>,
}

impl Learnt {
    /// The model before its first lesson.
    pub(super) fn nothing(features: usize) -> Self {
        Self { weights: vec![0.0; features], intercept: 0.0 }
    }

    fn score(&self, row: &[f64]) -> f64 {
        self.intercept + row.iter().zip(&self.weights).map(|(value, weight)| value * weight).sum::<f64>()
    }
}

/// Takes one step against the gradient; answers the loss after it.
///
/// # Errors
/// When the loss grows beyond all bounds, or the work must stop.
pub(super) fn step(
    samples: &Samples,
    learnt: &mut Learnt,
    model: Model,
    rate: f64,
    ctx: &Context,
) -> Result<f64, Failure> {
    let width = samples.features();
    let slopes = sum(samples, width + 1, ctx, |row, target, slopes| {
        let off = predict(model, learnt.score(row)) - target;
        row.iter().zip(slopes.iter_mut()).for_each(|(value, slope)| *slope += off * value);
        slopes[width] += off;
    })?;
    let rate = rate / samples.rows() as f64;
    learnt.weights.iter_mut().zip(&slopes).for_each(|(weight, slope)| *weight -= rate * slope);
    learnt.intercept -= rate * slopes[width];
    loss(samples, learnt, model, ctx)
}

/// How far off a model is: the mean squared error, or the mean log loss.
///
/// # Errors
/// When it is beyond all bounds, or the work must stop.
pub(super) fn loss(samples: &Samples, learnt: &Learnt, model: Model, ctx: &Context) -> Result<f64, Failure> {
    let sum = sum(samples, 1, ctx, |row, target, sum| {
        let score = learnt.score(row);
        sum[0] += match model {
            Model::Linear => (score - target) * (score - target),
            // ln(1 + e^score) - target * score, written so that a large score does not overflow.
            Model::Logistic => score.max(0.0) + (-score.abs()).exp().ln_1p() - target * score,
        };
    })?;
    let loss = sum[0] / samples.rows() as f64;
    if loss.is_finite() {
        return Ok(loss);
    }
    Err(Failure::permanent("the loss grew beyond all bounds; choose a smaller learningRate").kind("diverged"))
}

/// Looks at how good a model has become.
///
/// # Errors
/// When the work must stop.
pub(super) fn metrics(
    samples: &Samples,
    learnt: &Learnt,
    model: Model,
    loss: f64,
    ctx: &Context,
) -> Result<Metrics, Failure> {
    let rows = samples.rows() as f64;
    if model == Model::Linear {
        // The targets are standardised: their variance is one, or nothing if they are all the same.
        let varied = samples.targets.iter().any(|target| *target != samples.targets[0]);
        let r2 = varied.then_some(1.0 - loss);
        return Ok(Metrics { loss, r2, rmse: Some(loss.sqrt() * samples.target_spread()), accuracy: None });
    }
    let right = sum(samples, 1, ctx, |row, target, right| {
        right[0] += f64::from(u8::from((learnt.score(row) >= 0.0) == (target == 1.0)));
    })?;
    Ok(Metrics { loss, r2: None, rmse: None, accuracy: Some(right[0] / rows) })
}

fn predict(model: Model, score: f64) -> f64 {
    match model {
        Model::Linear => score,
        Model::Logistic => 1.0 / (1.0 + (-score).exp()),
    }
}

/// Sums up something of every row: `add` adds a row with its target to the sums.
fn sum(
    samples: &Samples,
    width: usize,
    ctx: &Context,
    add: impl Fn(&[f64], f64, &mut [f64]) + Sync,
) -> Result<Vec<f64>, Failure> {
    let features = samples.features();
    let blocks = samples.values().par_chunks(BLOCK_ROWS * features).zip(samples.targets.par_chunks(BLOCK_ROWS));
    let blocks = blocks.map(|(rows, targets)| {
        ctx.check()?;
        let mut sums = vec![0.0; width];
        rows.chunks_exact(features).zip(targets).for_each(|(row, target)| add(row, *target, &mut sums));
        Ok(sums)
    });
    let blocks: Vec<_> = blocks.collect::<Result<_, Failure>>()?;
    let mut whole = vec![0.0; width];
    blocks.iter().for_each(|block| whole.iter_mut().zip(block).for_each(|(sum, part)| *sum += part));
    Ok(whole)
}
