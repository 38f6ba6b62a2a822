//! `train_model`: fits a linear or a logistic model by gradient descent. It reports the loss of every epoch and saves
//! what it has learnt, so that a try which was interrupted is gone on with and not begun again.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

use super::dataset::{self, Dataset};
use super::descent::{self, Learnt};
use super::input;
use super::row::Row;
use super::samples::{self, Samples};
use crate::work::{Completion, Context, Description, Failure, Processor};

/// Fits a model to a dataset.
#[derive(Debug, Default)]
pub struct TrainModel {
    /// Where files that a payload names are.
    pub input: Option<PathBuf>,
}

/// A dataset in exactly one of three forms, and what to learn from it.
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
    /// The column to predict: numbers for a linear model; 0 and 1, or false and true, for a logistic one.
    target: String,
    /// The columns to predict it from, all of numbers.
    #[validate(length(min = 1, max = 256))]
    features: Vec<String>,
    /// What sort of model.
    #[serde(default)]
    model: Model,
    /// How often to go through all rows.
    #[serde(default = "hundred")]
    #[validate(range(min = 1, max = 100_000))]
    epochs: u32,
    /// How far to step against the gradient. The features are standardised, so 0.1 suits most data.
    #[serde(default = "tenth")]
    #[validate(range(exclusive_min = 0.0, max = 10.0))]
    learning_rate: f64,
}

/// What sort of model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// A number as a weighted sum of the features.
    #[default]
    Linear,
    /// The odds of yes against no as one.
    Logistic,
}

const fn hundred() -> u32 {
    100
}

const fn tenth() -> f64 {
    0.1
}

fn is_whole(payload: &Payload) -> Result<(), ValidationError> {
    dataset::exactly_one(payload.csv.as_ref(), payload.rows.as_ref(), payload.path.as_ref())?;
    let features = &payload.features;
    let complaint = if features.iter().enumerate().any(|(at, name)| features[..at].contains(name)) {
        "features names a column twice"
    } else if features.contains(&payload.target) {
        "the target must not be among the features"
    } else {
        return Ok(());
    };
    Err(ValidationError::new("features").with_message(complaint.into()))
}

/// What a try leaves for the next one.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    /// Epochs that are done.
    epoch: u32,
    learnt: Learnt,
}

/// The model, for whoever wants to predict with it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    model: Model,
    target: &'a str,
    epochs: u32,
    rows: usize,
    /// Weights for the features as they are in the data.
    weights: Vec<Weight<'a>>,
    intercept: f64,
    metrics: descent::Metrics,
}

#[derive(Debug, Serialize)]
struct Weight<'a> {
    feature: &'a str,
    weight: f64,
    /// The same for the standardised feature: how much it matters beside the others.
    standardised: f64,
}

impl Processor for TrainModel {
    type Payload = Payload;

    fn describe(&self) -> Description {
        Description {
            kind: Some("ml_training"),
            summary: "Fits a linear or logistic model by gradient descent, and goes on from the last epoch when interrupted.",
            ..Description::default()
        }
    }

    fn run(&self, payload: Payload, ctx: &Context) -> Result<Completion, Failure> {
        let data = Dataset::given(payload.csv, payload.rows, payload.path)?;
        let table = data.load(self.input.as_deref(), ctx, 0.0..5.0)?;
        let samples = samples::select(&table, &payload.target, &payload.features, payload.model, ctx)?;

        let Saved { epoch, mut learnt } = resume(&samples, ctx)?;
        let mut loss = descent::loss(&samples, &learnt, payload.model, ctx)?;
        for epoch in epoch + 1..=payload.epochs {
            loss = descent::step(&samples, &mut learnt, payload.model, payload.learning_rate, ctx)?;
            ctx.save_state(&Saved { epoch, learnt: learnt.clone() })?;
            let percent = 5.0 + 94.0 * f64::from(epoch) / f64::from(payload.epochs);
            ctx.progress(percent, format!("epoch {epoch} of {}: loss {loss:.6}", payload.epochs));
        }

        let metrics = descent::metrics(&samples, &learnt, payload.model, loss, ctx)?;
        let (weights, intercept) = samples.original(&learnt);
        let standardised = learnt.weights.iter().copied();
        let weights = payload.features.iter().zip(weights).zip(standardised);
        let weights = weights.map(|((feature, weight), standardised)| Weight { feature, weight, standardised });
        ctx.complete_json(&Report {
            model: payload.model,
            target: &payload.target,
            epochs: payload.epochs,
            rows: samples.rows(),
            weights: weights.collect(),
            intercept,
            metrics,
        })
    }
}

/// Where an earlier try got to, or the beginning.
fn resume(samples: &Samples, ctx: &Context) -> Result<Saved, Failure> {
    match ctx.state::<Saved>()? {
        Some(saved) if saved.learnt.weights.len() == samples.features() => {
            ctx.log(format!("going on after epoch {}", saved.epoch));
            Ok(saved)
        }
        Some(_) => Err(Failure::permanent("the saved state belongs to other features").kind("bad_state")),
        None => Ok(Saved { epoch: 0, learnt: Learnt::nothing(samples.features()) }),
    }
}
