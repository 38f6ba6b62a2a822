//! Concurrency keys: at most so many running jobs of a key. A ready job that meets a full gate is parked beside it,
//! out of the queues, and comes back when the gate has room.

use std::collections::{BTreeSet, HashMap};

use crate::clock::Timestamp;
use crate::job::Concurrency;

/// The gates of all keys that run or wait.
#[derive(Default)]
pub(super) struct Gates {
    gates: HashMap<Box<str>, Gate>,
}

#[derive(Default)]
struct Gate {
    running: BTreeSet<u64>,
    /// By urgency, with the sequence number last.
    parked: BTreeSet<(Timestamp, u64)>,
}

impl Gates {
    /// Lets a job through, or parks it.
    pub(super) fn enter(&mut self, key: &Concurrency, urgency: (Timestamp, u64)) -> bool {
        let gate = self.gates.entry(key.key.clone()).or_default();
        if gate.running.len() < key.limit as usize {
            gate.running.insert(urgency.1);
            true
        } else {
            gate.parked.insert(urgency);
            false
        }
    }

    /// Counts a job as running whatever the limit says: it did when the process started.
    pub(super) fn force(&mut self, key: &Concurrency, seq: u64) {
        self.gates.entry(key.key.clone()).or_default().running.insert(seq);
    }

    /// Notes that a job runs no more. The answer is a parked job to put back into the queue.
    pub(super) fn leave(&mut self, key: &Concurrency, seq: u64) -> Option<u64> {
        let gate = self.gates.get_mut(&key.key)?;
        gate.running.remove(&seq);
        self.unpark(&key.key)
    }

    /// Takes the most urgent parked job of a key out, to be put back into the queue: there may be room for it.
    pub(super) fn unpark(&mut self, key: &str) -> Option<u64> {
        let gate = self.gates.get_mut(key)?;
        let next = gate.parked.pop_first().map(|(_, seq)| seq);
        if gate.running.is_empty() && gate.parked.is_empty() {
            self.gates.remove(key);
        }
        next
    }

    /// Forgets a parked job. False when it was not parked.
    pub(super) fn forget(&mut self, key: &Concurrency, urgency: (Timestamp, u64)) -> bool {
        self.gates.get_mut(&key.key).is_some_and(|gate| gate.parked.remove(&urgency))
    }

    /// The running jobs of a key, if a job of it is parked behind them.
    pub(super) fn holders(&self, key: &Concurrency, urgency: (Timestamp, u64)) -> Option<Vec<u64>> {
        let gate = self.gates.get(&key.key)?;
        let full = gate.running.len() >= key.limit as usize;
        (full || gate.parked.contains(&urgency)).then(|| gate.running.iter().copied().collect())
    }

    /// Parked jobs of all keys: they are ready, though in no queue.
    pub(super) fn parked(&self) -> u64 {
        self.gates.values().map(|gate| gate.parked.len() as u64).sum()
    }
}
