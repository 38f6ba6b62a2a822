//! What a step tells. Most steps tell one thing; some none, such as progress and signs of life, and some two: a job that
//! failed for good has failed *and* waits for somebody to decide, a schedule may fire *and* have missed times. Each of them has an
//! id of its own, made of the step and its type.

use std::sync::Arc;

use serde::Serialize;

use super::payload::{AlertTold, FiredTold, JobTold, MissedTold, ScheduleTold};
use super::{Aggregate, Event, EventId, Kind};
use crate::alert::{Alert, AlertStatus};
use crate::clock::Timestamp;
use crate::job::{Job, Outcome, State};
use crate::schedule::{Schedule, Transition};

/// What a step of a job tells: from what it was, or from nothing when it was just accepted, to what it is `at` that moment.
pub fn of_job(before: Option<&Job>, after: &Job, at: Timestamp) -> Vec<Event> {
    let tell = |kind: &Kind| {
        let id = EventId::of_step(after.id.as_bytes(), after.life.revision, *kind);
        event(id, *kind, "job", after.id.to_string(), &JobTold::of(after), at)
    };
    kinds(before, after).iter().map(tell).collect()
}

/// What that is. It follows from the two states alone.
fn kinds(before: Option<&Job>, after: &Job) -> &'static [Kind] {
    let Some(before) = before else { return &[Kind::JobQueued] };
    if before.life.revision == after.life.revision {
        return &[];
    }
    match (&before.life.state, &after.life.state) {
        (State::Running(_), State::Waiting { .. }) => match after.attempts().last().map(|attempt| attempt.outcome) {
            Some(Outcome::Failed | Outcome::Timeout | Outcome::Crashed | Outcome::Lost) => &[Kind::JobRetrying],
            _ => &[Kind::JobQueued],
        },
        (_, State::Waiting { .. }) => &[Kind::JobQueued],
        (State::Waiting { .. } | State::Finished(_), State::Running(_)) => &[Kind::JobStarted],
        // Asked to stop, or state saved: it goes on.
        (State::Running(_), State::Running(_)) => &[],
        // A dead letter was put away.
        (State::Finished(_), State::Finished(_)) => &[],
        (State::Waiting { .. } | State::Running(_), State::Finished(end)) => match end.outcome {
            Outcome::Success => &[Kind::JobCompleted],
            Outcome::Cancelled => &[Kind::JobCancelled],
            _ if end.dead => &[Kind::JobFailed, Kind::JobDead],
            _ => &[Kind::JobFailed],
        },
    }
}

/// What a schedule tells that was just accepted.
pub fn of_new_schedule(schedule: &Schedule) -> Event {
    of_schedule_as(Kind::ScheduleCreated, schedule, schedule.created_at)
}

/// What a schedule tells that was removed.
pub fn of_removed_schedule(schedule: &Schedule, at: Timestamp) -> Event {
    of_schedule_as(Kind::ScheduleDeleted, schedule, at)
}

/// What a step of a schedule tells; `before` is the schedule that it was decided on.
pub fn of_schedule(before: &Schedule, step: &Transition, at: Timestamp) -> Vec<Event> {
    let after = step.apply(before);
    let firing = &step.firing;
    let mut told = Vec::new();
    if after.life.edition != before.life.edition {
        told.push(of_schedule_as(Kind::ScheduleUpdated, &after, at));
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

fn of_schedule_as(kind: Kind, schedule: &Schedule, at: Timestamp) -> Event {
    let id = EventId::of_step(schedule.id.as_bytes(), schedule.life.revision, kind);
    event(id, kind, "schedule", schedule.id.to_string(), &ScheduleTold::of(schedule, at), at)
}

fn event(id: EventId, kind: Kind, sort: &str, of: String, payload: &impl Serialize, at: Timestamp) -> Event {
    // Numbers, texts and lists of them can always be written.
    let payload: Arc<str> = serde_json::to_string(payload).unwrap_or_default().into();
    let aggregate = Aggregate { sort: sort.into(), id: of.into() };
    Event { id, kind: kind.into(), aggregate, payload, occurred_at: at }
}
