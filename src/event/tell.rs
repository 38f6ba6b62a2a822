//! What a step tells. Most steps tell one thing; some none, such as progress and signs of life, and some two: a job that
//! failed for good has failed *and* waits for somebody to decide, a schedule may fire *and* have missed times. Each of them has an
//! id of its own, made of the step and its type.

use std::sync::Arc;

use serde::Serialize;

use super::job_told::JobTold;
use super::payload::{AlertTold, FiredTold, KeyTold, MissedTold, ScheduleTold};
use super::{Aggregate, Event, EventId, Kind};
use crate::alert::{Alert, AlertStatus};
use crate::clock::Timestamp;
use crate::job::{Job, Outcome, State};
use crate::key::ApiKey;
use crate::schedule::{Schedule, Transition};

/// What the end of a job tells.
pub const ENDS: [Kind; 3] = [Kind::JobCompleted, Kind::JobFailed, Kind::JobCancelled];

/// Where a job stood before a step: all of it that says what the step tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nowhere: it was just accepted.
    Nothing,
    /// It waited.
    Waiting,
    /// It ran.
    Running,
    /// It had ended.
    Finished,
}

impl Before {
    /// Where this job stands.
    pub fn of(job: &Job) -> Self {
        match job.life.state {
            State::Waiting { .. } => Self::Waiting,
            State::Running(_) => Self::Running,
            State::Finished(_) => Self::Finished,
        }
    }
}

/// Whether events of these types call back whom the job names, if it names anybody: its end does.
pub fn calls_back(kinds: &[Kind], job: &Job) -> bool {
    job.spec.callback_url().is_some() && kinds.iter().any(|kind| ENDS.contains(kind))
}

/// What a step of a job tells: from what it was, or from nothing when it was just accepted, to what it is `at` that moment.
pub fn of_job(before: Option<&Job>, after: &Job, at: Timestamp) -> Vec<Event> {
    if before.is_some_and(|before| before.life.revision == after.life.revision) {
        return Vec::new();
    }
    let before = before.map_or(Before::Nothing, Before::of);
    kinds(before, after).iter().map(|kind| job_event(*kind, after, at, None)).collect()
}

/// The event of this type that a step told which left the job like this, and which `by` had asked for.
pub fn job_event(kind: Kind, after: &Job, at: Timestamp, by: Option<&str>) -> Event {
    of_told(kind, after.life.revision, &JobTold::of(kind, after, by), at)
}

pub(super) fn of_told(kind: Kind, revision: u32, told: &JobTold<'_>, at: Timestamp) -> Event {
    let id = EventId::of_step(told.job_id.as_bytes(), revision, kind);
    event(id, kind, "job", told.job_id.to_string(), told, at)
}

/// The types of what a step of a job tells that raised its revision, in order. They follow from the two states alone.
pub fn kinds(before: Before, after: &Job) -> &'static [Kind] {
    match (before, &after.life.state) {
        (Before::Running, State::Waiting { .. }) => match after.attempts().last().map(|attempt| attempt.outcome) {
            Some(Outcome::Failed | Outcome::Timeout | Outcome::Crashed | Outcome::Lost) => &[Kind::JobRetrying],
            _ => &[Kind::JobQueued],
        },
        (_, State::Waiting { .. }) => &[Kind::JobQueued],
        (Before::Nothing | Before::Waiting | Before::Finished, State::Running(_)) => &[Kind::JobStarted],
        // Asked to stop, or state saved: it goes on.
        (Before::Running, State::Running(_)) => &[],
        // A dead letter was put away.
        (Before::Finished, State::Finished(_)) => &[],
        (Before::Nothing | Before::Waiting | Before::Running, State::Finished(end)) => match end.outcome {
            Outcome::Success => &[Kind::JobCompleted],
            Outcome::Cancelled => &[Kind::JobCancelled],
            _ if end.dead => &[Kind::JobFailed, Kind::JobDead],
            _ => &[Kind::JobFailed],
        },
    }
}

/// When the step happened that left a job like this. It follows from the job alone, so it is the same for everybody who tells
/// of that step.
pub fn moment(before: Before, after: &Job) -> Timestamp {
    match (&after.life.state, before) {
        (State::Finished(end), _) => end.at,
        (State::Running(run), _) => run.started_at,
        (State::Waiting { .. }, Before::Nothing) => after.created_at,
        (State::Waiting { run_at }, Before::Running) => after.attempts().last().map_or(*run_at, |last| last.ended_at),
        // Somebody asked for it: it waits from that moment on.
        (State::Waiting { run_at }, Before::Waiting | Before::Finished) => *run_at,
    }
}

/// What a schedule tells that was just accepted, which `by` had asked for.
pub fn of_new_schedule(schedule: &Schedule, by: Option<&str>) -> Event {
    of_schedule_as(Kind::ScheduleCreated, schedule, schedule.created_at, by)
}

/// What a schedule tells that was removed by somebody.
pub fn of_removed_schedule(schedule: &Schedule, at: Timestamp, by: Option<&str>) -> Event {
    of_schedule_as(Kind::ScheduleDeleted, schedule, at, by)
}

/// What a step of a schedule tells; `before` is the schedule that it was decided on.
pub fn of_schedule(before: &Schedule, step: &Transition, at: Timestamp) -> Vec<Event> {
    let after = step.apply(before);
    let (firing, by) = (&step.firing, step.by.as_deref());
    let mut told = Vec::new();
    if after.life.edition != before.life.edition {
        told.push(of_schedule_as(Kind::ScheduleUpdated, &after, at, by));
    }
    let id = |kind| EventId::of_step(after.id.as_bytes(), after.life.revision, kind);
    if firing.missed > firing.caught_up || firing.overlapped > 0 {
        let (kind, payload) = (Kind::ScheduleMissed, MissedTold::of(&after, firing));
        told.push(event(id(kind), kind, "schedule", after.id.to_string(), &payload, at));
    }
    if !step.jobs.is_empty() {
        let (kind, payload) = (Kind::ScheduleFired, FiredTold::of(&after, step));
        told.push(event(id(kind), kind, "schedule", after.id.to_string(), &payload, at));
    }
    told
}

/// What an alert tells: that it fired, or that it cleared.
pub fn of_alert(alert: &Alert) -> Event {
    let (kind, at) = match alert.status() {
        AlertStatus::Firing => (Kind::AlertFired, alert.fired_at),
        AlertStatus::Cleared => (Kind::AlertCleared, alert.cleared_at.unwrap_or(alert.fired_at)),
    };
    let id = EventId::of_step(alert.id.as_bytes(), 0, kind);
    event(id, kind, "alert", alert.id.to_string(), &AlertTold::of(alert), at)
}

/// What a change of a key tells: that it was made, or that `by` took it back. That it was used is nobody's news.
pub fn of_key(before: Option<&ApiKey>, after: &ApiKey, by: Option<&str>) -> Option<Event> {
    let (kind, at, by) = match (before, after.revoked_at) {
        (None, _) => (Kind::KeyCreated, after.created_at, after.created_by.as_deref()),
        (Some(before), Some(at)) if before.revoked_at.is_none() => (Kind::KeyRevoked, at, by),
        (Some(_), _) => return None,
    };
    let id = EventId::of_step(after.id.as_bytes(), 0, kind);
    Some(event(id, kind, "key", after.id.to_string(), &KeyTold::of(after, by), at))
}

fn of_schedule_as(kind: Kind, schedule: &Schedule, at: Timestamp, by: Option<&str>) -> Event {
    let id = EventId::of_step(schedule.id.as_bytes(), schedule.life.revision, kind);
    event(id, kind, "schedule", schedule.id.to_string(), &ScheduleTold::of(schedule, at, by), at)
}

fn event(id: EventId, kind: Kind, sort: &str, of: String, payload: &impl Serialize, at: Timestamp) -> Event {
    // Numbers, texts and lists of them can always be written.
    let payload: Arc<str> = serde_json::to_string(payload).unwrap_or_default().into();
    let aggregate = Aggregate { sort: sort.into(), id: of.into() };
    Event { id, kind: kind.into(), aggregate, payload, occurred_at: at }
}
