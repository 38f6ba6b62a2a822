//! Following a job: in a pipe, as JSON, in a terminal, and while the server is away.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::fake::{self, Fake, ID, Reply};
use crate::program::Program;

/// A server on which the job is a step further at each look.
fn in_steps() -> Fake {
    let step = AtomicUsize::new(0);
    Fake::start(move |_| {
        let step = step.fetch_add(1, Ordering::SeqCst);
        let changes = match step {
            0 => json!({}),
            1 => {
                json!({ "status": "progress", "progress": 40, "message": "half of it", "startedAt": "2026-11-24T07:00:00Z",
                         "estimatedRemainingSeconds": 3 })
            }
            2 => return Reply::bytes(304, "text/plain", ""),
            // It goes away twice, as it does while it restarts.
            3 | 4 => return Reply::refusal(503, "unavailable", "the store is being opened"),
            _ => {
                json!({ "status": "completed", "progress": 100, "durationMs": 4200, "resultUrl": "data:,x", "attempt": 2 })
            }
        };
        Reply::json(200, fake::job(changes)).with("etag", format!("\"{step}\""))
    })
}

#[test]
fn a_pipe_gets_a_line_for_each_change() {
    let server = in_steps();
    let run = Program::new().run(&["watch", ID, "--server", &server.url]).ended(0);
    assert_eq!(
        run.stdout,
        format!(
            "  0%  queued  waiting for its turn\n 40%  progress  half of it\n100%  completed\n\
             completed {ID} in 4.2 s\n  after 2 of 4 tries\n  {} result {ID} --server {}\n",
            env!("CARGO_BIN_EXE_faena"),
            server.url
        )
    );
    assert_eq!(run.stderr, "the store is being opened; waiting\nthe server is back\n");
    let asked = server.asked();
    assert_eq!(asked[0].line, format!("GET /jobs/{ID}"));
    assert_eq!(
        (asked[1].line.as_str(), asked[1].header("if-none-match")),
        (&*format!("GET /jobs/{ID}?wait=30"), Some("\"0\""))
    );
    assert_eq!(asked[5].header("if-none-match"), Some("\"1\""), "it goes on from what it has seen");
}

#[test]
fn json_is_one_object_for_each_change() {
    let server = in_steps();
    let run = Program::new().run(&["watch", ID, "--json", "--server", &server.url]).ended(0);
    let seen: Vec<_> = run.json_lines().iter().map(|job| job["progress"].as_u64().unwrap()).collect();
    assert_eq!(seen, [0, 40, 100]);
}

#[test]
fn a_job_that_does_not_exist_is_told_at_once() {
    let server = Fake::start(|_| Reply::refusal(404, "not_found", "no job with the id `nobody`"));
    let run = Program::new().run(&["watch", "nobody", "--server", &server.url]).ended(1);
    assert_eq!(run.stderr, "error: no job with the id `nobody` [not_found]\n");
}

#[test]
fn a_wait_for_the_next_try_is_told_with_its_reason() {
    let step = AtomicUsize::new(0);
    let server = Fake::start(move |_| match step.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::json(
            200,
            fake::job(json!({ "runAt": "2226-11-24T07:00:00Z", "attempt": 1,
                              "error": { "kind": "error", "message": "no luck" } })),
        )
        .with("etag", "\"1\""),
        _ => Reply::json(200, fake::job(json!({ "status": "cancelled" }))),
    });
    let run = Program::new().run(&["watch", ID, "--server", &server.url]).ended(4);
    assert!(run.stdout.contains("queued  try 2 of 4 in ") && run.stdout.contains(": no luck\n"), "{}", run.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_a_bar_that_fits() {
    for columns in [40, 120] {
        let server = in_steps();
        let run =
            Program::new().run_in_terminal(columns, &[("NO_COLOR", "1")], &["watch", ID, "--server", &server.url]);
        let drawn = run.ended(0).stdout;
        assert!(drawn.contains("40%") && drawn.contains("left"), "{drawn:?}");
        assert!(drawn.contains("the server has gone"), "{drawn:?}");
        assert!(!drawn.contains("\x1b[3") && !drawn.contains("\x1b[9"), "no colours: {drawn:?}");
        assert_eq!(drawn.contains('━'), columns == 120, "a narrow terminal gets no bar: {drawn:?}");
        assert!(drawn.contains(&format!("completed {ID} in 4.2 s")), "{drawn:?}");
        let plain = console::strip_ansi_codes(&drawn);
        for line in plain.split(['\r', '\n']).filter(|line| line.contains('%')) {
            assert!(console::measure_text_width(line) <= usize::from(columns), "{line:?}");
        }
    }
}
