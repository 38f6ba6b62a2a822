//! A rule: what it watches, how far that may go, and whose.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::job::{Job, Name};
use crate::limits;
use crate::schedule::{Complaint, Schedule};

/// An alert rule.
///
/// ```
/// use faena::alert::{Kind, Rule};
/// use faena::job::Name;
///
/// let rule = Rule::new(Name::new("slow-import").unwrap(), Kind::ExecutionLonger, 60);
/// assert!(rule.complaints().is_empty());
/// assert!(!rule.is_broken_by(59) && rule.is_broken_by(60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it is called; no other rule has the same name.
    pub name: Name,
    /// What it watches.
    pub kind: Kind,
    /// How far that may go, in the unit of the kind.
    pub bound: u64,
    /// Only jobs of this subtype, and schedules that make them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_type: Option<Name>,
    /// Only the schedule with this id or name. A name stays one: a schedule that is removed and made anew is the same to
    /// a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Box<str>>,
    /// Whether anybody looks at it.
    pub enabled: bool,
}

impl Rule {
    /// An enabled rule for all that there is.
    pub const fn new(name: Name, kind: Kind, bound: u64) -> Self {
        Self { name, kind, bound, sub_type: None, schedule: None, enabled: true }
    }

    /// The rules of a new store: a schedule that fails twice in a row is reported, and so is an endpoint that is switched off.
    pub fn of_a_new_store() -> Vec<Self> {
        let rules = [("failures-in-a-row", Kind::FailuresInARow), ("endpoint-off", Kind::EndpointOff)];
        let made = |(name, kind): (_, Kind)| Some(Self::new(Name::new(name).ok()?, kind, kind.bound_default()?));
        rules.into_iter().filter_map(made).collect()
    }

    /// Whether so much is too much. Jobs may be as many as the bound says; everything else must stay below it.
    pub const fn is_broken_by(&self, value: u64) -> bool {
        match self.kind {
            Kind::QueueDepth => value > self.bound,
            _ => value >= self.bound,
        }
    }

    /// Whether it is about this schedule.
    pub fn covers_schedule(&self, schedule: &Schedule) -> bool {
        self.is_of_sub_type(&schedule.spec.sub_type)
            && self
                .schedule
                .as_deref()
                .is_none_or(|wanted| *wanted == *schedule.spec.name || wanted.parse().is_ok_and(|id| schedule.id == id))
    }

    /// Whether it is about this job, which that schedule has made if any has.
    pub fn covers_job(&self, job: &Job, maker: Option<&Schedule>) -> bool {
        let of_schedule = self.schedule.is_none() || maker.is_some_and(|maker| self.covers_schedule(maker));
        self.is_of_sub_type(&job.spec.sub_type) && of_schedule
    }

    fn is_of_sub_type(&self, sub_type: &Name) -> bool {
        self.sub_type.as_ref().is_none_or(|wanted| wanted == sub_type)
    }

    /// What is wrong with it.
    pub fn complaints(&self) -> Vec<Complaint> {
        let mut found = Vec::new();
        let mut complain = |field, message: String| found.push(Complaint { field, message });
        let most = match self.kind {
            Kind::FailuresInARow | Kind::EndpointOff => limits::ALERT_FAILURES_MAX,
            Kind::QueueDepth => limits::ALERT_JOBS_MAX,
            _ => limits::ALERT_SPAN_MAX.as_secs(),
        };
        if !(1..=most).contains(&self.bound) {
            complain(self.kind.unit(), format!("must be between 1 and {most}"));
        }
        if self.schedule.as_ref().is_some_and(|which| which.is_empty() || which.len() > limits::KEY_BYTES_MAX) {
            complain("schedule", format!("must have 1 to {} bytes", limits::KEY_BYTES_MAX));
        } else if self.schedule.is_some() && self.kind.is_of_queues() {
            complain("schedule", "is nothing that a queue has; name a subType, or leave both out".to_owned());
        } else if self.schedule.is_some() && self.kind == Kind::EndpointOff {
            complain("schedule", "is nothing that an endpoint has; leave it out".to_owned());
        }
        if self.sub_type.is_some() && self.kind == Kind::EndpointOff {
            complain("subType", "is nothing that an endpoint has; leave it out".to_owned());
        }
        found
    }
}
