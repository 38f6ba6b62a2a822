//! Memory decides: the state of every live job as decided, whether or not the disk has confirmed it, with every index
//! that deciding needs. All of it changes under one lock, in the order in which the journal gets to know it.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::access::Access;
use super::alerts::Watch;
use super::archive::Archive;
use super::change::Change;
use super::gates::Gates;
use super::keys::Keys;
use super::ledger::Slots;
use super::named::Named;
use super::news::News;
use super::numbered::Numbered;
use super::outbox::Outgoing;
use super::plans::Plans;
use super::ready::{Entry, Ready};
use super::ring::Ring;
use super::roster::Known;
use super::shown::{Recent, Shown};
use super::sorts::Sorts;
use crate::clock::Timestamp;
use crate::job::{Event, Job, JobId, Name, Payload, Refusal, State, Transition, decide};
use crate::store::events::START;
use crate::store::query::Sort4;
use crate::store::{Claim, Lock, State as Saved};

/// The decided state.
pub(super) struct Core {
    /// Live jobs by sequence number; without a journal the ended ones too.
    pub(super) jobs: Numbered<Arc<Job>>,
    pub(super) ready: Ready,
    pub(super) gates: Gates,
    pub(super) keys: Keys,
    pub(super) plans: Plans,
    /// How many jobs are shown of each sort.
    pub(super) tally: Sorts,
    /// Dead letters.
    pub(super) dead: u64,
    pub(super) next_seq: u64,
    /// The latest moment that anybody told.
    pub(super) latest: Timestamp,
    /// Leases by the moment they run out.
    pub(super) leases: BTreeSet<(Timestamp, u64)>,
    /// Waiting jobs by the moment they expire.
    pub(super) expiries: BTreeSet<(Timestamp, u64)>,
    /// A job was indexed since the writer last told.
    pub(super) has_new_work: bool,
    /// Expired jobs that a claim has met: they are in no queue any more.
    lapsed: HashSet<u64>,
    /// Where each running job stands in the ledger.
    pub(super) slots: Slots,
    /// What nobody finds any more: given back when the lock is open again, since that is time in which nobody decides.
    pub(super) fallen: Vec<Arc<Job>>,
    /// Bytes of payloads that waiting jobs hold in memory.
    inline_bytes: usize,
    /// Jobs that are being forgotten by the disk right now.
    pub(super) doomed: HashSet<u64>,
    pub(super) recent: Recent,
    /// What the engine without a journal keeps of ended jobs; none when there is a journal.
    pub(super) archive: Option<Archive>,
    pub(super) locks: Named<Lock>,
    pub(super) states: Named<Saved>,
    pub(super) watch: Watch,
    pub(super) known: Known,
    pub(super) access: Access,
    pub(super) outgoing: Outgoing,
    /// The event log where there is no journal; none where there is one.
    pub(super) ring: Option<Ring>,
    /// Where that log tells that there is more.
    pub(super) news: Arc<News>,
}

/// Bytes of payloads kept in memory for waiting jobs; beyond it they wait on disk.
const INLINE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What became of a step.
pub(super) enum Step {
    Applied(Arc<Job>),
    Stale(Arc<Job>),
    Taken(JobId),
    Missing,
}

impl Core {
    /// An empty core; `journalled` says whether a disk stands behind it.
    pub(super) fn new(journalled: bool) -> Self {
        Self {
            jobs: Numbered::default(),
            ready: Ready::default(),
            gates: Gates::default(),
            keys: Keys::default(),
            plans: Plans::default(),
            tally: Sorts::default(),
            dead: 0,
            next_seq: 1,
            latest: Timestamp::default(),
            leases: BTreeSet::new(),
            expiries: BTreeSet::new(),
            has_new_work: false,
            lapsed: HashSet::new(),
            slots: Slots::default(),
            fallen: Vec::new(),
            inline_bytes: 0,
            doomed: HashSet::new(),
            recent: Recent::default(),
            archive: (!journalled).then(Archive::default),
            locks: Named::default(),
            states: Named::default(),
            watch: Watch::default(),
            known: Known::default(),
            access: Access::default(),
            outgoing: Outgoing::default(),
            ring: (!journalled).then(Ring::default),
            news: Arc::new(News::from(START)),
        }
    }

    /// Keeps an accepted job, unseen until it is confirmed.
    pub(super) fn keep(&mut self, job: Arc<Job>) {
        let kept = match self.payload_to_keep(&job) {
            Payload::Stored if job.payload != Payload::Stored => Arc::new(job.with_payload(Payload::Stored)),
            _ => job,
        };
        self.jobs.insert(kept.seq, kept);
    }

    /// Takes back a job that could not be made durable.
    pub(super) fn withdraw(&mut self, job: &Job, request: Option<&str>) {
        if let Some(kept) = self.jobs.remove(&job.seq) {
            self.leave_waiting(&kept);
        }
        self.plans.forget(job);
        self.keys.withdraw(job.spec.unique(), request, job.id);
    }

    /// Hands out up to `claim.max` jobs, with their slots in the ledger.
    pub(super) fn claim(&mut self, claim: &Claim, now: Timestamp, shown: &Shown) -> Vec<(Arc<Job>, u32)> {
        let mut claimed = Vec::new();
        while claimed.len() < claim.max {
            let jobs = &self.jobs;
            let next = self.ready.next(&claim.sub_types, now, |entry| lives(jobs, entry));
            let Some(job) = next.and_then(|(seq, _)| self.jobs.get(&seq).cloned()) else { break };
            if let Some(key) = job.spec.concurrency() {
                let (sub_type, entry) = place(&job);
                if !self.gates.enter(key, sub_type, entry.urgency(job.spec.priority)) {
                    continue;
                }
            }
            let lease_until = claim.lease.map(|lease| now.plus(lease));
            match decide(&job, Event::Claimed { holder: claim.holder.clone(), lease_until }, now) {
                Ok(transition) => {
                    self.leave_waiting(&job);
                    let running = Arc::new(job.with_life(transition.next));
                    let slot = self.enter_running(&running);
                    self.jobs.insert(running.seq, running.clone());
                    self.show(running.clone(), shown);
                    claimed.push((running, slot));
                }
                // It has expired: it waits for `overdue` to end it, and stands in nobody's way.
                Err(Refusal::Expired) => {
                    self.lapsed.insert(job.seq);
                    self.leave_gate(&job);
                }
                // Its time has come by another caller's clock, and comes by this one's in a moment.
                Err(_) => {
                    self.leave_gate(&job);
                    self.ready.add(&job.spec.sub_type, job.spec.priority, place(&job).1, now);
                }
            }
        }
        claimed
    }

    /// Applies a step, if the job is still as the step expects. `load` finds a job that memory has forgotten.
    pub(super) fn apply(
        &mut self,
        transition: Transition,
        now: Timestamp,
        shown: &Shown,
        load: impl FnOnce(JobId) -> Option<Job>,
    ) -> Step {
        let seq = transition.seq;
        if self.doomed.contains(&seq) {
            return Step::Missing;
        }
        let known = self.jobs.get(&seq).filter(|job| job.id == transition.job).cloned();
        let job = match known.or_else(|| self.recall(transition.job, shown, load)) {
            Some(job) if transition.fits(&job) => job,
            Some(job) => return Step::Stale(job),
            None => return Step::Missing,
        };
        let next = transition.onto(&job);
        let reopens = job.is_finished() && !matches!(next.state, State::Finished(_));
        if let Some(unique) = job.spec.unique().filter(|_| reopens) {
            match self.keys.holder(unique, now) {
                Some(holder) if holder != job.id => return Step::Taken(holder),
                _ => self.keys.take(unique, job.id, job.created_at),
            }
        }
        if let (true, Some(archive), Some(end)) = (reopens, &mut self.archive, job.end()) {
            archive.leave(end.at, seq);
        }
        match (&job.life.state, &next.state) {
            (State::Running(before), State::Running(after)) if before.lease_until != after.lease_until => {
                self.leases.extend(after.lease_until.map(|until| (until, seq)));
                before.lease_until.map(|until| self.leases.remove(&(until, seq)));
            }
            (State::Waiting { .. }, _) => {
                self.unindex(&job);
                self.leave_waiting(&job);
            }
            (State::Running(_), State::Waiting { .. } | State::Finished(_)) => self.leave_running(&job),
            (State::Running(_) | State::Finished(_), _) => {}
        }
        let payload = match next.state {
            State::Waiting { .. } => self.payload_to_keep(&job),
            State::Finished(_) if self.archive.is_none() => Payload::Stored,
            _ => job.payload.clone(),
        };
        let after = Arc::new(Job { payload, ..job.with_life(next) });
        if let Some(unique) = after.spec.unique().filter(|_| after.is_finished()) {
            self.keys.release(unique, after.id);
        }
        self.dead = self.dead + dead(&after) - dead(&job);
        self.jobs.insert(seq, after.clone());
        Step::Applied(after)
    }

    /// The payload that a waiting job keeps in memory: a deep backlog leaves it on disk.
    fn payload_to_keep(&mut self, job: &Job) -> Payload {
        let bytes = job.payload.text().map_or(0, |text| text.len());
        if self.archive.is_none() && self.inline_bytes + bytes > INLINE_BYTES_MAX {
            return Payload::Stored;
        }
        self.inline_bytes += bytes;
        job.payload.clone()
    }

    /// Makes a change that is on disk visible.
    pub(super) fn confirm(&mut self, change: &Change, shown: &Shown) {
        if let Change::Plan(change) = change {
            return self.plans.confirm(change);
        }
        let Some(job) = change.job() else { return self.confirm_named(change) };
        let current = self.jobs.get(&job.seq).filter(|current| current.life.revision == job.life.revision).cloned();
        let Some(current) = current else {
            // More was decided since. What is shown may be ahead of this change by a report of progress.
            if shown.get(job.id).is_none_or(|shown| shown.life.revision < job.life.revision) {
                self.show(job.clone(), shown);
            }
            return;
        };
        self.show(current.clone(), shown);
        if current.run_at().is_some() {
            self.index(&current);
        } else if current.is_finished() {
            self.put_away(&current, shown);
        }
    }

    /// Shows a job and counts it.
    pub(super) fn show(&mut self, job: Arc<Job>, shown: &Shown) {
        let before = shown.show(job.clone());
        self.tally.step(before.as_ref().map(|before| before.status()), &job);
        self.fallen.extend(before);
    }

    /// Puts a job into the indexes that its waiting needs.
    pub(super) fn index(&mut self, job: &Job) {
        self.has_new_work = true;
        let (sub_type, entry) = place(job);
        self.ready.add(sub_type, job.spec.priority, entry, self.latest);
        if let Some(at) = job.spec.expires_at().filter(|_| job.life.epoch == 0) {
            self.expiries.insert((at, job.seq));
        }
    }

    /// Takes a waiting job out of the queue, or from beside its gate.
    fn unindex(&mut self, job: &Job) {
        if self.lapsed.remove(&job.seq) {
            return;
        }
        let (sub_type, entry) = place(job);
        let key = job.spec.concurrency();
        if key.is_none_or(|key| !self.gates.forget(key, sub_type, entry.urgency(job.spec.priority))) {
            let jobs = &self.jobs;
            self.ready.forget(sub_type, job.spec.priority, entry, |entry| entry.seq != job.seq && lives(jobs, entry));
            // It may have been let out of its gate to be the next: then another one is.
            let next = key.map(|key| self.gates.unpark(&key.key)).unwrap_or_default();
            self.put_back(next);
        }
    }

    fn leave_waiting(&mut self, job: &Job) {
        if let Some(text) = job.payload.text() {
            self.inline_bytes = self.inline_bytes.saturating_sub(text.len());
        }
        if let Some(at) = job.spec.expires_at() {
            self.expiries.remove(&(at, job.seq));
        }
    }

    /// Notes that a job runs, and gives its slot in the ledger.
    pub(super) fn enter_running(&mut self, job: &Job) -> u32 {
        if let Some(until) = job.run().and_then(|run| run.lease_until) {
            self.leases.insert((until, job.seq));
        }
        self.slots.take(job.seq)
    }

    /// Marks ended jobs that are about to be forgotten, and gives those that are to be spared: they live again.
    pub(super) fn doom(&mut self, seqs: Vec<u64>) -> Vec<u64> {
        let (spared, doomed): (Vec<_>, Vec<_>) = seqs.into_iter().partition(|seq| self.jobs.contains_key(seq));
        self.doomed.extend(doomed);
        spared
    }

    /// Forgets an ended job that the disk has forgotten.
    pub(super) fn forget_pruned(&mut self, id: JobId, sort: &Sort4, dead: u64, shown: &Shown) {
        shown.hide(id);
        self.tally.subtract(sort, 1);
        self.dead -= dead;
    }

    fn leave_running(&mut self, job: &Job) {
        if let Some(until) = job.run().and_then(|run| run.lease_until) {
            self.leases.remove(&(until, job.seq));
        }
        self.slots.give_back(job.seq);
        self.leave_gate(job);
    }

    fn leave_gate(&mut self, job: &Job) {
        let next = job.spec.concurrency().map(|key| self.gates.leave(key, job.seq)).unwrap_or_default();
        self.put_back(next);
    }

    fn put_back(&mut self, parked: Vec<u64>) {
        self.has_new_work |= !parked.is_empty();
        for job in parked.iter().filter_map(|seq| self.jobs.get(seq)) {
            let (sub_type, entry) = place(job);
            self.ready.add(sub_type, job.spec.priority, entry, self.latest);
        }
    }

    /// Finds a job that has ended and that memory has let go of.
    fn recall(&mut self, id: JobId, shown: &Shown, load: impl FnOnce(JobId) -> Option<Job>) -> Option<Arc<Job>> {
        let job = shown.get(id).or_else(|| load(id).map(Arc::new))?;
        // Shown as it is, so that the count of its sort falls when it changes.
        shown.show(job.clone());
        self.recent.add(&job, shown);
        Some(job)
    }
}

/// One for a dead letter.
pub(super) fn dead(job: &Job) -> u64 {
    u64::from(job.end().is_some_and(|end| end.dead))
}

/// Whether an entry of the queue stands for the job as it is.
pub(super) fn lives(jobs: &Numbered<Arc<Job>>, entry: Entry) -> bool {
    jobs.get(&entry.seq).is_some_and(|job| job.run_at() == Some(entry.since))
}

/// Where a waiting job stands in the queue.
pub(super) fn place(job: &Job) -> (&Name, Entry) {
    (&job.spec.sub_type, Entry { seq: job.seq, since: job.run_at().unwrap_or(job.created_at) })
}
