//! Each command asks what the contract says, and prints what a person or a script needs of the answer.

use serde_json::json;

use crate::fake::{self, Fake, ID, Reply};
use crate::program::Program;

#[test]
fn enqueue_sends_every_term() {
    let server = Fake::always(202, fake::acceptance());
    let program = Program::new();
    let args = [
        "enqueue",
        "sleep",
        r#"{"durationMs": 5}"#,
        "--priority=high",
        "--delay=90s",
        "--unique-key=u",
        "--idempotency-key=i",
        "--tag=a",
        "--tag=b",
        "--user=ana",
        "--timeout=1500ms",
        "--retries=5",
    ];
    let run = program.run(&[&args[..], &["--server", &server.url]].concat()).ended(0);
    assert_eq!(run.stdout, format!("{ID}\n"), "the id alone, for scripts");
    let asked = server.asked().remove(0);
    assert_eq!(asked.line, "POST /jobs");
    assert_eq!(asked.header("idempotency-key"), Some("i"));
    assert_eq!(
        asked.json(),
        json!({
            "subType": "sleep", "payload": { "durationMs": 5 }, "priority": "high", "userId": "ana",
            "delaySeconds": 90.0, "timeoutSeconds": 1.5, "retryPolicy": { "maxRetries": 5 }, "uniqueKey": "u",
            "tags": ["a", "b"]
        })
    );
}

#[test]
fn a_payload_comes_from_an_argument_a_file_or_stdin() {
    let server = Fake::always(202, fake::acceptance());
    let program = Program::new();
    std::fs::write(program.path().join("p.json"), " {\"from\": \"file\"}\n").unwrap();
    let at = ["--server", &server.url];
    program.run(&[&["enqueue", "noop"][..], &at].concat()).ended(0);
    program.run(&[&["enqueue", "noop", "--payload", r#"{"from":"flag"}"#][..], &at].concat()).ended(0);
    program.run(&[&["enqueue", "noop", "--file", "p.json"][..], &at].concat()).ended(0);
    program.run_with_stdin(&[&["enqueue", "noop", "-"][..], &at].concat(), r#"{"from": "stdin"}"#).ended(0);
    let payloads: Vec<_> = server.asked().iter().map(|asked| asked.json()["payload"].clone()).collect();
    assert_eq!(payloads, [json!({}), json!({"from": "flag"}), json!({"from": "file"}), json!({"from": "stdin"})]);
    let missing = program.run(&[&["enqueue", "noop", "--file", "none.json"][..], &at].concat()).ended(1);
    assert!(missing.stderr.contains("cannot read the payload none.json"), "{}", missing.stderr);
}

#[test]
fn jobs_sends_its_conditions_and_prints_a_table() {
    let jobs = [
        fake::job(json!({ "status": "failed", "error": { "kind": "error", "message": "no \u{1b}[31mluck" } })),
        fake::job(json!({ "status": "progress", "progress": 40, "message": "row 4" })),
    ];
    let server = Fake::always(200, fake::page(&jobs, 30));
    let program = Program::new();
    let conditions = [
        "jobs",
        "--status=failed,progress",
        "--type=t",
        "--subtype=s",
        "--priority=low",
        "--user=a b",
        "--tag=x",
        "--created-after=2026-11-24T08:00:00+01:00",
        "-q=ñ",
        "--limit=2",
    ];
    let run = program.run(&[&conditions[..], &["--server", &server.url]].concat()).ended(0);
    assert_eq!(
        server.lines(),
        ["GET /jobs?status=failed%2Cprogress&type=t&subType=s&priority=low&userId=a%20b&tag=x\
          &createdAfter=2026-11-24T07%3A00%3A00.000Z&q=%C3%B1&limit=2"]
    );
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", run.stdout);
    assert!(lines[0].starts_with("ID ") && lines[0].ends_with("MESSAGE"), "{}", lines[0]);
    assert!(lines[1].starts_with(ID) && lines[1].ends_with("no  [31mluck"), "nothing escapes: {:?}", lines[1]);
    assert!(lines[2].contains("progress  40"), "{}", lines[2]);
    assert!(run.stderr.contains("2 of 30; more with --cursor abc"), "{}", run.stderr);

    let json = program.run(&["jobs", "--json", "--server", &server.url]).ended(0).json_lines();
    assert_eq!(json[0]["data"][0]["jobId"], ID);
    assert_eq!(json[0]["pagination"]["total"], 30);
}

#[test]
fn json_keeps_what_a_newer_server_says_besides() {
    let server = Fake::always(200, fake::job(json!({ "status": "completed", "novelty": [1, 2] })));
    let run = Program::new().run(&["watch", ID, "--json", "--server", &server.url]).ended(0);
    assert_eq!(run.json_lines()[0]["novelty"], json!([1, 2]));
}

#[test]
fn bulk_requests_name_their_filter_and_print_the_sentence() {
    let server = Fake::always(200, json!({ "success": true, "data": { "count": 3 }, "message": "3 jobs" }));
    let program = Program::new();
    for command in ["cancel", "retry"] {
        let args = [command, "--filter", "--status=failed", "--user=ana", "--server", &server.url];
        assert_eq!(program.run(&args).ended(0).stdout, "3 jobs\n");
        let json = program.run(&[&args[..], &["--json"]].concat()).ended(0).json_lines();
        assert_eq!(json[0]["data"]["count"], 3);
    }
    let run = program.run(&["cleanup", "--older-than", "30d", "--server", &server.url]).ended(0);
    assert_eq!(run.stdout, "3 jobs\n");
    program.run(&["retry", ID, "--server", &server.url]).ended(0);
    let lines = server.lines();
    assert_eq!(lines[0], "DELETE /jobs?status=failed&userId=ana");
    assert_eq!(lines[2], "POST /jobs/retry?status=failed&userId=ana");
    assert_eq!(lines[4..], ["POST /cleanup".to_owned(), format!("POST /jobs/{ID}/retry")]);
    assert_eq!(server.asked()[4].json(), json!({ "olderThanSeconds": 2_592_000 }));
}

#[test]
fn a_result_is_written_as_it_came() {
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let sent = bytes.clone();
    let server = Fake::start(move |_| Reply::bytes(200, "image/png", sent.clone()));
    let program = Program::new();
    let at = ["--server", &server.url];
    let piped = program.command(&[&["result", ID][..], &at].concat()).output().unwrap();
    assert!(piped.stdout == bytes, "to a pipe, byte for byte");
    let run = program.run(&[&["result", ID, "-o", "out.png", "--json"][..], &at].concat()).ended(0);
    assert!(std::fs::read(program.path().join("out.png")).unwrap() == bytes);
    assert_eq!(run.json_lines()[0], json!({ "file": "out.png", "bytes": 200_000, "contentType": "image/png" }));
    assert_eq!(server.lines()[0], format!("GET /jobs/{ID}/result"));
}

#[test]
fn a_result_that_does_not_come_leaves_no_file() {
    let server = Fake::start(|_| Reply::refusal(410, "gone", "the result has passed its retention"));
    let program = Program::new();
    let run = program.run(&["result", ID, "-o", "out", "--server", &server.url]).ended(1);
    assert!(run.stderr.contains("passed its retention [gone]"), "{}", run.stderr);
    assert_eq!(std::fs::read_dir(program.path()).unwrap().count(), 0);
}

#[test]
fn figures_are_aligned_and_indented() {
    let server = Fake::always(
        200,
        json!({ "success": true, "data": { "total": 12000, "byPriority": { "high": 2, "normal": 11998 } } }),
    );
    let program = Program::new();
    let run = program.run(&["stats", "--server", &server.url]).ended(0);
    assert_eq!(run.stdout, "total       12,000\nbyPriority\n  high    2\n  normal  11,998\n");
    let json = program.run(&["stats", "--json", "--server", &server.url]).ended(0).json_lines();
    assert_eq!(json[0]["data"]["total"], 12000);
    assert_eq!(server.lines(), ["GET /jobs/statistics/overview", "GET /jobs/statistics/overview"]);
}

#[test]
fn the_figures_of_a_day_sum_its_minutes_up() {
    let server =
        Fake::always(200, json!({ "succeededLast24h": 7, "throughput": { "succeeded": [3, 0, 4], "failed": [] } }));
    let program = Program::new();
    let run = program.run(&["stats", "--day", "--server", &server.url]).ended(0);
    assert_eq!(run.stdout, "succeededLast24h  7\nthroughput\n  succeeded  7 in 3 steps\n  failed     none\n");
    assert_eq!(server.lines(), ["GET /dashboard/data"]);
}

#[test]
fn a_result_that_is_elsewhere_is_fetched_from_there() {
    let elsewhere = Fake::start(|_| Reply::bytes(200, "text/plain", "from afar"));
    let place = format!("{}/file", elsewhere.url);
    let server = Fake::start(move |_| Reply::bytes(302, "text/plain", "").with("location", &place));
    let run = Program::new().run(&["result", ID, "--server", &server.url]).ended(0);
    assert_eq!(run.stdout, "from afar");
    assert_eq!(elsewhere.lines(), ["GET /file"]);
}
