//! Models: how many of a product to stock, learnt from its price. It takes as many epochs as it is asked for, so it
//! saves what it has learnt; a try that was interrupted is gone on with.

use actix_web::{HttpRequest, HttpResponse, web};
use faena::http::{accepted, refused};
use faena::job::Priority;
use faena::service::Service;
use faena::work::{Completion, Context, Description, Failure, Processor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::Validate;

use crate::database::{Database, fenced};
use crate::door;

/// Key of the training.
pub const TRAIN: &str = "train_stock_model";

/// Epochs between two reports.
const EPOCHS_A_REPORT: u32 = 10;

/// What to train.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Training {
    /// The name that the model is kept under.
    #[validate(length(min = 1, max = 100, message = "debe tener de 1 a 100 caracteres"))]
    name: String,
    #[serde(default = "hundred")]
    #[validate(range(min = 1, max = 100_000_000, message = "debe estar entre 1 y 100000000"))]
    epochs: u32,
    #[serde(default = "tenth")]
    #[validate(range(exclusive_min = 0.0, max = 1.0, message = "debe ser mayor que 0 y como mucho 1"))]
    learning_rate: f64,
}

const fn hundred() -> u32 {
    100
}

const fn tenth() -> f64 {
    0.1
}

/// `POST /models/train`
pub async fn train(req: HttpRequest, service: web::Data<Service>, body: web::Payload) -> HttpResponse {
    match door::read::<Training>(&service, TRAIN, body).await {
        Ok((mut job, _)) => {
            // Nobody waits at the screen for a model.
            job.priority = Priority::Low;
            job.options.estimated_duration = Some("10-30 minutes".into());
            accepted(&service, &req, job, Some(&door::started(TRAIN))).await
        }
        Err(error) => refused(&req, error),
    }
}

/// Trains a model.
pub struct Train {
    pub database: Database,
}

/// What is learnt so far: stock as a line over the price, both with mean 0 and spread 1.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Learnt {
    epoch: u32,
    slope: f64,
    intercept: f64,
}

impl Processor for Train {
    type Payload = Training;

    fn describe(&self) -> Description {
        Description { kind: Some("ml_training"), summary: "Learns stock from price.", ..Description::default() }
    }

    fn run(&self, training: Training, ctx: &Context) -> Result<Completion, Failure> {
        let mut connection = self.database.connect()?;
        ctx.progress(5, "Preparando datos...");
        let pairs: Vec<(f64, f64)> = connection
            .prepare("SELECT price_cents / 100.0, stock FROM products ORDER BY sku")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let prices = Scale::of(pairs.iter().map(|pair| pair.0));
        let stocks = Scale::of(pairs.iter().map(|pair| pair.1));
        let pairs: Vec<_> = pairs.iter().map(|(price, stock)| (prices.shrink(*price), stocks.shrink(*stock))).collect();

        let mut learnt = ctx.state::<Learnt>()?.unwrap_or_default();
        if learnt.epoch > 0 {
            ctx.log(format!("continúa tras la época {}", learnt.epoch));
        }
        while learnt.epoch < training.epochs {
            ctx.check()?;
            let loss = learnt.step(&pairs, training.learning_rate);
            if learnt.epoch.is_multiple_of(EPOCHS_A_REPORT) || learnt.epoch == training.epochs {
                ctx.save_state(&learnt)?;
                let percent = 5.0 + 90.0 * f64::from(learnt.epoch) / f64::from(training.epochs);
                ctx.progress(percent, format!("Época {}/{}: pérdida {loss:.4}", learnt.epoch, training.epochs));
            }
        }

        // Back in pieces and money.
        let slope = learnt.slope * stocks.spread / prices.spread;
        let intercept = stocks.mean + learnt.intercept * stocks.spread - slope * prices.mean;
        fenced(&mut connection, ctx, |transaction| {
            transaction.execute(
                "INSERT INTO models (name, slope, intercept, epochs, trained_by) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (name) DO UPDATE SET slope = excluded.slope, intercept = excluded.intercept,
                     epochs = excluded.epochs, trained_by = excluded.trained_by",
                (&training.name, slope, intercept, learnt.epoch, ctx.job_id().to_string()),
            )?;
            Ok(())
        })?;
        ctx.progress(100, "Entrenamiento completado");
        ctx.complete_json(&json!({
            "model": training.name,
            "epochs": learnt.epoch,
            "slope": slope,
            "intercept": intercept,
            "loss": learnt.loss(&pairs),
        }))
    }
}

impl Learnt {
    /// One step against the gradient; answers the loss before it.
    fn step(&mut self, pairs: &[(f64, f64)], rate: f64) -> f64 {
        let (mut slope, mut intercept, mut loss) = (0.0, 0.0, 0.0);
        for (x, y) in pairs {
            let off = self.slope * x + self.intercept - y;
            slope += off * x;
            intercept += off;
            loss += off * off;
        }
        let share = 1.0 / pairs.len() as f64;
        self.slope -= rate * slope * share;
        self.intercept -= rate * intercept * share;
        self.epoch += 1;
        loss * share
    }

    fn loss(self, pairs: &[(f64, f64)]) -> f64 {
        let mut look = self;
        look.step(pairs, 0.0)
    }
}

/// Mean and spread of some numbers.
struct Scale {
    mean: f64,
    spread: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count().max(1) as f64;
        let mean = values.clone().sum::<f64>() / count;
        let spread = (values.map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        Self { mean, spread: if spread > 0.0 { spread } else { 1.0 } }
    }

    fn shrink(&self, value: f64) -> f64 {
        (value - self.mean) / self.spread
    }
}
