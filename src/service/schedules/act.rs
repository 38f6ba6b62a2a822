//! Acting on one schedule: look, let the domain decide, commit; and decide anew when somebody else was faster.

use std::sync::Arc;

use crate::error::Error;
use crate::job::Job;
use crate::schedule::{Event, Refusal, Schedule, ScheduleId, Transition, decide};
use crate::service::Service;
use crate::store::schedules::Stepped;

/// Times that a decision is made anew. Only a schedule that changes faster than it can be read gets there.
pub(super) const DECISIONS_MAX: usize = 100;

/// A schedule that somebody wants something of: it is named by its id or its name, and what is told of it says who asked, where
/// that is known.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    pub(super) which: &'a str,
    pub(super) by: Option<Arc<str>>,
}

impl<'a> Asked<'a> {
    /// The schedule, and who asks.
    pub fn by(which: &'a str, by: &str) -> Self {
        Self { which, by: Some(by.into()) }
    }
}

impl<'a, T: AsRef<str> + ?Sized> From<&'a T> for Asked<'a> {
    fn from(which: &'a T) -> Self {
        Self { which: which.as_ref(), by: None }
    }
}

/// What became of an act.
pub(super) struct Acted {
    /// The schedule after it.
    pub schedule: Arc<Schedule>,
    /// The jobs that it made.
    pub jobs: Vec<Arc<Job>>,
}

impl Service {
    /// Decides on events that follow each other and commits them together, until nobody was faster. They are asked for
    /// anew with each look at the schedule. `edition` is the one that the caller has seen, if it matters.
    pub(super) async fn act_on_schedule(
        &self,
        asked: &Asked<'_>,
        edition: Option<u32>,
        events: impl Fn(&Schedule) -> Result<Vec<Event>, Error>,
    ) -> Result<Acted, Error> {
        let Asked { which, by } = asked;
        let mut schedule = self.schedule(which).await?;
        for _ in 0..DECISIONS_MAX {
            check_edition(&schedule, edition)?;
            let now = self.now();
            self.learn(&schedule.spec.sub_type).await?;
            let mut steps = self.decided(&schedule, events(&schedule)?)?;
            steps.iter_mut().for_each(|step| step.by.clone_from(by));
            if steps.is_empty() {
                return Ok(Acted { schedule, jobs: Vec::new() });
            }
            let name = steps.iter().find_map(|step| step.spec.as_ref()).map(|spec| spec.name.clone());
            let made = steps.iter().map(|step| step.jobs.len() as u64).sum();
            if made > 0 {
                self.depth.admit(&**self.store(), made, self.settings().queue_depth_max, now).await?;
            }
            match together(self.parts.schedules.step_schedules(steps, now).await?) {
                Some(Stepped::Applied { schedule, jobs, .. }) => return Ok(Acted { schedule, jobs }),
                Some(Stepped::Stale(latest)) => schedule = latest,
                Some(Stepped::Taken(holder)) => return Err(taken(name.as_deref().unwrap_or_default(), holder)),
                Some(Stepped::Missing) => return Err(Error::no_schedule(which)),
                None => return Err(Error::internal("the store did not answer for a step")),
            }
        }
        Err(changes_too_fast(&schedule))
    }

    /// The steps of events that follow each other. What is so already needs none.
    fn decided(&self, schedule: &Schedule, events: Vec<Event>) -> Result<Vec<Transition>, Error> {
        let mut current = schedule.clone();
        let mut steps = Vec::with_capacity(events.len());
        for event in events {
            match decide(&current, event, self.now()) {
                Ok(mut step) => {
                    let jobs = std::mem::take(&mut step.jobs).into_iter();
                    step.jobs = jobs.map(|job| self.registry().complete(job)).collect::<Result<_, _>>()?;
                    current = step.apply(&current);
                    steps.push(step);
                }
                Err(Refusal::NothingToDo) => {}
                Err(refusal) => return Err(refused(schedule, refusal)),
            }
        }
        Ok(steps)
    }
}

/// The answers to steps that follow each other, as one: that of the last, or of the first that did not apply.
fn together(answers: Vec<Stepped>) -> Option<Stepped> {
    let mut all = None;
    for answer in answers {
        if !matches!(answer, Stepped::Applied { .. }) {
            return Some(answer);
        }
        all = Some(answer);
    }
    all
}

/// Refuses an edition that has been replaced since the caller saw it.
pub(super) fn check_edition(schedule: &Schedule, seen: Option<u32>) -> Result<(), Error> {
    let edition = schedule.life.edition;
    if seen.is_some_and(|seen| seen != edition) { Err(Error::changed(edition)) } else { Ok(()) }
}

pub(super) fn changes_too_fast(schedule: &Schedule) -> Error {
    Error::Conflict(format!("schedule {} changes too fast to be acted on; try again", schedule.id))
}

/// A name is another schedule's.
pub(super) fn taken(name: &str, holder: ScheduleId) -> Error {
    Error::Taken { field: "name", message: format!("`{name}` is the name of schedule {holder}") }
}

fn refused(schedule: &Schedule, refusal: Refusal) -> Error {
    match refusal {
        Refusal::EndsInThePast | Refusal::NotPast | Refusal::TooMany(_) => Error::field("until", refusal.to_string()),
        Refusal::NotDue | Refusal::NothingToDo | Refusal::Faulty => {
            Error::Conflict(format!("schedule {}: {refusal}", schedule.id))
        }
    }
}
