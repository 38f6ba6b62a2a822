//! `faena schedules` against a real server, from the first to the last of a schedule.

use serde_json::{Value, json};

use crate::program::Program;
use crate::served::Served;

#[test]
fn a_schedule_lives_from_add_to_remove() {
    let program = Program::new();
    let server = Served::start(&program);
    let run = |args: &[&str]| server.run(&program, &[&["schedules"], args].concat());
    let json = |args: &[&str]| -> Value { run(&[args, &["--json"]].concat()).ended(0).json_lines().remove(0) };

    assert!(run(&["list"]).ended(0).stderr.contains("no schedules"));
    let terms = ["--timezone", "Europe/Berlin", "--retries", "2", "--overlap", "queue", "--misfire", "skip"];
    let added = run(&[&["add", "a b", "30 2 * * *", "sleep", r#"{"durationMs": 5}"#][..], &terms].concat()).ended(0);
    assert!(added.stdout.starts_with("Schedule a b fires first at "), "{}", added.stdout);
    let shown = json(&["show", "a b"]);
    for (field, value) in [
        ("subType", json!("sleep")),
        ("payload", json!({ "durationMs": 5 })),
        ("timezone", json!("Europe/Berlin")),
        ("overlapPolicy", json!("queue")),
        ("misfirePolicy", json!("skip")),
        ("status", json!("enabled")),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(shown["retryPolicy"]["maxRetries"], 2);
    let text = run(&["show", "a b"]).ended(0).stdout;
    assert!(text.contains("At 02:30 every day.") && text.contains("retryPolicy\n  maxRetries"), "{text}");

    run(&["add", "off", "@daily", "noop", "--disabled"]).ended(0);
    let listed = run(&["list"]).ended(0).stdout;
    let lines: Vec<_> = listed.lines().collect();
    assert!(lines[0].starts_with("NAME") && lines[1].starts_with("a b ") && lines[2].starts_with("off "), "{listed}");
    assert_eq!(json(&["list", "--status", "disabled"])["data"][0]["name"], "off");

    let next = json(&["next", "a b", "--count", "400"]);
    let times = next["nextExecutions"].as_array().unwrap();
    assert_eq!(times.len(), 400);
    for change in ["gap", "fold"] {
        assert!(times.iter().any(|time| time["clockChange"] == change), "within a year there is a {change}");
    }
    let next = run(&["next", "off"]).ended(0).stdout;
    assert!(next.contains("It is disabled: these are the times at which it would fire."), "{next}");

    let watched = run(&["run", "a b", "--watch"]).ended(0).stdout;
    assert!(watched.contains("\ncompleted "), "{watched}");
    let failing = r#"{"durationMs": 5, "failTimes": 9}"#;
    run(&["run", "off", "--payload", failing]).ended(0);
    let id = run(&["run", "a b"]).ended(0).stdout.trim().to_owned();
    server.run(&program, &["watch", &id]).ended(0);
    assert_eq!(json(&["show", "a b"])["successfulExecutions"], 2);

    for (args, status) in [
        (&["pause", "a b"][..], "paused"),
        (&["resume", "a b"], "enabled"),
        (&["pause", "a b", "--for", "2h"], "paused"),
        (&["pause", "a b", "--until", "2226-01-01T00:00:00Z"], "paused"),
        (&["disable", "a b"], "disabled"),
        (&["enable", "a b"], "paused"),
    ] {
        assert_eq!(json(args)["data"]["status"], status, "{args:?}");
    }
    assert_eq!(json(&["show", "a b"])["pausedUntil"], "2226-01-01T00:00:00.000Z");
    assert_eq!(run(&["remove", "a b", "off"]).ended(0).stdout, "removed a b\nremoved off\n");
    let gone = run(&["show", "a b"]).ended(1);
    assert!(gone.stderr.contains("no schedule with the id `a b` [not_found]"), "{}", gone.stderr);
}

#[test]
fn what_is_refused_names_what_is_wrong() {
    let program = Program::new();
    let server = Served::start(&program);
    let run = |args: &[&str]| server.run(&program, &[&["schedules"], args].concat());
    run(&["add", "taken", "@daily", "noop"]).ended(0);
    for (args, complaint) in [
        (&["add", "a", "0 0 30 2 *", "noop"][..], "cronExpression: names a date that never comes [invalid_request]"),
        (&["add", "a", "@daily", "noop", "--tz", "Europe/Berlyn"], "did you mean `Europe/Berlin`?"),
        (&["add", "a", "@daily", "sleep", "{}"], "payload"),
        (&["add", "a", "@daily", "nope"], "[unknown_processor]"),
        (&["add", "taken", "@daily", "noop"], "[conflict]"),
        (&["pause", "taken", "--until", "2020-01-01T00:00:00Z"], "until"),
        (&["remove", "nobody"], "[not_found]"),
    ] {
        let refused = run(args).ended(1);
        assert!(refused.stderr.contains(complaint), "{args:?}: {}", refused.stderr);
    }
    for (args, complaint) in [
        (&["add", "a", "@daily"][..], "required"),
        (&["add", "a", "@daily", "noop", "{oops"], "is not JSON"),
        (&["add", "a", "@daily", "noop", "--overlap", "never"], "is not one of skip, queue"),
        (&["pause", "taken", "--for", "1h", "--until", "2227-01-01T00:00:00Z"], "cannot be used with"),
        (&["next", "taken", "--count", "0"], "between 1 and 1000"),
        (&["frobnicate"], "unrecognized subcommand"),
    ] {
        let refused = run(args).ended(2);
        assert!(refused.stderr.contains(complaint), "{args:?}: {}", refused.stderr);
    }
    let listed = run(&["list", "--json"]).ended(0).json_lines();
    assert_eq!(listed[0]["pagination"]["total"], 1);
}

#[cfg(target_os = "linux")]
#[test]
fn the_list_fits_its_terminal() {
    let program = Program::new();
    let server = Served::start(&program);
    let name = "a name that goes on and on until it has nearly a hundred characters and not many more than that";
    server.run(&program, &["schedules", "add", name, "*/15 9-17 * * MON-FRI", "noop"]).ended(0);
    for columns in [40_u16, 60, 84, 140] {
        let args = ["schedules", "list", "--server", &server.url];
        let run = program.run_in_terminal(columns, &[("NO_COLOR", "1")], &args).ended(0);
        let lines: Vec<_> = run.stdout.lines().map(str::trim_end).collect();
        assert_eq!(lines.len(), 2, "one line a schedule: {lines:?}");
        for line in lines {
            assert!(console::measure_text_width(line) <= usize::from(columns), "{columns}: {line:?}");
        }
    }
}

#[test]
fn every_part_explains_itself_with_an_example() {
    let program = Program::new();
    for part in ["list", "add", "show", "next", "run", "pause", "resume", "enable", "disable", "remove"] {
        let help = program.run(&["schedules", part, "--help"]).ended(0).stdout;
        assert!(help.contains(&format!("faena schedules {part}")) && help.contains("Examples:"), "{help}");
    }
}
