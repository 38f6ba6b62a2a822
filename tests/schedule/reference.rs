//! The evaluator against a plain one that looks at every minute, over expressions by chance.

use faena::schedule::{Cron, Timetable};
use jiff::tz::Offset;

use crate::factory::{Dice, at, seed, ticks, zone};

/// One field by chance: its text, and the numbers that it names.
fn field(dice: &mut Dice, low: u64, high: u64) -> (String, Vec<u64>) {
    let all: Vec<u64> = (low..=high).collect();
    match dice.between(0, 4) {
        0 => ("*".to_owned(), all),
        1 => {
            let step = dice.between(1, high - low);
            (format!("*/{step}"), all.into_iter().step_by(step as usize).collect())
        }
        2 => {
            let (a, b) = (dice.between(low, high), dice.between(low, high));
            (format!("{}-{}", a.min(b), a.max(b)), (a.min(b)..=a.max(b)).collect())
        }
        3 => {
            let list: Vec<u64> = (0..dice.between(1, 5)).map(|_| dice.between(low, high)).collect();
            (list.iter().map(u64::to_string).collect::<Vec<_>>().join(","), list)
        }
        _ => {
            let (from, step) = (dice.between(low, high), dice.between(1, high - low));
            (format!("{from}/{step}"), (from..=high).step_by(step as usize).collect())
        }
    }
}

#[test]
fn it_finds_what_a_look_at_every_minute_finds() {
    let seed = seed();
    let mut dice = Dice(seed);
    let mut accepted = 0;
    for round in 0..60 {
        let (minute, minutes) = field(&mut dice, 0, 59);
        let (hour, hours) = field(&mut dice, 0, 23);
        let (day, days) = field(&mut dice, 1, 31);
        let (month, months) =
            if dice.one_in(2) { field(&mut dice, 1, 12) } else { ("*".to_owned(), (1..=12).collect()) };
        let (weekday, weekdays) = field(&mut dice, 0, 6);
        let either = !day.starts_with('*') && !weekday.starts_with('*');
        let text = format!("{minute} {hour} {day} {month} {weekday}");
        // By chance a date may never come, the 31st of short months alone.
        let Ok(cron) = Cron::new(&text) else { continue };
        accepted += 1;
        let table = Timetable::new(cron, zone("UTC"));

        let from = at("2027-12-01T00:00:00Z").plus_millis(dice.between(0, 90 * 1_440) * 60_000);
        let until = from.plus_millis(40 * 86_400_000);
        let mut expected = Vec::new();
        for minute in 1..=40 * 1_440 {
            let at = from.plus_millis(minute * 60_000);
            let civil = Offset::UTC.to_datetime(jiff::Timestamp::from_millisecond(at.as_millis()).unwrap());
            if !minutes.contains(&(civil.minute() as u64)) || !hours.contains(&(civil.hour() as u64)) {
                continue;
            }
            let by_day = days.contains(&(civil.day() as u64));
            let by_weekday = weekdays.contains(&(civil.weekday().to_sunday_zero_offset() as u64));
            let today = if either { by_day || by_weekday } else { by_day && by_weekday };
            if today && months.contains(&(civil.month() as u64)) {
                expected.push(at);
            }
        }
        let found: Vec<_> = ticks(&table, from, until).into_iter().map(|tick| tick.at).collect();
        assert_eq!(found, expected, "seed {seed}, round {round}: `{text}` after {from}");
        assert_eq!(table.count(from, until), expected.len() as u64, "seed {seed}, round {round}: `{text}`");
        let last = table.last_in(from, until).map(|tick| tick.at);
        assert_eq!(last, expected.last().copied(), "seed {seed}, round {round}: `{text}`");
    }
    assert!(accepted > 40, "seed {seed}: {accepted} of 60 expressions were accepted");
}
