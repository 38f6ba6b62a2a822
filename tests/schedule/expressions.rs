//! What may be written, what is refused and why, and which days the day rules name.

use faena::schedule::{Cron, Timetable, UnknownZone, Zone};

use crate::factory::{at, cron, timetable, zone};

/// Local dates of the first ticks of 2026 in UTC.
fn days(expression: &str, count: usize) -> Vec<String> {
    let ticks = timetable(expression, "UTC");
    ticks.ticks(at("2025-12-31T23:59:59Z")).take(count).map(|tick| tick.local()[..10].to_owned()).collect()
}

fn next(table: &Timetable, after: &str) -> String {
    table.next_after(at(after)).unwrap().at.to_string()
}

#[test]
fn both_spellings_of_the_same_times_agree() {
    for (one, other) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 0 * * *"),
        ("@midnight", "0 0 * * ?"),
        ("@weekly", "0 0 * * SUN"),
        ("@weekly", "0 0 ? * 7"),
        ("@monthly", "0 0 1 * *"),
        ("@YEARLY", "0 0 1 JAN *"),
        ("@annually", "0 0 1 1 *"),
        ("*/20 * * * *", "0,20,40 * * * *"),
        ("5/20 * * * *", "5,25,45 * * * *"),
        ("10-30/10 * * * *", "10,20,30 * * * *"),
        ("0 9 * * mon-Fri", "0 0 9 * * 1-5"),
        ("0 9 * * FRI-SUN", "0 9 * * 0,5,6"),
        ("0 9 * * 5-7", "0 9 * * 0,5,6"),
        ("0 9 * * SUN-TUE", "0 9 * * 0-2"),
        ("0 9 * feb,APR-jun *", "0 9 * 2,4,5,6 *"),
        ("  0   9\t* * *  ", "0 9 * * *"),
    ] {
        let after = at("2026-01-01T00:00:00Z");
        let list = |text: &str| timetable(text, "UTC").ticks(after).take(100).map(|tick| tick.at).collect::<Vec<_>>();
        assert_eq!(list(one), list(other), "{one} and {other}");
    }
}

#[test]
fn a_complaint_names_the_field_and_what_may_stand_there() {
    for (text, field, words) in [
        ("", None, "is empty"),
        ("* * * *", None, "has 4 fields; there are 5 or 6"),
        ("0 0 0 1 1 ? 2026", None, "has 7 fields"),
        ("@reboot", None, "`@reboot` is not one of @hourly, @daily"),
        ("60 * * * *", Some("minute"), "`60` is outside 0-59"),
        ("60 * * * * *", Some("second"), "`60` is outside 0-59"),
        ("0 24 * * *", Some("hour"), "`24` is outside 0-23"),
        ("0 0 0 * *", Some("day of month"), "`0` is outside 1-31"),
        ("0 0 32 * *", Some("day of month"), "`32` is outside 1-31"),
        ("0 0 * 13 *", Some("month"), "`13` is outside 1-12 or JAN-DEC"),
        ("0 0 * JNA *", Some("month"), "`JNA` is not one of 1-12 or JAN-DEC"),
        ("0 0 * * 8", Some("day of week"), "`8` is outside 0-7 or SUN-SAT"),
        ("0 0 * * L", Some("day of week"), "write `5L` or `FRIL`"),
        ("0 0 * * FRI#6", Some("day of week"), "`FRI#6` needs a number from 1 to 5, not `6`"),
        ("0 0 * * FRI#+1", Some("day of week"), "needs a number"),
        ("0 0 L-31 * *", Some("day of month"), "`L-31` needs a number from 1 to 30"),
        ("0 0 32W * *", Some("day of month"), "`32` is outside 1-31"),
        ("30-10 * * * *", Some("minute"), "`30-10` runs backwards; write `30-59,0-10`"),
        ("0 0 * * SAT-MON", Some("day of week"), "runs backwards; write `6-6,0-1`"),
        ("*/0 * * * *", Some("minute"), "steps by nothing"),
        ("*/60 * * * *", Some("minute"), "leaves the field; a step is 1 to 59"),
        ("*/ * * * *", Some("minute"), "has no number after `/`"),
        ("1,,2 * * * *", Some("minute"), "has an empty place in its list"),
        ("1, * * * *", Some("minute"), "has an empty place"),
        ("-5 * * * *", Some("minute"), "`` is not one of 0-59"),
        ("+5 * * * *", Some("minute"), "`+5` is not one of"),
        ("0 0 * * 1#", Some("day of week"), "needs a number"),
        ("99999999999 * * * *", Some("minute"), "is not one of 0-59"),
        ("0 0 ñ * *", Some("day of month"), "`ñ` is not one of 1-31"),
    ] {
        let error = Cron::new(text).expect_err(text);
        assert_eq!(error.field, field, "{text}: {error}");
        assert!(error.message.contains(words), "{text}: {error}");
    }
    assert!(Cron::new(&"1,".repeat(200)).unwrap_err().message.contains("longer than 256 bytes"));
    assert_eq!(Cron::new("0 24 * * *").unwrap_err().to_string(), "hour: `24` is outside 0-23");
}

#[test]
fn what_never_comes_is_refused() {
    for text in ["0 0 30 2 *", "0 0 31 2 *", "0 0 31 4,6,9,11 *", "0 0 31W 4 *", "0 0 L-30 4 *", "0 0 30W FEB ?"] {
        let error = Cron::new(text).expect_err(text);
        assert!(error.to_string().contains("a date that never comes"), "{text}: {error}");
    }
}

#[test]
fn what_comes_seldom_is_found() {
    assert_eq!(days("0 0 29 2 *", 3), ["2028-02-29", "2032-02-29", "2036-02-29"]);
    assert_eq!(next(&timetable("0 0 29 2 *", "UTC"), "2096-03-01T00:00:00Z"), "2104-02-29T00:00:00.000Z");
    assert_eq!(days("0 0 * 2 SUN#5", 3), ["2032-02-29", "2060-02-29", "2088-02-29"]);
    assert_eq!(next(&timetable("0 0 * 2 SUN#5", "UTC"), "2088-03-01T00:00:00Z"), "2128-02-29T00:00:00.000Z");
    // Both fields begin otherwise than with `*`, so either counts, and the Mondays of February do come.
    assert_eq!(days("0 0 30 2 MON", 2), ["2026-02-02", "2026-02-09"]);
}

#[test]
fn day_rules_name_their_days() {
    for (text, expected) in [
        ("0 0 L * *", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("0 0 L-2 * *", ["2026-01-29", "2026-02-26", "2026-03-29", "2026-04-28"]),
        ("0 0 LW * *", ["2026-01-30", "2026-02-27", "2026-03-31", "2026-04-30"]),
        ("0 0 1W * *", ["2026-01-01", "2026-02-02", "2026-03-02", "2026-04-01"]),
        ("0 0 15W * *", ["2026-01-15", "2026-02-16", "2026-03-16", "2026-04-15"]),
        ("0 0 31W * *", ["2026-01-30", "2026-03-31", "2026-05-29", "2026-07-31"]),
        ("0 0 1,L * *", ["2026-01-01", "2026-01-31", "2026-02-01", "2026-02-28"]),
        ("0 0 * * FRI#2", ["2026-01-09", "2026-02-13", "2026-03-13", "2026-04-10"]),
        ("0 0 * * 5L", ["2026-01-30", "2026-02-27", "2026-03-27", "2026-04-24"]),
        ("0 0 * * SUN#5", ["2026-03-29", "2026-05-31", "2026-08-30", "2026-11-29"]),
        ("0 0 * * MON#1,FRIL", ["2026-01-05", "2026-01-30", "2026-02-02", "2026-02-27"]),
        // Either, when both fields name days.
        ("0 0 13 * FRI", ["2026-01-02", "2026-01-09", "2026-01-13", "2026-01-16"]),
        // Both, when one of them begins with `*`: odd days that are Mondays.
        ("0 0 */2 * MON", ["2026-01-05", "2026-01-19", "2026-02-09", "2026-02-23"]),
    ] {
        assert_eq!(days(text, 4), expected, "{text}");
    }
}

#[test]
fn an_unknown_zone_is_refused_with_the_one_that_was_probably_meant() {
    let nearest = |name: &str| Zone::new(name).expect_err(name).nearest;
    assert_eq!(nearest("Europe/Berln").as_deref(), Some("Europe/Berlin"));
    assert_eq!(nearest("Berlin").as_deref(), Some("Europe/Berlin"));
    assert_eq!(nearest("America/New York").as_deref(), Some("America/New_York"));
    assert_eq!(nearest("US/New_York").as_deref(), Some("America/New_York"));
    assert_eq!(nearest("a place that nobody knows"), None);
    assert_eq!(nearest(&"x".repeat(10_000)), None);
    let UnknownZone { name, .. } = Zone::new(&"x".repeat(10_000)).unwrap_err();
    assert_eq!(name.len(), 64);
    for bad in ["", "Etc/Unknown", "+02:00", "Mars/Olympus", "../etc/passwd", "Europe/Berlin\0"] {
        assert!(Zone::new(bad).is_err(), "{bad}");
    }
    let error = Zone::new("Europa/Berlin").unwrap_err().to_string();
    assert_eq!(error, "`Europa/Berlin` is not an IANA time zone; did you mean `Europe/Berlin`?");
}

#[test]
fn zones_are_found_in_any_case_and_keep_their_spelling() {
    assert_eq!(zone("europe/berlin").as_str(), "Europe/Berlin");
    assert_eq!(zone("utc").as_str(), "UTC");
    assert_eq!(zone("utc"), Zone::utc());
    let names = Zone::names();
    assert!(names.len() > 500, "{}", names.len());
    for name in names {
        assert_eq!(zone(&name).as_str(), name);
    }
}

#[test]
fn expressions_and_zones_are_stored_as_their_text() {
    let table = timetable("@daily", "america/santiago");
    let json = serde_json::to_string(&table).unwrap();
    assert_eq!(json, r#"{"cron":"@daily","zone":"America/Santiago","dst":{"gap":"shift","fold":"first"}}"#);
    assert_eq!(serde_json::from_str::<Timetable>(&json).unwrap(), table);
    let bad = serde_json::from_str::<Timetable>(r#"{"cron":"0 25 * * *","zone":"UTC"}"#).unwrap_err();
    assert!(bad.to_string().contains("hour: `25` is outside 0-23"), "{bad}");
    assert_eq!(cron(" 0  2 * * * ").as_str(), "0 2 * * *");
}
