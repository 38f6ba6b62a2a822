//! What stands in an event of this program about a schedule, an alert or a key: the fields of the API that matter to whoever was not
//! there, under the same names. Texts of no bound to speak of stay out: results over 4 KiB, stack traces, logs, payloads of jobs.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::alert::{Alert, AlertId, Subject};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::key::{ApiKey, KeyId, Scope};
use crate::schedule::{Firing, Schedule, ScheduleId, Transition};

/// Something that stands in JSON as its text.
pub(super) struct Shown<T>(pub(super) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A schedule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleTold<'a> {
    #[serde(flatten)]
    which: Which<'a>,
    r#type: Option<&'a str>,
    cron_expression: &'a str,
    timezone: &'a str,
    enabled: bool,
    status: &'static str,
    next_execution_at: Option<Shown<Timestamp>>,
    created_by: Option<&'a str>,
    /// Who did it, if that is known.
    by: Option<&'a str>,
}

/// Which schedule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Which<'a> {
    id: Shown<ScheduleId>,
    name: &'a str,
    sub_type: &'a str,
}

impl<'a> Which<'a> {
    fn of(schedule: &'a Schedule) -> Self {
        Self { id: Shown(schedule.id), name: &schedule.spec.name, sub_type: schedule.spec.sub_type.as_str() }
    }
}

impl<'a> ScheduleTold<'a> {
    pub(super) fn of(schedule: &'a Schedule, now: Timestamp, by: Option<&'a str>) -> Self {
        let (cron_expression, timezone) = schedule.written();
        Self {
            which: Which::of(schedule),
            r#type: schedule.spec.kind.as_ref().map(|kind| kind.as_str()),
            cron_expression,
            timezone,
            enabled: schedule.life.enabled,
            status: schedule.standing(now).as_str(),
            next_execution_at: schedule.due_at().map(Shown),
            created_by: schedule.created_by.as_deref(),
            by,
        }
    }
}

/// That a schedule made jobs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FiredTold<'a> {
    #[serde(flatten)]
    which: Which<'a>,
    jobs: Vec<Fired>,
    next_execution_at: Option<Shown<Timestamp>>,
    /// Who asked for it; null when its time had come.
    by: Option<&'a str>,
}

/// A job that a schedule made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fired {
    job_id: Shown<JobId>,
    /// The tick that it stands for; null when somebody asked for it.
    scheduled_for: Option<Shown<Timestamp>>,
}

impl<'a> FiredTold<'a> {
    pub(super) fn of(schedule: &'a Schedule, step: &'a Transition) -> Self {
        let job = |job: &crate::job::NewJob| Fired {
            job_id: Shown(job.id),
            scheduled_for: job.options.scheduled_for.map(Shown),
        };
        Self {
            which: Which::of(schedule),
            jobs: step.jobs.iter().map(job).collect(),
            next_execution_at: schedule.due_at().map(Shown),
            by: step.by.as_deref(),
        }
    }
}

/// That times of a schedule passed without a job.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MissedTold<'a> {
    #[serde(flatten)]
    which: Which<'a>,
    /// Times that nobody was there for and that no job stands for.
    missed: u64,
    /// Times that were passed over because an earlier job had not ended.
    overlapped: u64,
}

impl<'a> MissedTold<'a> {
    pub(super) fn of(schedule: &'a Schedule, firing: &Firing) -> Self {
        let missed = firing.missed.saturating_sub(firing.caught_up);
        Self { which: Which::of(schedule), missed, overlapped: firing.overlapped }
    }
}

/// An alert: all of it, since it is told as the same words at `GET /events`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertTold<'a> {
    id: Shown<AlertId>,
    rule: &'a str,
    kind: &'static str,
    status: &'static str,
    subject: &'static str,
    schedule_id: Option<Shown<ScheduleId>>,
    schedule_name: Option<&'a str>,
    sub_type: Option<&'a str>,
    job_id: Option<Shown<JobId>>,
    subscription_id: Option<&'a str>,
    value: u64,
    bound: u64,
    unit: &'static str,
    message: &'a str,
    count: u32,
    fired_at: Shown<Timestamp>,
    cleared_at: Option<Shown<Timestamp>>,
}

impl<'a> AlertTold<'a> {
    pub(super) fn of(alert: &'a Alert) -> Self {
        let (schedule_id, schedule_name) = match &alert.subject {
            Subject::Schedule { id, name } => (Some(Shown(*id)), Some(&**name)),
            Subject::Queue | Subject::SubType(_) | Subject::Endpoint { .. } => (None, None),
        };
        Self {
            id: Shown(alert.id),
            rule: alert.rule.as_str(),
            kind: alert.kind.as_str(),
            status: alert.status().as_str(),
            subject: alert.subject.sort(),
            schedule_id,
            schedule_name,
            sub_type: alert.sub_type.as_ref().map(|name| name.as_str()),
            job_id: alert.job.map(Shown),
            subscription_id: alert.subject.subscription(),
            value: alert.value,
            bound: alert.bound,
            unit: alert.kind.unit(),
            message: &alert.message,
            count: alert.count,
            fired_at: Shown(alert.fired_at),
            cleared_at: alert.cleared_at.map(Shown),
        }
    }
}

/// A key: everything but what opens.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyTold<'a> {
    id: Shown<KeyId>,
    name: &'a str,
    scopes: &'a [Scope],
    user_id: Option<&'a str>,
    created_at: Shown<Timestamp>,
    expires_at: Option<Shown<Timestamp>>,
    revoked_at: Option<Shown<Timestamp>>,
    /// Who did it, if that is known.
    by: Option<&'a str>,
}

impl<'a> KeyTold<'a> {
    pub(super) fn of(key: &'a ApiKey, by: Option<&'a str>) -> Self {
        Self {
            id: Shown(key.id),
            name: &key.name,
            scopes: &key.scopes,
            user_id: key.user_id.as_deref(),
            created_at: Shown(key.created_at),
            expires_at: key.expires_at.map(Shown),
            revoked_at: key.revoked_at.map(Shown),
            by,
        }
    }
}
