//! `faena subscriptions` and `faena events` against a real server, and an endpoint of the test's own.

use std::io::{BufRead as _, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};

use crate::fake::{Fake, Reply};
use crate::program::{Program, Run};
use crate::served::Served;

/// An endpoint that answers as it is told, and a server that may send to it.
fn endpoint_and_server(program: &Program) -> (Fake, Arc<AtomicU16>, Served) {
    let status = Arc::new(AtomicU16::new(204));
    let answers = status.clone();
    let endpoint = Fake::start(move |_| Reply::bytes(answers.load(Ordering::SeqCst), "text/plain", "so it is"));
    let place = endpoint.url.trim_start_matches("http://").to_owned();
    let args = ["--bind", "0", "--store", "memory"];
    let server = Served::with_variable(program, &args, "FAENA_WEBHOOK_ALLOW", &place);
    (endpoint, status, server)
}

#[test]
fn a_subscription_is_made_tried_switched_off_replayed_and_removed() {
    let program = Program::new();
    let (endpoint, status, server) = endpoint_and_server(&program);
    let run = |args: &[&str]| server.run(&program, &[&["subscriptions"], args].concat());
    let json = |run: Run| -> Value { run.ended(0).json_lines().remove(0) };

    assert!(run(&["list"]).ended(0).stderr.contains("no subscriptions"));
    let made = run(&["add", &endpoint.url, "--events", "job.completed,alert.*", "--description", "accounts"]).ended(0);
    assert!(made.stdout.starts_with("whsec_") && made.stdout.lines().count() == 1, "the secret alone: {made:?}");
    let id = json(run(&["list", "--json"]))["data"][0]["id"].as_str().unwrap().to_owned();
    assert!(made.stderr.contains(&format!("subscription {id}")), "{made:?}");
    let listed = run(&["list"]).ended(0).stdout;
    assert!(listed.contains(&id) && listed.contains("active") && listed.contains("job.completed,alert.*"), "{listed}");
    let shown = run(&["show", &id]).ended(0).stdout;
    assert!(shown.contains("description   accounts") && shown.contains("status        active"), "{shown}");

    assert!(run(&["test", &id]).ended(0).stdout.starts_with("taken with 204 in "));
    status.store(503, Ordering::SeqCst);
    let refused = run(&["test", &id]).ended(1).stdout;
    assert!(refused.starts_with("not taken with 503 in ") && refused.ends_with("\n  so it is\n"), "{refused}");
    let secret = run(&["secret", &id, "--overlap", "2h"]).ended(0).stdout;
    assert!(secret.starts_with("whsec_") && secret != made.stdout, "{secret}");
    assert_eq!(json(run(&["show", &id, "--json"]))["secrets"], 2, "both are valid for a while");
    let changed = json(run(&["change", &id, "--events", "job.completed", "--json"]));
    assert_eq!(changed["data"]["events"], json!(["job.completed"]));

    status.store(410, Ordering::SeqCst);
    server.run(&program, &["enqueue", "noop", "{}", "--watch"]).ended(0);
    server.wait_for_log("alert.fired");
    assert_eq!(json(run(&["show", &id, "--json"]))["offBecause"], "gone");
    let alerts = server.run(&program, &["alerts", "list", "--status", "firing"]).ended(0).stdout;
    assert!(alerts.contains(&format!("the endpoint of subscription {id} (`accounts`) is switched off")), "{alerts}");
    let dead = run(&["deliveries", &id, "--state", "dead"]).ended(0).stdout;
    let event = dead.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(event.starts_with("evt_") && dead.contains("job.completed") && dead.contains("410"), "{dead}");

    status.store(204, Ordering::SeqCst);
    assert_eq!(run(&["enable", &id]).ended(0).stdout, format!("enabled {id}\n"));
    server.wait_for_log("alert.cleared");
    assert_eq!(run(&["replay", &id]).ended(0).stdout, "1 deliveries are tried anew.\n");
    server.run(&program, &["outbox", "run"]).ended(0);
    assert_eq!(json(run(&["deliveries", &id, "--json"]))["data"][0]["state"], "delivered");
    assert_eq!(run(&["replay", &id, &event]).ended(0).stdout, format!("replayed {event}\n"));
    assert_eq!(run(&["disable", &id]).ended(0).stdout, format!("disabled {id}\n"));
    assert_eq!(json(run(&["show", &id, "--json"]))["status"], "disabled");
    assert_eq!(run(&["remove", &id]).ended(0).stdout, format!("removed {id}\n"));

    for (args, code, complaint) in [
        (&["show", &id][..], 1, "[not_found]"),
        (&["remove", "nobody"], 1, "[not_found]"),
        (&["add", "http://169.254.169.254/", "--events", "*"], 1, "url"),
        (&["add", &endpoint.url, "--events", "job.nonsense"], 1, "events"),
        (&["add", &endpoint.url], 2, "--events"),
        (&["change", &id], 2, "--url"),
        (&["deliveries", "outbox", "--state", "late"], 2, "is not one of pending, delivered, dead"),
        (&["replay", "outbox", "evt_1", "--since", "2026-11-24T07:00:00Z"], 2, "cannot be used with"),
    ] {
        let refused = run(args).ended(code);
        assert!(refused.stderr.contains(complaint), "{args:?}: {}", refused.stderr);
    }
    assert!(!endpoint.asked().is_empty());
}

#[test]
fn what_happened_is_listed_by_type_by_thing_and_by_time() {
    let program = Program::new();
    let server = Served::start_with(&program, &["--bind", "0", "--store", "memory"]);
    let events = |args: &[&str]| server.run(&program, &[&["events"], args].concat());
    let types = |args: &[&str]| -> Vec<String> {
        let page = events(&[args, &["--json"]].concat()).ended(0).json_lines().remove(0);
        page["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert!(events(&[]).ended(0).stderr.contains("no events"));
    let id = server.run(&program, &["enqueue", "noop", "{}", "--user", "ana"]).ended(0).stdout.trim().to_owned();
    server.run(&program, &["watch", &id]).ended(0);
    server.run(&program, &["schedules", "add", "nightly", "@daily", "noop", "{}"]).ended(0);
    assert_eq!(types(&["--oldest-first"]), ["job.queued", "job.started", "job.completed", "schedule.created"]);
    assert_eq!(types(&["--type", "job.queued,job.completed"]), ["job.completed", "job.queued"]);
    assert_eq!(types(&["--aggregate", "schedule"]), ["schedule.created"]);
    assert_eq!(types(&["--aggregate", &format!("job:{id}"), "--limit", "1"]), ["job.completed"]);
    assert_eq!(types(&["--user", "ana"]).len(), 3);
    assert_eq!(types(&["--since", "1h"]).len(), 4);
    assert_eq!(types(&["--until", "1h"]), [""; 0]);
    let table = events(&["--limit", "2"]).ended(0);
    assert!(table.stdout.starts_with("AT  ") && table.stdout.contains("schedule.created"), "{}", table.stdout);
    let cursor = table.stderr.trim().strip_prefix("more with --cursor ").unwrap().to_owned();
    assert_eq!(types(&["--cursor", &cursor]), ["job.started", "job.queued"]);
    for (args, complaint) in [
        (&["--since", "yesterday"][..], "is neither a time such as"),
        (&["--follow", "--until", "1h"], "cannot be used with"),
        (&["--count", "3"], "--follow"),
    ] {
        assert!(events(args).ended(2).stderr.contains(complaint), "{args:?}");
    }
    assert!(events(&["--type", "job.nonsense"]).ended(1).stderr.contains("type"));
    let gone = program.run(&["events", "--server", "http://127.0.0.1:9"]).ended(5);
    assert!(gone.stderr.contains("faena serve"), "{gone:?}");
}

#[test]
fn what_happens_is_followed_from_what_happened_last() {
    let program = Program::new();
    let server = Served::start_with(&program, &["--bind", "0", "--store", "memory"]);
    let job = || {
        let id = server.run(&program, &["enqueue", "noop", "{}"]).ended(0).stdout.trim().to_owned();
        server.run(&program, &["watch", &id]).ended(0);
        id
    };
    let first = job();
    let mut follower = server.spawn(&program, &["events", "--follow", "--limit", "1", "--type", "job.completed,key.*"]);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines().map(Result::unwrap);
    let last = lines.next().unwrap();
    assert!(last.contains("job.completed") && last.contains(&first), "{last}");
    let second = job();
    let next = lines.next().unwrap();
    assert!(next.contains("job.completed") && next.contains(&second), "nothing twice, and nothing left out: {next}");
    follower.kill().unwrap();
    follower.wait().unwrap();

    let args = ["events", "--follow", "--count", "2", "--json", "--type", "job.*", "--since", "1d"];
    let counting = server.spawn(&program, &args);
    // It begins with what is yet to come, whenever that is; so jobs come until it has heard of two things.
    let ended = std::thread::spawn(move || Run::of(counting.wait_with_output().unwrap()));
    while !ended.is_finished() {
        job();
    }
    let heard = ended.join().unwrap().ended(0).json_lines();
    assert_eq!(heard.len(), 2);
    assert!(heard.iter().all(|event| event["type"].as_str().unwrap().starts_with("job.")), "{heard:?}");
    assert!(heard.iter().all(|event| event["aggregateId"] != json!(first)), "{heard:?}");
}
