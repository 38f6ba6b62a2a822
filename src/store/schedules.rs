//! The side of the port that keeps schedules: what every engine promises of them.
//!
//! Like the rest of the port, every call is one atomic step, takes `now` as an argument, and answers once its effect is
//! durable. What a schedule does next is decided by [`decide`](crate::schedule::decide()) and never by an engine.

use std::sync::Arc;

use super::{Answer, PageOf};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Name, Priority};
use crate::schedule::{NewSchedule, Schedule, ScheduleId, Standing, Transition};

/// A durable set of schedules, in one store with the jobs that they make.
pub trait Schedules: Send + Sync + 'static {
    /// Accepts a schedule.
    ///
    /// - Once answered `Accepted`, no crash loses it; before it is durable nobody sees it and it does not fire.
    /// - Its name is its own, by constraint: however many ask for one name at once, one gets it (rule 13).
    fn add_schedule(&self, schedule: NewSchedule, now: Timestamp) -> Answer<'_, Added>;

    /// Applies steps that [`decide`](crate::schedule::decide()) made, in input order.
    ///
    /// - A step applies only if revision and last tick are those that it expects, and then whole: the schedule moves on, its
    ///   jobs are accepted and the jobs that it stops are asked to, in one commit (rule 21). Otherwise nothing of it
    ///   applies and the answer is [`Stepped::Stale`] with the schedule as it is.
    /// - New terms whose name is another schedule's change nothing.
    /// - One stale step does not touch its neighbours (rule 10).
    fn step_schedules(&self, steps: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Stepped>>;

    /// The schedule as committed, or none.
    ///
    /// - The endings of its jobs are in its sums from the commit on that ended them, each once.
    fn schedule(&self, which: Which) -> Answer<'_, Option<Arc<Schedule>>>;

    /// A page of the schedules that a filter names, as committed, with their exact total.
    fn schedules(
        &self,
        filter: ScheduleFilter,
        page: SchedulePage,
        now: Timestamp,
    ) -> Answer<'_, PageOf<Arc<Schedule>>>;

    /// All schedules together, with at most `limit` of those that are due next and of those whose latest execution failed.
    /// Kept, not counted (rule 28).
    fn schedule_figures(&self, limit: usize, now: Timestamp) -> Answer<'_, ScheduleFigures>;

    /// Forgets a schedule, frees its name, and tells who asked for it. Its jobs stay as they are.
    ///
    /// - If a revision is named and the schedule has another one, nothing changes and the answer is [`Removed::Stale`]
    ///   with the schedule as it is.
    fn remove_schedule(&self, id: ScheduleId, revision: Option<u32>, by: Option<Arc<str>>) -> Answer<'_, Removed>;

    /// Schedules whose time has come, at most `limit`, the longest due first, for somebody to decide on.
    ///
    /// - They are found through an index by [`due_at`](Schedule::due_at): however many there are, it costs as much as is
    ///   answered.
    fn due_schedules(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Due>>;

    /// When the next schedule is due, whether that is past or to come; none when none is. It takes no search.
    fn next_due_schedule(&self) -> Answer<'_, Option<Timestamp>>;

    /// Schedules whose next tick was worked out by a clock that ran ahead of `now`, in the order of their ids from after
    /// `after`, at most `limit`.
    fn schedules_ahead(
        &self,
        now: Timestamp,
        after: Option<ScheduleId>,
        limit: usize,
    ) -> Answer<'_, Vec<Arc<Schedule>>>;
}

/// All schedules together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScheduleFigures {
    /// Those that are switched on, on hold or not.
    pub enabled: u64,
    /// Those that are switched off.
    pub disabled: u64,
    /// Those among the enabled that are on hold.
    pub paused: u64,
    /// How many of each priority.
    pub by_priority: Vec<(Priority, u64)>,
    /// Their jobs that ended, completed or failed.
    pub executions: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Schedules whose latest execution failed.
    pub failing: u64,
    /// Those that are due next, the next one first.
    pub upcoming: Vec<Arc<Schedule>>,
    /// Those whose latest execution failed, the latest first.
    pub failed: Vec<Arc<Schedule>>,
}

/// What became of a schedule to accept.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// It is on disk.
    Accepted(Arc<Schedule>),
    /// Its name is that schedule's.
    Taken(ScheduleId),
}

/// What became of a step.
#[derive(Debug, Clone)]
pub enum Stepped {
    /// It applied.
    Applied {
        /// The schedule after it.
        schedule: Arc<Schedule>,
        /// Jobs accepted in the same commit.
        jobs: Vec<Arc<Job>>,
        /// Jobs that were asked to stop in the same commit.
        cancelled: Vec<Arc<Job>>,
    },
    /// Something else happened first; this is the schedule as it is.
    Stale(Arc<Schedule>),
    /// Its new name is that schedule's.
    Taken(ScheduleId),
    /// There is no such schedule any more.
    Missing,
}

/// What became of a removal.
#[derive(Debug, Clone, PartialEq)]
pub enum Removed {
    /// It is gone; this is how it was.
    Applied(Arc<Schedule>),
    /// Something else happened first; this is the schedule as it is.
    Stale(Arc<Schedule>),
    /// There is no such schedule any more.
    Missing,
}

/// Which schedule is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one with this id.
    Id(ScheduleId),
    /// The one with this name.
    Name(Box<str>),
}

impl Which {
    /// The schedule with this id or name: no name looks like an id.
    pub fn of(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.into()), Self::Id)
    }
}

impl From<ScheduleId> for Which {
    fn from(id: ScheduleId) -> Self {
        Self::Id(id)
    }
}

/// A schedule whose time has come.
#[derive(Debug, Clone)]
pub struct Due {
    /// The schedule.
    pub schedule: Arc<Schedule>,
    /// Its jobs that have not ended; those beyond
    /// [`OVERLAP_MAX`](crate::limits::OVERLAP_MAX) are left out.
    pub live: Vec<JobId>,
}

/// Which schedules. An empty filter names all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduleFilter {
    /// In one of these standings; empty for any.
    pub standing: Vec<Standing>,
    /// Switched on or off, whatever pause there may be.
    pub enabled: Option<bool>,
    /// Of jobs of this subtype.
    pub sub_type: Option<Name>,
    /// Made by them.
    pub created_by: Option<Box<str>>,
    /// With this text in the id, name, description, subtype, expression or zone; case does not matter.
    pub text: Option<Box<str>>,
}

impl ScheduleFilter {
    /// Whether it names this schedule at this moment.
    pub fn matches(&self, schedule: &Schedule, now: Timestamp) -> bool {
        (self.standing.is_empty() || self.standing.contains(&schedule.standing(now)))
            && self.enabled.is_none_or(|enabled| enabled == schedule.life.enabled)
            && self.sub_type.as_ref().is_none_or(|sub_type| *sub_type == schedule.spec.sub_type)
            && self.created_by.as_deref().is_none_or(|by| schedule.created_by.as_deref() == Some(by))
            && self.text.as_deref().is_none_or(|text| search_text(schedule).contains(&text.to_lowercase()))
    }
}

fn search_text(schedule: &Schedule) -> String {
    let spec = &schedule.spec;
    let (cron, zone) = schedule.written();
    let description = spec.description.as_deref().unwrap_or_default();
    format!("{} {} {description} {} {cron} {zone}", schedule.id, spec.name, spec.sub_type).to_lowercase()
}

/// In which order. Those that are equal come in the order of their acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScheduleSort {
    /// Newest first.
    #[default]
    CreatedDescending,
    /// Oldest first.
    CreatedAscending,
    /// By name, A first.
    Name,
    /// The one that is due next first, those that will not tick last.
    NextDue,
}

/// Which part of a list of schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulePage {
    /// In which order.
    pub sort: ScheduleSort,
    /// How many at most.
    pub limit: usize,
    /// After so many.
    pub offset: usize,
}
