//! The schedule itself: its terms, and its life so far. A [`Life`] is replaced as a whole by the transitions that
//! [`decide`](fn@super::decide) makes; nothing here sets a state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::plan::fires_at;
use super::{ScheduleId, Spec, Standing};
use crate::clock::Timestamp;
use crate::job::{JobId, Outcome};

/// A schedule, as one moment saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Who it is.
    pub id: ScheduleId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Option<Arc<str>>,
    /// What it is asked to do.
    pub spec: Arc<Spec>,
    /// What became of it so far.
    pub life: Life,
    /// Why its terms cannot be read any more, if they cannot. Then they are a stand-in, and it does not fire.
    pub fault: Option<Arc<Fault>>,
}

/// Terms that were accepted once and cannot be read any more: another release knew more, or refused less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The cron expression as it is written.
    pub cron: Box<str>,
    /// The time zone as it is written.
    pub zone: Box<str>,
    /// What is wrong.
    pub message: Box<str>,
}

/// What became of a schedule so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Life {
    /// Rises with every transition; a transition names the one that it was decided on.
    pub revision: u32,
    /// Rises with what people change: terms, switches. It is what `If-Match` compares, so that a tick in between does
    /// not turn an edit away.
    pub edition: u32,
    /// When people last changed it.
    pub edited_at: Timestamp,
    /// Whether it fires, but for a pause.
    pub enabled: bool,
    /// Somebody put it on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// The latest tick that was decided on: fired, or passed over. No tick up to it is ever decided again (rule 21).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_tick: Option<Timestamp>,
    /// The first tick that is not decided yet; none when it will not tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_tick: Option<Timestamp>,
    /// When that was worked out. A clock that shows less has been set back.
    pub planned_at: Timestamp,
    /// What its jobs came to.
    #[serde(default)]
    pub tally: Tally,
}

/// Somebody put a schedule on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it ends by itself; none when it must be resumed.
    pub until: Option<Timestamp>,
}

/// What the jobs of a schedule came to. It is kept and not counted (rule 28).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Jobs that it made.
    pub total: u64,
    /// Those that completed.
    pub succeeded: u64,
    /// Those that failed for good.
    pub failed: u64,
    /// Failures since the last success.
    pub failures_in_a_row: u32,
    /// Ticks that nobody was there for and that no job stands for.
    pub missed: u64,
    /// Ticks that were passed over because an earlier job had not ended.
    pub overlapped: u64,
    /// Time that those took that completed, in milliseconds.
    pub took_ms: u64,
    /// The latest execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Execution>,
}

/// The latest execution of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The job that it is.
    pub job: JobId,
    /// When it was made.
    pub at: Timestamp,
    /// The tick that it stands for; none when somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
    /// How it ended; none before it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
}

impl Life {
    /// The life of a schedule that was just accepted.
    pub(super) fn accepted(enabled: bool, spec: &Spec, now: Timestamp) -> Self {
        let life = Self {
            revision: 0,
            edition: 0,
            edited_at: now,
            enabled,
            pause: None,
            last_tick: None,
            next_tick: None,
            planned_at: now,
            tally: Tally::default(),
        };
        life.planned(spec, now)
    }

    /// Whether somebody put it on hold and the pause has not ended.
    pub fn is_on_hold(&self, now: Timestamp) -> bool {
        self.pause.is_some_and(|pause| pause.until.is_none_or(|until| until > now))
    }

    /// The same life with its next tick worked out anew: the first one that is neither decided nor past.
    pub(super) fn planned(self, spec: &Spec, now: Timestamp) -> Self {
        let pause = self.pause.filter(|_| self.is_on_hold(now));
        let opens = match pause {
            Some(Pause { until: None }) => None,
            // A tick at the very end of a pause counts.
            Some(Pause { until: Some(until) }) => Some(Timestamp::from_millis(until.as_millis().saturating_sub(1))),
            None => Some(now),
        };
        let after = opens.filter(|_| self.enabled).map(|opens| self.last_tick.map_or(opens, |last| last.max(opens)));
        let next_tick = after.and_then(|after| spec.next_after(after)).map(|tick| tick.at);
        Self { pause, next_tick, planned_at: now, ..self }
    }
}

impl Schedule {
    /// Its cron expression as it was written, whether or not it can be read.
    pub fn cron_as_written(&self) -> &str {
        self.fault.as_ref().map_or(self.spec.timetable.cron.as_str(), |fault| &fault.cron)
    }

    /// Whether it fires, at a moment: a pause may end by itself.
    pub fn standing(&self, now: Timestamp) -> Standing {
        if !self.life.enabled {
            Standing::Disabled
        } else if self.life.is_on_hold(now) {
            Standing::Paused
        } else {
            Standing::Enabled
        }
    }

    /// The cron expression and the time zone as they were written, also when they cannot be read any more.
    pub fn written(&self) -> (&str, &str) {
        match &self.fault {
            Some(fault) => (&fault.cron, &fault.zone),
            None => (self.spec.timetable.cron.as_str(), self.spec.timetable.zone.as_str()),
        }
    }

    /// When it is due next, with its jitter: what an index of schedules is ordered by, and what `nextExecutionAt`
    /// shows. None when it will not tick.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.life.next_tick.map(|tick| fires_at(self.id, tick, self.spec.jitter_seconds))
    }
}

impl Tally {
    /// What an execution takes that completes, in milliseconds, if one did.
    pub fn average_ms(&self) -> Option<u64> {
        self.took_ms.checked_div(self.succeeded)
    }
}
