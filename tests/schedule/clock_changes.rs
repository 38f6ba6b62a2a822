//! Rule 22: what a clock change does to a schedule, in the zones where it has bitten others.

use faena::schedule::{ClockChange, Fold, Gap, Timetable};

use crate::factory::{at, ticks, timetable, with};

/// The local times of the ticks after one moment and up to another, each with the mark that it bears.
fn local(table: &Timetable, after: &str, until: &str) -> Vec<String> {
    let mark = |change: Option<ClockChange>| change.map_or(String::new(), |change| format!(" {change}"));
    let ticks = ticks(table, at(after), at(until)).into_iter();
    ticks.map(|tick| format!("{}{}", tick.local(), mark(tick.clock_change))).collect()
}

const SPRING: (&str, &str) = ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
const AUTUMN: (&str, &str) = ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");

#[test]
fn rule_22_berlin_in_spring() {
    let table = timetable("30 2 * * *", "Europe/Berlin");
    let shifted = ["2026-03-29T03:00:00+02:00 gap", "2026-03-30T02:30:00+02:00"];
    assert_eq!(local(&table, SPRING.0, SPRING.1), shifted);
    let skipped = with(table, Gap::Skip, Fold::First);
    assert_eq!(local(&skipped, SPRING.0, SPRING.1), ["2026-03-30T02:30:00+02:00"]);
    // Several times that the clock leaps over meet at its end, also with one that is named there anyway.
    let many = timetable("*/20 2,3 29 3 *", "Europe/Berlin");
    let expected = ["2026-03-29T03:00:00+02:00 gap", "2026-03-29T03:20:00+02:00", "2026-03-29T03:40:00+02:00"];
    assert_eq!(local(&many, SPRING.0, SPRING.1), expected);
    // The leap ends at 03:00 sharp, which is not leapt over.
    let sharp = timetable("0 3 29 3 *", "Europe/Berlin");
    assert_eq!(local(&sharp, SPRING.0, SPRING.1), ["2026-03-29T03:00:00+02:00"]);
}

#[test]
fn rule_22_berlin_in_autumn() {
    let table = timetable("30 2 * * *", "Europe/Berlin");
    let next_day = "2026-10-26T02:30:00+01:00";
    let of = |fold| local(&with(table.clone(), Gap::Shift, fold), AUTUMN.0, AUTUMN.1);
    assert_eq!(of(Fold::First), ["2026-10-25T02:30:00+02:00 fold", next_day]);
    assert_eq!(of(Fold::Second), ["2026-10-25T02:30:00+01:00 fold", next_day]);
    assert_eq!(of(Fold::Both), ["2026-10-25T02:30:00+02:00 fold", "2026-10-25T02:30:00+01:00 fold", next_day]);
    // A list of hours is a list of appointments: once each.
    let list = timetable("0 1,2,3 25 10 *", "Europe/Berlin");
    let expected = ["2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00 fold", "2026-10-25T03:00:00+01:00"];
    assert_eq!(local(&list, AUTUMN.0, AUTUMN.1), expected);
}

#[test]
fn rule_22_a_rhythm_keeps_its_pace_through_a_repeated_hour() {
    for (text, seconds) in [("*/5 * * * *", 300), ("0 * * * *", 3_600), ("*/30 * * * * *", 30)] {
        let table = timetable(text, "America/New_York");
        let found = ticks(&table, at("2026-10-31T00:00:00Z"), at("2026-11-02T00:00:00Z"));
        assert!(found.windows(2).all(|pair| pair[1].at.millis_since(pair[0].at) == seconds * 1_000), "{text}");
        assert_eq!(found.len() as u64, 48 * 3_600 / seconds, "{text}");
        // And through an hour that is leapt over: its end is a beat of these anyway.
        let found = ticks(&table, at("2026-03-07T00:00:00Z"), at("2026-03-09T00:00:00Z"));
        assert!(found.windows(2).all(|pair| pair[1].at.millis_since(pair[0].at) == seconds * 1_000), "{text}");
    }
}

#[test]
fn rule_22_new_york() {
    let table = timetable("30 1,2 8 3 *", "America/New_York");
    let expected = ["2026-03-08T01:30:00-05:00", "2026-03-08T03:00:00-04:00 gap"];
    assert_eq!(local(&table, "2026-03-07T00:00:00Z", "2026-03-09T12:00:00Z"), expected);
    let table = timetable("30 1 1 11 *", "America/New_York");
    let once = ["2026-11-01T01:30:00-04:00 fold"];
    assert_eq!(local(&table, "2026-10-31T00:00:00Z", "2026-11-03T00:00:00Z"), once);
}

#[test]
fn rule_22_lord_howe_changes_by_half_an_hour() {
    let table = timetable("15 2 * * *", "Australia/Lord_Howe");
    let spring = local(&table, "2026-10-02T16:00:00Z", "2026-10-04T16:00:00Z");
    let expected = ["2026-10-04T02:30:00+11:00 gap", "2026-10-05T02:15:00+11:00"];
    assert_eq!(spring, expected);
    let table = timetable("45 1 * * *", "Australia/Lord_Howe");
    let autumn = local(&table, "2026-04-04T00:00:00Z", "2026-04-05T16:00:00Z");
    assert_eq!(autumn, ["2026-04-05T01:45:00+11:00 fold", "2026-04-06T01:45:00+10:30"]);
    // 01:15 is past when the clock goes back to 01:30.
    let table = timetable("15 1 5 4 *", "Australia/Lord_Howe");
    assert_eq!(local(&table, "2026-04-04T00:00:00Z", "2026-04-05T16:00:00Z"), ["2026-04-05T01:15:00+11:00"]);
}

#[test]
fn rule_22_santiago_has_days_without_a_midnight_and_days_with_two() {
    let table = timetable("@daily", "America/Santiago");
    let spring = local(&table, "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z");
    assert_eq!(spring, ["2026-09-06T01:00:00-03:00 gap", "2026-09-07T00:00:00-03:00"]);
    let late = timetable("30 23 * * *", "America/Santiago");
    let autumn = local(&late, "2026-04-04T12:00:00Z", "2026-04-06T12:00:00Z");
    assert_eq!(autumn, ["2026-04-04T23:30:00-03:00 fold", "2026-04-05T23:30:00-04:00"]);
}

#[test]
fn rule_22_apia_had_no_30_december_2011() {
    let (after, until) = ("2011-12-28T12:00:00Z", "2012-01-01T09:00:00Z");
    let table = timetable("0 9 * * *", "Pacific/Apia");
    let expected = [
        "2011-12-28T09:00:00-10:00",
        "2011-12-29T09:00:00-10:00",
        "2011-12-31T00:00:00+14:00 gap",
        "2011-12-31T09:00:00+14:00",
        "2012-01-01T09:00:00+14:00",
    ];
    assert_eq!(local(&table, after, until), expected);
    assert_eq!(local(&with(table, Gap::Skip, Fold::First), after, until).len(), 4);
    let of_the_day = timetable("*/10 * 30 12 *", "Pacific/Apia");
    assert_eq!(local(&of_the_day, after, until), ["2011-12-31T00:00:00+14:00 gap"]);
}

#[test]
fn rule_22_casablanca_goes_back_for_ramadan() {
    let table = timetable("30 2 * * *", "Africa/Casablanca");
    let begins = local(&table, "2026-02-14T12:00:00Z", "2026-02-16T12:00:00Z");
    assert_eq!(begins, ["2026-02-15T02:30:00+01:00 fold", "2026-02-16T02:30:00+00:00"]);
    let ends = local(&table, "2026-03-21T12:00:00Z", "2026-03-23T12:00:00Z");
    assert_eq!(ends, ["2026-03-22T03:00:00+01:00 gap", "2026-03-23T02:30:00+01:00"]);
}

#[test]
fn the_ticks_are_the_same_from_wherever_they_are_asked() {
    let table = timetable("*/20 1-3 * * *", "Europe/Berlin");
    let (from, until) = (at("2026-10-24T20:00:00Z"), at("2026-10-25T06:00:00Z"));
    let all = ticks(&table, from, until);
    for step in 0..600 {
        let after = from.plus_millis(step * 61_000);
        let expected = all.iter().find(|tick| tick.at > after);
        if let Some(expected) = expected {
            assert_eq!(table.next_after(after).as_ref(), Some(expected), "after {after}");
        }
    }
}

#[test]
fn a_moment_between_seconds_is_before_the_next_one() {
    let table = timetable("* * * * * *", "UTC");
    let next = |text: &str| table.next_after(at(text)).unwrap().at.to_string();
    assert_eq!(next("2026-01-01T00:00:00Z"), "2026-01-01T00:00:01.000Z");
    assert_eq!(next("2026-01-01T00:00:00.001Z"), "2026-01-01T00:00:01.000Z");
    assert_eq!(next("2026-01-01T00:00:00.999Z"), "2026-01-01T00:00:01.000Z");
    assert_eq!(next("1969-12-31T23:59:58.500Z"), "1969-12-31T23:59:59.000Z");
}
