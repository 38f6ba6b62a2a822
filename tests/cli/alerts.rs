//! `faena alerts` against a real server.

use serde_json::{Value, json};

use crate::program::Program;
use crate::served::Served;

#[test]
fn rules_are_set_listed_and_removed_and_a_failing_schedule_is_told() {
    let program = Program::new();
    let server = Served::start(&program);
    let run = |args: &[&str]| server.run(&program, &[&["alerts"], args].concat());
    let json = |args: &[&str]| -> Value { run(&[args, &["--json"]].concat()).ended(0).json_lines().remove(0) };

    assert!(run(&["list"]).ended(0).stderr.contains("no alerts"));
    let rules = run(&["rules"]).ended(0).stdout;
    assert!(
        rules.starts_with("NAME")
            && rules.contains("failures-in-a-row  failures_in_a_row  2 failures      all  yes")
            && rules.contains("endpoint-off       endpoint_off       1 failed tries  all  yes"),
        "{rules}"
    );

    // An alert is about what is there: the schedule fails twice.
    server
        .run(&program, &["schedules", "add", "off", "@yearly", "sleep", r#"{"durationMs": 1, "failTimes": 9}"#])
        .ended(0);
    for _ in 0..2 {
        server.run(&program, &["schedules", "run", "off", "--watch"]).ended(3);
    }
    server.wait_for_log("alert.fired");
    let listed = run(&["list", "--status", "firing", "--schedule", "off"]).ended(0).stdout;
    let lines: Vec<_> = listed.lines().collect();
    assert!(lines[0].starts_with("STATUS") && lines[1].starts_with("firing "), "{listed}");
    assert!(lines[1].contains("the last 2 executions of schedule `off` have failed"), "{listed}");
    assert_eq!(json(&["list", "--rule", "failures-in-a-row"])["data"][0]["value"], 2);
    assert_eq!(json(&["list", "--status", "cleared"])["data"], json!([]));

    let set = run(&["set", "slow", "execution_longer", "60", "--subtype", "sleep", "--schedule", "off", "--disabled"]);
    assert_eq!(set.ended(0).stdout, "Alert rule slow kept.\n");
    let rules = run(&["rules"]).ended(0).stdout;
    assert!(
        rules.contains("slow               execution_longer   60 seconds      schedule off, subType sleep  no"),
        "{rules}"
    );
    assert_eq!(json(&["set", "often", "failures_in_a_row"])["data"]["count"], 2);
    assert_eq!(
        run(&["remove", "often", "failures-in-a-row"]).ended(0).stdout,
        "removed often\nremoved failures-in-a-row\n"
    );
    server.wait_for_log("alert.cleared");
    assert_eq!(json(&["list", "--status", "firing"])["data"], json!([]));

    for (args, code, complaint) in [
        (&["set", "deep", "queue_depth"][..], 1, "jobs: is required"),
        (&["set", "deep", "queue_depth", "0"], 1, "must be between 1 and"),
        (&["set", "a", "failures_in_a_row", "--schedule", "nobody"], 1, "there is no schedule"),
        (&["remove", "nobody"], 1, "[not_found]"),
        (&["set", "deep", "sunspots"], 2, "is not one of failures_in_a_row"),
        (&["set", "NO", "queue_depth", "1"], 2, "NO"),
        (&["list", "--status", "burning"], 2, "is not one of firing, cleared"),
    ] {
        let refused = run(args).ended(code);
        assert!(refused.stderr.contains(complaint), "{args:?}: {}", refused.stderr);
    }
}

#[test]
fn every_part_explains_itself_with_an_example() {
    let program = Program::new();
    for part in ["list", "rules", "set", "remove"] {
        let help = program.run(&["alerts", part, "--help"]).ended(0).stdout;
        assert!(help.contains(&format!("faena alerts {part}")) && help.contains("Examples:"), "{help}");
    }
}
