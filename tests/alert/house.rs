//! A store with a clock that stands still until a test moves it, and sentinels that look when they are told to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use faena::alert::{Alert, Kind, Rule};
use faena::clock::{Clock, Timestamp};
use faena::event::{Course, Endpoint, Pattern, Progress, Subscription, SubscriptionId, Via};
use faena::job::{self, Holder, Job, JobError, Name, NewJob};
use faena::schedule::{self, NewSchedule, Schedule, Spec, Timetable, Zone};
use faena::store::alerts::{AlertFilter, AlertPage, RuleKept};
use faena::store::embedded::{Durability, Embedded, Open};
use faena::store::observed::Observed;
use faena::store::outbox::{Relayed, Subscribed};
use faena::store::schedules::{Added, Stepped, Which};
use faena::store::{Claim, Committed, Expected, Group, Inserted, Schedules, Store};
use faena::upkeep::Sentinel;
use faena::upkeep::alert::Judged;
use faena::watch::Hub;

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn rule(called: &str, kind: Kind, bound: u64) -> Rule {
    Rule::new(name(called), kind, bound)
}

/// Which engine a house is on.
#[cfg(feature = "email")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Memory,
    Sqlite,
    #[cfg(all(unix, feature = "postgres"))]
    Postgres,
}

pub struct House {
    pub engine: Arc<dyn Store>,
    pub store: Arc<dyn Store>,
    pub schedules: Arc<dyn Schedules>,
    pub hub: Arc<Hub>,
    pub clock: Clock,
    #[cfg(feature = "email")]
    place: Place,
}

/// What goes with a house.
#[cfg(feature = "email")]
#[derive(Clone)]
enum Place {
    Nowhere,
    Folder {
        _folder: Arc<tempfile::TempDir>,
    },
    #[cfg(all(unix, feature = "postgres"))]
    Database(Arc<crate::cluster::Database>),
}

impl House {
    /// A store in memory, at the beginning of time.
    pub fn new() -> Self {
        Self::on(Arc::new(Embedded::memory()), Clock::manual(Timestamp::from_millis(0)))
    }

    /// A store on disk, opened by the clock.
    pub fn in_folder(folder: &Path, clock: Clock) -> Self {
        let open = Open { path: folder.join("faena.db"), durability: Durability::Full };
        Self::on(Arc::new(Embedded::open(&open, clock.now()).unwrap()), clock)
    }

    /// A store of an engine, at the beginning of time; none when this machine does not have what it needs.
    #[cfg(feature = "email")]
    pub fn of(engine: Engine) -> Option<Self> {
        let clock = Clock::manual(Timestamp::from_millis(0));
        match engine {
            Engine::Memory => Some(Self::new()),
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let house = Self::in_folder(folder.path(), clock);
                Some(Self { place: Place::Folder { _folder: Arc::new(folder) }, ..house })
            }
            #[cfg(all(unix, feature = "postgres"))]
            Engine::Postgres => Some(Self::in_database(Arc::new(crate::cluster::Database::fresh()?), clock)),
        }
    }

    #[cfg(all(unix, feature = "email", feature = "postgres"))]
    fn in_database(database: Arc<crate::cluster::Database>, clock: Clock) -> Self {
        use faena::store::postgres::{Open, Postgres};
        let holder = Holder { node: job::JobId::new().to_string().into(), machine: "m".into(), process: 1 };
        let open = Open { url: database.url.clone(), holder, clock: clock.clone() };
        // Opening waits for the network, which the thread of a runtime must not.
        let opened = std::thread::spawn(move || Postgres::open(open, Arc::default())).join().unwrap();
        Self { place: Place::Database(database), ..Self::on(Arc::new(opened.unwrap()), clock) }
    }

    /// Another process on the same store, where an engine has several; the same one again where it has one.
    #[cfg(feature = "email")]
    pub fn neighbour(&self) -> Self {
        #[cfg(all(unix, feature = "postgres"))]
        if let Place::Database(database) = &self.place {
            return Self::in_database(database.clone(), self.clock.clone());
        }
        Self {
            engine: self.engine.clone(),
            store: self.store.clone(),
            schedules: self.schedules.clone(),
            hub: self.hub.clone(),
            clock: self.clock.clone(),
            place: self.place.clone(),
        }
    }

    fn on<E: Store + Schedules>(engine: Arc<E>, clock: Clock) -> Self {
        let hub = Arc::new(Hub::default());
        let observed = Observed::new(engine.clone(), hub.clone(), Arc::default(), Arc::default());
        let schedules = Arc::new(observed.schedules(engine.clone()));
        Self {
            engine,
            store: Arc::new(observed),
            schedules,
            hub,
            clock,
            #[cfg(feature = "email")]
            place: Place::Nowhere,
        }
    }

    pub fn sentinel(&self) -> Sentinel {
        Sentinel::new(self.store.clone(), self.schedules.clone(), self.clock.clone(), self.hub.doubted().clone())
    }

    /// What a look leads to: how many alerts fire and clear.
    pub async fn look(&self) -> (u64, u64) {
        let Judged { fired, cleared, .. } = self.sentinel().look().await.unwrap();
        (fired, cleared)
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub async fn rule(&self, rule: Rule) {
        let kept = self.store.alerts().put_rule(rule, Expected::Anything).await.unwrap();
        assert!(matches!(kept, RuleKept::Made(_) | RuleKept::Replaced(_)), "{kept:?}");
    }

    pub async fn remove_rule(&self, called: &str) {
        self.store.alerts().remove_rule(name(called), Expected::Something).await.unwrap();
    }

    pub async fn alerts(&self, filter: AlertFilter) -> Vec<Arc<Alert>> {
        self.store.alerts().list_alerts(filter, AlertPage { limit: 10_000, offset: 0 }).await.unwrap().items
    }

    /// The sentences of the alerts that fire, the latest first.
    pub async fn firing(&self) -> Vec<String> {
        self.alerts(AlertFilter::firing()).await.iter().map(|alert| alert.message.to_string()).collect()
    }

    /// One that ticks every ten minutes and makes jobs of a subtype.
    pub async fn schedule(&self, called: &str, sub_type: &str) -> Arc<Schedule> {
        let timetable = Timetable::new("*/10 * * * *".parse().unwrap(), Zone::utc());
        let new = NewSchedule::new(Spec::new(called, name(sub_type), timetable));
        match self.schedules.add_schedule(new, self.clock.now()).await.unwrap() {
            Added::Accepted(schedule) => schedule,
            Added::Taken(holder) => panic!("its name is taken by {holder}"),
        }
    }

    /// Has something happen to a schedule; the schedule after it.
    pub async fn happen(&self, called: &str, event: schedule::Event) -> Arc<Schedule> {
        let now = self.clock.now();
        let before = self.schedules.schedule(Which::of(called)).await.unwrap().unwrap();
        let step = schedule::decide(&before, event, now).unwrap();
        match self.schedules.step_schedules(vec![step], now).await.unwrap().remove(0) {
            Stepped::Applied { schedule, .. } => schedule,
            other => panic!("did not apply: {other:?}"),
        }
    }

    /// Runs a schedule by hand to an end.
    pub async fn run(&self, called: &str, ends_well: bool) {
        let asked = schedule::Event::RunAsked { payload: None };
        let sub_type = self.happen(called, asked).await.spec.sub_type.clone();
        let job = self.claim(sub_type.as_str()).await;
        self.end(&job, ends_well).await;
    }

    /// Subscribes somebody; nothing is sent.
    pub async fn subscribe(&self, url: &str) -> Arc<Subscription> {
        let terms = Subscription {
            id: SubscriptionId::new(),
            via: Via::Webhook,
            to: url.into(),
            events: vec![Pattern::all()],
            user_id: None,
            secrets: Vec::new(),
            description: None,
            enabled: true,
            created_at: self.clock.now(),
            revision: 1,
        };
        match self.store.outbox().subscribe(terms, 0).await.unwrap() {
            Subscribed::Added(terms) => terms,
            Subscribed::Full => panic!("full"),
        }
    }

    /// Has somebody's endpoint do so.
    pub async fn endpoint(&self, of: SubscriptionId, endpoint: Endpoint) {
        let course = self.store.outbox().course(of).await.unwrap().unwrap();
        let expected = course.revision;
        let course = Course { endpoint, revision: expected + 1, ..course };
        let relayed = self.store.outbox().relay(of, Progress { expected, course, sendings: Vec::new() }).await.unwrap();
        assert_eq!(relayed, Relayed::Applied);
    }

    pub async fn accept(&self, sub_type: &str) -> Arc<Job> {
        let job = NewJob::new(name(sub_type), "{}").into();
        match self.store.insert(vec![job], Group::Each, self.clock.now()).await.unwrap().remove(0) {
            Inserted::Accepted(job) => job,
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Starts the next job of a subtype.
    pub async fn claim(&self, sub_type: &str) -> Arc<Job> {
        let holder = Holder { node: "n".into(), machine: "m".into(), process: 1 };
        let claim = Claim { holder, sub_types: [name(sub_type)].into(), max: 1, lease: None };
        self.store.claim(claim, self.clock.now()).await.unwrap().jobs.remove(0)
    }

    pub async fn end(&self, job: &Job, well: bool) {
        let epoch = job.life.epoch;
        let event = match well {
            true => job::Event::Succeeded { epoch, result: None, follow_ups: Vec::new() },
            false => {
                let error = JobError::new("error", "no luck");
                job::Event::Failed { epoch, error, retryable: false, retry_after: None }
            }
        };
        let now = self.clock.now();
        let step = job::decide(job, event, now).unwrap();
        let answer = self.store.commit(vec![step], now).await.unwrap().remove(0);
        assert!(matches!(answer, Committed::Applied { .. }), "{answer:?}");
    }
}
