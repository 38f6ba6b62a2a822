//! What is refused before a job is accepted, and with which words.

use faena::error::Error;
use faena::job::{Name, NewJob};
use faena::processors::{Settings, bundled};
use serde_json::{Value, json};

/// The complaints about a payload: fields with messages.
fn complaints(sub_type: &str, payload: &Value) -> Vec<(String, String)> {
    let job = NewJob::new(Name::new(sub_type).unwrap(), payload.to_string());
    match bundled(&Settings::default()).complete(job) {
        Ok(_) => Vec::new(),
        Err(Error::Invalid { details, .. }) => {
            details.into_iter().map(|detail| (detail.field, detail.message)).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

#[track_caller]
fn refused(sub_type: &str, payload: Value, expected: &str) {
    let complaints = complaints(sub_type, &payload);
    let found = complaints.iter().any(|(field, message)| format!("{field}: {message}").contains(expected));
    assert!(found, "{sub_type} {payload}: {complaints:?} instead of `{expected}`");
}

#[track_caller]
fn accepted(sub_type: &str, payload: Value) {
    assert_eq!(complaints(sub_type, &payload), [], "{sub_type} {payload}");
}

#[test]
fn every_processor_says_what_it_is() {
    let registry = bundled(&Settings::default());
    let kinds: Vec<_> = registry.iter().map(|entry| (entry.sub_type.as_str(), entry.kind.as_str())).collect();
    let mut expected = vec![
        ("command", "command"),
        ("generate_report", "report_generation"),
        ("http_request", "integration"),
        ("noop", "diagnostics"),
        ("process_data", "data_processing"),
        ("sleep", "diagnostics"),
        ("train_model", "ml_training"),
    ];
    expected.retain(|(sub_type, _)| cfg!(feature = "http-client") || *sub_type != "http_request");
    expected.retain(|(sub_type, _)| cfg!(unix) || *sub_type != "command");
    assert_eq!(kinds, expected);
    for entry in registry.iter() {
        assert!(entry.summary.ends_with('.'), "{}", entry.sub_type);
        let fields = entry.schema["properties"].as_object().into_iter().flatten();
        for (name, field) in fields {
            assert!(field["description"].is_string(), "{}: `{name}` is not described", entry.sub_type);
        }
    }
}

#[test]
fn noop_takes_any_object() {
    accepted("noop", json!({}));
    accepted("noop", json!({ "anything": [1, { "deep": null }] }));
    refused("noop", json!([]), "payload: must be a JSON object");
    refused("noop", json!(null), "payload: must be a JSON object");
}

#[test]
fn sleep_is_bounded() {
    accepted("sleep", json!({ "durationMs": 0 }));
    refused(
        "sleep",
        json!({ "durationMs": 1, "failTimes": 0 }),
        "payload.failTimes: is not valid (range: max 1000, min 1)",
    );
    accepted("sleep", json!({ "durationMs": 10, "steps": 2, "failTimes": 1, "failAtStep": 2, "panic": true }));
    refused("sleep", json!({}), "missing field `durationMs`");
    refused("sleep", json!({ "durationMs": 86_400_001 }), "payload.durationMs: is not valid (range: max 86400000");
    refused("sleep", json!({ "durationMs": -1 }), "invalid value");
    refused("sleep", json!({ "durationMs": 1, "steps": 0 }), "steps: is not valid (range: max 10000, min 1)");
    refused(
        "sleep",
        json!({ "durationMs": 1, "steps": 2, "failAtStep": 3 }),
        "failAtStep is 3, but there are only 2 steps",
    );
    refused("sleep", json!({ "durationMs": 1, "duration": 2 }), "unknown field `duration`");
}

#[test]
fn a_dataset_comes_in_exactly_one_form() {
    let only_one = "payload: give the data in exactly one of csv, rows and path";
    for (sub_type, more) in [
        ("process_data", json!({})),
        ("generate_report", json!({ "groupBy": ["a"], "measures": [{ "column": "b", "op": "sum" }], "format": "csv" })),
        ("train_model", json!({ "target": "y", "features": ["x"] })),
    ] {
        let with = |data: Value| {
            let mut whole = more.clone();
            whole.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
            whole
        };
        accepted(sub_type, with(json!({ "csv": "a\n1\n" })));
        accepted(sub_type, with(json!({ "rows": [{ "a": 1 }] })));
        accepted(sub_type, with(json!({ "path": "folder/orders.csv" })));
        refused(sub_type, with(json!({})), only_one);
        refused(sub_type, with(json!({ "csv": "a\n1\n", "rows": [{}] })), only_one);
        refused(sub_type, with(json!({ "csv": "a", "path": "a.csv" })), only_one);
        refused(sub_type, with(json!({ "csv": " \n" })), "csv is empty");
        refused(sub_type, with(json!({ "rows": [] })), "rows is empty");
        refused(sub_type, with(json!({ "rows": {} })), "invalid type");
        refused(sub_type, with(json!({ "csv": "a", "extra": 1 })), "unknown field `extra`");
        for path in ["", "/etc/passwd", "..", "../a", "a/../../b", "./a", "a\\b", "a\0"] {
            refused(sub_type, with(json!({ "path": path })), "path: must be the path of a file below the input folder");
        }
    }
}

#[test]
fn a_report_names_its_groups_and_measures() {
    let report = |changes: Value| {
        let mut whole =
            json!({ "csv": "a,b\n", "groupBy": ["a"], "measures": [{ "column": "b", "op": "sum" }], "format": "html" });
        whole.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        whole
    };
    accepted("generate_report", report(json!({ "title": "Sales" })));
    refused(
        "generate_report",
        report(json!({ "groupBy": [] })),
        "payload.groupBy: is not valid (length: max 8, min 1)",
    );
    refused("generate_report", report(json!({ "groupBy": ["a", "a"] })), "groupBy names `a` twice");
    refused("generate_report", report(json!({ "measures": [] })), "min 1");
    refused(
        "generate_report",
        report(json!({ "measures": [{ "column": "b", "op": "mode" }] })),
        "payload.measures[0].op: unknown variant `mode`",
    );
    refused("generate_report", report(json!({ "format": "pdf" })), "unknown variant `pdf`");
    refused("generate_report", report(json!({ "title": "" })), "title");
}

#[test]
fn a_model_is_bounded() {
    let model = |changes: Value| {
        let mut whole = json!({ "csv": "x,y\n", "target": "y", "features": ["x"] });
        whole.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        whole
    };
    accepted("train_model", model(json!({ "model": "logistic", "epochs": 1, "learningRate": 0.5 })));
    refused("train_model", model(json!({ "features": [] })), "min 1");
    refused("train_model", model(json!({ "features": ["x", "x"] })), "features names a column twice");
    refused("train_model", model(json!({ "features": ["y"] })), "the target must not be among the features");
    refused("train_model", model(json!({ "epochs": 0 })), "min 1");
    refused("train_model", model(json!({ "learningRate": 0 })), "exclusive_min 0");
    refused("train_model", model(json!({ "learningRate": 11 })), "max 10");
    refused("train_model", model(json!({ "model": "forest" })), "unknown variant `forest`");
}

#[cfg(feature = "http-client")]
#[test]
fn a_call_is_well_formed() {
    let call = |changes: Value| {
        let mut whole = json!({ "url": "https://service.example/path" });
        whole.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        whole
    };
    accepted("http_request", call(json!({ "method": "POST", "headers": { "X-Mark": "1" }, "body": { "a": 1 } })));
    refused("http_request", call(json!({ "url": "service" })), "url: must begin with http:// or https://");
    refused("http_request", call(json!({ "url": "file:///etc/passwd" })), "url: must begin with http:// or https://");
    refused("http_request", call(json!({ "url": "http://me:secret@service.example" })), "must not carry a password");
    refused("http_request", call(json!({ "method": "CONNECT" })), "unknown variant `CONNECT`");
    refused("http_request", call(json!({ "headers": { "Host": "other" } })), "headers: `Host` is not yours to set");
    refused("http_request", call(json!({ "headers": { "a b": "1" } })), "`a b` is no name of a header");
    refused("http_request", call(json!({ "headers": { "a": "1\r\nb: 2" } })), "the value of `a` is no value");
    refused(
        "http_request",
        call(json!({ "expectStatus": 99 })),
        "payload.expectStatus: is not valid (range: max 599, min 200)",
    );
    refused("http_request", call(json!({ "timeoutMs": 0 })), "min 1");
}

#[cfg(unix)]
#[test]
fn a_command_has_a_name() {
    accepted("command", json!({ "name": "tool", "input": [1, 2] }));
    refused("command", json!({}), "missing field `name`");
    refused("command", json!({ "name": "" }), "name");
    refused("command", json!({ "name": "tool", "args": ["-x"] }), "unknown field `args`");
}
