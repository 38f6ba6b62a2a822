//! Fires schedules whose time has come. Any number of schedulers may look at one store: what is due is found through its
//! index, what becomes of it is decided by the domain, and of two who decide the same tick one commits (rule 21).
//!
//! It sleeps until the next schedule is due, is woken by a hint when one changes, and looks at the clock now and then in
//! any case: a hint may be lost, and a wall clock may be set.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timestamp};
use crate::job::NewJob;
use crate::schedule::{Event, Transition, decide};
use crate::store::StoreError;
use crate::store::schedules::{Due, Schedules, Stepped};

/// Fills in what a job leaves to its processor; one that is unknown here, or refuses it, is that job's own matter (rule
/// 31).
pub type Complete = Arc<dyn Fn(NewJob) -> NewJob + Send + Sync>;

/// Who fires schedules.
#[derive(Clone)]
pub struct Scheduler {
    schedules: Arc<dyn Schedules>,
    clock: Clock,
    planned: Arc<Notify>,
    complete: Complete,
    /// What the clock showed at the last look; none before the first.
    looked_at: Option<Timestamp>,
}

/// What a look at the schedules led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Schedules that moved on.
    pub schedules: u64,
    /// Jobs that they made.
    pub jobs: u64,
    /// Ticks that nobody was there for.
    pub missed: u64,
    /// Jobs among them that catch up with those.
    pub caught_up: u64,
    /// Ticks that were passed over for the sake of an earlier job.
    pub overlapped: u64,
    /// Schedules that were planned anew because the clock had been set back.
    pub replanned: u64,
    /// Schedules that are due and that nothing could be decided on.
    pub stuck: u64,
}

/// Longest sleep: a wall clock that was set forward is noticed within it. A tick is on time when it fires within a second.
const LOOK_EVERY: Duration = Duration::from_millis(900);
/// Longest sleep while no schedule is due ever: whoever changes that tells, and the clock has nothing to do with it.
const IDLE_LOOK_EVERY: Duration = Duration::from_secs(30);
/// Schedules decided on in one step.
const CHUNK: usize = 1_000;
/// Jobs made in one step, but for those of a single schedule: what has to be caught up with may be much.
const JOBS_MAX: usize = 5_000;

impl Scheduler {
    /// Who fires `schedules`. `planned` is told when one of them may be due at another time than before.
    pub fn new(schedules: Arc<dyn Schedules>, clock: Clock, planned: Arc<Notify>, complete: Complete) -> Self {
        Self { schedules, clock, planned, complete, looked_at: None }
    }

    /// Looks until it is ended.
    pub(super) async fn run(mut self, ended: CancellationToken) {
        let mut is_first = true;
        loop {
            let looked = tokio::select! {
                () = ended.cancelled() => return,
                looked = self.look() => looked,
            };
            let pause = match looked {
                Ok(looked) => {
                    tell(&looked, is_first);
                    is_first = false;
                    self.until_the_next(&looked).await
                }
                Err(error) => {
                    tracing::warn!(service = "tick", %error, "upkeep did not get through; it tries again");
                    LOOK_EVERY
                }
            };
            tokio::select! {
                () = ended.cancelled() => return,
                () = self.planned.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Fires everything that is due by the clock.
    ///
    /// # Errors
    /// When the store cannot commit; what has been fired stays so, and the rest is still due.
    pub async fn look(&mut self) -> Result<Looked, StoreError> {
        let now = self.clock.now();
        let mut looked = Looked::default();
        if self.looked_at.is_none_or(|before| now < before) {
            self.replan(now, &mut looked).await?;
        }
        self.looked_at = Some(now);
        loop {
            let due = self.schedules.due_schedules(now, CHUNK).await?;
            if due.is_empty() {
                return Ok(looked);
            }
            let steps = self.decided(&due, now);
            if !self.commit(steps, now, &mut looked).await? {
                looked.stuck = due.len() as u64;
                return Ok(looked);
            }
        }
    }

    /// The steps of schedules that are due, as many as one commit takes.
    fn decided(&self, due: &[Due], now: Timestamp) -> Vec<Transition> {
        let mut made = 0;
        let decided = due
            .iter()
            .filter_map(|Due { schedule, live }| decide(schedule, Event::Due { live: live.clone() }, now).ok());
        let within = decided.take_while(|step| {
            let fits = made == 0 || made + step.jobs.len() <= JOBS_MAX;
            made += step.jobs.len();
            fits
        });
        let mut steps: Vec<_> = within.map(|step| self.completed(step)).collect();
        // Batches touch rows in id order everywhere (rule 34).
        steps.sort_by_key(|step| step.schedule);
        steps
    }

    fn completed(&self, step: Transition) -> Transition {
        let jobs = step.jobs.into_iter().map(|job| (self.complete)(job)).collect();
        Transition { jobs, ..step }
    }

    /// Commits steps and counts them. The answer is whether anything has moved, be it by somebody else.
    async fn commit(&self, steps: Vec<Transition>, now: Timestamp, looked: &mut Looked) -> Result<bool, StoreError> {
        if steps.is_empty() {
            return Ok(false);
        }
        let firings: Vec<_> =
            steps.iter().map(|step| (step.firing.missed, step.firing.caught_up, step.firing.overlapped)).collect();
        let answers = self.schedules.step_schedules(steps, now).await?;
        let mut has_moved = false;
        for ((missed, caught_up, overlapped), answer) in firings.into_iter().zip(answers) {
            has_moved |= !matches!(answer, Stepped::Taken(_));
            if let Stepped::Applied { jobs, .. } = answer {
                looked.schedules += 1;
                looked.jobs += jobs.len() as u64;
                looked.missed += missed;
                looked.caught_up += caught_up;
                looked.overlapped += overlapped;
            }
        }
        Ok(has_moved)
    }

    /// Plans anew what was planned by a clock that ran ahead.
    async fn replan(&self, now: Timestamp, looked: &mut Looked) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let ahead = self.schedules.schedules_ahead(now, after, CHUNK).await?;
            let Some(last) = ahead.last() else { return Ok(()) };
            after = Some(last.id);
            let steps: Vec<_> =
                ahead.iter().filter_map(|schedule| decide(schedule, Event::ClockSet, now).ok()).collect();
            if !steps.is_empty() {
                let answers = self.schedules.step_schedules(steps, now).await?;
                looked.replanned +=
                    answers.iter().filter(|answer| matches!(answer, Stepped::Applied { .. })).count() as u64;
            }
        }
    }

    /// How long there is nothing to do.
    async fn until_the_next(&self, looked: &Looked) -> Duration {
        match self.schedules.next_due_schedule().await {
            Ok(Some(at)) if looked.stuck == 0 => {
                Duration::from_millis(at.millis_since(self.clock.now())).min(LOOK_EVERY)
            }
            Ok(None) => IDLE_LOOK_EVERY,
            Ok(Some(_)) | Err(_) => LOOK_EVERY,
        }
    }
}

fn tell(looked: &Looked, is_first: bool) {
    let Looked { schedules, jobs, missed, caught_up, overlapped, replanned, stuck } = *looked;
    if is_first && (missed > 0 || replanned > 0) {
        tracing::info!(schedules, missed, caught_up, replanned, "schedules have been caught up with");
    } else if missed > 0 || replanned > 0 {
        tracing::warn!(
            schedules,
            missed,
            caught_up,
            replanned,
            "ticks came late: the scheduler was held up, or the clock was set"
        );
    } else if schedules > 0 {
        tracing::debug!(schedules, jobs, overlapped, "schedules fired");
    }
    if stuck > 0 {
        tracing::error!(stuck, "schedules are due and nothing can be decided on them");
    }
}
