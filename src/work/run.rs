//! One try of one job, from the processor's first line to the commit of its ending.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::context::{Listener, Shared};
use super::finish::finish;
use super::registry::{Body, Registered};
use super::slots::Slot;
use super::workers::Shop;
use super::{Completion, Context, Failure, panics};
use crate::job::{Event, Job, JobId, JobMap, Payload};
use crate::limits;

/// A try under way.
pub(super) struct Run {
    pub(super) id: JobId,
    /// The job as the store last answered; steps are decided on it.
    latest: Mutex<Arc<Job>>,
    pub(super) stop: CancellationToken,
    why: AtomicU8,
    /// Held while something is committed for this run, so that its reports are told in order.
    pub(super) committing: tokio::sync::Mutex<()>,
    /// It waits in the reporter's list.
    pub(super) reported: AtomicBool,
    context: std::sync::OnceLock<Context>,
}

/// Why a try was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It was not.
    Unasked = 0,
    /// Somebody cancelled the job.
    Cancel = 1,
    /// Its time was up.
    Timeout = 2,
    /// The program ends.
    Drain = 3,
    /// Somebody else has the job now, or nobody.
    Lost = 4,
}

/// How a try came to its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// The processor answered.
    Answered(Result<Completion, Failure>),
    /// It did not begin, since what it needs could not be read.
    Unread(Event),
    /// It was dropped, or its thread given up, after it was asked to stop.
    Given(Why),
}

impl Run {
    pub(super) fn new(job: Arc<Job>) -> Arc<Self> {
        Arc::new(Self {
            id: job.id,
            latest: Mutex::new(job),
            stop: CancellationToken::new(),
            why: AtomicU8::new(Why::Unasked as u8),
            committing: tokio::sync::Mutex::new(()),
            reported: AtomicBool::new(false),
            context: std::sync::OnceLock::new(),
        })
    }

    /// The job as the store last answered.
    pub(super) fn latest(&self) -> Arc<Job> {
        self.latest.lock().clone()
    }

    /// Takes note of the job as the store has it now.
    pub(super) fn learn(&self, job: Arc<Job>) {
        *self.latest.lock() = job;
    }

    /// Asks the try to stop. The first reason stands.
    pub(super) fn ask_to_stop(&self, why: Why) {
        let _ = self.why.compare_exchange(Why::Unasked as u8, why as u8, Ordering::AcqRel, Ordering::Acquire);
        self.stop.cancel();
    }

    /// Why it was asked to stop.
    pub(super) fn why(&self) -> Why {
        match self.why.load(Ordering::Acquire) {
            1 => Why::Cancel,
            2 => Why::Timeout,
            3 => Why::Drain,
            4 => Why::Lost,
            _ => Why::Unasked,
        }
    }

    /// What the processor sees.
    pub(super) fn context(&self) -> Option<&Context> {
        self.context.get()
    }
}

/// Runs a claimed job in a slot of its pool.
pub(super) fn start(shop: &Arc<Shop>, processor: Arc<Registered>, job: Arc<Job>, slot: Slot) {
    let run = Run::new(job.clone());
    let payload = match &job.payload {
        Payload::Inline(payload) => payload.clone(),
        // A claim brings the payload along; without one the processor refuses the empty text.
        Payload::Stored | Payload::Unreadable(_) | Payload::Locked(_) => bytes::Bytes::new(),
    };
    let not_read = job.not_read();
    let listener: Arc<dyn Listener> = shop.reporter.clone();
    let shared = Shared { store: shop.store.clone(), runtime: Some(shop.runtime.clone()) };
    let ctx = Context::new(job.clone(), run.stop.clone(), shop.clock.clone(), Some(listener), shared);
    let _ = run.context.set(ctx.clone());
    shop.enter(&job, run.clone());
    let shop = shop.clone();
    let runtime = shop.runtime.clone();
    runtime.spawn(async move {
        let limit = job.spec.timeout_ms.map(Duration::from_millis);
        let (ended, slot) = match &processor.body {
            // It is this job's problem, and nobody else's (rule 31). Somebody may bring the key meanwhile.
            _ if let Some(event) = not_read => (Ended::Unread(event), Some(slot)),
            Body::Async(body) => {
                let work = AssertUnwindSafe(panics::watched_async(body(payload, ctx))).catch_unwind();
                (wait_for(&run, limit, work).await, Some(slot))
            }
            Body::Blocking(_) => {
                let answer = on_thread(&shop, processor.clone(), payload, ctx, slot);
                (wait_for_thread(&shop, &run, limit, answer).await, None)
            }
        };
        finish(&shop, run, ended, slot).await;
    });
}

/// Waits for work that can be dropped at its next await.
async fn wait_for(
    run: &Run,
    limit: Option<Duration>,
    work: impl Future<Output = std::thread::Result<Result<Completion, Failure>>>,
) -> Ended {
    tokio::select! {
        biased;
        answer = work => Ended::Answered(answer.unwrap_or_else(|panic| Err(panicked(&*panic)))),
        why = asked_to_stop(run, limit) => Ended::Given(why),
    }
}

/// Work on a thread: its answer to come, and the slot that it holds.
type OnThread = (oneshot::Receiver<Result<Completion, Failure>>, Arc<Mutex<Option<Slot>>>);

/// Hands work to a thread. The slot goes with it and stays taken until the thread comes back, or is given up.
fn on_thread(shop: &Shop, processor: Arc<Registered>, payload: bytes::Bytes, ctx: Context, slot: Slot) -> OnThread {
    let (answer, answered) = oneshot::channel();
    let slot = Arc::new(Mutex::new(Some(slot)));
    let held = slot.clone();
    shop.threads.run(move || {
        let Body::Blocking(body) = &processor.body else { return };
        let work = AssertUnwindSafe(|| panics::watched(|| body(&payload, &ctx)));
        let result = std::panic::catch_unwind(work).unwrap_or_else(|panic| Err(panicked(&*panic)));
        *held.lock() = None;
        // Nobody waits any more for a thread that was given up.
        let _ = answer.send(result);
    });
    (answered, slot)
}

/// Waits for a thread, and gives it up when it does not listen.
async fn wait_for_thread(shop: &Shop, run: &Run, limit: Option<Duration>, (mut answered, slot): OnThread) -> Ended {
    let lost = |_| Err(Failure::new("the thread ended without an answer"));
    let why = tokio::select! {
        biased;
        answer = &mut answered => return Ended::Answered(answer.unwrap_or_else(lost)),
        why = asked_to_stop(run, limit) => why,
    };
    let patience = async {
        tokio::select! {
            () = tokio::time::sleep(limits::STOP_GRACE) => {}
            () = shop.hurry.cancelled() => {}
        }
    };
    tokio::select! {
        biased;
        answer = &mut answered => Ended::Answered(answer.unwrap_or_else(lost)),
        () = patience => {
            if let Some(slot) = &mut *slot.lock() {
                slot.abandon();
            }
            let job = run.latest();
            tracing::warn!(job_id = %job.id, sub_type = %job.spec.sub_type, ?why,
                "a blocking processor does not stop; its thread is given up");
            Ended::Given(why)
        }
    }
}

/// Waits until the try must stop: somebody asked, or its time is up.
async fn asked_to_stop(run: &Run, limit: Option<Duration>) -> Why {
    match limit {
        None => run.stop.cancelled().await,
        Some(limit) => {
            if tokio::time::timeout(limit, run.stop.cancelled()).await.is_err() {
                run.ask_to_stop(Why::Timeout);
            }
        }
    }
    run.why()
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "the processor panicked".to_owned());
    let failure = Failure::new(message).kind("panic");
    match panics::take_trace() {
        Some(trace) => failure.stack_trace(trace),
        None => failure,
    }
}

/// Where a claim may be found while it runs.
pub(super) type Runs = JobMap<Arc<Run>>;
