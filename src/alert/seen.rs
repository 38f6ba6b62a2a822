//! What somebody has seen of a subject, put into a rule's terms: one number that its bound is held against.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Kind, Rule};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Name};
use crate::schedule::{Schedule, ScheduleId, Standing};

/// Who or what an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// All jobs that wait.
    Queue,
    /// Jobs of a subtype.
    SubType(Name),
    /// A schedule.
    Schedule {
        /// Which.
        id: ScheduleId,
        /// What it was called.
        name: Arc<str>,
    },
    /// Where the events of a subscription go.
    Endpoint {
        /// Which subscription: its id, or the name of one that the program has by itself.
        subscription: Arc<str>,
        /// What people know it by.
        name: Arc<str>,
        /// What became of it, as a part of a sentence.
        what: Arc<str>,
    },
}

/// What was seen of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Of what.
    pub subject: Subject,
    /// Of which subtype its jobs are, if they are of one.
    pub sub_type: Option<Name>,
    /// The job that stands for it, if one does.
    pub job: Option<JobId>,
    /// How far it has gone, in the unit of the rule's kind.
    pub value: u64,
}

impl Subject {
    /// The subject that a schedule is.
    pub fn of_schedule(schedule: &Schedule) -> Self {
        Self::Schedule { id: schedule.id, name: schedule.spec.name.clone() }
    }

    /// The schedule, if it is one.
    pub const fn schedule(&self) -> Option<ScheduleId> {
        match self {
            Self::Schedule { id, .. } => Some(*id),
            Self::Queue | Self::SubType(_) | Self::Endpoint { .. } => None,
        }
    }

    /// The subscription, if it is the endpoint of one.
    pub fn subscription(&self) -> Option<&str> {
        match self {
            Self::Endpoint { subscription, .. } => Some(subscription),
            Self::Queue | Self::SubType(_) | Self::Schedule { .. } => None,
        }
    }

    /// What sort it is, in the word of the wire.
    pub const fn sort(&self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::SubType(_) => "subType",
            Self::Schedule { .. } => "schedule",
            Self::Endpoint { .. } => "endpoint",
        }
    }
}

impl fmt::Display for Subject {
    /// What tells it from every other subject: a schedule stays the same under another name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue => f.write_str("queue"),
            Self::SubType(name) => write!(f, "subType:{name}"),
            Self::Schedule { id, .. } => write!(f, "schedule:{id}"),
            Self::Endpoint { subscription, .. } => write!(f, "endpoint:{subscription}"),
        }
    }
}

impl Seen {
    /// What a rule sees in a schedule; none when the rule is not about it.
    pub fn of_schedule(rule: &Rule, schedule: &Schedule, now: Timestamp) -> Option<Self> {
        if !rule.covers_schedule(schedule) {
            return None;
        }
        let value = match rule.kind {
            Kind::FailuresInARow => u64::from(schedule.life.tally.failures_in_a_row),
            Kind::NoExecution => silent_for(schedule, now)? / 1_000,
            Kind::ExecutionLonger | Kind::QueueDepth | Kind::QueueWait | Kind::EndpointOff => return None,
        };
        let job = schedule.life.tally.last.as_ref().map(|last| last.job);
        let sub_type = Some(schedule.spec.sub_type.clone());
        Some(Self { subject: Subject::of_schedule(schedule), sub_type, job, value })
    }

    /// What a rule sees in a job that runs, which that schedule has made if any has; none when the rule is not about it.
    /// Jobs of one schedule, and the others of one subtype, are one subject: many that hang together are one alert.
    pub fn of_job(rule: &Rule, job: &Job, maker: Option<&Schedule>, now: Timestamp) -> Option<Self> {
        let run = job.run().filter(|_| rule.kind == Kind::ExecutionLonger && rule.covers_job(job, maker))?;
        let sub_type = job.spec.sub_type.clone();
        let subject = maker.map_or_else(|| Subject::SubType(sub_type.clone()), Subject::of_schedule);
        let value = now.millis_since(run.started_at) / 1_000;
        Some(Self { subject, sub_type: Some(sub_type), job: Some(job.id), value })
    }

    /// What a rule sees in a queue: how many jobs are ready, and since when the oldest is.
    pub fn of_queue(rule: &Rule, ready: u64, oldest: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        let value = match rule.kind {
            Kind::QueueDepth => ready,
            Kind::QueueWait => now.millis_since(oldest?) / 1_000,
            Kind::FailuresInARow | Kind::ExecutionLonger | Kind::NoExecution | Kind::EndpointOff => return None,
        };
        let subject = rule.sub_type.clone().map_or(Subject::Queue, Subject::SubType);
        Some(Self { subject, sub_type: rule.sub_type.clone(), job: None, value })
    }

    /// What a rule sees in an endpoint that takes nothing any more, after so many tries that failed in a row.
    pub fn of_endpoint(rule: &Rule, subject: Subject, failures: u32) -> Option<Self> {
        // One that is off is off, although what was under way may have been taken since.
        let value = u64::from(failures.max(1));
        (rule.kind == Kind::EndpointOff).then_some(Self { subject, sub_type: None, job: None, value })
    }

    /// The sentence that says what was seen of which bound.
    pub fn sentence(&self, rule: &Rule) -> String {
        let (value, bound) = (self.value, rule.bound);
        let whose = match &self.subject {
            Subject::Queue => String::new(),
            Subject::SubType(name) => format!(" of subType `{name}`"),
            Subject::Schedule { name, .. } => format!(" of schedule `{name}`"),
            Subject::Endpoint { subscription, name, .. } => format!(" of subscription {subscription} (`{name}`)"),
        };
        match rule.kind {
            Kind::FailuresInARow => {
                format!("the last {value} executions{whose} have failed; {bound} in a row are reported")
            }
            Kind::ExecutionLonger => {
                format!("an execution{whose} has been running for {value} s; {bound} s are reported")
            }
            Kind::NoExecution => format!("an execution{whose} is missing for {value} s; {bound} s are reported"),
            Kind::QueueDepth => format!("{value} jobs{whose} are ready and wait; more than {bound} are reported"),
            Kind::QueueWait => format!("a job{whose} has been ready for {value} s; {bound} s are reported"),
            Kind::EndpointOff => match &self.subject {
                Subject::Endpoint { what, .. } => format!("the endpoint{whose} {what}"),
                _ => format!("an endpoint{whose} is switched off"),
            },
        }
    }
}

/// How many milliseconds ago a schedule ought to have been executed and was not; none when it misses nothing.
///
/// While ticks are passed over, because an earlier job still runs or because nobody was there, that counts from its latest
/// execution, or from when somebody last changed it. A tick that is due and not decided counts from when it was due.
pub fn silent_for(schedule: &Schedule, now: Timestamp) -> Option<u64> {
    let life = &schedule.life;
    // What is switched off, on hold or at its end misses nothing.
    let due = schedule.due_at().filter(|_| schedule.standing(now) == Standing::Enabled)?;
    let executed = life.tally.last.as_ref().map(|last| last.at);
    let resumed = life.pause.and_then(|pause| pause.until);
    let since = executed.into_iter().chain(resumed).fold(life.edited_at, Timestamp::max);
    if life.last_tick.is_some_and(|tick| tick > since) {
        return Some(now.millis_since(since));
    }
    (due <= now).then(|| now.millis_since(due))
}
