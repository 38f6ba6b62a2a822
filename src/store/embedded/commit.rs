//! Applying steps: decided in memory, whole or not at all, and on disk once the ticket is settled.

use std::sync::Arc;

use super::change::{By, Change};
use super::core::{Core, Step};
use super::{Embedded, Ticket, history};
use crate::clock::Timestamp;
use crate::event::Event;
use crate::job::{Emitted, Job, JobId, Transition, Visibility};
use crate::store::Committed;

impl Embedded {
    /// Applies steps; the answers are final once the ticket is.
    pub(super) fn commit_now(&self, transitions: Vec<Transition>, now: Timestamp) -> (Vec<Committed>, Option<Ticket>) {
        let mut core = self.core(now);
        let mut answers = Vec::with_capacity(transitions.len());
        let mut changes = Vec::with_capacity(transitions.len());
        let mut waits = false;
        for mut transition in transitions {
            let visibility = transition.visibility;
            let follow_ups = std::mem::take(&mut transition.follow_ups);
            let (by, told) = (transition.by.take(), std::mem::take(&mut transition.told));
            let was = Was::of(core.jobs.get(&transition.seq));
            let load = |id| self.load_here(id);
            answers.push(match core.apply(transition, now, &self.shown, load) {
                Step::Applied(job) if visibility == Visibility::Fleeting => {
                    if self.shown.get(job.id).is_some_and(|shown| shown.life.revision == job.life.revision) {
                        core.show(job.clone(), &self.shown);
                    }
                    Committed::Applied { job, follow_ups: Vec::new() }
                }
                Step::Applied(job) => {
                    waits = true;
                    self.note(&mut core, &job, was, by, now, &mut changes);
                    changes.extend(tells(told, &job));
                    let follow_ups = self.follow(&mut core, follow_ups, now, &mut changes);
                    Committed::Applied { job, follow_ups }
                }
                Step::Stale(job) => {
                    waits = true;
                    Committed::Stale(job)
                }
                Step::Taken(by) => Committed::Taken(by),
                Step::Missing => Committed::Missing,
            });
        }
        if std::mem::take(&mut core.has_new_work) {
            // Somebody has left a gate, and who stood before it need not wait for the disk to know that.
            self.new_work.notify_one();
        }
        let ticket = if waits { self.record(&mut core, changes) } else { None };
        (answers, ticket)
    }

    /// Notes a step for the disk, and what follows from it for the schedule that made the job.
    pub(super) fn note(
        &self,
        core: &mut Core,
        job: &Arc<Job>,
        was: Was,
        by: By,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        changes.push(match (was, job.is_finished()) {
            (Was::Finished, true) => Change::Amend(job.clone()),
            (Was::Finished, false) => Change::Reopen(job.clone(), by),
            (_, true) => Change::Finish(job.clone()),
            (Was::Running, false) if job.run_at().is_some() => Change::Again(job.clone()),
            (Was::Waiting, false) if job.run().is_some() => Change::Start(job.clone()),
            (_, false) => Change::Put(job.clone(), by),
        });
        changes.extend(core.plans.follow(job, was == Was::Finished, now).map(Change::Plan));
    }

    /// Reads an ended job on this thread, in one step with the decided state.
    fn load_here(&self, id: JobId) -> Option<Job> {
        let journalled = self.journalled.as_ref()?;
        journalled.readers.read_here(|conn| history::get(conn, id)).unwrap_or_else(|error| {
            tracing::error!(%error, job_id = %id, "an ended job cannot be read");
            None
        })
    }
}

/// What an application tells in the commit of its job.
fn tells(told: Vec<Emitted>, job: &Job) -> Option<Change> {
    let readable = |told: Emitted| {
        let id = told.id.clone();
        let event = Event::try_from(told);
        event.inspect_err(|error| tracing::error!(%error, event_id = %id, "what an application told is no event")).ok()
    };
    let events: Vec<_> = told.into_iter().filter_map(readable).collect();
    (!events.is_empty()).then(|| Change::Tell(events, job.spec.user_id.clone()))
}

/// How a job stood before a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Was {
    Waiting,
    Running,
    Finished,
}

impl Was {
    /// How this job stands; one that memory does not know has ended.
    pub(super) fn of(job: Option<&Arc<Job>>) -> Self {
        match job {
            Some(job) if job.run().is_some() => Self::Running,
            Some(job) if !job.is_finished() => Self::Waiting,
            _ => Self::Finished,
        }
    }
}
