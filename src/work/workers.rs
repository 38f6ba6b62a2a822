//! The workers of this process: the pools, and the loops that feed and watch them. Started once, drained once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::dispatcher::{Lane, dispatch, take_over};
use super::endings::Endings;
use super::reporter::{Reporter, report};
use super::run::{Run, Runs, Why};
use super::slots::{Freed, Slots};
use super::threads::Threads;
use super::{Registry, keeper};
use crate::clock::Clock;
use crate::job::{Holder, Job, JobId, Name};
use crate::limits;
use crate::store::Store;
use crate::store::results::Results;
use crate::watch::Hub;

/// What workers are made of.
#[derive(Clone)]
pub struct Parts {
    /// Where jobs are; one that tells the hub of changes.
    pub store: Arc<dyn Store>,
    /// Where changes are heard.
    pub hub: Arc<Hub>,
    /// What can be done.
    pub registry: Registry,
    /// Where large results go.
    pub results: Arc<dyn Results>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Who this process is.
    pub node: Holder,
    /// Blocking processors that run at once.
    pub threads: usize,
    /// Async processors that run at once.
    pub io_slots: usize,
}

/// The workers of this process.
pub struct Workers {
    shop: Arc<Shop>,
    blocking: Slots,
    waiting: Slots,
    stop_claiming: CancellationToken,
    ended: CancellationToken,
    dispatcher: Mutex<Option<JoinHandle<()>>>,
    loops: Mutex<Vec<JoinHandle<()>>>,
}

/// What all loops and runs share.
pub(super) struct Shop {
    pub(super) store: Arc<dyn Store>,
    pub(super) hub: Arc<Hub>,
    pub(super) registry: Registry,
    pub(super) results: Arc<dyn Results>,
    pub(super) clock: Clock,
    pub(super) node: Holder,
    pub(super) runtime: Handle,
    pub(super) threads: Threads,
    pub(super) reporter: Arc<Reporter>,
    pub(super) runs: Arc<Runs>,
    pub(super) endings: Endings,
    pub(super) freed: Arc<Freed>,
    /// Stop requests for claims that have not entered yet.
    early: Mutex<HashSet<(JobId, u32)>>,
    left: Notify,
    /// Trips when threads that do not listen are to be given up without grace.
    pub(super) hurry: CancellationToken,
    pub(super) entered: AtomicUsize,
}

/// A pool's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Slots in all.
    pub total: usize,
    /// Busy ones.
    pub busy: usize,
    /// Threads that were given up and have not come back.
    pub abandoned: usize,
}

/// Stop requests remembered for claims that have not entered; they enter within microseconds.
const EARLY_MAX: usize = 1_024;

/// How often a drain looks for endings whose committer does not come back to them.
const TAKE_OVER_EVERY: Duration = Duration::from_millis(50);

impl Workers {
    /// Starts claiming, on a tokio runtime that stays until after [`drain`](Self::drain).
    pub fn start(parts: Parts, runtime: Handle) -> Self {
        let freed = Arc::new(Freed::default());
        let (blocking, waiting) = (Slots::new(parts.threads, freed.clone()), Slots::new(parts.io_slots, freed.clone()));
        let reporter = Arc::new(Reporter::default());
        let runs = Arc::new(Runs::default());
        reporter.attend(runs.clone());
        let shop = Arc::new(Shop {
            store: parts.store,
            hub: parts.hub,
            registry: parts.registry,
            results: parts.results,
            clock: parts.clock,
            node: parts.node,
            runtime: runtime.clone(),
            threads: Threads::new(),
            reporter,
            runs,
            endings: Endings::default(),
            freed,
            early: Mutex::default(),
            left: Notify::new(),
            hurry: CancellationToken::new(),
            entered: AtomicUsize::new(0),
        });
        let of = |is_blocking: bool| -> Arc<[Name]> {
            let processors = shop.registry.iter().filter(|processor| processor.is_blocking() == is_blocking);
            processors.map(|processor| processor.sub_type.clone()).collect()
        };
        let lanes = vec![
            Lane { sub_types: of(false), slots: waiting.clone() },
            Lane { sub_types: of(true), slots: blocking.clone() },
        ];
        let (stop_claiming, ended) = (CancellationToken::new(), CancellationToken::new());
        let stops = shop.hub.stops();
        // Not to keep the shop alive: it holds the hub.
        let of_shop = Arc::downgrade(&shop);
        shop.hub.when_let_go(move || of_shop.upgrade().iter().for_each(|shop| shop.let_go()));
        let dispatcher = Mutex::new(Some(runtime.spawn(dispatch(shop.clone(), lanes, stop_claiming.clone()))));
        let loops = vec![
            runtime.spawn(report(shop.clone(), ended.clone())),
            runtime.spawn(keeper::keep(shop.clone(), stops, ended.clone())),
        ];
        Self { shop, blocking, waiting, stop_claiming, ended, dispatcher, loops: Mutex::new(loops) }
    }

    /// The figures of the blocking pool and of the async pool.
    pub fn figures(&self) -> (Figures, Figures) {
        let of = |slots: &Slots| {
            let (total, busy, abandoned) = slots.figures();
            Figures { total, busy, abandoned }
        };
        (of(&self.blocking), of(&self.waiting))
    }

    /// Stops claiming, lets what runs finish for `grace` or until `at_once`, asks the rest to stop, and gives back to
    /// the queue what does not end by then, with its saved state (rule 19).
    pub async fn drain(&self, grace: Duration, at_once: &CancellationToken) {
        self.stop_claiming.cancel();
        let dispatcher = self.dispatcher.lock().take();
        if let Some(dispatcher) = dispatcher {
            // A claim under way still brings jobs: they are waited for like all others.
            let _ = dispatcher.await;
        }
        let running = self.shop.entered.load(Ordering::Acquire);
        if running > 0 {
            tracing::info!(running, grace_seconds = grace.as_secs(), "waiting for running jobs");
        }
        tokio::select! {
            () = self.shop.empty() => {}
            () = tokio::time::sleep(grace) => {}
            () = at_once.cancelled() => {}
        }
        let runs: Vec<Arc<Run>> = self.shop.runs.iter().map(|run| run.clone()).collect();
        if !runs.is_empty() {
            tracing::info!(running = runs.len(), "asking running jobs to stop; they go back to the queue");
        }
        runs.iter().for_each(|run| run.ask_to_stop(Why::Drain));
        // A thread that does not listen is given up after its own grace; somewhat later all is said.
        let last = limits::STOP_GRACE + Duration::from_secs(1);
        let hurry = async {
            at_once.cancelled().await;
            self.shop.hurry.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = self.shop.empty() => {}
            () = tokio::time::sleep(last) => {}
            () = hurry => {}
        }
        self.ended.cancel();
        let loops = std::mem::take(&mut *self.loops.lock());
        for ended in loops {
            // A loop that panicked has nothing left to do.
            let _ = ended.await;
        }
        self.shop.threads.close();
    }
}

impl Shop {
    /// The run of a job, if it runs here.
    pub(super) fn run(&self, id: JobId) -> Option<Arc<Run>> {
        self.runs.get(&id).map(|run| run.clone())
    }

    /// A claim begins to run.
    pub(super) fn enter(&self, job: &Job, run: Arc<Run>) {
        self.entered.fetch_add(1, Ordering::AcqRel);
        self.runs.insert(job.id, run.clone());
        let mut early = self.early.lock();
        if !early.is_empty() && early.remove(&(job.id, job.life.epoch)) {
            run.ask_to_stop(Why::Cancel);
        }
    }

    /// A claim is over. The job's next claim may have entered already: it stays.
    pub(super) fn leave(&self, run: &Arc<Run>) {
        self.runs.remove_if(&run.id, |_, there| Arc::ptr_eq(there, run));
        if self.entered.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.left.notify_waiters();
        }
    }

    /// A job was asked to stop. Its claim may not have entered yet: then the request waits for it.
    pub(super) fn cancel(&self, id: JobId, epoch: u32) {
        if self.run(id).is_none() {
            let mut early = self.early.lock();
            if early.len() >= EARLY_MAX {
                early.clear();
            }
            early.insert((id, epoch));
        }
        // It may have entered between the two looks.
        if let Some(run) = self.run(id).filter(|run| run.latest().life.epoch == epoch) {
            self.early.lock().remove(&(id, epoch));
            run.ask_to_stop(Why::Cancel);
        }
    }

    /// Asks everything that runs to stop: it may run elsewhere soon (rule 2).
    fn let_go(&self) {
        let runs: Vec<Arc<Run>> = self.runs.iter().map(|run| run.clone()).collect();
        runs.iter().for_each(|run| run.ask_to_stop(Why::Lost));
    }

    /// Waits until nothing runs.
    async fn empty(self: &Arc<Self>) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            // Counted as waiting before the count is looked at, or the last one could leave in between.
            left.as_mut().enable();
            if self.entered.load(Ordering::Acquire) == 0 {
                return;
            }
            tokio::select! {
                () = left => {}
                // No dispatcher sees to it any more.
                () = tokio::time::sleep(TAKE_OVER_EVERY) => take_over(self),
            }
        }
    }
}
