//! A disk without room, played by a bound on the size of files: the kernel refuses each write beyond it.

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use serde_json::{Value, json};

use crate::server::{Home, Server};
use crate::wire::{Wire, ended, until};

/// Starts a server that gets an error for a file that grew too long, rather than a signal.
fn start(home: &Home) -> Server {
    start_as(home, home.serve(&[]))
}

/// The same with what keeps a server well.
fn start_maintained(home: &Home) -> Server {
    start_as(home, home.maintained())
}

fn start_as(home: &Home, served: std::process::Command) -> Server {
    let mut command = home.command("sh");
    command.arg("-c").arg("trap '' XFSZ; exec \"$@\"").arg("sh").arg(served.get_program()).args(served.get_args());
    Server::spawn(command).listening()
}

/// Bounds the size of each file that the server writes.
fn bound(server: &Server, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(server.pid()), Resource::Fsize, limit).unwrap();
}

fn large() -> Value {
    json!({ "subType": "noop", "payload": { "filling": "x".repeat(100_000) } })
}

/// Posts until the store refuses; what was acknowledged before.
fn fill(wire: &mut Wire) -> Vec<String> {
    let mut acknowledged = Vec::new();
    loop {
        let reply = wire.post("/jobs", &large()).unwrap();
        if reply.status == 202 {
            acknowledged.push(reply.accepted());
            assert!(acknowledged.len() < 1_000, "the bound is not felt");
            continue;
        }
        let json = reply.json();
        assert_eq!((reply.status, &json["code"]), (503, &json!("unavailable")), "{json}");
        let seconds: u64 = reply.retry_after.expect("Retry-After").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        return acknowledged;
    }
}

#[test]
fn without_room_new_work_is_refused_what_runs_goes_on_and_nothing_is_lost() {
    let home = Home::new();
    let server = start(&home);
    let wire = &mut server.wire();
    let long = json!({ "subType": "sleep", "payload": { "durationMs": 600_000, "steps": 10_000 } });
    let long = wire.post("/jobs", &long).unwrap().accepted();
    let short = json!({ "subType": "sleep", "payload": { "durationMs": 2_000, "steps": 100 } });
    let short = wire.post("/jobs", &short).unwrap().accepted();
    until(wire, &short, |job| job["progress"].as_u64() > Some(0));
    bound(&server, Some(2_000_000));
    let mut acknowledged = fill(wire);

    let message = wire.get(&format!("/jobs/{long}")).unwrap().json()["message"].clone();
    until(wire, &long, |job| job["message"] != message);
    assert_eq!(wire.post("/jobs", &large()).unwrap().status, 503, "still no room");
    let ready = wire.get("/health/ready").unwrap();
    assert_eq!(ready.status, 503, "{}", ready.json());

    bound(&server, None);
    // The ending of a job that ran meanwhile is shown once it is on disk.
    let job = ended(wire, &short);
    assert_eq!(job["status"], "completed", "{job}\n{}", server.log());
    server.wait_for("the store can write again");
    acknowledged.push(wire.post("/jobs", &large()).unwrap().accepted());

    // And once more, with the end of the process in the middle of it.
    bound(&server, Some(4_000_000));
    acknowledged.extend(fill(wire));
    server.kill();
    let server = home.start();
    let wire = &mut server.wire();
    for id in &acknowledged {
        let job = ended(wire, id);
        assert_eq!(job["status"], "completed", "{job}");
    }
    let job = wire.get(&format!("/jobs/{long}")).unwrap().json();
    assert!(job["completedAt"].is_null(), "{job}");
    assert_eq!(wire.ask("DELETE", &format!("/jobs/{long}"), None, None).unwrap().status, 204);
    assert_eq!(ended(wire, &long)["status"], "cancelled");
}

/// The bound on files plays a disk that fills up in the middle of the copy.
#[test]
fn a_backup_without_room_leaves_no_half_file_and_the_queue_goes_on() {
    let home = Home::new();
    let server = start_maintained(&home);
    let wire = &mut server.wire();
    for _ in 0..30 {
        wire.post("/jobs", &large()).unwrap().accepted();
    }
    let backup = json!({ "subType": "faena.backup", "payload": {}, "retryPolicy": { "maxRetries": 0 } });
    let whole = wire.post("/jobs", &backup).unwrap().accepted();
    assert_eq!(ended(wire, &whole)["status"], "completed");
    let folder = home.path("data/backups");
    let before = names(&folder);
    assert_eq!(before.len(), 1);
    let size = std::fs::metadata(folder.join(&before[0])).unwrap().len();
    assert!(size > 3_000_000, "{size}");

    // An orderly end folds the store's log: what it writes from now on is shorter than the copy that is to be made.
    server.signal(Signal::TERM);
    assert!(server.ended().0.success());
    let server = start_maintained(&home);
    let wire = &mut server.wire();
    bound(&server, Some(size / 2));
    let failed = wire.post("/jobs", &backup).unwrap().accepted();
    let job = ended(wire, &failed);
    assert_eq!((&job["status"], &job["error"]["kind"]), (&json!("failed"), &json!("unavailable")), "{job}");
    let message = job["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("cannot write the backup ") && message.contains("/backups/faena-"), "{message}");
    assert_eq!(names(&folder), before, "the older one is there, and no half of another");
    bound(&server, None);
    let again = wire.post("/jobs", &backup).unwrap().accepted();
    assert_eq!(ended(wire, &again)["status"], "completed");
    assert_eq!(names(&folder).len(), 2);
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
