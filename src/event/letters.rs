//! Letters, pure: what people are told by mail and have not been told yet, by address. What happens at once is told at once, in
//! one letter; what goes on happening is told ever less often, with a count: a storm is a letter, not a flood.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::delivery;
use crate::clock::Timestamp;
use crate::limits;
use crate::schedule::ScheduleId;

/// How long the first, the second, … letter of a series waits for what else there is to tell.
pub const GATHERED: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(2 * 60), Duration::from_secs(10 * 60)];

/// An address that was told nothing for so long is told at once again.
pub const QUIET: Duration = Duration::from_secs(3600);

/// The letters that wait. They are kept between looks as JSON, whose size is bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letters(BTreeMap<Box<str>, Draft>);

/// What one address is told next, and what it was told before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    items: Vec<Item>,
    left_out: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<Timestamp>,
    series: u32,
    failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
}

/// One thing that happened, however often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// To whom.
    pub topic: Topic,
    /// How often.
    pub times: u64,
    /// When it happened first.
    pub first_at: Timestamp,
    /// And last.
    pub last_at: Timestamp,
    /// When it was over, if it is since it last happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_at: Option<Timestamp>,
    /// What was said of it last.
    pub text: Box<str>,
    /// Where there is more about it: a path of the API.
    pub path: Box<str>,
}

/// To whom something happened. What happens to the same one again is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Topic {
    /// Executions of a schedule failed.
    Failures {
        /// Which.
        schedule: ScheduleId,
        /// What it is called.
        name: Box<str>,
    },
    /// A rule was broken.
    Alert {
        /// Which.
        rule: Box<str>,
        /// By whom.
        subject: Box<str>,
    },
}

/// There are as many letters as may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Item {
    /// That a schedule's execution failed at a moment.
    pub fn failure(topic: Topic, at: Timestamp, error: &str, path: &str) -> Self {
        Self { topic, times: 1, first_at: at, last_at: at, over_at: None, text: plain(error), path: path.into() }
    }

    /// That an alert fired.
    pub fn fired(topic: Topic, at: Timestamp, message: &str, path: &str) -> Self {
        Self::failure(topic, at, message, path)
    }

    /// That an alert cleared. It may have fired in an earlier letter.
    pub fn cleared(topic: Topic, at: Timestamp, message: &str, path: &str) -> Self {
        Self { times: 0, over_at: Some(at), ..Self::failure(topic, at, message, path) }
    }

    fn join(&mut self, later: Self) {
        self.first_at = if self.times == 0 { later.first_at } else { self.first_at.min(later.first_at) };
        self.times = self.times.saturating_add(later.times);
        self.last_at = if later.times == 0 { self.last_at } else { self.last_at.max(later.last_at) };
        self.over_at = later.over_at;
        (self.text, self.path) = (later.text, later.path);
    }
}

impl Letters {
    /// Adds to the letter to an address.
    ///
    /// # Errors
    /// [`Full`], when there is no letter to it yet and as many wait as may.
    pub fn note(&mut self, address: &str, item: Item, now: Timestamp) -> Result<(), Full> {
        if !self.0.contains_key(address) && self.0.len() >= limits::LETTERS_MAX {
            return Err(Full);
        }
        let draft = self.0.entry(address.into()).or_default();
        if draft.is_empty() {
            let silent_since = draft.sent_at.filter(|sent| now.millis_since(*sent) < QUIET.as_millis() as u64);
            draft.series = if silent_since.is_some() { draft.series } else { 0 };
            draft.began_at = Some(now);
        }
        let has_room = draft.items.len() < limits::LETTER_ITEMS_MAX;
        match draft.items.iter_mut().find(|known| known.topic == item.topic) {
            Some(known) => known.join(item),
            None if has_room => draft.items.push(item),
            None => draft.left_out = draft.left_out.saturating_add(item.times.max(1)),
        }
        Ok(())
    }

    /// The letters that are to be sent by now, each with its address.
    pub fn due(&self, now: Timestamp) -> Vec<(Box<str>, Draft)> {
        let is_due = |draft: &Draft| draft.due_at().is_some_and(|due| due <= now);
        self.0.iter().filter(|(_, draft)| is_due(draft)).map(|(to, draft)| (to.clone(), draft.clone())).collect()
    }

    /// When the next one is due; none when none waits.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.0.values().filter_map(Draft::due_at).min()
    }

    /// The letter to an address was taken.
    pub fn sent(&mut self, address: &str, now: Timestamp) {
        if let Some(draft) = self.0.get_mut(address) {
            *draft = Draft { sent_at: Some(now), series: draft.series.saturating_add(1), ..Draft::default() };
        }
    }

    /// A try to send it failed. What has failed too often is given up, and so is what will never be taken: that letter is the
    /// answer.
    pub fn failed(&mut self, address: &str, will_never_do: bool, now: Timestamp) -> Option<Draft> {
        let draft = self.0.get_mut(address)?;
        match delivery::PAUSES.get(draft.failures as usize).filter(|_| !will_never_do) {
            Some(pause) => {
                draft.failures += 1;
                draft.not_before = Some(now.plus(*pause));
                None
            }
            None => self.0.remove(address),
        }
    }

    /// Forgets who was told nothing for long and is told nothing now.
    pub fn tidy(&mut self, now: Timestamp) {
        let is_quiet = |sent: Timestamp| now.millis_since(sent) >= QUIET.as_millis() as u64;
        self.0.retain(|_, draft| !draft.is_empty() || draft.sent_at.is_some_and(|sent| !is_quiet(sent)));
    }
}

impl Draft {
    /// What it tells.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// How many things besides happened that it does not name.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// When it was begun.
    pub const fn began_at(&self) -> Option<Timestamp> {
        self.began_at
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn due_at(&self) -> Option<Timestamp> {
        let pause = GATHERED.get(self.series as usize).unwrap_or(&GATHERED[GATHERED.len() - 1]);
        let gathered = self.began_at.filter(|_| !self.is_empty())?.plus(*pause);
        Some(self.not_before.map_or(gathered, |not_before| gathered.max(not_before)))
    }
}

/// Text that may stand in a letter: bounded, and on one line.
fn plain(text: &str) -> Box<str> {
    let kept = &text[..text.floor_char_boundary(limits::LETTER_TEXT_BYTES_MAX)];
    let plain: String = kept.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut = if kept.len() < text.len() { " …" } else { "" };
    format!("{}{cut}", plain.trim()).into()
}
