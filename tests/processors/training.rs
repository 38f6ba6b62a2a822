//! `train_model`: what it learns, what it reports, and that it goes on where it stopped.

use std::sync::Arc;

use faena::processors::train_model::TrainModel;
use faena::work::{Completion, Context, Failure, Processor};
use serde_json::{Value, json};

use crate::{Heard, close, job, kind_of, payload, result_of, run};

/// Rows of `y = 3·a − 2·b + 5`, the features on very different scales.
fn plane(rows: usize) -> String {
    let rows = (0..rows).map(|n| {
        let (a, b) = ((n * 37 % 101) as f64, (n * 53 % 97) as f64 * 1e-3);
        format!("{a},{b},{}\n", 3.0 * a - 2.0 * b + 5.0)
    });
    std::iter::once("a,b,y\n".to_owned()).chain(rows).collect()
}

fn told(changes: Value) -> Value {
    let mut whole = json!({ "csv": plane(500), "target": "y", "features": ["a", "b"], "epochs": 20 });
    whole.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    whole
}

fn trained(changes: Value) -> Result<Completion, Failure> {
    run(&TrainModel::default(), &told(changes))
}

fn figures(report: &Value) -> Vec<f64> {
    let weights = report["weights"].as_array().unwrap().iter().map(|weight| weight["weight"].as_f64().unwrap());
    weights.chain([report["intercept"].as_f64().unwrap()]).collect()
}

#[test]
fn a_plane_is_found_in_the_units_of_the_data() {
    let report = result_of(trained(json!({ "epochs": 300, "learningRate": 0.5 })).unwrap());
    let found = figures(&report);
    for (found, expected) in found.iter().zip([3.0, -2.0, 5.0]) {
        assert!((found - expected).abs() < 1e-6, "{report}");
    }
    assert_eq!((&report["weights"][0]["feature"], &report["rows"]), (&json!("a"), &json!(500)));
    assert!(close(report["metrics"]["r2"].as_f64().unwrap(), 1.0), "{report}");
    assert!(report["metrics"]["rmse"].as_f64().unwrap() < 1e-6);
    assert!(report["metrics"].get("accuracy").is_none());
}

#[test]
fn two_classes_are_told_apart() {
    let rows: Vec<_> = (0..200).map(|n| json!({ "x": n, "noise": n * 7919 % 13, "late": n >= 120 })).collect();
    let changes = json!({ "csv": null, "rows": rows, "target": "late", "features": ["x", "noise"], "model": "logistic", "epochs": 500, "learningRate": 2.0 });
    let report = result_of(trained(changes).unwrap());
    assert!(report["metrics"]["accuracy"].as_f64().unwrap() > 0.97, "{report}");
    let found = figures(&report);
    let odds = |x: f64| found[0] * x + found[1] * 6.0 + found[2];
    assert!(odds(60.0) < 0.0 && odds(180.0) > 0.0, "{report}");
    assert!(report["metrics"].get("r2").is_none());
}

#[test]
fn every_epoch_is_reported_with_a_loss_that_falls() {
    let heard = Arc::new(Heard::default());
    let ctx = heard.context(job(1), |_, _| false);
    TrainModel::default().run(payload(&told(json!({}))), &ctx).unwrap();
    let epochs: Vec<_> = heard.messages().into_iter().filter(|message| message.starts_with("epoch ")).collect();
    assert_eq!(epochs.len(), 20);
    assert!(epochs[0].starts_with("epoch 1 of 20: loss "), "{epochs:?}");
    let losses: Vec<f64> = epochs.iter().map(|message| message.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
}

#[test]
fn an_interrupted_try_is_gone_on_with() {
    let heard = Arc::new(Heard::default());
    let ctx = heard.context(job(1), |_, message| message.starts_with("epoch 7 "));
    let failure = TrainModel::default().run(payload(&told(json!({}))), &ctx).unwrap_err();
    assert!(failure.is_stopped());
    let saved: Value = ctx.state().unwrap().unwrap();
    assert_eq!(saved["epoch"], 7);

    let mut again = job(2);
    again.life.saved = Some(saved.to_string().into());
    let heard = Arc::new(Heard::default());
    let ctx = heard.context(again, |_, _| false);
    let resumed = result_of(TrainModel::default().run(payload(&told(json!({}))), &ctx).unwrap());
    let first = heard.messages().into_iter().find(|message| message.starts_with("epoch ")).unwrap();
    assert!(first.starts_with("epoch 8 of 20"), "{first}");
    assert_eq!(*ctx.lines(), [Box::from("going on after epoch 7")]);

    let whole = result_of(trained(json!({})).unwrap());
    assert!(figures(&resumed).iter().zip(figures(&whole)).all(|(a, b)| close(*a, b)), "{resumed} {whole}");
}

#[test]
fn a_state_that_is_already_at_the_end_needs_no_more_epochs() {
    let ctx = Context::detached(job(1));
    let done = result_of(TrainModel::default().run(payload(&told(json!({}))), &ctx).unwrap());
    let mut again = job(2);
    again.life.saved = Some(ctx.state::<Value>().unwrap().unwrap().to_string().into());
    let again = result_of(TrainModel::default().run(payload(&told(json!({}))), &Context::detached(again)).unwrap());
    assert!(figures(&done).iter().zip(figures(&again)).all(|(a, b)| close(*a, b)));
}

#[test]
fn a_state_of_another_model_is_refused() {
    let mut job = job(2);
    job.life.saved = Some(r#"{"epoch": 3, "learnt": {"weights": [1.0], "intercept": 0.0}}"#.into());
    let failure = TrainModel::default().run(payload(&told(json!({}))), &Context::detached(job)).unwrap_err();
    assert_eq!(kind_of(&failure), "bad_state");
}

#[test]
fn rows_that_cannot_be_used_are_named_and_left_out() {
    let rows = json!([
        { "x": 1, "y": 2 }, { "x": "many", "y": 2 }, { "x": 3 }, { "x": 2, "y": 4 }, { "x": 3, "y": 6 },
    ]);
    let changes = json!({ "csv": null, "rows": rows, "features": ["x"], "epochs": 200, "learningRate": 0.5 });
    let report = result_of(trained(changes).unwrap());
    assert_eq!((&report["rows"], &report["errorCount"]), (&json!(3), &json!(2)));
    assert_eq!(
        report["errors"],
        json!([
            { "item": "row 2", "message": "has `many` in `x`, which is no number" },
            { "item": "row 3", "message": "has nothing in `y`" },
        ])
    );
    assert!((report["weights"][0]["weight"].as_f64().unwrap() - 2.0).abs() < 1e-6);
}

#[test]
fn what_cannot_be_learnt_is_refused_for_good() {
    for (changes, kind) in [
        (json!({ "csv": "a,b,y\n1,2,3\n" }), "nothing_to_learn"),
        (json!({ "csv": "a,b,y\n1,2,1\n2,3,1\n", "model": "logistic" }), "nothing_to_learn"),
        (json!({ "csv": "a,b,y\n1,2,7\n2,3,8\n", "model": "logistic" }), "nothing_to_learn"),
        (json!({ "features": ["a", "z"] }), "no_such_column"),
        (json!({ "learningRate": 10, "epochs": 5_000 }), "diverged"),
    ] {
        let failure = trained(changes.clone()).unwrap_err();
        assert_eq!(kind_of(&failure), kind, "{changes}: {failure}");
        assert!(!failure.is_retryable());
    }
}

#[test]
fn a_feature_that_never_changes_does_no_harm() {
    let csv = "a,b,y\n1,9,2\n2,9,4\n3,9,6\n";
    let report = result_of(trained(json!({ "csv": csv, "epochs": 300, "learningRate": 0.5 })).unwrap());
    assert!((report["weights"][0]["weight"].as_f64().unwrap() - 2.0).abs() < 1e-6, "{report}");
    assert_eq!(report["weights"][1]["weight"], 0.0);
}

#[test]
fn a_model_does_not_depend_on_the_number_of_threads() {
    let data = told(json!({ "csv": plane(20_000), "epochs": 3 }));
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| result_of(run(&TrainModel::default(), &data).unwrap()))
    };
    assert_eq!(with_threads(1), with_threads(4));
}
