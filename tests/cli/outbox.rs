//! The variables of an outbox as others call them, and `faena outbox`, each with a real process.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use faena::clock::Clock;
use faena::event::{Received, Secret, verify};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::fake::{Asked, Fake, Reply};
use crate::program::Program;
use crate::served::Served;

/// Once a year, which is not now.
const HARDLY_EVER: &str = "0 0 1 1 *";

/// A server whose events go to an endpoint at these times.
fn to_webhook(program: &Program, endpoint: &Fake, cron: &str) -> Served {
    let place = endpoint.url.trim_start_matches("http://").to_owned();
    let url = format!("{}/webhooks/payments", endpoint.url);
    let variables = [
        ("FAENA_WEBHOOK_ALLOW", &*place),
        ("OUTBOX_PUBLISHER_TYPE", "webhook"),
        ("OUTBOX_WEBHOOK_URL", &url),
        ("OUTBOX_WEBHOOK_SECRET", "tu_secret"),
        ("OUTBOX_CRON", cron),
    ];
    Served::with_variables(program, &["--bind", "0", "--store", "memory"], &variables)
}

fn kind(asked: &Asked) -> String {
    asked.json()["type"].as_str().unwrap().to_owned()
}

#[test]
fn a_webhook_gets_every_event_signed_when_somebody_asks_for_a_pass() {
    let program = Program::new();
    let endpoint = Fake::start(|_| Reply::bytes(204, "text/plain", ""));
    let server = to_webhook(&program, &endpoint, HARDLY_EVER);
    let outbox = |args: &[&str]| server.run(&program, &[&["outbox"], args].concat()).ended(0);
    let stats = || outbox(&["stats", "--json"]).json_lines().remove(0)["data"].clone();
    server.run(&program, &["enqueue", "noop", "{}", "--watch"]).ended(0);
    assert_eq!((&stats()["unread"], &stats()["delivered"]), (&Value::from(3), &Value::from(0)));
    assert!(endpoint.asked().is_empty(), "its time has not come");
    assert_eq!(outbox(&["run"]).stdout, "[Job:Outbox] processed: 3, failed: 0\n");
    let asked = endpoint.asked();
    assert_eq!(asked.iter().map(kind).collect::<Vec<_>>(), ["job.queued", "job.started", "job.completed"]);
    let secret = Secret::from_words("tu_secret").unwrap();
    for one in &asked {
        assert_eq!(one.line, "POST /webhooks/payments");
        let received = Received {
            id: one.header("webhook-id").unwrap(),
            timestamp: one.header("webhook-timestamp").unwrap(),
            signature: one.header("webhook-signature").unwrap(),
            body: &one.body,
        };
        assert_eq!(verify([&secret], received, Clock::System.now()), Ok(()));
        let event = one.json();
        let fields: Vec<_> = event.as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["id", "type", "aggregateType", "aggregateId", "payload", "occurredAt"]);
        assert!(event["id"].as_str().unwrap().starts_with("evt_"), "{event}");
    }
    let shown = outbox(&["stats"]).stdout;
    assert!(shown.lines().any(|line| line.starts_with("delivered ") && line.ends_with('3')), "{shown}");
    assert_eq!(outbox(&["cleanup", "30", "--json"]).json_lines()[0]["data"]["forgotten"], 0, "that was just now");
    assert_eq!(outbox(&["cleanup", "0", "--json"]).json_lines()[0]["data"]["forgotten"], 3);
}

#[test]
fn at_the_times_of_the_variable_a_server_sends_by_itself_and_says_how_many() {
    let program = Program::new();
    let endpoint = Fake::start(|_| Reply::bytes(204, "text/plain", ""));
    let server = to_webhook(&program, &endpoint, "* * * * * *");
    server.run(&program, &["enqueue", "noop", "{}", "--watch"]).ended(0);
    server.wait_for_log("[Job:Outbox] processed: ");
    server.run(&program, &["outbox", "run"]).ended(0);
    assert_eq!(endpoint.asked().len(), 3);
}

#[test]
fn a_process_of_its_own_sends_what_a_server_without_jobs_has_written() {
    let program = Program::new();
    let server = Served::with_variables(&program, &["--bind", "0"], &[("ENABLE_JOBS", "false")]);
    let id = server.run(&program, &["enqueue", "noop", "{}"]).ended(0).stdout.trim().to_owned();
    let refused = server.run(&program, &["outbox", "run"]).ended(1);
    assert!(refused.stderr.contains("[conflict]"), "it sends nothing itself: {refused:?}");
    server.signal(Signal::TERM);
    assert_eq!(server.ended().0, Some(0));

    let mut command = program.command(&["outbox", "start"]);
    command.env("OUTBOX_PUBLISHER_TYPE", "console").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut sender = command.spawn().unwrap();
    let mut lines = BufReader::new(sender.stdout.take().unwrap()).lines().map(Result::unwrap);
    let event: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!((event["type"].as_str(), event["aggregateId"].as_str()), (Some("job.queued"), Some(&*id)));
    kill_process(Pid::from_raw(i32::try_from(sender.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    let ended = sender.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("[Job:Outbox] sending"), "{said}");
}

#[test]
fn cleanup_and_retry_are_at_the_times_of_their_variables() {
    let program = Program::new();
    let mut command = program.command(&["serve", "--bind", "0"]);
    command.env_remove("FAENA_MAINTENANCE_SCHEDULES");
    let server = Served::spawn_from(command.env("CLEANUP_CRON", "15 3 * * *").env("RETRY_CRON", "45 * * * *"));
    for (name, cron) in [("maintenance-cleanup", "15 3 * * *"), ("maintenance-retry-dead-letters", "45 * * * *")] {
        let shown = server.run(&program, &["schedules", "show", name, "--json"]).ended(0).json_lines().remove(0);
        assert_eq!(shown["cronExpression"], cron, "{shown}");
    }
    server.run(&program, &["schedules", "run", "maintenance-cleanup", "--watch"]).ended(0);
}
