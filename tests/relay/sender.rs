//! A sender in a process of its own that kills itself at one step of a delivery: the store, the workers and the relay of the program,
//! with a store and a publisher between them that know where they are. Some senders have a fault besides.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::egress::{Caller, Policy};
use faena::event::{Aggregate, Event, Heard, Progress, Secret, SubscriptionId, Via};
use faena::job::{Holder, JobId, Name, NewJob};
use faena::processors;
use faena::publish::{Attempt, Parcel, Publisher, Publishers, Webhooks};
use faena::store::embedded::{Durability, Embedded, Open};
use faena::store::events::{Place, Told};
use faena::store::observed::Observed;
use faena::store::outbox::Relayed;
use faena::store::results::Memory;
use faena::store::{Answer, Group, Inserted, Store};
use faena::upkeep::{self, Relayer, Sentinel, Upkeep, relay};
use faena::watch::Hub;
use faena::work::{Workers, workers};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::Semaphore;

use crate::scene::Scene;
use crate::veil::{Veil, Veiled};

/// Where a sender dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    BeforeRead,
    BeforeSent,
    Unanswered,
    AfterSent,
    BeforeWritten,
    AfterWritten,
}

impl Step {
    pub const ALL: [Self; 6] = [
        Self::BeforeRead,
        Self::BeforeSent,
        Self::Unanswered,
        Self::AfterSent,
        Self::BeforeWritten,
        Self::AfterWritten,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeRead => "before the log is read",
            Self::BeforeSent => "before an event is sent",
            Self::Unanswered => "when the endpoint has it and has not answered",
            Self::AfterSent => "when the endpoint has answered",
            Self::BeforeWritten => "before it is written down that it was sent",
            Self::AfterWritten => "after it was written down",
        }
    }
}

/// What is wrong with a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It says that an event was taken, and sends it some events later.
    Hasty,
    /// It gives each try an id of its own.
    NewIds,
    /// It sends what begins a job after what follows.
    Unordered,
}

impl Fault {
    const ALL: [Self; 4] = [Self::None, Self::Hasty, Self::NewIds, Self::Unordered];
}

/// The part of a process.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub step: Step,
    /// The how manieth time it comes there it dies.
    pub nth: u64,
    pub fault: Fault,
}

/// Names the part, in the process that plays it.
const PART: &str = "FAENA_RELAY_PART";
/// The test that plays it there.
const TEST: &str = "steps::rule_14_killed_at_any_step_of_a_delivery_it_loses_no_event_and_changes_no_id";
/// Events that are told and not sent: more would only be sent by the server that is left in the end, however fast the disk is.
const AHEAD: usize = 120;
/// It is accepted, begins and ends.
const EVENTS_OF_A_JOB: u32 = 3;
/// A sender that never comes where it is to die ends itself.
const LONGEST: Duration = Duration::from_secs(60);

impl Part {
    /// The part of this process, if it has one: `STEP NTH FAULT ENDPOINT`, as numbers and an address.
    pub fn given() -> Option<(Self, String)> {
        let text = std::env::var(PART).ok()?;
        let words: Vec<_> = text.split(' ').collect();
        let number = |index: usize| words[index].parse::<usize>().unwrap();
        let part = Self { step: Step::ALL[number(0)], nth: number(1) as u64, fault: Fault::ALL[number(2)] };
        Some((part, words[3].to_owned()))
    }

    /// Has a process play it in a scene, until it is dead.
    pub fn die(self, scene: &mut Scene) {
        let place = |found: Option<usize>| found.unwrap();
        let step = place(Step::ALL.iter().position(|step| *step == self.step));
        let fault = place(Fault::ALL.iter().position(|fault| *fault == self.fault));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .current_dir(scene.folder.path())
            .env(PART, format!("{step} {} {fault} {}", self.nth, scene.witness.address))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if self.step == Step::Unanswered {
            scene.witness.kill_at(self.nth, child.id());
        }
        let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        scene.acknowledged.extend(said.filter_map(|line| Some(line.split_once("acknowledged ")?.1.to_owned())));
        let ended = child.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.signal(), Some(9), "{self:?} ended by itself: {log}");
    }

    /// Serves, and asks for jobs, until it is dead.
    pub fn play(self, endpoint: &str) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (clock, hub) = (Clock::System, Arc::new(Hub::default()));
            let open = Open { path: "data/faena.db".into(), durability: Durability::Full };
            let engine = Arc::new(Embedded::open_telling(&open, clock.now(), hub.ready().clone()).unwrap());
            let (times, delivered, room) = (AtomicU64::new(0), AtomicU64::new(0), Semaphore::new(AHEAD));
            let mortal = Arc::new(Mortal { part: self, times, delivered, room });
            let veiled = Arc::new(Veiled(Watched { real: engine.clone(), mortal: mortal.clone() }));
            let observed = Observed::new(veiled, hub.clone(), Arc::default(), Arc::default());
            let schedules = Arc::new(observed.schedules(engine));
            let store: Arc<dyn Store> = Arc::new(observed);
            let results = Arc::new(Memory::default());
            let node = Holder { node: "mortal".into(), machine: "here".into(), process: std::process::id() };
            let work = workers::Parts {
                store: store.clone(),
                hub: hub.clone(),
                registry: processors::bundled(&processors::Settings::default()),
                results: results.clone(),
                clock: clock.clone(),
                node,
                threads: 2,
                io_slots: 2,
            };
            let runtime = tokio::runtime::Handle::current();
            let _workers = Workers::start(work, runtime.clone());
            let kept = upkeep::Parts {
                store: store.clone(),
                results,
                clock: clock.clone(),
                ages: None,
                events: Duration::from_secs(3_600),
            };
            let sentinel = Sentinel::new(store.clone(), schedules, clock.clone(), hub.doubted().clone());
            let mut upkeep = Upkeep::start(kept, sentinel, None, &runtime);
            let policy = Policy::public_and("webhook_allow", endpoint.parse().ok());
            let sender =
                Sender { real: Webhooks::by(Caller::new(policy)), mortal: mortal.clone(), held: Mutex::default() };
            let relayer = Relayer {
                store: store.clone(),
                clock: clock.clone(),
                publishers: Publishers::default().with(Via::Webhook, sender),
                outbox: Some(Arc::new(relay::outbox(Via::Webhook, &format!("http://{endpoint}/"), None))),
                times: None,
                subscribed: hub.subscribed().clone(),
                doubted: Arc::default(),
                passes: hub.passes().clone(),
                node: "mortal".into(),
            };
            upkeep.with_relayer(relayer, &runtime);
            let asking = async {
                loop {
                    mortal.room.acquire_many(EVENTS_OF_A_JOB).await.unwrap().forget();
                    let job = NewJob::new(Name::new("noop").unwrap(), "{}");
                    let answers = store.insert(vec![job.into()], Group::Each, clock.now()).await.unwrap();
                    let [Inserted::Accepted(job)] = &answers[..] else { panic!("not accepted: {answers:?}") };
                    println!("acknowledged {}", job.id);
                }
            };
            let _ = tokio::time::timeout(LONGEST, asking).await;
        });
    }
}

/// When it is time to die.
struct Mortal {
    part: Part,
    times: AtomicU64,
    /// Events that were sent, as far as that was written down.
    delivered: AtomicU64,
    /// Events that may be told before others are sent.
    room: Semaphore,
}

impl Mortal {
    /// SIGKILL, if this is the step and the time: no handler, no flush, no goodbye.
    async fn at(&self, step: Step) {
        if self.part.step == step && self.times.fetch_add(1, Ordering::Relaxed) + 1 == self.part.nth {
            kill_process(getpid(), Signal::KILL).unwrap();
            std::future::pending::<()>().await;
        }
    }
}

/// The store of a sender.
struct Watched {
    real: Arc<Embedded>,
    mortal: Arc<Mortal>,
}

impl Veil for Watched {
    fn real(&self) -> &dyn Store {
        &*self.real
    }

    fn after(&self, after: Place, limit: usize) -> Answer<'_, Vec<Told>> {
        Box::pin(async move {
            self.mortal.at(Step::BeforeRead).await;
            self.real.events().after(after, limit).await
        })
    }

    fn relay(&self, id: SubscriptionId, progress: Progress) -> Answer<'_, Relayed> {
        Box::pin(async move {
            let delivered = progress.course.delivered;
            // A step that tells of no sending is none of a delivery.
            let tells =
                id == SubscriptionId::OUTBOX && self.mortal.delivered.swap(delivered, Ordering::Relaxed) < delivered;
            if tells {
                self.mortal.at(Step::BeforeWritten).await;
            }
            let answer = self.real.outbox().relay(id, progress).await;
            if tells {
                self.mortal.at(Step::AfterWritten).await;
            }
            answer
        })
    }
}

/// Sends webhooks.
struct Sender {
    real: Webhooks,
    mortal: Arc<Mortal>,
    held: Mutex<Held>,
}

/// What a sender with a fault has not sent yet.
#[derive(Default)]
struct Held {
    hastily: VecDeque<Owned>,
    begins: HashMap<Aggregate, Owned>,
}

/// A parcel that is kept.
struct Owned {
    event: Event,
    to: Box<str>,
    secrets: Vec<Secret>,
}

impl Owned {
    fn parcel(&self) -> Parcel<'_> {
        Parcel { event: &self.event, to: &self.to, secrets: &self.secrets }
    }
}

/// Events that a hasty sender holds back: more than are under way at once, since what is sent beyond the cursor is sent again.
const HELD: usize = 40;

impl Publisher for Sender {
    fn publish<'a>(&'a self, parcel: Parcel<'a>, now: Timestamp) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            self.mortal.at(Step::BeforeSent).await;
            let attempt = self.send(parcel, now).await;
            self.mortal.room.add_permits(1);
            self.mortal.at(Step::AfterSent).await;
            attempt
        })
    }
}

impl Sender {
    async fn send(&self, parcel: Parcel<'_>, now: Timestamp) -> Attempt {
        let owned = || Owned { event: parcel.event.clone(), to: parcel.to.into(), secrets: parcel.secrets.to_vec() };
        let taken = Attempt::new(Heard::Taken, Duration::ZERO, "");
        match self.mortal.part.fault {
            Fault::None => self.real.publish(parcel, now).await,
            Fault::Hasty => {
                let next = {
                    let hastily = &mut self.held.lock().hastily;
                    hastily.push_back(owned());
                    (hastily.len() > HELD).then(|| hastily.pop_front()).flatten()
                };
                if let Some(next) = next {
                    self.real.publish(next.parcel(), now).await;
                }
                taken
            }
            Fault::NewIds => {
                let id = format!("evt_{}", JobId::new().to_string().replace('-', "")).parse().unwrap();
                let event = Event { id, ..parcel.event.clone() };
                self.real.publish(Parcel { event: &event, ..parcel }, now).await
            }
            Fault::Unordered => {
                let begins = {
                    let begins = &mut self.held.lock().begins;
                    if parcel.event.kind.as_str() == "job.queued" {
                        begins.insert(parcel.event.aggregate.clone(), owned());
                        return taken;
                    }
                    begins.remove(&parcel.event.aggregate)
                };
                let attempt = self.real.publish(parcel, now).await;
                if let Some(begins) = begins {
                    self.real.publish(begins.parcel(), now).await;
                }
                attempt
            }
        }
    }
}
