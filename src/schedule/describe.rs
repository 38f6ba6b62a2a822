//! What a cron expression means, as one English sentence. It is made from the sets that are searched and not from the
//! text, so it says what will happen, also where an expression means something else than its author believes.

use super::calendar::members;
use super::pattern::{ALL_DAYS, ALL_HOURS, ALL_MONTHS, ALL_SIXTY, ALL_WEEKDAYS, Days, Pattern, Weekdays};

/// Times of the clock that are listed one by one; more are told by their rule.
const LISTED_MAX: u32 = 6;

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The sentence.
pub(super) fn sentence(pattern: &Pattern) -> String {
    let (mut text, is_list) = match listed_times(pattern) {
        Some(list) => (list, true),
        None => (rule_of_times(pattern), false),
    };
    match days(pattern) {
        Some(days) if is_list && days.starts_with("on ") => text = format!("{text} {days}"),
        Some(days) => text = format!("{text}, {days}"),
        None if is_list => text.push_str(" every day"),
        None if pattern.months != ALL_MONTHS => text.push(','),
        None => {}
    }
    if pattern.months != ALL_MONTHS {
        let preposition =
            if matches!(runs(pattern.months).as_slice(), [(from, to)] if to - from > 1) { "from" } else { "in" };
        let months = named(pattern.months, |month| MONTHS[month as usize - 1].to_owned());
        text = format!("{text} {preposition} {months}");
    }
    text[..1].make_ascii_uppercase();
    text + "."
}

/// `at 08:00 and 20:00`, when there are few enough times in a day.
fn listed_times(pattern: &Pattern) -> Option<String> {
    let Pattern { seconds, minutes, hours, .. } = *pattern;
    let count = seconds.count_ones() * minutes.count_ones() * hours.count_ones();
    if hours == ALL_HOURS || count > LISTED_MAX {
        return None;
    }
    let mut times = Vec::new();
    for hour in members(hours) {
        for minute in members(minutes) {
            for second in members(seconds) {
                let shown = if seconds == 1 { String::new() } else { format!(":{second:02}") };
                times.push(format!("{hour:02}:{minute:02}{shown}"));
            }
        }
    }
    Some(format!("at {}", joined(times, "and")))
}

/// `every 15 minutes from 09:00 to 17:59`.
fn rule_of_times(pattern: &Pattern) -> String {
    let Pattern { seconds, minutes, hours, .. } = *pattern;
    let hour_step = step_of(hours, 24);
    if (seconds, minutes) == (1, 1) {
        match hour_step {
            _ if hours == ALL_HOURS => return "every hour".to_owned(),
            Some(step) => return format!("every {step} hours"),
            None => {
                let span = |(from, to)| match from == to {
                    true => format!("at {from:02}:00"),
                    false => format!("every hour from {from:02}:00 to {to:02}:00"),
                };
                return joined(runs(hours).into_iter().map(span).collect(), "and");
            }
        }
    }
    let of_seconds = (seconds != 1).then(|| pace(seconds, "second"));
    let places = |set| format!("minute{} {}", plural(set), named(set, |number| number.to_string()));
    let of_minutes = match (&of_seconds, step_of(minutes, 60)) {
        (None, _) => pace(minutes, "minute"),
        (Some(pace), _) if minutes == ALL_SIXTY && pace.starts_with("every") => pace.clone(),
        (Some(pace), _) if minutes == ALL_SIXTY => format!("{pace} of every minute"),
        (Some(pace), Some(step)) => format!("{pace} of every {} minute", nth(step)),
        (Some(pace), None) => format!("{pace} of {}", places(minutes)),
    };
    let is_place = minutes != ALL_SIXTY && step_of(minutes, 60).is_none();
    match hour_step {
        _ if hours == ALL_HOURS && is_place => format!("{of_minutes} of every hour"),
        _ if hours == ALL_HOURS => of_minutes,
        Some(step) => format!("{of_minutes} of every {} hour", nth(step)),
        None => {
            let spans = runs(hours).into_iter().map(|(from, to)| format!("from {from:02}:00 to {to:02}:59"));
            format!("{of_minutes} {}", joined(spans.collect(), "and"))
        }
    }
}

/// `every second`, `every 5 minutes`, or `at minutes 1, 7 and 9`.
fn pace(set: u64, unit: &str) -> String {
    match step_of(set, 60) {
        _ if set == ALL_SIXTY => format!("every {unit}"),
        Some(step) => format!("every {step} {unit}s"),
        None => format!("at {unit}{} {}", plural(set), named(set, |number| number.to_string())),
    }
}

fn plural(set: u64) -> &'static str {
    if set.count_ones() == 1 { "" } else { "s" }
}

/// The step of a set that begins at zero, has no hole and closes evenly: only such a set is a pace.
fn step_of(set: u64, length: u32) -> Option<u32> {
    let step = length / set.count_ones().max(1);
    let even = set & 1 == 1 && step > 1 && length.is_multiple_of(step);
    (even && set.count_ones() > 1 && members(set).zip((0..).map(|n| n * step)).all(|(a, b)| a == b)).then_some(step)
}

/// The days, unless they are all days.
fn days(pattern: &Pattern) -> Option<String> {
    match (of_month(&pattern.days), of_week(&pattern.weekdays)) {
        (None, None) => None,
        // Where either counts, a field that names every day leaves nothing for the other to narrow.
        (None, Some(_)) | (Some(_), None) if pattern.either => None,
        (Some(days), None) | (None, Some(days)) => Some(days),
        (Some(days), Some(week)) if pattern.either => Some(format!("{days} and {week}")),
        (Some(days), Some(_)) => Some(format!("{days}, if it is {}", condition(&pattern.weekdays))),
    }
}

fn of_month(days: &Days) -> Option<String> {
    if days.plain == ALL_DAYS {
        return None;
    }
    let mut parts = Vec::new();
    match every_nth_day(days.plain) {
        _ if days.plain == 0 => {}
        Some(step) => parts.push(format!("every {} day from the 1st", nth(step))),
        None => parts.push(format!("the {}", named(days.plain, nth))),
    }
    parts.extend(members(days.nearest).map(|day| format!("the weekday nearest to the {}", nth(day))));
    parts.extend(members(days.before_last).map(|before| match before {
        0 => "the last day".to_owned(),
        1 => "the last day but one".to_owned(),
        _ => format!("the {} day before the last", nth(before)),
    }));
    if days.last_weekday {
        parts.push("the last weekday".to_owned());
    }
    Some(format!("on {} of the month", joined(parts, "and")))
}

/// The step of a set of days that begins with the 1st and goes on to the end of the month.
fn every_nth_day(days: u64) -> Option<u32> {
    let second = members(days).nth(1)?;
    let step = second - 1;
    let is_even =
        days.count_ones() > 2 && step > 1 && days == (1..=31).step_by(step as usize).fold(0, |set, day| set | 1 << day);
    is_even.then_some(step)
}

fn of_week(weekdays: &Weekdays) -> Option<String> {
    if weekdays.plain == ALL_WEEKDAYS {
        return None;
    }
    let is_range = matches!(runs(weekdays.plain).as_slice(), [(from, to)] if to - from > 1);
    let rules = weekday_rules(weekdays);
    match weekdays.plain {
        0 => Some(format!("on {} of the month", joined(rules, "and"))),
        plain if rules.is_empty() && is_range => Some(named(plain, weekday)),
        plain if rules.is_empty() => Some(format!("on {}", named(plain, weekday))),
        plain => Some(format!("on {} and {} of the month", named(plain, weekday), joined(rules, "and"))),
    }
}

/// `a Monday or a Tuesday`, `the last Friday of the month`.
fn condition(weekdays: &Weekdays) -> String {
    let mut parts: Vec<_> = members(weekdays.plain).map(|day| format!("a {}", weekday(day))).collect();
    let rules = weekday_rules(weekdays);
    if !rules.is_empty() {
        parts.push(format!("{} of the month", joined(rules, "or")));
    }
    joined(parts, "or")
}

fn weekday_rules(weekdays: &Weekdays) -> Vec<String> {
    let nths = (1..).zip(weekdays.nth).flat_map(|(count, set)| members(set.into()).map(move |day| (nth(count), day)));
    let lasts = members(weekdays.last.into()).map(|day| ("last".to_owned(), day));
    nths.chain(lasts).map(|(which, day)| format!("the {which} {}", weekday(day))).collect()
}

fn weekday(number: u32) -> String {
    WEEKDAYS[number as usize].to_owned()
}

/// A set as a list in which three or more in a row become a range.
fn named(set: u64, name: impl Fn(u32) -> String) -> String {
    let mut parts = Vec::new();
    for (from, to) in runs(set) {
        match to - from {
            0 => parts.push(name(from)),
            1 => parts.extend([name(from), name(to)]),
            _ => parts.push(format!("{} to {}", name(from), name(to))),
        }
    }
    joined(parts, "and")
}

/// The members of a set as stretches without a hole.
fn runs(set: u64) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in members(set) {
        match runs.last_mut() {
            Some((_, to)) if *to + 1 == number => *to = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

/// `a, b and c`.
fn joined(mut parts: Vec<String>, word: &str) -> String {
    match parts.pop() {
        Some(last) if parts.is_empty() => last,
        Some(last) => format!("{} {word} {last}", parts.join(", ")),
        None => String::new(),
    }
}

fn nth(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
