//! A server with a key for what it keeps: its files tell nothing, another key is told apart, and a key is replaced without a break.

use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Program, Run};
use crate::served::Served;

// `openssl rand -base64 32` made them.
const FIRST: &str = "first:yFxs1YQJ0vjmZzAk2Zb5mE9vB1n2LQ0o6m8yq3nXo1Y=";
const SECOND: &str = "second:Q2Jt0oN7l3w1yq8m9fGk5uXz4b6v2c0d1e3r5t7y9uE=";
const SECRET: &str = "4111-1111-1111-1111";

fn start(program: &Program, keys: &str) -> Served {
    let args = ["--bind", "0", "--data", "kept"];
    match keys {
        "" => Served::start_with(program, &args),
        keys => Served::with_variable(program, &args, "FAENA_ENCRYPTION_KEYS", keys),
    }
}

fn stop(served: Served) {
    served.signal(Signal::TERM);
    let (code, log) = served.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(SECRET) && !log.contains("yFxs1YQJ0vjm"), "{log}");
}

fn job(served: &Served, program: &Program, args: &[&str]) -> Run {
    served.run(program, &[&["enqueue"], args, &["--json"]].concat())
}

fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => holds(&path, text),
            false => std::fs::read(&path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes()),
        }
    })
}

/// A job that its processor refuses to end well, so that its payload stays for another try.
fn leave_a_letter(served: &Served, program: &Program) -> String {
    let payload = format!(
        r#"{{"csv": "card\n{SECRET}\n", "groupBy": ["none"], "measures": [{{"column": "card", "op": "count"}}], "format": "csv"}}"#
    );
    let run = job(served, program, &["generate_report", &payload, "--retries", "0", "--watch"]);
    let id = run.json_lines()[0]["jobId"].as_str().unwrap().to_owned();
    assert_eq!(run.code, 3, "{run:?}");
    id
}

fn show(served: &Served, path: &str) -> Value {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(format!("{}{path}", served.url)).send().await.unwrap().json().await.unwrap()
    })
}

#[test]
fn files_tell_nothing_and_keys_are_replaced() {
    for keys in ["", FIRST] {
        let program = Program::new();
        let kept = program.path().join("kept");
        let served = start(&program, keys);
        let id = leave_a_letter(&served, &program);
        stop(served);
        assert_eq!(holds(&kept, SECRET), keys.is_empty(), "with {} keys", keys.len().min(1));
        if keys.is_empty() {
            continue;
        }

        // With another key, and with none, the job waits and says what is the matter; the server works on.
        for (keys, told) in
            [(SECOND, "is encrypted with the key `first`, which is not configured here"), ("", "no key is")]
        {
            let served = start(&program, keys);
            served.run(&program, &["retry", &id]).ended(0);
            served.wait_for_log(told);
            // It is said before it is committed.
            let tries = loop {
                let tries = show(&served, &format!("/jobs/{id}/attempts"))["data"].clone();
                if tries.as_array().unwrap().iter().any(|one| one["error"]["message"].to_string().contains(told)) {
                    break tries;
                }
            };
            let is_given_back = |one: &&Value| one["error"]["kind"] == "unreadable" && one["outcome"] == "released";
            assert!(tries.as_array().unwrap().iter().any(|one| is_given_back(&one)), "{tries}");
            assert_eq!(show(&served, &format!("/jobs/{id}"))["status"], "queued");
            job(&served, &program, &["noop", "--watch"]).ended(0);
            stop(served);
        }

        // The new key before the old one: both are read.
        let served = start(&program, &format!("{SECOND},{FIRST}"));
        served.run(&program, &["retry", &id]).ended(0);
        served.run(&program, &["watch", &id]).ended(3);
        let error = show(&served, &format!("/jobs/{id}"))["error"].clone();
        assert_ne!(error["kind"], "unreadable", "{error}");
        stop(served);
    }
}

#[test]
fn keys_that_are_none_are_named_and_not_repeated() {
    let program = Program::new();
    let refused = |variable: &str, value: &str| {
        let mut command = program.command(&["serve", "--bind", "0"]);
        let run = Run::of(command.env(variable, value).output().unwrap()).ended(2);
        assert!(!run.stderr.contains("c2hvcnQ"), "{}", run.stderr);
        run.stderr
    };
    let short = refused("FAENA_ENCRYPTION_KEY", "a:c2hvcnQ=");
    assert!(short.contains("FAENA_ENCRYPTION_KEY: must be 32 random bytes in base64"), "{short}");
    let other = SECOND.replace("second", "first");
    let twice = refused("FAENA_ENCRYPTION_KEYS", &format!("{FIRST},{other}"));
    assert!(twice.contains("FAENA_ENCRYPTION_KEYS: two different keys have the id `first`"), "{twice}");
}
