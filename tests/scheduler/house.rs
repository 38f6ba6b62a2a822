//! A store with a clock that stands still until a test moves it, and schedulers that look when they are told to.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use faena::clock::{Clock, Timestamp};
use faena::job::{Job, Name, NewJob};
use faena::schedule::{NewSchedule, Schedule, Spec, Timetable, Transition, Zone};
use faena::store::embedded::{Durability, Embedded, Open};
use faena::store::observed::Observed;
use faena::store::query::{Sort, Start};
use faena::store::schedules::{
    Added, Due, Removed, ScheduleFigures, ScheduleFilter, SchedulePage, Schedules, Stepped, Which,
};
use faena::store::{Answer, Filter, Page, PageOf, Store, StoreError};
use faena::upkeep::{Scheduler, Sentinel};
use faena::watch::Hub;
use parking_lot::Mutex;

/// Noon of a day without anything special.
pub const NOON: &str = "2026-11-24T12:00:00Z";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// One that ticks every minute and makes jobs of the subtype `work`.
pub fn every_minute(called: &str) -> NewSchedule {
    with(called, "* * * * *", |_| {})
}

pub fn with(called: &str, expression: &str, change: impl FnOnce(&mut Spec)) -> NewSchedule {
    let mut spec = Spec::new(called, name("work"), Timetable::new(expression.parse().unwrap(), Zone::utc()));
    change(&mut spec);
    NewSchedule { created_by: Some("ana".into()), ..NewSchedule::new(spec) }
}

/// Sets a manual clock.
pub fn set(clock: &Clock, to: Timestamp) {
    let Clock::Manual(millis) = clock else { panic!("the clock is not manual") };
    millis.store(to.as_millis(), Ordering::SeqCst);
}

pub struct House {
    pub store: Arc<Embedded>,
    pub schedules: Arc<dyn Schedules>,
    pub hub: Arc<Hub>,
    pub clock: Clock,
}

impl House {
    /// A store in memory; it is noon.
    pub fn new() -> Self {
        Self::on(Arc::new(Embedded::memory()), Clock::manual(at(NOON)))
    }

    /// A store on disk, opened by the clock.
    pub fn in_folder(folder: &Path, clock: Clock) -> Self {
        let open = Open { path: folder.join("faena.db"), durability: Durability::Full };
        Self::on(Arc::new(Embedded::open(&open, clock.now()).unwrap()), clock)
    }

    fn on(store: Arc<Embedded>, clock: Clock) -> Self {
        let hub = Arc::new(Hub::default());
        let observed = Observed::new(store.clone(), hub.clone(), Arc::default(), Arc::default());
        let schedules = Arc::new(observed.schedules(store.clone()));
        Self { store, schedules, hub, clock }
    }

    /// A scheduler on this store, by a clock that need not be the house's.
    pub fn scheduler(&self, clock: &Clock) -> Scheduler {
        self.scheduler_of(self.schedules.clone(), clock)
    }

    pub fn scheduler_of(&self, schedules: Arc<dyn Schedules>, clock: &Clock) -> Scheduler {
        Scheduler::new(schedules, clock.clone(), self.hub.planned().clone(), Arc::new(completed))
    }

    /// Who looks after the alert rules of a store.
    pub fn sentinel(&self, store: &Arc<dyn Store>) -> Sentinel {
        Sentinel::new(store.clone(), self.schedules.clone(), self.clock.clone(), self.hub.doubted().clone())
    }

    pub async fn add(&self, new: NewSchedule) -> Arc<Schedule> {
        match self.schedules.add_schedule(new, self.clock.now()).await.unwrap() {
            Added::Accepted(schedule) => schedule,
            Added::Taken(holder) => panic!("its name is taken by {holder}"),
        }
    }

    pub async fn found(&self, schedule: &Schedule) -> Arc<Schedule> {
        self.schedules.schedule(schedule.id.into()).await.unwrap().expect("the schedule is there")
    }

    pub async fn named(&self, called: &str) -> Arc<Schedule> {
        self.schedules.schedule(Which::of(called)).await.unwrap().expect("the schedule is there")
    }

    /// All jobs, oldest first.
    pub async fn jobs(&self) -> Vec<Arc<Job>> {
        let page = Page { sort: Sort::CreatedAscending, limit: 100_000, start: Start::Offset(0) };
        self.store.list(Filter::default(), page, self.clock.now()).await.unwrap().items
    }

    /// The ticks that jobs stand for, in the order of their acceptance, without the date where it is today's.
    pub async fn ticks(&self) -> Vec<String> {
        let ticks = self.jobs().await.into_iter().map(|job| job.spec.scheduled_for().expect("it stands for a tick"));
        let short = |tick: Timestamp| tick.to_string().trim_end_matches(".000Z").replace("2026-11-24T", "");
        ticks.map(short).collect()
    }
}

/// What a processor fills in.
fn completed(job: NewJob) -> NewJob {
    NewJob { kind: job.kind.clone().or_else(|| Some(name("chores"))), ..job }
}

/// What is to happen to steps, or to a removal, which has none, instead of their commit: an error, or nothing.
type Before = Box<dyn FnMut(&[Transition]) -> Option<StoreError> + Send>;

/// Schedules that let a test come between a decision and its commit.
struct Between {
    inner: Arc<dyn Schedules>,
    before: Mutex<Before>,
}

pub fn between(
    inner: &Arc<dyn Schedules>,
    before: impl FnMut(&[Transition]) -> Option<StoreError> + Send + 'static,
) -> Arc<dyn Schedules> {
    Arc::new(Between { inner: inner.clone(), before: Mutex::new(Box::new(before)) })
}

impl Schedules for Between {
    fn add_schedule(&self, schedule: NewSchedule, now: Timestamp) -> Answer<'_, Added> {
        self.inner.add_schedule(schedule, now)
    }

    fn step_schedules(&self, steps: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Stepped>> {
        let refusal = (self.before.lock())(&steps);
        match refusal {
            Some(error) => Box::pin(std::future::ready(Err(error))),
            None => self.inner.step_schedules(steps, now),
        }
    }

    fn schedule(&self, which: Which) -> Answer<'_, Option<Arc<Schedule>>> {
        self.inner.schedule(which)
    }

    fn schedules(
        &self,
        filter: ScheduleFilter,
        page: SchedulePage,
        now: Timestamp,
    ) -> Answer<'_, PageOf<Arc<Schedule>>> {
        self.inner.schedules(filter, page, now)
    }

    fn remove_schedule(
        &self,
        id: faena::schedule::ScheduleId,
        revision: Option<u32>,
        by: Option<Arc<str>>,
    ) -> Answer<'_, Removed> {
        let refusal = (self.before.lock())(&[]);
        match refusal {
            Some(error) => Box::pin(std::future::ready(Err(error))),
            None => self.inner.remove_schedule(id, revision, by),
        }
    }

    fn schedule_figures(&self, limit: usize, now: Timestamp) -> Answer<'_, ScheduleFigures> {
        self.inner.schedule_figures(limit, now)
    }

    fn due_schedules(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Due>> {
        self.inner.due_schedules(now, limit)
    }

    fn next_due_schedule(&self) -> Answer<'_, Option<Timestamp>> {
        self.inner.next_due_schedule()
    }

    fn schedules_ahead(
        &self,
        now: Timestamp,
        after: Option<faena::schedule::ScheduleId>,
        limit: usize,
    ) -> Answer<'_, Vec<Arc<Schedule>>> {
        self.inner.schedules_ahead(now, after, limit)
    }
}
