//! What a schedule is asked to do: its terms. They are replaced as a whole when somebody edits them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Life, MisfirePolicy, OverlapPolicy, Schedule, ScheduleId, Tick, Timetable};
use crate::clock::Timestamp;
use crate::job::{Name, Priority, RetryPolicy};
use crate::limits;

/// The terms of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// What it is called; no other schedule has the same name.
    pub name: Arc<str>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Box<str>>,
    /// When it ticks.
    pub timetable: Timetable,
    /// Key of the processor of its jobs.
    pub sub_type: Name,
    /// Family of work of its jobs; the processor's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Name>,
    /// Input of its jobs, JSON text.
    pub payload: Arc<str>,
    /// How urgent its jobs are.
    pub priority: Priority,
    /// When and how often its jobs are tried again; the processor's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Time one attempt may take, in milliseconds; the processor's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What becomes of ticks that nobody was there for.
    #[serde(default)]
    pub misfire: MisfirePolicy,
    /// Missed ticks that fire at most under [`MisfirePolicy::FireAll`]: the most recent ones.
    pub catch_up_max: u32,
    /// What becomes of a tick while an earlier job has not ended.
    #[serde(default)]
    pub overlap: OverlapPolicy,
    /// Whether no two of its jobs ever run at once, whoever asked for them.
    #[serde(default)]
    pub singleton: bool,
    /// No tick before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Timestamp>,
    /// No tick after then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_at: Option<Timestamp>,
    /// Each tick fires up to so many seconds late, by a chance that every node knows.
    #[serde(default)]
    pub jitter_seconds: u32,
    /// Whether somebody is told when a job fails.
    #[serde(default)]
    pub notify_on_failure: bool,
    /// Who.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notification_emails: Vec<Box<str>>,
}

/// A schedule that somebody wants.
///
/// ```
/// use faena::clock::Timestamp;
/// use faena::job::Name;
/// use faena::schedule::{NewSchedule, Spec, Timetable, Zone};
///
/// let timetable = Timetable::new("0 2 * * *".parse().unwrap(), Zone::new("Europe/Berlin").unwrap());
/// let spec = Spec::new("nightly report", Name::new("generate_report").unwrap(), timetable);
/// assert!(spec.complaints().is_empty());
/// let schedule = NewSchedule::new(spec).accept("2026-11-24T12:00:00Z".parse().unwrap());
/// assert_eq!(schedule.due_at().unwrap().to_string(), "2026-11-25T01:00:00.000Z");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchedule {
    /// Identity, made here so that a caller knows it before the schedule is accepted.
    pub id: ScheduleId,
    /// Its terms.
    pub spec: Spec,
    /// Who made it; its jobs are theirs.
    pub created_by: Option<Arc<str>>,
    /// Whether it fires.
    pub enabled: bool,
    /// Who asked for it, if that is known: what is told of it says so, and nothing keeps it.
    pub by: Option<Arc<str>>,
}

/// What is wrong with one term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The term, in the word of the wire.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl NewSchedule {
    /// An enabled schedule.
    pub fn new(spec: Spec) -> Self {
        Self { id: ScheduleId::new(), spec, created_by: None, enabled: true, by: None }
    }

    /// The accepted schedule: its first tick comes after `now`.
    pub fn accept(self, now: Timestamp) -> Schedule {
        let life = Life::accepted(self.enabled, &self.spec, now);
        Schedule {
            id: self.id,
            created_at: now,
            created_by: self.created_by,
            spec: Arc::new(self.spec),
            life,
            fault: None,
        }
    }
}

impl Spec {
    /// Terms with the usual policies and an empty object as the payload.
    pub fn new(name: impl Into<Arc<str>>, sub_type: Name, timetable: Timetable) -> Self {
        Self {
            name: name.into(),
            description: None,
            timetable,
            sub_type,
            kind: None,
            payload: "{}".into(),
            priority: Priority::Normal,
            retry: None,
            timeout_ms: None,
            misfire: MisfirePolicy::default(),
            catch_up_max: limits::CATCH_UP_DEFAULT,
            overlap: OverlapPolicy::default(),
            singleton: false,
            start_at: None,
            end_at: None,
            jitter_seconds: 0,
            notify_on_failure: false,
            notification_emails: Vec::new(),
        }
    }

    /// The first tick after a moment, between start and end.
    pub fn next_after(&self, after: Timestamp) -> Option<Tick> {
        // A tick at the very start counts.
        let opens = self.start_at.map(|start| Timestamp::from_millis(start.as_millis().saturating_sub(1)));
        let tick = self.timetable.next_after(opens.map_or(after, |opens| opens.max(after)))?;
        self.end_at.is_none_or(|end| tick.at <= end).then_some(tick)
    }

    /// The shortest time between ticks that follow each other, as far as the first few of them show.
    fn pace_seconds(&self) -> Option<u64> {
        const LOOKED_AT: usize = 20;
        let first = self.start_at.unwrap_or_default();
        let ticks: Vec<_> = self.timetable.ticks(first).take(LOOKED_AT).collect();
        ticks.windows(2).map(|pair| pair[1].at.millis_since(pair[0].at) / 1_000).min()
    }

    /// What is wrong with the terms by the rules that schedules have; the payload, the retry policy and the time-out are
    /// checked where those of jobs are.
    pub fn complaints(&self) -> Vec<Complaint> {
        let mut found = Vec::new();
        let mut complain = |field, message: String| found.push(Complaint { field, message });
        if let Err(message) = check_name(&self.name) {
            complain("name", message);
        }
        let described = self.description.as_deref().map_or(0, str::len);
        if described > limits::DESCRIPTION_BYTES_MAX {
            complain("description", format!("is longer than {} bytes", limits::DESCRIPTION_BYTES_MAX));
        }
        if self.payload.len() > limits::SCHEDULE_PAYLOAD_BYTES_MAX {
            let bound = limits::SCHEDULE_PAYLOAD_BYTES_MAX;
            complain("payload", format!("is larger than {bound} bytes; let it name a file"));
        }
        if !(1..=limits::CATCH_UP_MAX).contains(&self.catch_up_max) {
            complain("misfirePolicy", format!("the bound of `fire_all` is 1 to {}", limits::CATCH_UP_MAX));
        }
        if u64::from(self.jitter_seconds) > limits::JITTER_MAX.as_secs() {
            complain("jitterSeconds", format!("is more than {}", limits::JITTER_MAX.as_secs()));
        }
        if self.jitter_seconds > 0
            && let Some(pace) = self.pace_seconds().filter(|pace| *pace <= self.jitter_seconds.into())
        {
            complain("jitterSeconds", format!("is not less than the {pace} s between two ticks"));
        }
        if let (Some(start), Some(end)) = (self.start_at, self.end_at)
            && end < start
        {
            complain("endAt", "lies before startAt".to_owned());
        } else if self.end_at.is_some() && self.next_after(Timestamp::from_millis(i64::MIN)).is_none() {
            complain("endAt", "leaves no tick at all".to_owned());
        }
        if self.notification_emails.len() > limits::EMAILS_MAX {
            complain("notificationEmails", format!("are more than {}", limits::EMAILS_MAX));
        }
        if let Some(bad) = self.notification_emails.iter().find(|email| !looks_like_an_address(email)) {
            complain("notificationEmails", format!("`{}` is not an e-mail address", bad.escape_debug()));
        }
        if self.notify_on_failure && self.notification_emails.is_empty() {
            complain("notificationEmails", "name whom to tell, or leave notifyOnFailure out".to_owned());
        }
        found
    }
}

/// A name is shown, and stands in addresses beside ids.
fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.trim() != name {
        return Err("is empty or has blanks around it".to_owned());
    }
    if name.len() > limits::SCHEDULE_NAME_BYTES_MAX {
        return Err(format!("is longer than {} bytes", limits::SCHEDULE_NAME_BYTES_MAX));
    }
    if name.contains('/') || name.chars().any(char::is_control) {
        return Err("has a `/` or a control character in it, and it stands in addresses".to_owned());
    }
    if name.parse::<ScheduleId>().is_ok() {
        return Err("looks like an id; a schedule is found by either".to_owned());
    }
    Ok(())
}

/// Whether mail can be tried: somebody, at some place. Only the place itself knows more.
pub(crate) fn looks_like_an_address(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    text.len() <= limits::EMAIL_BYTES_MAX
        && text.rsplit_once('@').is_some_and(|(who, place)| plain(who) && plain(place) && !who.contains('@'))
}
