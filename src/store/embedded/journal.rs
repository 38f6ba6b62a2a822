//! Disk confirms: the queue of decided changes, and the thread that writes them. Whatever queued up during the last
//! fsync becomes the next transaction; there is no timer on the way of anybody who waits. While nobody else is there, a
//! caller writes its own: waking a thread would take it as long as a fast disk takes to sync.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};
use tokio::sync::{Notify, oneshot};

use super::blocks::Blocks;
use super::change::Change;
use super::core::Core;
use super::deciding::Deciding;
use super::disk::{Disk, DiskError};
use super::lead::Lead;
use super::shown::Shown;
use crate::store::StoreError;

/// Changes that were decided together, and who waits for them.
pub(super) struct Bundle {
    pub(super) changes: Vec<Change>,
    /// None when nobody waits: a start.
    pub(super) waiter: Option<oneshot::Sender<Result<(), StoreError>>>,
}

/// The queue between those who decide and the one who writes.
pub(super) struct Journal {
    queue: Mutex<Queue>,
    filled: Condvar,
    broken: Mutex<Option<Arc<str>>>,
    is_broken: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// None once the journal is closed.
    pub(super) writer: Mutex<Option<Writer>>,
    /// Told as soon as a commit has brought work, before whoever waits for the commit is answered.
    new_work: Arc<Notify>,
}

#[derive(Default)]
struct Queue {
    bundles: Vec<Bundle>,
    /// Somebody waits for an answer.
    urgent: bool,
    closed: bool,
    /// The thread waits; otherwise it writes.
    idle: bool,
    /// It waits for anything at all. Before that it looks now and then for what nobody waits for.
    asleep: bool,
    /// A caller writes.
    led: bool,
    /// Transactions that callers wrote since the thread's last.
    led_since: u32,
    /// The last transaction was of few bundles, and fast.
    calm: bool,
}

/// How long a change that nobody waits for may stay unwritten: a start goes to disk with its end if that comes first.
const LINGER: Duration = Duration::from_millis(100);
/// Bundles in a transaction beyond which callers do not come one by one.
const CALM_BUNDLES_MAX: usize = 2;
/// How long a transaction may take on the thread of a caller, which has others to serve.
const CALM_WRITE_MAX: Duration = Duration::from_millis(1);
/// Transactions that callers may write until the thread, which also looks after the log, writes one.
const LED_MAX: u32 = 32;
/// Pause between two tries to write while the disk refuses.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// Bundles that may wait for the disk before new work is refused (rule 29).
const BACKLOG_MAX: usize = 100_000;

impl Journal {
    /// Starts the writer.
    pub(super) fn start(
        disk: Disk,
        core: Arc<Mutex<Core>>,
        shown: Arc<Shown>,
        blocks: Arc<RwLock<Blocks>>,
        new_work: Arc<Notify>,
    ) -> std::io::Result<Arc<Self>> {
        let journal = Arc::new(Self {
            queue: Mutex::default(),
            filled: Condvar::new(),
            broken: Mutex::new(None),
            is_broken: AtomicBool::new(false),
            thread: Mutex::new(None),
            writer: Mutex::new(Some(Writer { disk, core, shown, blocks })),
            new_work,
        });
        let writing = journal.clone();
        let thread = std::thread::Builder::new().name("faena-journal".into()).spawn(move || writing.write_on())?;
        *journal.thread.lock() = Some(thread);
        Ok(journal)
    }

    /// Queues changes, or lets the caller write them, if it may and nobody else is there. Called under the lock of the
    /// core, so that the order here is the order of deciding; a lead is for when that lock is open again.
    pub(super) fn push(self: &Arc<Self>, bundle: Bundle, may_lead: bool) -> Option<Lead> {
        let mut queue = self.queue.lock();
        if queue.closed {
            // Whoever waits for this bundle learns it from the end of its channel.
            return None;
        }
        let nobody_else = queue.idle && queue.calm && !queue.led && queue.bundles.is_empty();
        if may_lead && nobody_else && queue.led_since < LED_MAX {
            queue.led = true;
            queue.led_since += 1;
            return Some(Lead::new(self.clone(), bundle));
        }
        let urgent = bundle.waiter.is_some();
        let wake = !queue.led && (urgent && !queue.urgent || mem::take(&mut queue.asleep));
        queue.urgent |= urgent;
        queue.bundles.push(bundle);
        drop(queue);
        if wake {
            self.filled.notify_one();
        }
        None
    }

    /// Why new work cannot be taken now, if it cannot.
    pub(super) fn refuses(&self) -> Option<StoreError> {
        if self.is_broken.load(Ordering::Acquire) {
            return self.broken().map(StoreError::Unavailable);
        }
        let queue = self.queue.lock();
        if queue.closed {
            return Some(StoreError::Unavailable("the store is closed".into()));
        }
        (queue.bundles.len() >= BACKLOG_MAX).then(|| StoreError::Unavailable("the disk is behind".into()))
    }

    /// Why the disk refuses to write, if it does.
    pub(super) fn broken(&self) -> Option<Arc<str>> {
        self.broken.lock().clone()
    }

    fn set_broken(&self, reason: Option<Arc<str>>) {
        self.is_broken.store(reason.is_some(), Ordering::Release);
        *self.broken.lock() = reason;
    }

    /// Writes what is queued and ends the writer.
    pub(super) fn close(&self) {
        self.queue.lock().closed = true;
        self.filled.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            // A panic while writing has already ended the process.
            let _ = thread.join();
        }
    }

    /// Waits for changes and takes them all. None when the journal is closed and empty.
    fn take(&self) -> Option<Vec<Bundle>> {
        let mut queue = self.queue.lock();
        queue.idle = true;
        while queue.led || !queue.urgent && !queue.closed {
            let lingered = !queue.led && self.filled.wait_for(&mut queue, LINGER).timed_out();
            if lingered && !queue.led && !queue.bundles.is_empty() {
                break;
            }
            // What came between the end of the time and here has notified nobody.
            if queue.led || lingered && !queue.urgent && !queue.closed {
                queue.asleep = true;
                self.filled.wait(&mut queue);
                queue.asleep = false;
            }
        }
        queue.idle = false;
        queue.led_since = 0;
        drop(queue);
        Some(self.take_now()).filter(|bundles| !bundles.is_empty())
    }

    /// Takes what is queued, without waiting for more. Nobody is left who is in a hurry: a hint that outlived its
    /// bundles would look like the end.
    fn take_now(&self) -> Vec<Bundle> {
        let mut queue = self.queue.lock();
        queue.urgent = false;
        mem::take(&mut queue.bundles)
    }

    /// Writes until the journal is closed: the thread's life.
    fn write_on(&self) {
        let mut owed: Vec<Bundle> = Vec::new();
        loop {
            if owed.is_empty() {
                match self.take() {
                    Some(bundles) => owed = bundles,
                    None => break,
                }
            }
            let mut writer = self.writer.lock();
            let Some(writer) = &mut *writer else { break };
            match self.commit(writer, &owed) {
                Ok(()) => {
                    owed.drain(..).filter_map(|bundle| bundle.waiter).for_each(|waiter| drop(waiter.send(Ok(()))));
                    writer.disk.after_commit();
                    if self.is_broken.load(Ordering::Acquire) {
                        tracing::info!("the store can write again");
                        self.set_broken(None);
                    }
                }
                Err(DiskError::Refused(reason)) => {
                    tracing::error!(%reason, "the store cannot write; new work is refused until it can");
                    self.set_broken(Some(reason.clone()));
                    owed = writer.give_up_new_work(owed, &reason);
                    if self.queue.lock().closed {
                        break;
                    }
                    std::thread::sleep(RETRY_EVERY);
                    owed.extend(self.take_now());
                    if owed.is_empty() {
                        // A write that changes nothing tells when the disk is well again.
                        owed.push(Bundle { changes: Vec::new(), waiter: None });
                    }
                }
                Err(DiskError::Lost(reason)) => end_process(&reason),
            }
        }
        if let Some(writer) = self.writer.lock().take() {
            writer.disk.close();
        }
    }

    /// Writes bundles in one transaction, and shows what they changed.
    pub(super) fn commit(&self, writer: &mut Writer, bundles: &[Bundle]) -> Result<(), DiskError> {
        let began = Instant::now();
        let _whole = WholeOrNothing;
        writer.write(bundles)?;
        let calm = bundles.len() <= CALM_BUNDLES_MAX && began.elapsed() < CALM_WRITE_MAX;
        if writer.confirm(bundles) {
            self.new_work.notify_one();
        }
        self.queue.lock().calm = calm;
        Ok(())
    }

    /// A caller has written, or leaves its bundle to the thread: before all that came since.
    pub(super) fn led(&self, left: Option<Bundle>) {
        let mut queue = self.queue.lock();
        queue.led = false;
        queue.urgent |= left.is_some();
        left.into_iter().for_each(|bundle| queue.bundles.insert(0, bundle));
        if !queue.bundles.is_empty() || queue.closed {
            self.filled.notify_one();
        }
    }
}

/// Ends the process if a panic leaves a transaction, or what is shown of it, half done (rule 36).
struct WholeOrNothing;

impl Drop for WholeOrNothing {
    fn drop(&mut self) {
        if std::thread::panicking() {
            end_process("a panic while writing");
        }
    }
}

/// What writing needs.
pub(super) struct Writer {
    disk: Disk,
    core: Arc<Mutex<Core>>,
    shown: Arc<Shown>,
    blocks: Arc<RwLock<Blocks>>,
}

impl Writer {
    fn write(&mut self, bundles: &[Bundle]) -> Result<(), DiskError> {
        let core = &self.core;
        self.disk.write(bundles.iter().flat_map(|bundle| &bundle.changes), |seqs| core.lock().doom(seqs))
    }

    /// Shows what was written. The answer says whether there is new work.
    fn confirm(&self, bundles: &[Bundle]) -> bool {
        let mut core = Deciding::on(&self.core);
        // In one step with the jobs' leaving the decided state: whoever does not see them there finds them here.
        self.blocks.write().apply(&self.disk.take_counts());
        for change in bundles.iter().flat_map(|bundle| &bundle.changes) {
            core.confirm(change, &self.shown);
        }
        for (id, sort, dead) in self.disk.take_pruned() {
            core.forget_pruned(id, &sort, dead, &self.shown);
        }
        core.doomed.clear();
        self.disk.tell();
        mem::take(&mut core.has_new_work)
    }

    /// Refuses the bundles that only bring new jobs, schedules, locks or states, and keeps those that report on jobs which exist.
    fn give_up_new_work(&self, bundles: Vec<Bundle>, reason: &Arc<str>) -> Vec<Bundle> {
        let mut core = self.core.lock();
        let (new, kept): (Vec<_>, Vec<_>) =
            bundles.into_iter().partition(|bundle| bundle.changes.iter().all(Change::may_be_refused));
        // The last first: each is taken back to what it was decided on.
        for bundle in new.into_iter().rev() {
            for change in bundle.changes.iter().rev() {
                match change {
                    Change::Insert { job, request, .. } => {
                        core.withdraw(job, request.as_ref().map(|request| &*request.key));
                    }
                    Change::Plan(change) => core.plans.withdraw(change),
                    other => core.withdraw_named(other),
                }
            }
            if let Some(waiter) = bundle.waiter {
                let _ = waiter.send(Err(StoreError::Unavailable(reason.clone())));
            }
        }
        core.doomed.clear();
        kept
    }
}

/// Ends the process. After a failed fsync the kernel has dropped the pages: nothing in memory can be trusted to reach the
/// disk (rule 9), and the next process recovers from what is there.
pub(super) fn end_process(reason: &str) -> ! {
    tracing::error!(reason, "the disk lost a write; ending the process so that the next one recovers");
    std::process::abort()
}
