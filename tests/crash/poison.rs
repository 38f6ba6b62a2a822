//! Jobs that take their process down with them: counted, and given up in the end.

use faena::limits::CRASHES_MAX;
use serde_json::{Value, json};

use crate::server::{Home, Server};
use crate::wire::ended;

#[test]
fn rule_03_a_job_that_kills_its_process_is_counted_and_quarantined() {
    let home = Home::new();
    let server = home.start();
    let wire = &mut server.wire();
    // One that waits for later must not suffer from it, nor lose a try.
    let innocent = json!({ "subType": "sleep", "payload": { "durationMs": 10, "steps": 1 }, "delaySeconds": 5 });
    let innocent = wire.post("/jobs", &innocent).unwrap().accepted();
    let payload = json!({ "durationMs": 0, "abort": true });
    let poison = json!({ "subType": "sleep", "uniqueKey": "poison", "tags": ["poison"], "payload": payload });
    // It may die before it has answered.
    let _ = wire.post("/jobs", &poison);
    let (status, _) = server.ended();
    assert_eq!(status.code(), None, "it did abort");

    for crash in 2..=CRASHES_MAX {
        // It may die before it listens.
        let (status, log) = Server::spawn(home.serve(&[])).ended();
        assert_eq!(status.code(), None, "crash {crash}: {log}");
        assert!(log.contains("crashed=1"), "crash {crash}: {log}");
    }
    let server = home.start();
    let wire = &mut server.wire();
    let job = wire.get("/jobs?tag=poison").unwrap().json()["data"][0].clone();
    let poison = job["jobId"].as_str().unwrap().to_owned();
    assert_eq!((&job["status"], &job["error"]["kind"]), (&json!("failed"), &json!("crashed")), "{job}");
    let attempts = wire.get(&format!("/jobs/{poison}/attempts")).unwrap().json();
    let outcomes: Vec<_> = attempts["data"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes, vec![json!("crashed"); CRASHES_MAX as usize]);
    let dead = wire.get("/dead-letters").unwrap().json();
    assert_eq!(dead["data"][0]["jobId"], *poison, "somebody has to look at it: {dead}");

    let unharmed = ended(wire, &innocent);
    assert_eq!((&unharmed["status"], &unharmed["attempt"]), (&json!("completed"), &json!(1)), "{unharmed}");
    let again: Value = json!({ "subType": "noop", "uniqueKey": "poison", "payload": {} });
    assert_eq!(wire.post("/jobs", &again).unwrap().status, 202, "a job that has ended holds no key");
}
