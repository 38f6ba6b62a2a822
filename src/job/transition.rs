//! The answer of [`decide`](fn@super::decide): one step of a job's life, for an engine to persist as it stands.

use std::sync::Arc;

use super::{Emitted, Job, JobId, Life, NewJob, Outcome, State};
use crate::clock::Timestamp;

/// One step of a job's life. An engine applies it only if the job's revision is still the one named here, and
/// writes everything in it in one atomic step, or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Whose step.
    pub job: JobId,
    /// Its place in the order of acceptance, to find it by.
    pub seq: u64,
    /// The revision that the step was decided on.
    pub expects: u32,
    /// The life after it.
    pub next: Life,
    /// Jobs accepted in the same commit.
    pub follow_ups: Vec<NewJob>,
    /// Who asked for it, as events name them: `key:…`. It is told and not kept.
    pub by: Option<Arc<str>>,
    /// What the application tells in the same commit.
    pub told: Vec<Emitted>,
    /// When readers may see it.
    pub visibility: Visibility,
    /// It is a mere sign of life: nobody who watches the job is told.
    pub silent: bool,
}

impl Transition {
    /// The life after the step of a job that is of the expected revision. Fleeting steps leave the revision alone, so the job
    /// may be ahead of what this one was decided on: what they brought is kept. Progress and leases never go back,
    /// whichever of two comes last.
    pub fn onto(self, job: &Job) -> Life {
        let mut next = self.next;
        let State::Running(run) = &job.life.state else { return next };
        if next.epoch != job.life.epoch {
            return next;
        }
        if !job.life.progress.is_none() {
            next.progress = next.progress.joined(&job.life.progress);
        }
        if let State::Running(after) = &mut next.state
            && after.lease_until < run.lease_until
        {
            Arc::make_mut(after).lease_until = run.lease_until;
        }
        next
    }

    /// Whether it applies to the job as it is now. A sign of life does not raise the revision, and yet refutes whoever wanted to
    /// take the run back.
    pub fn fits(&self, job: &Job) -> bool {
        let renewed_until = job.run().and_then(|run| run.lease_until);
        let is_refuted = self.lapsed_by().zip(renewed_until).is_some_and(|(by, until)| until > by);
        job.life.revision == self.expects && !is_refuted
    }

    /// The moment by which the lease must have run out for it to apply; none when it does not take a run back.
    pub fn lapsed_by(&self) -> Option<Timestamp> {
        let last = self.next.attempts.as_ref()?.last()?;
        let takes_back = matches!(self.next.state, State::Waiting { .. }) && last.outcome == Outcome::Lost;
        takes_back.then_some(last.ended_at)
    }
}

/// When readers may see a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// At once, and it need not be on disk ever: a crash takes it back together with the try that it belongs to.
    Fleeting,
    /// At once, and on disk with the next commit: a start.
    Early,
    /// Only once it is on disk (rule 8): everything that ends a try or was promised to somebody.
    Durable,
}
