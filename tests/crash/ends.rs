//! How a server ends when it is asked to, and how it fails to start.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::server::{Home, Server};
use crate::wire::{Wire, ended, until};

fn sleep(millis: u64) -> Value {
    json!({ "subType": "sleep", "payload": { "durationMs": millis, "steps": millis.div_ceil(500) } })
}

fn running(wire: &mut Wire, id: &str) {
    until(wire, id, |job| job["status"] == "progress");
}

#[test]
fn a_second_process_on_the_same_folder_is_refused() {
    let home = Home::new();
    let server = home.start();
    let (status, log) = Server::spawn(home.serve(&[])).ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("another process uses this store"), "{log}");
    assert!(log.contains("choose another --data"), "it says what to do: {log}");
    let job = server.wire().post("/jobs", &json!({ "subType": "noop", "payload": {} })).unwrap().accepted();
    assert_eq!(ended(&mut server.wire(), &job)["status"], "completed", "the first one is not disturbed");
}

#[test]
fn rule_19_sigterm_lets_a_running_job_finish() {
    let home = Home::new();
    let server = home.start();
    let job = server.wire().post("/jobs", &sleep(1_500)).unwrap().accepted();
    running(&mut server.wire(), &job);
    server.signal(Signal::TERM);
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    let server = home.start();
    let job = server.wire().get(&format!("/jobs/{job}")).unwrap().json();
    assert_eq!((&job["status"], &job["attempt"]), (&json!("completed"), &json!(1)), "{job}");
}

#[test]
fn a_second_sigterm_ends_the_drain_at_once() {
    let home = Home::new();
    let server = Server::spawn(home.serve(&["--grace", "3600"])).listening();
    let job = server.wire().post("/jobs", &sleep(3_600_000)).unwrap().accepted();
    running(&mut server.wire(), &job);
    server.signal(Signal::TERM);
    server.wait_for("waiting for running jobs");
    server.signal(Signal::TERM);
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopping at once"), "{log}");
    let server = home.start();
    let job = until(&mut server.wire(), &job, |job| job["status"] == "progress");
    assert_eq!(job["attempt"], 1, "no try was burnt: {job}");
}

/// A deploy is no failure: a long job lives through many of them, goes on where it was, and its tries are all left.
#[test]
fn rule_04_restarts_under_a_long_job_burn_no_try() {
    const RESTARTS: usize = 12;
    let home = Home::new();
    let rows: Vec<_> = (0..2_000).map(|x| json!({ "x": x, "y": 2 * x + 1 })).collect();
    let payload = json!({ "rows": rows, "target": "y", "features": ["x"], "epochs": 100_000 });
    let request = json!({ "subType": "train_model", "payload": payload, "retryPolicy": { "maxRetries": 0 } });
    let mut server = Server::spawn(home.serve(&["--grace", "0"])).listening();
    let job = server.wire().post("/jobs", &request).unwrap().accepted();
    let mut epochs = Vec::new();
    for _ in 0..RESTARTS {
        epochs.push(epoch(&mut server.wire(), &job));
        server.signal(Signal::TERM);
        let (status, log) = server.ended();
        assert_eq!(status.code(), Some(0), "{log}");
        server = Server::spawn(home.serve(&["--grace", "0"])).listening();
    }
    epochs.push(epoch(&mut server.wire(), &job));
    let wire = &mut server.wire();
    let attempts = wire.get(&format!("/jobs/{job}/attempts")).unwrap().json();
    let attempts = attempts["data"].as_array().unwrap();
    assert_eq!(attempts.len(), RESTARTS + 1, "{attempts:?}");
    for attempt in &attempts[..RESTARTS] {
        assert_eq!((&attempt["attempt"], &attempt["outcome"]), (&json!(1), &json!("released")), "{attempt}");
    }
    assert!(epochs.is_sorted() && epochs[1] > 1, "each goes on from the saved epoch: {epochs:?}");
    assert_eq!(wire.ask("DELETE", &format!("/jobs/{job}"), None, None).unwrap().status, 204);
    assert_eq!(ended(wire, &job)["status"], "cancelled");
}

/// How far the job is: the number in `epoch 17 of 100000: …`.
fn epoch(wire: &mut Wire, id: &str) -> u64 {
    let number = |job: &Value| job["message"].as_str()?.strip_prefix("epoch ")?.split(' ').next()?.parse().ok();
    number(&until(wire, id, |job| number(job).is_some())).unwrap()
}
