//! `process_data`: what it says of a column, against a slow and simple reference.

use std::collections::HashMap;
use std::sync::Arc;

use faena::processors::process_data::ProcessData;
use faena::processors::sample::write_sample;
use faena::work::{Context, Processor};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Heard, close, job, payload, result_of, run};

/// The profile of one column with these cells.
fn profile(cells: &[impl AsRef<str>]) -> Value {
    let rows: Vec<_> = cells.iter().map(|cell| json!({ "x": cell.as_ref() })).collect();
    let report = result_of(run(&ProcessData::default(), &json!({ "rows": rows })).unwrap());
    report["columns"][0].clone()
}

#[test]
fn a_column_of_whole_numbers() {
    let column = profile(&["3", "1", "", "2", "2"]);
    assert_eq!(
        column,
        json!({
            "name": "x", "type": "integer", "count": 4, "empty": 1, "distinct": 3, "distinctIsExact": true,
            "min": 1, "max": 3, "mean": 2.0, "stddev": (2.0f64 / 3.0).sqrt(),
            "top": [{ "value": "2", "count": 2 }, { "value": "1", "count": 1 }, { "value": "3", "count": 1 }],
        })
    );
}

#[test]
fn types_are_those_of_all_cells() {
    for (cells, r#type, min, max) in [
        (vec!["1", "2.5"], "number", json!(1.0), json!(2.5)),
        (vec!["true", "FALSE", ""], "boolean", json!("FALSE"), json!("true")),
        (vec!["2026-01-31", "2025-02-01T10:00:00Z"], "date", json!("2025-02-01T10:00:00Z"), json!("2026-01-31")),
        (vec!["b", "a"], "text", json!("a"), json!("b")),
        (vec!["", " "], "empty", json!(null), json!(null)),
        (vec!["1", "n/a"], "mixed", json!("1"), json!("n/a")),
        (vec!["2026-02-30"], "text", json!("2026-02-30"), json!("2026-02-30")),
    ] {
        let column = profile(&cells);
        assert_eq!((&column["type"], &column["min"], &column["max"]), (&json!(r#type), &min, &max), "{cells:?}");
        assert_eq!(column["mean"].is_null(), r#type != "number", "{cells:?}");
    }
}

#[test]
fn a_small_spread_around_a_large_number_is_not_lost() {
    // Their squares differ beyond what a double can hold; a sum of squares would come out as nonsense.
    let cells: Vec<_> = [4, 7, 13, 16].iter().cycle().take(40_000).map(|n| (1_000_000_000 + n).to_string()).collect();
    let column = profile(&cells);
    assert!(close(column["mean"].as_f64().unwrap(), 1_000_000_010.0), "{column}");
    let expected = (22.5f64 * 40_000.0 / 39_999.0).sqrt();
    assert!((column["stddev"].as_f64().unwrap() - expected).abs() < 1e-6, "{column}");
}

#[test]
fn the_commonest_values_come_first_and_long_ones_are_cut() {
    let mut cells: Vec<_> = (0..15).flat_map(|n| vec![format!("v{n:02}"); n + 1]).collect();
    cells.extend(vec!["é".repeat(300); 40]);
    let column = profile(&cells);
    let top = column["top"].as_array().unwrap();
    assert_eq!(top.len(), 10);
    assert_eq!(top[0], json!({ "value": format!("{}…", "é".repeat(100)), "count": 40 }));
    assert_eq!(top[1], json!({ "value": "v14", "count": 15 }));
    assert_eq!(top[9], json!({ "value": "v06", "count": 7 }));
}

#[test]
fn beyond_its_bound_a_count_of_different_values_says_that_it_is_none() {
    let csv: String = std::iter::once("x\n".to_owned()).chain((0..250_500).map(|n| format!("{n}\n"))).collect();
    let report = result_of(run(&ProcessData::default(), &json!({ "csv": csv })).unwrap());
    let column = &report["columns"][0];
    assert_eq!((&column["distinct"], &column["distinctIsExact"]), (&json!(250_000), &json!(false)));
    assert_eq!(
        (&column["count"], &column["max"]),
        (&json!(250_500), &json!(250_499)),
        "the rest is exact all the same"
    );
}

#[test]
fn a_hundred_thousand_orders_are_profiled_with_progress_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    write_sample(&folder.path().join("orders.csv"), 100_000, 7).unwrap();
    let heard = Arc::new(Heard::default());
    let ctx = heard.context(job(1), |_, _| false);
    let processor = ProcessData { input: Some(folder.path().to_owned()) };
    let report = result_of(processor.run(payload(&json!({ "path": "orders.csv" })), &ctx).unwrap());

    let bad = report["errorCount"].as_u64().unwrap();
    assert_eq!(report["rows"].as_u64().unwrap() + bad, 100_000);
    assert!(bad > 0 && report["errors"].as_array().unwrap().len() as u64 == bad.min(100));
    let types: Vec<_> =
        report["columns"].as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["integer", "date", "text", "text", "integer", "number", "number", "text"]);
    let said = heard.0.lock();
    assert!(said.windows(2).all(|pair| pair[0].0 <= pair[1].0), "it never falls");
    assert!(said.len() > 20, "a watcher sees it move: {}", said.len());
    assert_eq!(said.last().unwrap().0, 100);
}

#[test]
fn profiling_stops_when_asked() {
    let heard = Arc::new(Heard::default());
    let ctx = heard.context(job(1), |_, message| message.starts_with("profiled"));
    let csv = format!("a,b\n{}", "1,2\n".repeat(100_000));
    let failure = ProcessData::default().run(payload(&json!({ "csv": csv })), &ctx).unwrap_err();
    assert!(failure.is_stopped());
    assert!(ctx.percent() < 95, "{}", ctx.percent());
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let rows: Vec<_> = (0..30_000).map(|n| json!({ "x": f64::from(n).sqrt() * 1e7, "y": n % 7 })).collect();
    let data = json!({ "rows": rows });
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| result_of(run(&ProcessData::default(), &data).unwrap()))
    };
    assert_eq!(with_threads(1), with_threads(4));
}

/// A cell of any sort, with numbers of very different size.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<i32>().prop_map(|n| n.to_string()),
        3 => (-1e12..1e12).prop_map(|x: f64| x.to_string()),
        2 => (-9i32..9).prop_map(|n| n.to_string()),
        1 => Just(String::new()),
        1 => "[a-c]{1,2}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Few cells, repeated until they fill several blocks, say what a plain reference says of them.
    #[test]
    fn profiles_agree_with_a_reference(few in prop::collection::vec(cell(), 1..40), rows in 1usize..20_000) {
        let cells: Vec<_> = few.iter().cycle().take(rows).collect();
        let column = profile(&cells);

        let filled: Vec<_> = cells.iter().filter(|cell| !cell.is_empty()).collect();
        let mut counts = HashMap::new();
        filled.iter().for_each(|cell| *counts.entry(cell.as_str()).or_insert(0u64) += 1);
        prop_assert_eq!(column["count"].as_u64().unwrap(), filled.len() as u64);
        prop_assert_eq!(column["empty"].as_u64().unwrap(), (cells.len() - filled.len()) as u64);
        prop_assert_eq!(column["distinct"].as_u64().unwrap(), counts.len() as u64);
        let mut sorted: Vec<_> = counts.into_iter().collect();
        sorted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        sorted.truncate(10);
        let top: Vec<_> = sorted.iter().map(|(value, count)| json!({ "value": value, "count": count })).collect();
        prop_assert_eq!(&column["top"], &Value::from(top));

        let numbers: Vec<f64> = filled.iter().filter_map(|cell| cell.parse().ok()).collect();
        if numbers.len() == filled.len() && !numbers.is_empty() {
            let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
            let squares = numbers.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
            let scale = numbers.iter().fold(1.0f64, |scale, x| scale.max(x.abs()));
            prop_assert!((column["mean"].as_f64().unwrap() - mean).abs() <= 1e-9 * scale, "{} {}", column, mean);
            if numbers.len() > 1 {
                let stddev = (squares / (numbers.len() - 1) as f64).sqrt();
                prop_assert!((column["stddev"].as_f64().unwrap() - stddev).abs() <= 1e-9 * scale, "{} {}", column, stddev);
            }
            let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert_eq!(column["min"].as_f64().unwrap(), least);
        } else if !filled.is_empty() {
            prop_assert!(column["mean"].is_null() && column["stddev"].is_null());
        }
    }
}

#[test]
fn nobody_listening_changes_nothing() {
    let data = json!({ "csv": "a\n1\n2\n" });
    let alone = ProcessData::default().run(payload(&data), &Context::detached(job(1))).unwrap();
    let heard = Arc::new(Heard::default());
    let watched = ProcessData::default().run(payload(&data), &heard.context(job(1), |_, _| false)).unwrap();
    assert_eq!(result_of(alone), result_of(watched));
}
