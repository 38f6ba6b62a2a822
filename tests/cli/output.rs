//! Pipes that close, terminals of all sorts, and colours that nobody wants.

use std::process::Stdio;

use serde_json::json;

use crate::fake::{self, Fake, ID, Reply};
use crate::program::Program;

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let jobs: Vec<_> = (0..500).map(|_| fake::job(json!({ "message": "x".repeat(200) }))).collect();
    let server = Fake::start(move |asked| match asked.line.ends_with("/result") {
        true => Reply::bytes(200, "text/plain", "x".repeat(1_000_000)),
        false => Reply::json(200, fake::page(&jobs, 500)),
    });
    let program = Program::new();
    for args in [
        &["jobs"][..],
        &["jobs", "--json"],
        &["result", ID],
        &["completions", "bash"],
        &["openapi"],
        &["doctor"],
        &["--help"],
        &["help", "serve"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = program.command(args);
        let output = command.env("FAENA_SERVER", &server.url).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        assert_eq!(stderr, "", "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn colours_are_for_terminals_that_want_them() {
    let server = Fake::always(200, fake::page(&[fake::job(json!({ "status": "failed" }))], 1));
    let program = Program::new();
    let args = ["jobs", "--server", &server.url];
    assert!(program.run_in_terminal(100, &[], &args).ended(0).stdout.contains("\x1b["), "a terminal gets colours");
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = program.run_in_terminal(100, &[variable], &args).ended(0).stdout;
        assert!(!plain.contains('\x1b'), "{variable:?}: {plain:?}");
    }
    assert!(!program.run(&args).ended(0).stdout.contains('\x1b'), "a pipe gets none");
}

#[cfg(target_os = "linux")]
#[test]
fn a_table_fits_its_terminal_with_the_whole_id() {
    let message = "a message that goes on and on, far beyond what any terminal is ready to show in a single line of it";
    let server = Fake::always(200, fake::page(&[fake::job(json!({ "message": message, "durationMs": 4000 }))], 1));
    let program = Program::new();
    for columns in [50_u16, 80, 100, 140] {
        let run = program.run_in_terminal(columns, &[("NO_COLOR", "1")], &["jobs", "--server", &server.url]).ended(0);
        let lines: Vec<_> = run.stdout.lines().map(str::trim_end).collect();
        assert_eq!(lines.len(), 2, "one line a job: {lines:?}");
        assert!(lines[1].starts_with(ID) && lines[1].contains("queued"), "{lines:?}");
        for line in lines {
            assert!(console::measure_text_width(line) <= usize::from(columns), "{columns}: {line:?}");
        }
    }
    let wide = program.run(&["jobs", "--server", &server.url]).ended(0).stdout;
    assert!(wide.contains(message), "a pipe gets everything: {wide}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_not_sent_bytes() {
    let server = Fake::start(|asked| match asked.line.contains("picture") {
        true => Reply::bytes(200, "image/png", b"\x89PNG\r\n\x1a\n\0\0".to_vec()),
        false => Reply::bytes(200, "application/json", "{\"ñ\": 1}"),
    });
    let program = Program::new();
    let refused = program.run_in_terminal(100, &[], &["result", "picture", "--server", &server.url]).ended(1).stdout;
    assert!(refused.contains("the result is no text (image/png); write it into a file with -o FILE"), "{refused:?}");
    assert!(!refused.contains("PNG\r\n\x1a"), "{refused:?}");
    let shown = program.run_in_terminal(100, &[], &["result", "text", "--server", &server.url]).ended(0).stdout;
    assert!(shown.contains("{\"ñ\": 1}"), "{shown:?}");
}
