//! Workers of other processes: decided under the lock like everything else, and shown once they are on disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::Embedded;
use super::change::Change;
use super::core::Core;
use super::ticket::settled;
use crate::clock::Timestamp;
use crate::job::{Holder, Job, Name};
use crate::limits;
use crate::store::{Answer, Entered, Present, Roster, StoreError, Worker, WorkerId};

/// Silent workers that make room for a new one when there are too many.
const ROOM: usize = 100;
/// What was heard of a worker is written down when the last note of it is as old as this.
const NOTE_EVERY: Duration = Duration::from_secs(600);

/// The workers that are there, and the subtypes that any has ever done.
#[derive(Default)]
pub(super) struct Known {
    workers: BTreeMap<WorkerId, Entry>,
    sub_types: BTreeSet<Name>,
}

struct Entry {
    worker: Arc<Worker>,
    heard_at: Timestamp,
    noted_at: Timestamp,
    standing: Standing,
}

/// What is decided of a worker, and whether the disk knows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Coming,
    There,
    Leaving,
}

/// One decided change: a worker is there and was heard of then, or is forgotten.
pub(super) struct WorkerChange {
    pub(super) worker: Arc<Worker>,
    pub(super) heard_at: Option<Timestamp>,
}

impl Known {
    /// How long the leases of a holder are, if it is a worker.
    pub(super) fn lease_of(&self, holder: &Holder) -> Option<Duration> {
        self.workers.get(&holder.node.parse().ok()?).map(|entry| entry.worker.lease)
    }

    /// Takes up what the disk knows.
    pub(super) fn recall(&mut self, worker: Worker, heard_at: Timestamp) {
        let standing = Standing::There;
        let entry = Entry { worker: Arc::new(worker), heard_at, noted_at: heard_at, standing };
        self.workers.insert(entry.worker.id, entry);
    }

    /// Takes up a subtype that the disk knows.
    pub(super) fn recall_sub_type(&mut self, sub_type: Name) {
        self.sub_types.insert(sub_type);
    }

    /// A change is on disk.
    pub(super) fn confirm(&mut self, change: &WorkerChange) {
        if change.heard_at.is_none() {
            self.workers.remove(&change.worker.id);
            return;
        }
        self.sub_types.extend(change.worker.sub_types.iter().cloned());
        if let Some(entry) = self.workers.get_mut(&change.worker.id).filter(|one| one.standing == Standing::Coming) {
            entry.standing = Standing::There;
        }
    }

    /// A change could not be made durable.
    pub(super) fn withdraw(&mut self, change: &WorkerChange) {
        match self.workers.get_mut(&change.worker.id) {
            Some(entry) if entry.standing == Standing::Leaving => entry.standing = Standing::There,
            Some(entry) if entry.standing == Standing::Coming => {
                self.workers.remove(&change.worker.id);
            }
            _ => {}
        }
    }

    fn there(&self) -> impl Iterator<Item = &Entry> {
        self.workers.values().filter(|entry| entry.standing == Standing::There)
    }

    fn enter(&mut self, worker: Worker, now: Timestamp) -> (Entered, Vec<Change>) {
        let new = worker.sub_types.iter().filter(|sub_type| !self.sub_types.contains(*sub_type)).count();
        if self.sub_types.len() + new > limits::SUB_TYPES_KNOWN_MAX {
            return (Entered::Full, Vec::new());
        }
        let mut changes = Vec::new();
        if self.workers.len() >= limits::WORKERS_MAX {
            changes = self.forget(now.minus(limits::WORKER_SILENT_MAX), ROOM);
            if changes.is_empty() {
                return (Entered::Full, changes);
            }
        }
        let worker = Arc::new(worker);
        changes.push(Change::Worker(WorkerChange { worker: worker.clone(), heard_at: Some(now) }));
        let entry = Entry { heard_at: now, noted_at: now, standing: Standing::Coming, worker };
        self.workers.insert(entry.worker.id, entry);
        (Entered::Done, changes)
    }

    /// The worker, and what is to be written down of it.
    fn heard(&mut self, id: WorkerId, now: Timestamp) -> Option<(Arc<Worker>, Option<Change>)> {
        let entry = self.workers.get_mut(&id).filter(|entry| entry.standing == Standing::There)?;
        entry.heard_at = entry.heard_at.max(now);
        let worker = entry.worker.clone();
        let is_due = now.millis_since(entry.noted_at) >= NOTE_EVERY.as_millis() as u64;
        let note = is_due.then(|| {
            entry.noted_at = now;
            Change::Worker(WorkerChange { worker: worker.clone(), heard_at: Some(now) })
        });
        Some((worker, note))
    }

    fn leave(&mut self, id: WorkerId) -> Option<Change> {
        let entry = self.workers.get_mut(&id).filter(|entry| entry.standing == Standing::There)?;
        entry.standing = Standing::Leaving;
        Some(Change::Worker(WorkerChange { worker: entry.worker.clone(), heard_at: None }))
    }

    fn forget(&mut self, heard_before: Timestamp, limit: usize) -> Vec<Change> {
        let silent = self.there().filter(|entry| entry.heard_at < heard_before).take(limit);
        let silent: Vec<_> = silent.map(|entry| entry.worker.id).collect();
        silent.into_iter().filter_map(|id| self.leave(id)).collect()
    }
}

impl Core {
    /// Jobs under a lease, those first whose lease ends first.
    fn leased(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.leases.iter().filter_map(|(_, seq)| self.jobs.get(seq))
    }
}

impl Embedded {
    /// Decides about workers, and answers when that is on disk.
    fn decide_known<A: Send + 'static>(&self, decide: impl FnOnce(&mut Known) -> (A, Vec<Change>)) -> Answer<'_, A> {
        if let Some(refusal) = self.refuses() {
            return Box::pin(std::future::ready(Err(refusal)));
        }
        let mut core = self.core.lock();
        let (answer, changes) = decide(&mut core.known);
        let ticket = if changes.is_empty() { None } else { self.record(&mut core, changes) };
        Box::pin(async move {
            settled(ticket).await?;
            Ok(answer)
        })
    }
}

impl Roster for Embedded {
    fn enter(&self, worker: Worker, now: Timestamp) -> Answer<'_, Entered> {
        self.decide_known(|known| known.enter(worker, now))
    }

    fn heard(&self, id: WorkerId, now: Timestamp) -> Answer<'_, Option<Arc<Worker>>> {
        let heard = self.core(now).known.heard(id, now);
        let worker = heard.map(|(worker, note)| {
            self.record_in_passing(note.into_iter().collect());
            worker
        });
        ready(worker)
    }

    fn leave(&self, id: WorkerId) -> Answer<'_, bool> {
        self.decide_known(|known| {
            let change = known.leave(id);
            (change.is_some(), change.into_iter().collect())
        })
    }

    fn workers(&self) -> Answer<'_, Vec<Present>> {
        let core = self.core.lock();
        let mut held: HashMap<&str, u64> = HashMap::new();
        for run in core.leased().filter_map(|job| job.run()) {
            *held.entry(&run.holder.node).or_default() += 1;
        }
        let present = |entry: &Entry| Present {
            worker: entry.worker.clone(),
            heard_at: entry.heard_at,
            held: held.get(entry.worker.id.to_string().as_str()).copied().unwrap_or(0),
        };
        ready(core.known.there().map(present).collect())
    }

    fn leased(&self, id: WorkerId, limit: usize) -> Answer<'_, Vec<Arc<Job>>> {
        let id = id.to_string();
        let core = self.core.lock();
        let theirs = core.leased().filter(|job| job.run().is_some_and(|run| *run.holder.node == *id));
        ready(theirs.take(limit).cloned().collect())
    }

    fn knows(&self, sub_type: &Name) -> Answer<'_, bool> {
        ready(self.core.lock().known.sub_types.contains(sub_type))
    }

    fn known(&self) -> Answer<'_, Vec<Name>> {
        ready(self.core.lock().known.sub_types.iter().cloned().collect())
    }

    fn forget_workers(&self, heard_before: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.decide_known(|known| {
            let changes = known.forget(heard_before, limit);
            (changes.len() as u64, changes)
        })
    }
}

fn ready<'a, T: Send + 'a>(answer: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok::<_, StoreError>(answer)))
}
