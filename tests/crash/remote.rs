//! Workers of other processes, and a server that is killed under them: what they were handed stays theirs.

use serde_json::{Value, json};

use crate::server::Home;
use crate::wire::{Wire, ended};

fn ask(wire: &mut Wire, path: &str, body: &Value) -> Value {
    let reply = wire.post(path, body).unwrap();
    assert!((200..300).contains(&reply.status), "{path}: {}", reply.json());
    reply.json()["data"].clone()
}

fn register(wire: &mut Wire) -> String {
    let body = json!({ "name": "outside", "subTypes": ["resize_image"], "concurrency": 9 });
    ask(wire, "/workers", &body)["workerId"].as_str().unwrap().to_owned()
}

fn say(wire: &mut Wire, worker: &str, token: &Value, kind: &str) -> Value {
    let reports = json!({ "reports": [{ "leaseToken": token, "kind": kind }] });
    ask(wire, &format!("/workers/{worker}/reports"), &reports)[0]["answer"].clone()
}

#[test]
fn rule_07_a_worker_outlives_a_server_that_is_killed_and_completes_what_it_holds() {
    let home = Home::new();
    let server = home.start();
    let mut wire = server.wire();
    let worker = register(&mut wire);
    let job = json!({ "subType": "resize_image", "payload": {} });
    let id = wire.post("/jobs", &job).unwrap().accepted();
    let take = json!({ "max": 9, "waitSeconds": 30 });
    let mut token = Value::Null;
    let mut server = server;
    for round in 0..3 {
        if round == 0 {
            let jobs = ask(&mut wire, &format!("/workers/{worker}/lease"), &take);
            token = jobs[0]["leaseToken"].clone();
        }
        // No pause between the answer and the end.
        server.kill();
        server = home.start();
        wire = server.wire();
        assert_eq!(say(&mut wire, &worker, &token, "heartbeat"), "accepted", "after kill {round}");
        let nothing = ask(&mut wire, &format!("/workers/{worker}/lease"), &json!({ "max": 9 }));
        assert_eq!(nothing, json!([]), "nobody else gets it");
    }
    for _ in 0..2 {
        assert_eq!(say(&mut wire, &worker, &token, "complete"), "accepted");
    }
    let job = ended(&mut wire, &id);
    assert_eq!((&job["status"], &job["attempt"]), (&json!("completed"), &json!(1)), "{job}");
    server.kill();
    let server = home.start();
    wire = server.wire();
    assert_eq!(say(&mut wire, &worker, &token, "complete"), "accepted", "rule 11, over a kill");
}

#[test]
fn rule_05_a_worker_that_dies_loses_its_job_to_one_that_waits_and_is_refused_when_it_comes_back() {
    let home = Home::new();
    let mut serve = home.serve(&[]);
    serve.env("FAENA_LEASE", "1");
    let server = crate::server::Server::spawn(serve).listening();
    let mut wire = server.wire();
    let (dies, waits) = (register(&mut wire), register(&mut wire));
    let id = wire.post("/jobs", &json!({ "subType": "resize_image", "payload": {} })).unwrap().accepted();
    let first = ask(&mut wire, &format!("/workers/{dies}/lease"), &json!({ "max": 1 }));
    // It says nothing more. The other one is held until the job is free.
    let second = ask(&mut wire, &format!("/workers/{waits}/lease"), &json!({ "max": 1, "waitSeconds": 60 }));
    assert_eq!((&second[0]["jobId"], &second[0]["attempt"]), (&json!(id), &json!(1)), "rule 4");
    assert_eq!((&first[0]["fencingToken"], &second[0]["fencingToken"]), (&json!(1), &json!(2)), "rule 2");
    assert_eq!(say(&mut wire, &dies, &first[0]["leaseToken"], "complete"), "stale", "rule 1");
    assert_eq!(say(&mut wire, &waits, &second[0]["leaseToken"], "complete"), "accepted");
    assert_eq!(ended(&mut wire, &id)["status"], "completed");
}
