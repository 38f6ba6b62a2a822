//! `faena run`: one job in the program's own process, its result on stdout, its end as the exit code.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Program, Run};

const TABLE: &str = r#"{"csv": "a,b\n1,x\n2,y\n"}"#;

#[test]
fn the_result_goes_to_stdout_and_the_progress_to_stderr() {
    let program = Program::new();
    let run = program.run(&["run", "process_data", "--payload", TABLE]).ended(0);
    let result: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((result["rows"].as_u64(), result["columns"][1]["name"].as_str()), (Some(2), Some("b")));
    assert!(run.stderr.contains("100%  completed"), "{}", run.stderr);
    assert!(run.stderr.lines().last().unwrap().starts_with("completed "), "{}", run.stderr);
    assert_eq!(program.run(&["run", "noop"]).ended(0).stdout, "", "a job without a result prints none");
    assert_eq!(std::fs::read_dir(program.path()).unwrap().count(), 0, "nothing is kept");
}

#[test]
fn a_payload_comes_from_where_it_does_for_a_server() {
    let program = Program::new();
    std::fs::write(program.path().join("p.json"), TABLE).unwrap();
    std::fs::write(program.path().join("t.csv"), "a\n1\n2\n3\n").unwrap();
    let rows = |run: Run| serde_json::from_str::<Value>(&run.ended(0).stdout).unwrap()["rows"].as_u64();
    assert_eq!(rows(program.run(&["run", "process_data", TABLE])), Some(2));
    assert_eq!(rows(program.run(&["run", "process_data", "--file", "p.json"])), Some(2));
    assert_eq!(rows(program.run_with_stdin(&["run", "process_data", "-"], TABLE)), Some(2));
    let named = ["run", "process_data", r#"{"path": "t.csv"}"#, "--input", "."];
    assert_eq!(rows(program.run(&named)), Some(3));
}

#[test]
fn json_is_a_line_for_each_change_and_the_last_one_has_the_result() {
    let run = Program::new().run(&["run", "process_data", TABLE, "--json"]).ended(0);
    let lines = run.json_lines();
    let last = lines.last().unwrap();
    assert_eq!((last["status"].as_str(), last["progress"].as_u64()), (Some("completed"), Some(100)));
    assert!(last["resultUrl"].as_str().unwrap().starts_with("data:application/json"), "{last}");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_result_is_written_into_a_file_also_when_it_is_large() {
    let program = Program::new();
    let names: Vec<_> = (0..900).map(|n| format!("{}{n}", "column".repeat(100))).collect();
    let csv = format!("{}\n{}\n", names.join(","), vec!["1"; 900].join(","));
    std::fs::write(program.path().join("wide.csv"), csv).unwrap();
    let wide = ["run", "process_data", r#"{"path": "wide.csv"}"#, "--input", "."];
    let run = program.run(&[&wide[..], &["-o", "out.json"]].concat()).ended(0);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains(" bytes in out.json"), "{}", run.stderr);
    let result: Value = serde_json::from_slice(&std::fs::read(program.path().join("out.json")).unwrap()).unwrap();
    assert_eq!(result["columns"].as_array().unwrap().len(), 900);
}

#[test]
fn it_ends_as_its_job_does() {
    let program = Program::new();
    let fails = r#"{"durationMs": 5, "failTimes": 1}"#;
    let run = program.run(&["run", "sleep", fails, "--retries", "0"]).ended(3);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("\nfailed ") && run.stderr.contains("asked_to_fail"), "{}", run.stderr);
    let late =
        program.run(&["run", "sleep", r#"{"durationMs": 60000}"#, "--timeout", "50ms", "--retries", "0", "--json"]);
    assert_eq!(late.ended(3).json_lines().last().unwrap()["error"]["kind"], "timeout");
}

#[test]
fn what_is_refused_names_what_is_wrong() {
    let program = Program::new();
    let unknown = program.run(&["run", "slep"]).ended(1);
    assert!(unknown.stderr.contains("[unknown_processor]") && unknown.stderr.contains("sleep"), "{}", unknown.stderr);
    let payload = program.run(&["run", "sleep", r#"{"durationMs": "long"}"#]).ended(1);
    assert!(payload.stderr.starts_with("error: payload"), "{}", payload.stderr);
    assert!(program.run(&["run", "noop", "{oops"]).ended(2).stderr.contains("is not JSON"));
    let json = program.run(&["run", "slep", "--json"]).ended(1).stderr;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["code"], "unknown_processor");
}

#[test]
fn an_interrupt_cancels_the_job_and_ends_with_4() {
    for (signal, payload) in [
        (Signal::INT, r#"{"durationMs": 600000, "steps": 6000}"#),
        // Until the first report it is stopped just so.
        (Signal::TERM, r#"{"durationMs": 600000, "steps": 1}"#),
    ] {
        let program = Program::new();
        let mut child = program.command(&["run", "sleep", payload, "--json"]);
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| says_that_it_runs(&line)));
        send(&child, signal);
        let last: Value = serde_json::from_str(&lines.last().unwrap()).unwrap();
        assert_eq!(last["status"], "cancelled", "{last}");
        let run = Run::of(child.wait_with_output().unwrap()).ended(4);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn a_second_interrupt_does_not_wait_for_a_job_that_does_not_listen() {
    let program = Program::new();
    let deaf = r#"{"durationMs": 600000, "steps": 600, "ignoreCancel": true}"#;
    let mut child = program.command(&["run", "sleep", deaf, "--json"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| says_that_it_runs(&line)));
    // Signals of one sort that come together are one; two sorts are two.
    send(&child, Signal::INT);
    send(&child, Signal::TERM);
    let all: Vec<_> = lines.collect();
    assert!(all.iter().all(|line| !line.contains("completed")), "{all:?}");
    Run::of(child.wait_with_output().unwrap()).ended(4);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_a_bar_that_fits_and_then_the_result() {
    let program = Program::new();
    for columns in [40, 120] {
        let args = ["run", "sleep", r#"{"durationMs": 400, "steps": 4}"#];
        let drawn = program.run_in_terminal(columns, &[("NO_COLOR", "1")], &args).ended(0).stdout;
        assert_eq!(drawn.contains('━'), columns == 120, "a narrow terminal gets no bar: {drawn:?}");
        assert!(!drawn.contains("\x1b[3") && !drawn.contains("\x1b[9"), "no colours: {drawn:?}");
        assert!(drawn.contains("completed ") && drawn.contains(r#""durationMs":400"#), "{drawn:?}");
        let plain = console::strip_ansi_codes(&drawn);
        for line in plain.split(['\r', '\n']).filter(|line| line.contains('%')) {
            assert!(console::measure_text_width(line) <= usize::from(columns), "{line:?}");
        }
    }
}

/// A look may come after the first report: then nobody sees the start.
fn says_that_it_runs(line: &str) -> bool {
    [r#""status":"started""#, r#""status":"progress""#].iter().any(|status| line.contains(status))
}

fn send(child: &std::process::Child, signal: Signal) {
    let id = i32::try_from(child.id()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

/// A server that answers one request on loopback, and says what it was asked.
fn answering_once() -> (std::net::SocketAddr, std::thread::JoinHandle<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4_096];
        let length = stream.read(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").unwrap();
        String::from_utf8_lossy(&head[..length]).lines().next().unwrap_or_default().to_owned()
    });
    (address, heard)
}

#[test]
fn what_is_not_public_is_called_only_where_it_is_named_with_its_port() {
    let program = Program::new();
    let (address, heard) = answering_once();
    let port = address.port();
    let call = |url: &str, allow: &str| {
        let payload = format!(r#"{{"url": "{url}"}}"#);
        program.command(&["run", "http_request", &payload, "--retries", "0", "--http-allow", allow])
    };
    for (url, allow, complaint) in [
        (format!("http://localhost:{port}/"), "api.example.com".to_owned(), "is not allowed; add it to http_allow"),
        (
            "http://localhost/".to_owned(),
            "localhost".to_owned(),
            "name it with its port as `localhost:80` in http_allow",
        ),
        (format!("http://127.0.0.1:{port}/"), format!("localhost:{port}"), "is not allowed; add it to http_allow"),
    ] {
        let run = Run::of(call(&url, &allow).output().unwrap()).ended(3);
        assert!(run.stderr.contains(complaint), "{url}: {}", run.stderr);
    }
    // A proxy of the environment would see what is asked, and go where it likes: nobody listens there, and nobody is asked.
    let mut command = call(&format!("http://localhost:{port}/x"), &format!("localhost:{port}"));
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let run = Run::of(command.output().unwrap()).ended(0);
    assert!(run.stdout.contains("\"status\":200") || run.stdout.contains("\"status\": 200"), "{}", run.stdout);
    assert_eq!(heard.join().unwrap(), "GET /x HTTP/1.1");
}
