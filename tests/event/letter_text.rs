//! What a letter says: who failed, why, since when it did not, and where there is more.

use std::collections::BTreeMap;

use faena::clock::Timestamp;
use faena::event::letter_text::{Facts, Written, write};
use faena::event::letters::{Item, Letters, Topic};
use faena::schedule::ScheduleId;

use crate::at;

const TO: &str = "ops@example.com";

/// Half past two of some night.
fn night(seconds: i64) -> Timestamp {
    "2026-11-30T02:30:00.000Z".parse::<Timestamp>().unwrap().plus_millis(seconds as u64 * 1_000)
}

fn report() -> Topic {
    Topic::Failures { schedule: ScheduleId::from_bytes([1; 16]), name: "nightly-report".into() }
}

fn deep() -> Topic {
    Topic::Alert { rule: "too-deep".into(), subject: "queue".into() }
}

fn letter(items: impl IntoIterator<Item = Item>) -> Written {
    let mut letters = Letters::default();
    for item in items {
        letters.note(TO, item, at(5)).unwrap();
    }
    let last_good = BTreeMap::from([(ScheduleId::from_bytes([1; 16]), night(0))]);
    let facts = Facts { base: "https://jobs.example.com", last_good: &last_good };
    write(TO, &letters.due(at(i64::MAX / 4))[0].1, facts)
}

#[test]
fn a_failure_is_told_with_its_error_the_last_good_run_and_a_link() {
    let letter = letter([Item::failure(report(), night(9), "no room\non the disk", "/executions/17")]);
    assert_eq!(letter.subject, "[faena] nightly-report failed");
    let told = "Schedule nightly-report failed at 2026-11-30T02:30:09.000Z.\n  no room on the disk\n\
                Its last good run ended at 2026-11-30T02:30:00.000Z.\nSee https://jobs.example.com/executions/17\n";
    assert!(letter.text.starts_with(told), "{}", letter.text);
}

#[test]
fn a_storm_is_told_with_its_count_and_the_newest_error() {
    let failed = |second, error| Item::failure(report(), night(second), error, &format!("/executions/{second}"));
    let letter = letter([failed(1, "first"), failed(2, "second"), failed(3, "third")]);
    assert_eq!(letter.subject, "[faena] nightly-report failed 3 times");
    let when = "failed 3 times, first at 2026-11-30T02:30:01.000Z and last at 2026-11-30T02:30:03.000Z.\n  third\n";
    assert!(letter.text.contains(when) && letter.text.contains("/executions/3"), "{}", letter.text);
    assert!(!letter.text.contains("second"), "{}", letter.text);
}

#[test]
fn an_alert_is_told_by_its_sentence() {
    let fired = || Item::fired(deep(), night(1), "9 jobs are ready and wait", "/alerts/1");
    let cleared = || Item::cleared(deep(), night(2), "9 jobs are ready and wait", "/alerts/1");
    let text = letter([fired()]);
    assert_eq!(text.subject, "[faena] alert too-deep fired");
    let told = "Alert too-deep fired at 2026-11-30T02:30:01.000Z.\n  9 jobs are ready and wait\n\
                See https://jobs.example.com/alerts/1\n";
    assert!(text.text.starts_with(told), "{}", text.text);
    let text = letter([cleared()]);
    assert_eq!(text.subject, "[faena] alert too-deep cleared");
    assert!(text.text.starts_with("Alert too-deep cleared at 2026-11-30T02:30:02.000Z.\n"), "{}", text.text);
    let text = letter([fired(), cleared()]);
    assert_eq!(text.subject, "[faena] alert too-deep fired and cleared");
    assert_eq!(letter([fired(), cleared(), fired()]).subject, "[faena] alert too-deep fired 2 times");
}

#[test]
fn several_are_counted_in_the_subject() {
    let failed = |number: u8| {
        let topic =
            Topic::Failures { schedule: ScheduleId::from_bytes([number; 16]), name: format!("s{number}").into() };
        Item::failure(topic, night(1), "no", "/executions/1")
    };
    let fired = Item::fired(deep(), night(1), "9 jobs wait", "/alerts/1");
    let text = letter([failed(1), failed(1), failed(2), fired.clone()]);
    assert_eq!(text.subject, "[faena] 3 failures of 2 schedules, 1 alert fired");
    assert!(text.text.contains("No good run of it is remembered."), "{}", text.text);
    let cleared = Item::cleared(deep(), night(2), "9 jobs wait", "/alerts/1");
    let text = letter((1..=12).map(failed).chain([failed(1), cleared]));
    assert_eq!(text.subject, "[faena] 9 failures of 8 schedules, 5 more");
    assert!(text.text.contains("5 more failures or alerts are not named here."), "{}", text.text);
}

#[test]
fn every_try_of_a_letter_has_one_id_and_no_other_has_it() {
    let draft = |address: &str, began: i64| {
        let mut letters = Letters::default();
        letters.note(address, Item::failure(report(), night(1), "no", "/executions/1"), at(began)).unwrap();
        letters.failed(address, false, at(began));
        letters.due(at(i64::MAX / 4))[0].1.clone()
    };
    let none = BTreeMap::new();
    let id = |address: &str, began| write(address, &draft(address, began), Facts { base: "", last_good: &none }).id;
    assert_eq!(id(TO, 1), id(TO, 1));
    assert!(id(TO, 1) != id(TO, 2) && id(TO, 1) != id("dev@example.com", 1));
}
