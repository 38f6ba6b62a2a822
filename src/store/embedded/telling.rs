//! What a change tells. It follows from the change alone, so whoever writes it tells of it, and the one who decided waits for nothing.

use std::sync::Arc;

use super::change::Change;
use super::plans::PlanChange;
use crate::event::tell::{self, Before};
use crate::event::{Event, Kind};
use crate::job::Job;
use crate::schedule::Schedule;

/// What a change tells.
pub(super) enum Tells<'a> {
    /// Nothing.
    Nothing,
    /// Something of a job.
    Job {
        /// Types, in order.
        kinds: &'static [Kind],
        /// Where the job stood before.
        before: Before,
        /// The job after it.
        job: &'a Arc<Job>,
        /// Who asked for it, if somebody did.
        by: Option<&'a Arc<str>>,
    },
    /// Something of this, whoever's it is.
    Others(Vec<Event>, Option<Arc<str>>),
    /// The same, as an application told it.
    Own(&'a [Event], Option<&'a Arc<str>>),
}

impl Change {
    /// What it tells.
    pub(super) fn tells(&self) -> Tells<'_> {
        match self {
            Self::Insert { job, by, .. } => of_job(Before::Nothing, job, by.as_ref()),
            Self::Start(job) => of_job(Before::Waiting, job, None),
            // A run that goes on tells nothing.
            Self::Put(job, by) if job.run().is_none() => of_job(Before::Waiting, job, by.as_ref()),
            Self::Again(job) | Self::Finish(job) => of_job(Before::Running, job, None),
            Self::Reopen(job, by) => of_job(Before::Finished, job, by.as_ref()),
            Self::Plan(change) => of_plan(change),
            Self::Alert(change) => {
                let cleared = |alert: &crate::alert::Alert| alert.cleared_at.is_some();
                match (&change.before, &change.after) {
                    (None, Some(alert)) => Tells::Others(vec![tell::of_alert(alert)], None),
                    (Some(before), Some(alert)) if !cleared(before) && cleared(alert) => {
                        Tells::Others(vec![tell::of_alert(alert)], None)
                    }
                    _ => Tells::Nothing,
                }
            }
            Self::Key(change) => match &change.after {
                Some(after) => others(
                    tell::of_key(change.before.as_deref(), after, change.by.as_deref()).into_iter().collect(),
                    None,
                ),
                None => Tells::Nothing,
            },
            Self::Tell(events, user) => Tells::Own(events, user.as_ref()),
            _ => Tells::Nothing,
        }
    }
}

fn of_job<'a>(before: Before, job: &'a Arc<Job>, by: Option<&'a Arc<str>>) -> Tells<'a> {
    match tell::kinds(before, job) {
        [] => Tells::Nothing,
        kinds => Tells::Job { kinds, before, job, by },
    }
}

fn of_plan(change: &PlanChange) -> Tells<'_> {
    match change {
        PlanChange::Add(schedule, by) => others(vec![tell::of_new_schedule(schedule, by.as_deref())], Some(schedule)),
        PlanChange::Put { after, told, .. } => Tells::Own(told, after.created_by.as_ref()),
        PlanChange::Remove(schedule, at, by) => {
            others(vec![tell::of_removed_schedule(schedule, *at, by.as_deref())], Some(schedule))
        }
    }
}

fn others(events: Vec<Event>, of: Option<&Arc<Schedule>>) -> Tells<'static> {
    match events.is_empty() {
        true => Tells::Nothing,
        false => Tells::Others(events, of.and_then(|schedule| schedule.created_by.clone())),
    }
}
