//! A worker: it works and schedules, nobody can ask it anything, and it ends as a server does.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::cluster::Database;
use crate::server::{Home, Server};
use crate::wire::{Wire, ended, until};

fn worker(home: &Home) -> Server {
    let mut command = home.part("worker");
    command.arg("--no-maintenance");
    Server::spawn(command)
}

fn nodes(wire: &mut Wire) -> Vec<Value> {
    let nodes = wire.get("/nodes").unwrap().json();
    nodes["data"].as_array().unwrap().iter().map(|node| node["processId"].clone()).collect()
}

#[test]
fn a_worker_works_and_schedules_and_has_no_door() {
    let Some(database) = Database::fresh() else { return };
    let home = Home::on(Some(database.url.clone()));
    let desk = Server::spawn(home.serve(&["--no-jobs"])).listening();
    let mut wire = desk.wire();
    let schedule = json!({ "name": "each second", "subType": "noop", "payload": {}, "cronExpression": "* * * * * *", "timezone": "UTC" });
    assert_eq!(wire.post("/schedules", &schedule).unwrap().status, 201);
    let asked = wire.post("/jobs", &json!({ "subType": "noop", "payload": {} })).unwrap().accepted();
    let worker = worker(&home);
    worker.wait_for("the store is open");
    let job = ended(&mut wire, &asked);
    assert_eq!((&job["status"], &job["processId"]), (&json!("completed"), &json!(worker.id())), "{job}");
    wire.hear(2, r#""scheduleId":""#);
    let fired = wire.get("/schedules/each%20second/executions").unwrap().json();
    assert!(fired["data"][0]["scheduledFor"].is_string(), "{fired}");
    wire.post("/schedules/each%20second/disable", &json!({})).unwrap();
    assert_eq!(nodes(&mut wire), [json!(desk.id()), json!(worker.id())]);
    assert!(!worker.log().contains("listening"), "{}", worker.log());

    // Rule 19: what runs may finish.
    let payload = json!({ "durationMs": 1_500, "steps": 30 });
    let last = wire.post("/jobs", &json!({ "subType": "sleep", "payload": payload })).unwrap().accepted();
    until(&mut wire, &last, |job| job["status"] == "progress");
    worker.signal(Signal::TERM);
    let (status, log) = worker.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    let job = ended(&mut wire, &last);
    assert_eq!((&job["status"], &job["attempt"]), (&json!("completed"), &json!(1)), "{job}");
    assert_eq!(nodes(&mut wire), [json!(desk.id())], "it has said goodbye");
}

#[test]
fn a_worker_that_could_do_nothing_says_what_it_takes() {
    let (alone, idle) = (Home::new(), Home::on(Some("postgres://127.0.0.1:1/nowhere".to_owned())));
    let (status, log) = worker(&alone).ended();
    assert!(!status.success() && log.contains("that takes --store postgres://"), "{log}");
    let mut command = idle.part("worker");
    command.arg("--no-jobs");
    let (status, log) = Server::spawn(command).ended();
    assert!(!status.success() && log.contains("leave out no_jobs"), "{log}");
    let (status, log) = worker(&idle).ended();
    assert!(!status.success() && log.contains("is it running, and is the address right?"), "{log}");
}
