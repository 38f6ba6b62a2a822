//! A database without room, played by a bound on the size of its files: what grows beyond it is written in part, which the server
//! takes for a full disk.

use serde_json::{Value, json};

use super::own::Own;
use crate::chance::{Chance, seed};
use crate::server::Home;
use crate::wire::{Wire, ended, until};

/// More than any file has before, and half a page: the page that does not fit any more is written in part.
const BOUNDS: [u64; 2] = [(2 << 20) + 4096, (4 << 20) + 4096];

/// A job with a payload that cannot be squeezed.
fn large(chance: &mut Chance) -> Value {
    let filling: String = (0..6_000).map(|_| format!("{:016x}", chance.number())).collect();
    json!({ "subType": "noop", "payload": { "filling": filling } })
}

/// Posts until the store refuses; what was acknowledged before.
fn fill(wire: &mut Wire, chance: &mut Chance) -> Vec<String> {
    let mut acknowledged = Vec::new();
    loop {
        let reply = wire.post("/jobs", &large(chance)).unwrap();
        if reply.status == 202 {
            acknowledged.push(reply.accepted());
            assert!(acknowledged.len() < 500, "the bound is not felt");
            continue;
        }
        let json = reply.json();
        assert_eq!((reply.status, &json["code"]), (503, &json!("unavailable")), "{json}");
        assert!(json["error"].as_str().unwrap().contains("53100"), "{json}");
        let seconds: u64 = reply.retry_after.expect("Retry-After").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        return acknowledged;
    }
}

#[test]
fn without_room_in_the_database_new_work_is_refused_and_nothing_is_lost() {
    let Some(mut own) = Own::start(&[("FAENA_POSTGRES_INIT", "--wal-segsize=1")]) else { return };
    let (home, mut chance) = (Home::on(Some(format!("{}?lease_ms=4000", own.url))), Chance::new(seed()));
    let server = home.start();
    let wire = &mut server.wire();
    let long = json!({ "subType": "sleep", "payload": { "durationMs": 600_000, "steps": 10_000 } });
    let long = wire.post("/jobs", &long).unwrap().accepted();
    let short = json!({ "subType": "sleep", "payload": { "durationMs": 2_000, "steps": 100 } });
    let short = wire.post("/jobs", &short).unwrap().accepted();
    until(wire, &short, |job| job["progress"].as_u64() > Some(0));
    own.say(&format!("bound {}", BOUNDS[0]));
    let mut acknowledged = fill(wire, &mut chance);

    let message = wire.get(&format!("/jobs/{long}")).unwrap().json()["message"].clone();
    until(wire, &long, |job| job["message"] != message);
    own.say("bound unlimited");
    let job = ended(wire, &short);
    assert_eq!(job["status"], "completed", "{job}\n{}", server.log());
    acknowledged.push(wire.post("/jobs", &large(&mut chance)).unwrap().accepted());

    // And with the end of the process in the middle of it.
    own.say(&format!("bound {}", BOUNDS[1]));
    acknowledged.extend(fill(wire, &mut chance));
    server.kill();
    own.say("bound unlimited");
    let server = home.start();
    let wire = &mut server.wire();
    for id in &acknowledged {
        let job = ended(wire, id);
        assert_eq!(job["status"], "completed", "{job}");
    }
}
