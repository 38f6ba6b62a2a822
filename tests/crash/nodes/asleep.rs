//! Nodes that are stopped past their lease and woken: what they held is others' by then, and what they still say is refused.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::cluster::Database;
use super::press::{Doors, Node, Part, complaints, press};
use crate::chance::{Chance, seed};
use crate::history::History;
use crate::server::Home;
use crate::wire::{ended, until};

/// The term of a node, in milliseconds.
const TERM: i64 = 3_000;

/// What a node logs that finds out how long it was silent.
const LET_GO: &str = "what runs here is let go; it will run elsewhere";

/// Once the others have taken it for dead. The database waits, and not for ever.
fn gone(database: &Database, process: u32) {
    database.tell(&format!(
        "DO $$ BEGIN FOR turn IN 1..1200 LOOP \
             IF NOT EXISTS (SELECT FROM faena.node WHERE process = {process}) THEN RETURN; END IF; PERFORM pg_sleep(0.05); \
         END LOOP; RAISE 'nobody took it for dead'; END $$"
    ));
}

fn home(database: &Database) -> Home {
    Home::on(Some(format!("{}?lease_ms={TERM}", database.url)))
}

fn millis(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<faena::clock::Timestamp>().unwrap().as_millis()
}

#[test]
fn rule_01_a_node_that_is_stopped_past_its_lease_finds_its_jobs_done_by_others() {
    let Some(database) = Database::fresh() else { return };
    let (home, doors) = (home(&database), Doors::default());
    let mut nodes = [Part::Whole, Part::Whole].map(|part| Node::start(&home, &doors, part));
    // It goes on when it is woken, whatever it is told, and reports its end.
    let payload = json!({ "durationMs": 1_500, "steps": 30, "ignoreCancel": true });
    let mut wire = nodes[0].server.wire();
    let long = wire.post("/jobs", &json!({ "subType": "sleep", "payload": payload })).unwrap().accepted();
    let job = until(&mut wire, &long, |job| job["status"] == "progress");
    if job["processId"] != nodes[0].server.id() {
        nodes.swap(0, 1);
    }
    let [stopped, other] = &mut nodes;
    stopped.server.signal(Signal::STOP);
    // Its last sign of life came before this.
    let mut wire = other.server.wire();
    let seen = wire.get("/nodes").unwrap().json();
    let seen = seen["data"].as_array().unwrap().iter().find(|node| node["processId"] == stopped.server.id()).cloned();
    let last_seen = millis(&seen.unwrap()["lastSeenAt"]);

    let done = ended(&mut wire, &long);
    assert_eq!((&done["status"], &done["processId"]), (&json!("completed"), &json!(other.server.id())), "{done}");
    let attempts = wire.get(&format!("/jobs/{long}/attempts")).unwrap().json();
    let outcomes: Vec<_> = attempts["data"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes, ["crashed", "success"], "{attempts}");
    let taken_over = millis(&attempts["data"][1]["startedAt"]);
    assert!(taken_over - last_seen >= TERM, "it was taken over {} ms after its last sign", taken_over - last_seen);

    stopped.server.signal(Signal::CONT);
    stopped.server.wait_for(LET_GO);
    // Alone again, it works under another number.
    other.server.signal(Signal::KILL);
    let mut wire = stopped.server.wire();
    let next = wire.post("/jobs", &json!({ "subType": "noop", "payload": {} })).unwrap().accepted();
    let next = ended(&mut wire, &next);
    assert_eq!((&next["status"], &next["processId"]), (&json!("completed"), &json!(stopped.server.id())), "{next}");
    assert_eq!(wire.get(&format!("/jobs/{long}")).unwrap().json(), done, "nothing was written about it since");
}

#[test]
fn nodes_that_sleep_and_wake_under_load_keep_every_promise() {
    let Some(database) = Database::fresh() else { return };
    let (home, seed, doors) = (home(&database), seed(), Doors::default());
    let mut chance = Chance::new(seed);
    let history = History::at(&home.path("history"));
    let nodes = [Part::Whole, Part::Whole, Part::Worker].map(|part| Node::start(&home, &doors, part));
    press(&home, &history, 0, &mut chance, &doors, |chance| {
        for turn in [0, 2] {
            history.wait_for_acknowledged(chance.between(10, 80));
            let server = &nodes[turn].server;
            server.signal(Signal::STOP);
            gone(&database, server.id());
            server.signal(Signal::CONT);
            server.wait_for(LET_GO);
        }
        history.wait_for_acknowledged(30);
    });
    let complaints = complaints(&home, &history, &nodes[1]);
    assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}");
}
