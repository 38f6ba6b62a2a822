//! What a letter says: for somebody who was not looking. Plain text, one paragraph for each thing that happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::letters::{Draft, Item, Topic};
use crate::clock::Timestamp;
use crate::schedule::ScheduleId;

/// A letter as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What it is about, on one line.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same for every try of the letter, and for no other.
    pub id: String,
}

/// What a letter is written from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Where the API is, without a slash at its end.
    pub base: &'a str,
    /// When the last good execution of each schedule ended, of those that are remembered.
    pub last_good: &'a BTreeMap<ScheduleId, Timestamp>,
}

/// Writes the letter to an address.
pub fn write(to: &str, draft: &Draft, facts: Facts<'_>) -> Written {
    let mut text = String::new();
    for item in draft.items() {
        paragraph(&mut text, item, facts);
    }
    if draft.left_out() > 0 {
        let (left_out, base) = (draft.left_out(), facts.base);
        let _ = writeln!(text, "{left_out} more failures or alerts are not named here.\nSee {base}/alerts\n");
    }
    text.push_str(
        "Letters like this one are gathered: what goes on is told ever less often. This address stands among the \
         notificationEmails of a schedule, or in the server's setting alert_emails.\n",
    );
    Written { subject: subject(draft), text, id: id(to, draft) }
}

fn paragraph(text: &mut String, item: &Item, facts: Facts<'_>) {
    let Item { topic, times, first_at, last_at, over_at, text: said, path } = item;
    let when = match times {
        0 | 1 => format!("at {last_at}"),
        _ => format!("{times} times, first at {first_at} and last at {last_at}"),
    };
    // Writing into a text cannot fail.
    let _ = match topic {
        Topic::Failures { schedule, name } => {
            let good = match facts.last_good.get(schedule) {
                Some(at) => format!("Its last good run ended at {at}."),
                None => "No good run of it is remembered.".to_owned(),
            };
            writeln!(text, "Schedule {name} failed {when}.\n  {said}\n{good}")
        }
        Topic::Alert { rule, .. } => {
            let fired = if *times > 0 { writeln!(text, "Alert {rule} fired {when}.") } else { Ok(()) };
            let over = over_at.map_or(Ok(()), |at| writeln!(text, "Alert {rule} cleared at {at}."));
            fired.and(over).and(writeln!(text, "  {said}"))
        }
    };
    let _ = writeln!(text, "See {}{path}\n", facts.base);
}

fn subject(draft: &Draft) -> String {
    if let ([item], 0) = (draft.items(), draft.left_out()) {
        return match (&item.topic, item.times, item.over_at) {
            (Topic::Failures { name, .. }, 0 | 1, _) => format!("[faena] {name} failed"),
            (Topic::Failures { name, .. }, times, _) => format!("[faena] {name} failed {times} times"),
            (Topic::Alert { rule, .. }, 0, _) => format!("[faena] alert {rule} cleared"),
            (Topic::Alert { rule, .. }, 1, None) => format!("[faena] alert {rule} fired"),
            (Topic::Alert { rule, .. }, 1, Some(_)) => format!("[faena] alert {rule} fired and cleared"),
            (Topic::Alert { rule, .. }, times, _) => format!("[faena] alert {rule} fired {times} times"),
        };
    }
    let (mut failures, mut schedules, mut fired, mut cleared) = (0, 0, 0, 0);
    for item in draft.items() {
        match &item.topic {
            Topic::Failures { .. } => (failures, schedules) = (failures + item.times, schedules + 1),
            Topic::Alert { .. } => (fired, cleared) = (fired + item.times, cleared + u64::from(item.over_at.is_some())),
        }
    }
    let counts = [
        (failures, format!("{} of {}", counted(failures, "failure"), counted(schedules, "schedule"))),
        (fired, format!("{} fired", counted(fired, "alert"))),
        (cleared, format!("{cleared} cleared")),
        (draft.left_out(), format!("{} more", draft.left_out())),
    ];
    let told: Vec<_> = counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    format!("[faena] {}", told.join(", "))
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn id(to: &str, draft: &Draft) -> String {
    let began = draft.began_at().map_or(0, Timestamp::as_millis);
    let digest = Sha256::new().chain_update(began.to_be_bytes()).chain_update(to.as_bytes()).finalize();
    digest.iter().take(16).fold("letter.".to_owned(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}
