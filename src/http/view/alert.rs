//! Alerts and alert rules.

use serde::Serialize;
use utoipa::ToSchema;

use super::Shown;
use crate::alert::{Alert, AlertId, Kind, Subject};
use crate::clock::Timestamp;
use crate::job::{JobId, Name};
use crate::schedule::ScheduleId;
use crate::store::alerts::KeptRule;

/// An alert.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Alert)]
pub(crate) struct AlertView<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: Shown<AlertId>,
    /// The name of the rule that was broken.
    rule: &'a str,
    /// What that rule watched.
    #[schema(value_type = super::AlertKindWord)]
    kind: &'static str,
    #[schema(value_type = super::AlertStatusWord)]
    status: &'static str,
    /// Who or what broke it: `schedule`, `subType`, `queue` or `endpoint`.
    #[schema(pattern = "^(schedule|subType|queue|endpoint)$")]
    subject: &'static str,
    #[schema(value_type = Option<String>, format = Uuid, required)]
    schedule_id: Option<Shown<ScheduleId>>,
    /// What that schedule was called when it fired.
    #[schema(required)]
    schedule_name: Option<&'a str>,
    /// Of which subtype the jobs of the subject are, if they are of one.
    #[schema(required)]
    sub_type: Option<&'a str>,
    /// The job that stood for the subject when it fired: the latest of the schedule, or the longest running one.
    #[schema(value_type = Option<String>, format = Uuid, required)]
    job_id: Option<Shown<JobId>>,
    /// Whose endpoint it is about: a subscription by its id, or `outbox`, the one of the settings.
    #[schema(required)]
    subscription_id: Option<&'a str>,
    /// How far it had gone when it fired.
    #[schema(minimum = 0)]
    value: u64,
    /// How far it might have gone.
    #[schema(minimum = 1)]
    bound: u64,
    /// What the two count: `count` (failures in a row), `seconds` or `jobs`.
    #[schema(pattern = "^(count|seconds|jobs)$")]
    unit: &'static str,
    message: &'a str,
    /// Which one it is of its rule and subject, from 1, among those that are remembered.
    #[schema(minimum = 1)]
    count: u32,
    #[schema(value_type = String, format = DateTime)]
    fired_at: Shown<Timestamp>,
    /// Null while it fires.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    cleared_at: Option<Shown<Timestamp>>,
}

/// An alert rule.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AlertRule)]
pub(crate) struct RuleView<'a> {
    name: &'a str,
    #[schema(value_type = super::AlertKindWord)]
    kind: &'static str,
    /// The bound, if it counts failures in a row.
    #[schema(required, minimum = 1)]
    count: Option<u64>,
    /// The bound, if it is a time.
    #[schema(required, minimum = 1)]
    seconds: Option<u64>,
    /// The bound, if it counts jobs.
    #[schema(required, minimum = 1)]
    jobs: Option<u64>,
    /// Only jobs of this subtype, and schedules that make them; null for all.
    #[schema(required)]
    sub_type: Option<&'a str>,
    /// Only the schedule with this id or name; null for all.
    #[schema(required)]
    schedule: Option<&'a str>,
    /// Whether anybody looks at it.
    enabled: bool,
    /// Changes with every write and never comes back; the `ETag` is made of it.
    #[schema(minimum = 1)]
    revision: u64,
}

impl<'a> AlertView<'a> {
    pub(crate) fn of(alert: &'a Alert) -> Self {
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
            sub_type: alert.sub_type.as_ref().map(Name::as_str),
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

impl<'a> RuleView<'a> {
    pub(crate) fn of(kept: &'a KeptRule) -> Self {
        let rule = &kept.rule;
        let bound = |kinds: &[Kind]| kinds.contains(&rule.kind).then_some(rule.bound);
        Self {
            name: rule.name.as_str(),
            kind: rule.kind.as_str(),
            count: bound(&[Kind::FailuresInARow, Kind::EndpointOff]),
            seconds: bound(&[Kind::ExecutionLonger, Kind::NoExecution, Kind::QueueWait]),
            jobs: bound(&[Kind::QueueDepth]),
            sub_type: rule.sub_type.as_ref().map(Name::as_str),
            schedule: rule.schedule.as_deref(),
            enabled: rule.enabled,
            revision: kept.revision,
        }
    }
}
