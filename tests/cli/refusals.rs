//! Exit codes, and complaints that say what to do.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::fake::{self, Fake, ID, Reply};
use crate::program::Program;

#[test]
fn wrong_usage_is_2_and_asks_no_server() {
    let server = Fake::always(500, json!({}));
    let program = Program::new();
    for (args, complaint) in [
        (&["enqueue", "noop", "{oops"][..], "is not JSON"),
        (&["enqueue", "No Op"], "lower-case letter"),
        (&["enqueue", "noop", "--priority", "urgent"], "high, normal, low"),
        (&["enqueue", "noop", "--delay", "soon"], "30s"),
        (&["enqueue", "noop", "--run-at", "tomorrow"], "2026-11-24T07:23:52.123Z"),
        (&["enqueue", "noop", "{}", "--file", "x"], "cannot be used with"),
        (&["cancel"], "required"),
        (&["cancel", "--filter"], "needs at least one condition"),
        (&["cancel", ID, "--status", "queued"], "conditions need --filter"),
        (&["retry", ID, "other", "--watch"], "name one"),
        (&["result", ID, "--json"], "-o FILE"),
        (&["cleanup"], "--older-than"),
        (&["jobs", "--status", "done"], "is not one of queued, started"),
        (&["frobnicate"], "unrecognized subcommand"),
        (&["jobs", "--limits", "3"], "--limit"),
    ] {
        let mut args = args.to_vec();
        if args[0] != "frobnicate" {
            args.extend(["--server", &server.url]);
        }
        let run = program.run(&args).ended(2);
        assert!(run.stderr.contains(complaint), "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{args:?}");
    }
    let bad = program.run(&["jobs", "--server", "nonsense"]).ended(2);
    assert!(bad.stderr.contains("`nonsense` is not the address of a server"), "{}", bad.stderr);
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[test]
fn a_server_that_is_not_there_is_5_and_says_how_to_start_one() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://{free}");
    let program = Program::new();
    for args in [
        &["jobs"][..],
        &["stats"],
        &["enqueue", "noop"],
        &["enqueue", "noop", "--watch"],
        &["watch", ID],
        &["cancel", ID],
        &["retry", ID],
        &["result", ID],
        &["cleanup", "--older-than", "1d"],
    ] {
        let run = Program::run(&program, &[args, &["--server", &server]].concat()).ended(5);
        assert!(run.stderr.contains(&server) && run.stderr.contains("faena serve"), "{args:?}: {}", run.stderr);
    }
    let by_variable = program.command(&["jobs"]).env("FAENA_SERVER", &server).output().unwrap();
    assert_eq!(by_variable.status.code(), Some(5));
}

#[test]
fn a_refusal_is_1_with_its_sentence_its_code_and_each_field() {
    let server = Fake::start(|_| {
        Reply::json(
            400,
            json!({
                "success": false, "error": "payload.steps: must be at least 1 (and 1 more)", "code": "invalid_request",
                "details": [
                    { "field": "payload.steps", "message": "must be at least 1" },
                    { "field": "priority", "message": "is not one of high, normal, low" }
                ],
                "requestId": "req-1"
            }),
        )
    });
    let program = Program::new();
    let run = program.run(&["enqueue", "sleep", "--server", &server.url]).ended(1);
    assert_eq!(
        run.stderr,
        "error: payload.steps: must be at least 1 (and 1 more) [invalid_request]\n  payload.steps: must be at least 1\n  \
         priority: is not one of high, normal, low\n"
    );
    let run = program.run(&["enqueue", "sleep", "--json", "--server", &server.url]).ended(1);
    let told: Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!((told["code"].as_str(), told["success"].as_bool()), (Some("invalid_request"), Some(false)));
    assert_eq!(told["details"][0]["field"], "payload.steps");
    assert_eq!(run.stdout, "");
}

#[test]
fn an_overloaded_server_says_when_to_come_back() {
    let server = Fake::start(|_| Reply::refusal(429, "queue_full", "the queue is full").with("retry-after", 7));
    let run = Program::new().run(&["enqueue", "noop", "--server", &server.url]).ended(1);
    assert!(run.stderr.contains("the queue is full [queue_full]\n  worth another try in 7 s"), "{}", run.stderr);
}

#[test]
fn another_program_on_the_port_is_not_taken_for_a_server() {
    let server = Fake::start(|_| Reply::bytes(200, "text/html", "<html>"));
    let run = Program::new().run(&["jobs", "--server", &server.url]).ended(1);
    assert!(run.stderr.contains("does not understand") && run.stderr.contains("--server URL"), "{}", run.stderr);
    let server = Fake::start(|_| Reply::bytes(404, "text/html", "<html>"));
    Program::new().run(&["jobs", "--server", &server.url]).ended(1);
}

#[test]
fn waiting_ends_as_the_job_does() {
    for (status, code) in [("completed", 0), ("failed", 3), ("cancelled", 4)] {
        let server = Fake::start(move |asked| match asked.line.starts_with("POST") {
            true => Reply::json(202, fake::acceptance()),
            false => Reply::json(200, fake::job(json!({ "status": status, "progress": 30, "durationMs": 1500 }))),
        });
        let program = Program::new();
        for args in [&["enqueue", "sleep", "--wait"][..], &["enqueue", "sleep", "--watch"], &["watch", ID]] {
            let run = program.run(&[args, &["--server", &server.url]].concat()).ended(code);
            assert!(run.stdout.contains(&format!("{status} {ID} in 1.5 s")), "{}", run.stdout);
            let json = program.run(&[args, &["--json", "--server", &server.url]].concat()).ended(code);
            assert_eq!(json.json_lines().last().unwrap()["status"], status);
        }
    }
}

#[test]
fn one_refused_job_does_not_spare_the_others() {
    let server = Fake::start(|asked| match asked.line.contains("finished") {
        true => Reply::refusal(409, "already_finished", "job finished has already finished as completed"),
        false => Reply::bytes(204, "text/plain", ""),
    });
    let run = Program::new().run(&["cancel", "finished", "waiting", "--server", &server.url]).ended(1);
    assert_eq!(run.stdout, "cancelled waiting\n");
    assert!(run.stderr.contains("[already_finished]"), "{}", run.stderr);
    assert_eq!(server.lines(), ["DELETE /jobs/finished", "DELETE /jobs/waiting"]);
}
