//! What is told by mail: at once what happens at once, ever less often what goes on, and nothing is lost but by giving up.

use std::time::Duration;

use faena::clock::Timestamp;
use faena::event::delivery::PAUSES;
use faena::event::letters::{Draft, GATHERED, Item, Letters, QUIET, Topic};
use faena::limits;
use faena::schedule::ScheduleId;
use proptest::prelude::*;

use crate::at;

const TO: &str = "ops@example.com";

fn schedule(number: u8) -> Topic {
    let mut bytes = [7; 16];
    bytes[15] = number;
    Topic::Failures { schedule: ScheduleId::from_bytes(bytes), name: format!("nightly-{number}").into() }
}

fn alert() -> Topic {
    Topic::Alert { rule: "too-deep".into(), subject: "queue".into() }
}

fn failure(number: u8, at: Timestamp) -> Item {
    Item::failure(schedule(number), at, "no room on the disk", "/executions/1")
}

fn only(letters: &Letters, now: Timestamp) -> Draft {
    let mut due = letters.due(now);
    assert_eq!(due.len(), 1, "{due:?}");
    due.remove(0).1
}

#[test]
fn a_storm_of_failures_is_one_letter_and_a_count() {
    let mut letters = Letters::default();
    for number in 0..1_000 {
        letters.note(TO, failure(1, at(number)), at(number)).unwrap();
    }
    assert!(letters.due(at(4_999)).is_empty(), "what else happens at once is waited for");
    let draft = only(&letters, at(5_000));
    assert_eq!(draft.items().len(), 1);
    let item = &draft.items()[0];
    assert_eq!((item.times, item.first_at, item.last_at, item.over_at), (1_000, at(0), at(999), None));
    letters.sent(TO, at(5_000));
    assert_eq!((letters.due(at(i64::from(u32::MAX))), letters.next_due()), (vec![], None));
}

#[test]
fn what_goes_on_is_told_ever_less_often_and_at_once_again_after_a_quiet_hour() {
    let mut letters = Letters::default();
    let mut now = at(0);
    for pause in GATHERED.into_iter().chain([GATHERED[3]; 3]) {
        letters.note(TO, failure(1, now), now).unwrap();
        assert_eq!(letters.next_due(), Some(now.plus(pause)));
        now = now.plus(pause);
        assert_eq!(only(&letters, now).items()[0].times, 1);
        letters.sent(TO, now);
    }
    let nearly = now.plus(QUIET - Duration::from_millis(1));
    let mut others = letters.clone();
    others.tidy(nearly);
    others.note(TO, failure(1, nearly), nearly).unwrap();
    assert_eq!(others.next_due(), Some(nearly.plus(GATHERED[3])), "that it was told is remembered");
    let quiet = now.plus(QUIET);
    letters.note(TO, failure(1, quiet), quiet).unwrap();
    assert_eq!(letters.next_due(), Some(quiet.plus(GATHERED[0])));
}

#[test]
fn one_letter_tells_of_several_and_counts_those_for_whom_there_is_no_room() {
    let mut letters = Letters::default();
    let named = limits::LETTER_ITEMS_MAX as u8;
    for number in 0..named + 3 {
        for _ in 0..=number {
            letters.note(TO, failure(number, at(0)), at(0)).unwrap();
        }
    }
    let draft = only(&letters, at(5_000));
    let times: Vec<_> = draft.items().iter().map(|item| item.times).collect();
    assert_eq!(times, (1..=u64::from(named)).collect::<Vec<_>>());
    assert_eq!(draft.left_out(), (1..=3).map(|more| u64::from(named) + more).sum::<u64>());
}

#[test]
fn an_alert_is_told_when_it_fires_and_when_it_clears() {
    let fired = |now| Item::fired(alert(), now, "9 jobs wait", "/alerts/1");
    let cleared = |now| Item::cleared(alert(), now, "9 jobs wait", "/alerts/1");
    let mut letters = Letters::default();
    letters.note(TO, fired(at(1)), at(1)).unwrap();
    let first = only(&letters, at(6_000));
    assert_eq!((first.items()[0].times, first.items()[0].over_at), (1, None));
    letters.sent(TO, at(6_000));
    letters.note(TO, cleared(at(9_000)), at(9_000)).unwrap();
    let second = only(&letters, at(9_000).plus(GATHERED[1]));
    assert_eq!((second.items()[0].times, second.items()[0].over_at), (0, Some(at(9_000))));

    let mut letters = Letters::default();
    for item in [cleared(at(1)), fired(at(2)), cleared(at(3)), fired(at(4))] {
        letters.note(TO, item, at(4)).unwrap();
    }
    let draft = only(&letters, at(6_000));
    let item = &draft.items()[0];
    assert_eq!((item.times, item.first_at, item.last_at, item.over_at), (2, at(2), at(4), None), "it fires still");
    letters.note(TO, cleared(at(5)), at(5)).unwrap();
    let draft = only(&letters, at(6_000));
    let item = &draft.items()[0];
    assert_eq!((item.times, item.last_at, item.over_at), (2, at(4), Some(at(5))));
}

#[test]
fn a_letter_that_is_not_taken_is_tried_for_days_and_then_given_up() {
    let mut letters = Letters::default();
    letters.note(TO, failure(1, at(0)), at(0)).unwrap();
    let mut now = at(5_000);
    for pause in PAUSES {
        assert_eq!(only(&letters, now).items()[0].times, 1);
        assert_eq!(letters.failed(TO, false, now), None);
        assert_eq!(letters.next_due(), Some(now.plus(pause)));
        now = now.plus(pause);
    }
    let given_up = letters.failed(TO, false, now).unwrap();
    assert_eq!(given_up.items()[0].times, 1);
    assert_eq!(letters, Letters::default());

    letters.note(TO, failure(1, at(0)), at(0)).unwrap();
    letters.failed(TO, false, at(5_000));
    letters.note(TO, failure(1, at(6_000)), at(6_000)).unwrap();
    letters.note("other@example.com", failure(1, at(6_000)), at(6_000)).unwrap();
    letters.sent(TO, at(20_000));
    assert_eq!(letters.failed("other@example.com", true, at(20_000)).unwrap().items().len(), 1, "one try was enough");
    assert_eq!(letters.next_due(), None);
}

#[test]
fn as_many_letters_wait_as_may_and_a_full_bag_fits_into_a_state() {
    let mut letters = Letters::default();
    let address = |number: usize| format!("{}{number}@example.com", "ñ".repeat((limits::EMAIL_BYTES_MAX - 20) / 2));
    for number in 0..limits::LETTERS_MAX {
        for topic in 0..limits::LETTER_ITEMS_MAX as u8 + 1 {
            let name = format!("{topic}{}", "\"".repeat(limits::SCHEDULE_NAME_BYTES_MAX - 3));
            let topic = Topic::Failures { schedule: ScheduleId::from_bytes([topic; 16]), name: name.into() };
            let item = Item::failure(topic, at(i64::MAX / 2), &"\"".repeat(4_000), &"x".repeat(60));
            letters.note(&address(number), item, at(0)).unwrap();
        }
    }
    assert!(letters.note(&address(limits::LETTERS_MAX), failure(1, at(0)), at(0)).is_err());
    letters.note(&address(0), failure(1, at(0)), at(0)).unwrap();
    let text = serde_json::to_string(&letters).unwrap();
    assert!(text.len() < limits::STATE_BYTES_MAX * 9 / 10, "{} bytes", text.len());
    assert_eq!(serde_json::from_str::<Letters>(&text).unwrap(), letters);
    letters.sent(&address(0), at(0));
    letters.tidy(at(0).plus(QUIET));
    assert!(letters.note("new@example.com", failure(1, at(0)), at(0)).is_ok(), "who is told nothing takes no room");
}

proptest! {
    /// Whatever happens and whenever letters are sent: what was told and what waits is what happened, and nobody gets more than
    /// a dozen letters an hour.
    #[test]
    fn nothing_is_lost_and_nobody_is_flooded(
        steps in prop::collection::vec((0u64..900_000, 0u8..15, 0u8..3, any::<bool>()), 1..300),
    ) {
        let mut letters = Letters::default();
        let (mut now, mut happened, mut told) = (at(0), 0u64, 0u64);
        let mut sent: Vec<(Box<str>, Timestamp)> = Vec::new();
        let told_by = |draft: &Draft| draft.items().iter().map(|item| item.times).sum::<u64>() + draft.left_out();
        for (pause, schedule, to, is_up) in steps {
            // Most things happen at once.
            now = now.plus_millis(if pause < 700_000 { pause % 3_000 } else { pause });
            letters.note(&format!("{to}@example.com"), failure(schedule, now), now).unwrap();
            happened += 1;
            for (address, draft) in letters.due(now) {
                if is_up {
                    letters.sent(&address, now);
                    told += told_by(&draft);
                    sent.push((address, now));
                } else {
                    told += letters.failed(&address, false, now).as_ref().map_or(0, told_by);
                }
            }
            letters.tidy(now);
        }
        let waiting: u64 = letters.due(at(i64::MAX / 4)).iter().map(|(_, draft)| told_by(draft)).sum();
        prop_assert_eq!(told + waiting, happened);
        for (address, since) in &sent {
            let hour = since.plus(Duration::from_secs(3_600));
            let within = sent.iter().filter(|(to, when)| to == address && (*since..hour).contains(when)).count();
            prop_assert!(within <= 12, "{} letters to {} within an hour", within, address);
        }
    }
}
