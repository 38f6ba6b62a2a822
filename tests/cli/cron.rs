//! `faena cron`: the sentence, the times, their marks, and what it refuses. No server is running in any of these.

use serde_json::json;

use crate::program::Program;

const SPRING: &[&str] = &["cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--after", "2026-03-27T12:00:00Z"];

#[test]
fn a_time_that_a_clock_change_moves_is_marked() {
    let program = Program::new();
    let run = program.run(&[SPRING, &["--count", "3"]].concat()).ended(0);
    assert_eq!(
        run.stdout,
        "At 02:30 every day.\n\n\
         DAY  EUROPE/BERLIN              UTC                   CLOCK\n\
         Sat  2026-03-28T02:30:00+01:00  2026-03-28T01:30:00Z\n\
         Sun  2026-03-29T03:00:00+02:00  2026-03-29T01:00:00Z  gap\n\
         Mon  2026-03-30T02:30:00+02:00  2026-03-30T00:30:00Z\n\n\
         gap: the clock leaps over the time that was meant; it comes at the first instant after the leap instead\n"
    );
    assert_eq!(run.stderr, "");
    let at = ["--tz", "Europe/Berlin", "--after", "2026-10-24T23:45:00Z", "--count", "4"];
    let once = program.run(&[&["cron", "30 2 * * *"][..], &at].concat()).ended(0).stdout;
    assert_eq!(once.matches("fold").count(), 2, "one time and its meaning: {once}");
    assert!(once.contains("2026-10-25T02:30:00+02:00  2026-10-25T00:30:00Z  fold"), "{once}");
    let rhythm = program.run(&[&["cron", "30 * * * *"][..], &at].concat()).ended(0).stdout;
    assert!(rhythm.contains("2026-10-25T02:30:00+01:00  2026-10-25T01:30:00Z  fold"), "{rhythm}");
    assert!(rhythm.contains("every hour comes both times"), "{rhythm}");
}

#[test]
fn json_is_one_object() {
    let run = Program::new().run(&[SPRING, &["--count", "2", "--json"]].concat()).ended(0);
    let told = &run.json_lines()[0];
    assert_eq!((&told["valid"], &told["timezone"]), (&json!(true), &json!("Europe/Berlin")));
    assert_eq!((&told["cronExpression"], &told["description"]), (&json!("30 2 * * *"), &json!("At 02:30 every day.")));
    let shifted =
        json!({ "at": "2026-03-29T01:00:00.000Z", "local": "2026-03-29T03:00:00+02:00", "clockChange": "gap" });
    assert_eq!(told["nextExecutions"][1], shifted);
}

#[test]
fn what_is_left_out_is_utc_from_now_on_five_times() {
    let run = Program::new().run(&["cron", "@daily", "--json"]).ended(0);
    let times = run.json_lines()[0]["nextExecutions"].as_array().unwrap().clone();
    assert_eq!(times.len(), 5);
    assert!(times.iter().all(|time| time["local"].as_str().unwrap().ends_with("T00:00:00+00:00")), "{times:?}");
}

#[test]
fn what_cannot_be_is_wrong_usage_with_the_field_named() {
    let program = Program::new();
    for (args, complaint) in [
        (&["cron", "0 0 30 2 *"][..], "error: cronExpression: names a date that never comes"),
        (&["cron", "61 * * * *"], "error: cronExpression: minute: `61` is outside 0-59"),
        (&["cron", "* * * *"], "error: cronExpression: has 4 fields"),
        (&["cron", ""], "error: cronExpression: is empty"),
        (&["cron", "@often"], "error: cronExpression: `@often` is not one of @hourly"),
        (
            &["cron", "@daily", "--tz", "Europe/Berlyn"],
            "error: timezone: `Europe/Berlyn` is not an IANA time zone; did",
        ),
        (&["cron", "@daily", "--count", "0"], "error: count: must be a whole number between 1 and 1000"),
        (&["cron", "@daily", "--after", "tomorrow"], "is not a time such as"),
        (&["cron"], "required"),
        (&["cron", "*", "*", "*", "*", "*"], "unexpected argument"),
    ] {
        let run = program.run(args).ended(2);
        assert!(run.stderr.contains(complaint), "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{args:?}");
    }
    let all = program.run(&["cron", "x", "--tz", "Nowhere", "--count", "0"]).ended(2).stderr;
    assert_eq!(all.lines().count(), 3, "all at once: {all}");
    let json = program.run(&["cron", "0 0 31 2 *", "--json"]).ended(2).stderr;
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&told["success"], &told["code"]), (&json!(false), &json!("usage")));
}

#[cfg(target_os = "linux")]
#[test]
fn it_fits_its_terminal_and_colours_only_where_they_are_wanted() {
    let program = Program::new();
    for columns in [40_u16, 58, 80, 140] {
        let run = program.run_in_terminal(columns, &[("NO_COLOR", "1")], SPRING).ended(0);
        assert!(!run.stdout.contains('\x1b'), "{:?}", run.stdout);
        for line in run.stdout.lines().map(str::trim_end) {
            assert!(console::measure_text_width(line) <= usize::from(columns), "{columns}: {line:?}");
        }
        let moved = run.stdout.lines().find(|line| line.contains("2026-03-29T03:00:00+02:00")).unwrap();
        assert!(moved.trim_end().ends_with("gap"), "{moved:?}");
        assert_eq!(moved.contains("2026-03-29T01:00:00Z"), columns >= 56, "{moved:?}");
    }
    assert!(program.run_in_terminal(100, &[], SPRING).ended(0).stdout.contains("\x1b["), "a terminal gets colours");
}
