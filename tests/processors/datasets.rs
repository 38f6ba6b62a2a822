//! Where data comes from: text, objects, files. And which files it may not come from.

use std::sync::Arc;

use faena::processors::process_data::ProcessData;
use faena::work::{Context, Failure, Processor};
use serde_json::{Value, json};

use crate::{Heard, job, kind_of, payload, result_of, run, write};

fn profile(data: &impl std::fmt::Display) -> Value {
    result_of(run(&ProcessData::default(), data).unwrap())
}

fn from_folder(folder: &std::path::Path, path: &str) -> Result<Value, Failure> {
    let processor = ProcessData { input: Some(folder.to_owned()) };
    processor.run(payload(&json!({ "path": path })), &Context::detached(job(1))).map(result_of)
}

fn names(report: &Value) -> Vec<&str> {
    report["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect()
}

#[test]
fn the_three_forms_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "name,amount\nana,1.5\nbo,\n";
    write(folder.path(), "deep/data.csv", csv);
    let as_csv = profile(&json!({ "csv": csv }));
    assert_eq!(as_csv["rows"], 2);
    let rows = r#"{"rows": [{"name": "ana", "amount": 1.5}, {"name": "bo", "amount": null}]}"#;
    assert_eq!(as_csv, profile(&rows));
    assert_eq!(as_csv, from_folder(folder.path(), "deep/data.csv").unwrap());
}

#[test]
fn bad_rows_of_csv_are_counted_and_named_and_the_others_stay() {
    let report = profile(&json!({ "csv": "a,b\n1,2\n3\n4,5,6\n7,8\n" }));
    assert_eq!(report["rows"], 2);
    assert_eq!(report["errorCount"], 2);
    assert_eq!(
        report["errors"],
        json!([
            { "item": "row 2", "message": "has 1 cells, the header has 2" },
            { "item": "row 3", "message": "has 3 cells, the header has 2" },
        ])
    );
    assert_eq!(report["columns"][0]["top"], json!([{ "value": "1", "count": 1 }, { "value": "7", "count": 1 }]));
}

#[test]
fn bad_rows_of_objects_are_counted_and_named_and_the_others_stay() {
    let report = profile(&json!({ "rows": [{ "a": 1 }, 7, { "a": [1] }, null, "text", { "b": true, "a": 2 }, {}] }));
    assert_eq!((&report["rows"], &report["errorCount"]), (&json!(3), &json!(4)));
    let messages: Vec<_> =
        report["errors"].as_array().unwrap().iter().map(|error| error["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["is no object", "`a` is no plain value", "is no object", "is no object"]);
    assert_eq!(names(&report), ["a", "b"], "in the order of their first appearance");
    assert_eq!((&report["columns"][1]["count"], &report["columns"][1]["empty"]), (&json!(1), &json!(2)));
}

#[test]
fn only_the_first_hundred_bad_rows_are_named() {
    let csv = format!("a,b\n{}", "x\n".repeat(250));
    let report = profile(&json!({ "csv": csv }));
    assert_eq!(report["errorCount"], 250);
    assert_eq!(report["errors"].as_array().unwrap().len(), 100);
    assert_eq!(report["errors"][99]["item"], "row 100");
}

#[test]
fn csv_is_read_as_people_write_it() {
    let report = profile(&json!({ "csv": "\u{feff}name,,\"a, b\"\r\n\"say \"\"hi\"\"\",2,\"two\nlines\"\r\n" }));
    assert_eq!(names(&report), ["name", "column 2", "a, b"]);
    assert_eq!(report["columns"][0]["min"], "say \"hi\"");
    assert_eq!(report["columns"][2]["min"], "two\nlines");
    assert_eq!(report["errorCount"], 0);
}

#[test]
fn a_header_alone_is_a_dataset_without_rows() {
    let report = profile(&json!({ "csv": "a,b\n" }));
    assert_eq!(report["rows"], 0);
    assert_eq!(report["columns"][1]["type"], "empty");
}

#[test]
fn columns_that_cannot_be_told_apart_are_refused() {
    let failure = run(&ProcessData::default(), &json!({ "csv": "a,b,a\n1,2,3\n" })).unwrap_err();
    assert_eq!(failure.message(), "the column `a` is there twice");
    assert!(!failure.is_retryable());
}

#[test]
fn too_many_columns_are_refused_before_they_fill_the_memory() {
    let header: Vec<_> = (0..1_001).map(|at| format!("c{at}")).collect();
    let failure = run(&ProcessData::default(), &json!({ "csv": header.join(",") })).unwrap_err();
    assert_eq!(kind_of(&failure), "too_large");
}

#[test]
fn bytes_that_are_no_text_are_a_bad_row() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mixed.csv", b"a\nok\n\xff\xfe\nalso ok\n");
    let report = from_folder(folder.path(), "mixed.csv").unwrap();
    assert_eq!(report["rows"], 2);
    assert_eq!(report["errors"], json!([{ "item": "row 2", "message": "is not UTF-8" }]));
}

#[test]
fn no_path_leads_out_of_the_input_folder() {
    let place = tempfile::tempdir().unwrap();
    let (inside, outside) = (place.path().join("in"), place.path().join("in-secret"));
    write(&inside, "good.csv", "a\n1\n");
    write(&inside, "sub/file.csv", "a\n1\n");
    write(&outside, "secret.csv", "a\n1\n");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outside.join("secret.csv"), inside.join("link.csv")).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("linked")).unwrap();
        std::os::unix::fs::symlink(inside.join("good.csv"), inside.join("alias.csv")).unwrap();
        assert!(from_folder(&inside, "alias.csv").is_ok(), "a link that stays inside is a file like any other");
    }
    assert!(from_folder(&inside, "good.csv").is_ok());
    let absolute = outside.join("secret.csv");
    for path in [
        "link.csv",
        "linked/secret.csv",
        "../in-secret/secret.csv",
        "sub/../../in-secret/secret.csv",
        absolute.to_str().unwrap(),
    ] {
        let failure = from_folder(&inside, path).unwrap_err();
        assert_eq!(kind_of(&failure), "forbidden_path", "{path}: {failure}");
        assert!(!failure.is_retryable());
    }
}

#[test]
fn what_is_no_file_is_refused_without_a_word_about_the_machine() {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), "sub/file.csv", "a\n1\n");
    for path in ["missing.csv", "sub", "sub/file.csv/deeper"] {
        let failure = from_folder(place.path(), path).unwrap_err();
        assert_eq!(kind_of(&failure), "no_such_file", "{path}: {failure}");
        assert!(!failure.message().contains(place.path().to_str().unwrap()), "{failure}");
    }
    let failure = run(&ProcessData::default(), &json!({ "path": "a.csv" })).unwrap_err();
    assert_eq!(kind_of(&failure), "no_input_folder");
}

#[test]
fn reading_stops_when_asked() {
    let heard = Arc::new(Heard::default());
    let ctx = heard.context(job(1), |_, message| message.ends_with("rows read"));
    let csv = format!("a\n{}", "1\n".repeat(50_000));
    let failure = ProcessData::default().run(payload(&json!({ "csv": csv })), &ctx).unwrap_err();
    assert!(failure.is_stopped());
    assert_eq!(heard.messages(), ["4096 rows read"], "it looked up after its first rows");
}
