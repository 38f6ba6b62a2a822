//! The commands against a real server, and that server through signals, crashes and restarts.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Program, Run};
use crate::served::Served;

/// A sleep that nobody waits for to its end.
const LONG: &str = r#"{"durationMs": 600000, "steps": 6000}"#;

#[test]
fn the_demo_shows_a_first_job_from_request_to_result() {
    let program = Program::new();
    let first = program.run(&["demo", "--exit", "--bind", "0"]).ended(0);
    let shown = &first.stdout;
    for part in [
        "listening on http://127.0.0.1:",
        "wrote a sample of orders",
        "POST /jobs",
        "HTTP/1.1 202 Accepted",
        "Location: ",
        "\"status\": \"queued\"",
        "\ncompleted ",
        "100%  completed",
        "The result: 119,933 rows, 8 columns",
        "67 rows could not be read",
        "order_date",
        "/dashboard\n",
        "/dashboard/jobs/",
        "/docs\n",
        "/result\n",
    ] {
        assert!(shown.contains(part), "{part:?} is missing: {shown}\n{}", first.stderr);
    }
    assert_eq!(first.stderr, "", "a newcomer is spared the log");
    assert!(program.path().join("faena-data/input/demo-orders.csv").exists());
    let again = program.run(&["demo", "--exit", "--bind", "0"]).ended(0);
    assert!(again.stdout.contains("the sample of an earlier demo"), "{}", again.stdout);
}

#[test]
fn a_demo_whose_job_fails_ends_with_3() {
    let program = Program::new();
    let input = program.path().join("faena-data/input");
    std::fs::create_dir_all(&input).unwrap();
    std::fs::write(input.join("demo-orders.csv"), "").unwrap();
    let run = program.run(&["demo", "--exit", "--bind", "0"]).ended(3);
    assert!(run.stdout.contains("\nfailed ") && !run.stdout.contains("its result"), "{}", run.stdout);
}

#[test]
fn a_port_that_is_taken_is_told_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    for command in [&["serve"][..], &["demo", "--exit"]] {
        let run = Program::new().run(&[command, &["--bind", &bind]].concat()).ended(1);
        assert!(run.stderr.contains(&format!("{bind} is taken")) && run.stderr.contains("--bind 0"), "{}", run.stderr);
    }
}

#[test]
fn a_folder_in_use_is_told_and_the_doctor_sees_it() {
    let program = Program::new();
    let _first = Served::start(&program);
    let second = program.run(&["serve", "--bind", "0"]).ended(1);
    assert!(second.stderr.starts_with("error: another process uses this store"), "{}", second.stderr);
    let doctor = program.run(&["doctor", "--bind", "0"]).ended(0);
    assert!(doctor.stdout.contains("is in use by a running server"), "{}", doctor.stdout);
}

#[test]
fn a_job_goes_from_enqueue_to_its_result() {
    let program = Program::new();
    let server = Served::start(&program);
    let payload = r#"{"csv": "a,b\n1,x\n2,y\n"}"#;
    let done = server.run(&program, &["enqueue", "process_data", payload, "--tag=t", "--wait", "--json"]).ended(0);
    let job = &done.json_lines()[0];
    let id = job["jobId"].as_str().unwrap();
    assert_eq!((job["status"].as_str(), job["progress"].as_u64()), (Some("completed"), Some(100)));

    let result: Value = serde_json::from_str(&server.run(&program, &["result", id]).ended(0).stdout).unwrap();
    assert_eq!((result["rows"].as_u64(), result["columns"][1]["name"].as_str()), (Some(2), Some("b")));
    let listed = server.run(&program, &["jobs", "--tag", "t", "--status", "completed"]).ended(0);
    assert!(listed.stdout.contains(id) && listed.stdout.lines().count() == 2, "{}", listed.stdout);
    let stats = server.run(&program, &["stats"]).ended(0).stdout;
    assert!(stats.contains("completed  1"), "{stats}");
    let cleaned = server.run(&program, &["cleanup", "--older-than", "1h"]).ended(0);
    assert!(cleaned.stdout.contains('0'), "{}", cleaned.stdout);
    let cleaned = server.run(&program, &["cleanup", "--older-than", "0", "--json"]).ended(0).json_lines();
    assert_eq!(cleaned[0]["data"]["forgotten"], 1, "{cleaned:?}");
    let gone = server.run(&program, &["watch", id]).ended(1);
    assert!(gone.stderr.contains("[not_found]"), "{}", gone.stderr);
}

#[test]
fn a_refused_payload_names_its_fields() {
    let program = Program::new();
    let server = Served::start(&program);
    let run = server.run(&program, &["enqueue", "sleep", r#"{"durationMs": "long"}"#]).ended(1);
    assert!(run.stderr.starts_with("error: payload") && run.stderr.contains("[invalid_request]"), "{}", run.stderr);
    let unknown = server.run(&program, &["enqueue", "slep"]).ended(1);
    assert!(unknown.stderr.contains("[unknown_processor]") && unknown.stderr.contains("sleep"), "{}", unknown.stderr);
}

#[test]
fn a_cancelled_job_ends_its_watch_with_4_and_a_failed_one_with_3() {
    let program = Program::new();
    let server = Served::start(&program);
    let id = server.run(&program, &["enqueue", "sleep", LONG]).ended(0).stdout.trim().to_owned();
    let (watch, _lines) = watch_until_it_moves(&server, &program, &id);
    let cancelled = server.run(&program, &["cancel", &id]).ended(0);
    assert_eq!(cancelled.stdout, format!("cancelled {id}\n"));
    Run::of(watch.wait_with_output().unwrap()).ended(4);
    server.run(&program, &["cancel", &id]).ended(1);

    let payload = r#"{"durationMs": 10, "failTimes": 1}"#;
    server.run(&program, &["enqueue", "sleep", payload, "--retries=0", "--wait"]).ended(3);
}

#[test]
fn a_job_that_never_reports_is_cancelled_too() {
    let program = Program::new();
    let server = Served::start(&program);
    let payload = r#"{"durationMs": 600000, "steps": 1}"#;
    let id = server.run(&program, &["enqueue", "sleep", payload]).ended(0).stdout.trim().to_owned();
    let mut watch = server.spawn(&program, &["watch", &id]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("started")));
    server.run(&program, &["cancel", &id]).ended(0);
    assert!(lines.any(|line| line.starts_with("cancelled")));
    Run::of(watch.wait_with_output().unwrap()).ended(4);
}

#[test]
fn a_cancelled_job_may_be_tried_again() {
    let program = Program::new();
    let server = Served::start(&program);
    let id = server.run(&program, &["enqueue", "noop", "--delay", "1h"]).ended(0).stdout.trim().to_owned();
    server.run(&program, &["cancel", &id]).ended(0);
    let retried = server.run(&program, &["retry", &id, "--watch"]).ended(0);
    assert!(retried.stdout.contains(&format!("completed {id}")), "{}", retried.stdout);
    let all = server.run(&program, &["retry", "--filter", "--status", "cancelled"]).ended(0);
    assert!(all.stdout.starts_with("0 of 0 jobs"), "{}", all.stdout);
}

#[test]
fn a_watch_survives_a_server_that_is_killed() {
    let program = Program::new();
    let server = Served::start(&program);
    let address = server.address().to_owned();
    let payload = r#"{"durationMs": 1500, "steps": 30}"#;
    let id = server.run(&program, &["enqueue", "sleep", payload]).ended(0).stdout.trim().to_owned();
    let (watch, mut lines) = watch_until_it_moves(&server, &program, &id);
    server.signal(Signal::KILL);
    assert_eq!(server.ended().0, None);
    let _again = Served::start_with(&program, &["--bind", &address]);
    let last = lines.by_ref().last().unwrap().unwrap();
    Run::of(watch.wait_with_output().unwrap()).ended(0);
    let job: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((job["status"].as_str(), job["progress"].as_u64()), (Some("completed"), Some(100)));
}

#[test]
fn sigterm_lets_a_job_finish_and_ends_with_0() {
    let program = Program::new();
    let server = Served::start(&program);
    let payload = r#"{"durationMs": 700, "steps": 14}"#;
    let id = server.run(&program, &["enqueue", "sleep", payload]).ended(0).stdout.trim().to_owned();
    until_it_moves(&server, &program, &id);
    server.signal(Signal::TERM);
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    let again = Served::start(&program);
    let job = again.run(&program, &["watch", &id, "--json"]).ended(0).json_lines().remove(0);
    assert_eq!((job["status"].as_str(), job["attempt"].as_u64()), (Some("completed"), Some(1)));
}

#[test]
fn a_job_that_outlasts_the_grace_goes_back_to_the_queue() {
    let program = Program::new();
    let server = Served::start_with(&program, &["--bind", "0", "--grace", "0"]);
    let id = server.run(&program, &["enqueue", "sleep", LONG]).ended(0).stdout.trim().to_owned();
    until_it_moves(&server, &program, &id);
    server.signal(Signal::INT);
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    let again = Served::start_with(&program, &["--bind", "0", "--no-jobs"]);
    let job = &again.run(&program, &["jobs", "--json"]).ended(0).json_lines()[0]["data"][0];
    assert_eq!((job["jobId"].as_str(), job["status"].as_str()), (Some(id.as_str()), Some("queued")));
}

#[test]
fn a_second_signal_ends_the_grace() {
    let program = Program::new();
    let server = Served::start_with(&program, &["--bind", "0", "--grace", "3600"]);
    let id = server.run(&program, &["enqueue", "sleep", LONG]).ended(0).stdout.trim().to_owned();
    until_it_moves(&server, &program, &id);
    server.signal(Signal::TERM);
    server.wait_for_log("SIGTERM");
    server.signal(Signal::INT);
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopping at once"), "{log}");
}

#[test]
fn logs_are_json_on_stderr_when_asked_for() {
    let program = Program::new();
    let server = Served::start_with(&program, &["--bind", "0", "--log", "json", "--log-filter", "debug"]);
    server.run(&program, &["enqueue", "noop", "--wait"]).ended(0);
    server.signal(Signal::TERM);
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["level"].is_string() && line["timestamp"].is_string()), "{log}");
}

/// Waits until a job reports progress.
fn until_it_moves(server: &Served, program: &Program, id: &str) {
    let (mut watch, _) = watch_until_it_moves(server, program, id);
    watch.kill().unwrap();
    watch.wait().unwrap();
}

/// Follows a job until it reports progress; the rest of the lines comes with it.
fn watch_until_it_moves(
    server: &Served,
    program: &Program,
    id: &str,
) -> (Child, impl Iterator<Item = std::io::Result<String>> + use<>) {
    let mut watch = server.spawn(program, &["watch", id, "--json"]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let moved = lines.by_ref().find(|line| {
        let job: Value = serde_json::from_str(line.as_ref().unwrap()).unwrap();
        job["status"] == "progress" && job["progress"].as_u64() > Some(0)
    });
    assert!(moved.is_some(), "the job never moved");
    (watch, lines)
}

#[test]
fn a_server_answers_to_its_own_names_alone() {
    use std::io::{Read as _, Write as _};

    let program = Program::new();
    let server = Served::start_with(&program, &["--bind", "0", "--hosts", "jobs.example.com"]);
    let asked = |host: &str| {
        let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
        write!(stream, "GET /health/live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!([asked("evil.example"), asked("localhost"), asked("jobs.example.com")], ["403", "200", "200"]);
}
