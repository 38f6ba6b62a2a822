//! `command`: what a program may say, and that it ends with all that it started.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use faena::processors::CommandLine;
use faena::processors::command::Command;
use faena::work::{AsyncProcessor, Completion, Context, Failure};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use crate::{job, kind_of, payload, result_of};

/// However slow the machine: what takes longer than this hangs.
const HANGS: Duration = Duration::from_secs(60);

/// A runner of one shell script under the name `tool`.
fn tool(script: &str) -> Command {
    with(CommandLine { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()], ..CommandLine::default() })
}

fn with(line: CommandLine) -> Command {
    Command::new(BTreeMap::from([("tool".to_owned(), line)]))
}

async fn run(script: &str, ctx: &Context) -> Result<Completion, Failure> {
    let processor = tool(script);
    let run = processor.run(payload(&json!({ "name": "tool", "input": { "n": 41 } })), ctx.clone());
    tokio::time::timeout(HANGS, run).await.unwrap()
}

fn lines(ctx: &Context) -> Vec<String> {
    ctx.lines().iter().map(|line| line.to_string()).collect()
}

#[tokio::test]
async fn what_it_says_becomes_progress_log_and_result() {
    let ctx = Context::detached(job(1));
    let script = r#"
        read line
        echo '{"progress": 40, "message": "under way"}'
        echo '{"log": "a line"}'
        echo 'just words'
        echo '{"other": 1}'
        echo '{"result": "first"}'
        echo "{\"result\": {\"got\": $line}}"
        echo 'a complaint' >&2
    "#;
    let done = result_of(run(script, &ctx).await.unwrap());
    assert_eq!(done, json!({ "got": { "n": 41 } }));
    assert_eq!((ctx.percent(), ctx.message().as_deref()), (40, Some("under way")));
    let mut said = lines(&ctx);
    said.sort();
    assert_eq!(said, ["a complaint", "a line", "just words", r#"{"other": 1}"#]);
}

#[tokio::test]
async fn one_that_says_nothing_is_done_all_the_same() {
    assert_eq!(run("true", &Context::detached(job(1))).await.unwrap(), Completion::Done);
}

#[tokio::test]
async fn an_input_that_is_not_read_and_an_output_without_end_do_no_harm() {
    let large = json!({ "name": "tool", "input": "x".repeat(1 << 20) });
    let processor = tool("yes | head -c 300000 | tr -d '\\n'; exec 0<&-; true");
    let ctx = Context::detached(job(1));
    let run = processor.run(payload(&large), ctx.clone());
    assert_eq!(tokio::time::timeout(HANGS, run).await.unwrap().unwrap(), Completion::Done);
    assert!(lines(&ctx)[0].len() <= 4096);
}

#[tokio::test]
async fn a_code_is_a_failure_that_shows_the_last_complaints() {
    let script = "i=0; while [ $i -lt 1000 ]; do echo complaint $i >&2; i=$((i+1)); done; exit 3";
    let ctx = Context::detached(job(1));
    let failure = run(script, &ctx).await.unwrap_err();
    assert_eq!(failure.message(), "the command `tool` exited with code 3: complaint 999");
    assert_eq!(kind_of(&failure), "exit_code");
    assert!(failure.is_retryable());
    let trace = failure.trace().unwrap();
    assert!(trace.ends_with("complaint 998\ncomplaint 999") && trace.len() <= 4096, "{}", trace.len());
    assert!(trace.len() > 4000 && !trace.contains("complaint 100\n"));
}

#[tokio::test]
async fn a_signal_is_a_failure_too() {
    let failure = run("kill -9 $$", &Context::detached(job(1))).await.unwrap_err();
    assert_eq!(failure.message(), "the command `tool` was ended by signal 9");
}

#[tokio::test]
async fn one_that_is_not_there_or_not_configured() {
    let line = CommandLine { program: "/nowhere/tool".into(), ..CommandLine::default() };
    let failure = with(line).run(payload(&json!({ "name": "tool" })), Context::detached(job(1))).await.unwrap_err();
    assert_eq!(kind_of(&failure), "not_started");
    assert!(failure.is_retryable());
    let failure = tool("").run(payload(&json!({ "name": "rm" })), Context::detached(job(1))).await.unwrap_err();
    assert_eq!(failure.message(), "no command `rm` is configured; there are: tool");
    assert!(!failure.is_retryable());
}

#[tokio::test]
async fn it_knows_its_job_and_none_of_the_servers_secrets() {
    let line = CommandLine {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), r#"env | sed 's/^/got /'; cat"#.into()],
        env: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        timeout: None,
    };
    let job = job(3);
    let ctx = Context::detached(job);
    with(line).run(payload(&json!({ "name": "tool" })), ctx.clone()).await.unwrap();
    let said = lines(&ctx);
    let id = ctx.job_id().to_string();
    for expected in [
        &format!("got FAENA_JOB_ID={id}"),
        "got FAENA_ATTEMPT=3",
        "got FAENA_FENCING_TOKEN=1",
        "got GREETING=hello",
        "{}",
    ] {
        assert!(said.iter().any(|line| line == expected), "{expected}: {said:?}");
    }
    assert!(!said.iter().any(|line| line.starts_with("got CARGO")), "the environment of this test: {said:?}");
}

#[tokio::test]
async fn its_own_time_out_ends_it() {
    let line = CommandLine {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), "sleep 1000".into()],
        timeout: Some(Duration::from_millis(50)),
        ..CommandLine::default()
    };
    let failure = with(line).run(payload(&json!({ "name": "tool" })), Context::detached(job(1))).await.unwrap_err();
    assert_eq!(kind_of(&failure), "timeout");
    assert!(failure.is_retryable());
}

/// A pipe with a name. Whoever holds its writing end lives; its end is the end of the last of them.
fn pipe_in(folder: &Path) -> (pipe::Receiver, String) {
    let path = folder.join("alive");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &path, kind, rustix::fs::Mode::from_raw_mode(0o600), 0).unwrap();
    (pipe::OpenOptions::new().open_receiver(&path).unwrap(), path.to_str().unwrap().to_owned())
}

/// A context that passes on its log lines.
fn speaking() -> (Context, mpsc::UnboundedReceiver<Vec<String>>) {
    let (say, heard) = mpsc::unbounded_channel();
    let ctx = Context::overheard(job(1), move |ctx| drop(say.send(lines(ctx))));
    (ctx, heard)
}

/// Runs a script with a grandchild until it says `ready`, then does `end` to it, and answers what was written into the
/// pipe until everybody had gone.
async fn ended_by(script: &str, end: impl FnOnce(&Context) -> bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (mut alive, path) = pipe_in(folder.path());
    let (ctx, mut heard) = speaking();
    let script = format!("exec 3>'{path}'; {script}");
    let processor = tool(&script);
    let mut run = Box::pin(processor.run(payload(&json!({ "name": "tool" })), ctx.clone()));
    loop {
        tokio::select! {
            done = &mut run => panic!("it ended by itself: {done:?}"),
            said = heard.recv() => if said.unwrap().iter().any(|line| line == "ready") { break },
        }
    }
    if end(&ctx) {
        assert!(tokio::time::timeout(HANGS, &mut run).await.unwrap().unwrap_err().is_stopped());
    }
    drop(run);
    let mut said = String::new();
    tokio::time::timeout(HANGS, alive.read_to_string(&mut said)).await.expect("somebody outlived the command").unwrap();
    said
}

/// A grandchild that would live for hours, and a leader that says when it is asked to stop.
const POLITE: &str = "sleep 10000 & trap 'echo asked >&3; exit' TERM; echo ready; wait";

#[tokio::test]
async fn a_cancel_ends_the_whole_group() {
    let said = ended_by(POLITE, |ctx| {
        ctx.stop();
        true
    });
    assert_eq!(said.await, "asked\n");
}

#[tokio::test]
async fn a_run_that_is_dropped_ends_the_whole_group() {
    assert_eq!(ended_by(POLITE, |_| false).await, "asked\n");
}

#[tokio::test]
async fn those_that_do_not_listen_are_made_to_end() {
    assert_eq!(ended_by("trap '' TERM; sleep 10000 & echo ready; wait; sleep 10000", |_| false).await, "");
}

#[tokio::test]
async fn a_grandchild_that_does_not_listen_ends_with_its_polite_parent() {
    let script = "(trap '' TERM; sleep 10000) & trap 'echo asked >&3; exit' TERM; echo ready; wait";
    assert_eq!(ended_by(script, |_| false).await, "asked\n");
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut alive, path) = pipe_in(folder.path());
    // It holds the program's output open, too: who waited for its end would wait for hours.
    let script = format!("exec 3>'{path}'; sleep 10000 & echo '{{\"result\": 1}}'");
    let done = run(&script, &Context::detached(job(1))).await.unwrap();
    assert_eq!(result_of(done), json!(1));
    let mut said = Vec::new();
    tokio::time::timeout(HANGS, alive.read_to_end(&mut said)).await.expect("somebody outlived the command").unwrap();
}

#[test]
fn without_a_runtime_there_is_no_grace_but_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alive");
    let (ctx, mut heard) = speaking();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let processor = tool(&format!("exec 3>'{}'; trap '' TERM; echo ready; sleep 10000", path.display()));
    let mut run = Box::pin(processor.run(payload(&json!({ "name": "tool" })), ctx));
    let (mut alive, _) = runtime.block_on(async { pipe_in(folder.path()) });
    runtime.block_on(async {
        loop {
            tokio::select! {
                done = &mut run => panic!("it ended by itself: {done:?}"),
                said = heard.recv() => if said.unwrap().iter().any(|line| line == "ready") { break },
            }
        }
    });
    drop(run);
    let mut said = Vec::new();
    runtime.block_on(async { tokio::time::timeout(HANGS, alive.read_to_end(&mut said)).await }).unwrap().unwrap();
}
