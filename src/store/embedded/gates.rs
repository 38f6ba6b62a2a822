//! Concurrency keys: at most so many running jobs of a key. A ready job that meets a full gate is parked beside it,
//! out of the queues, and comes back when the gate has room: one of each subtype, since nobody may be there to take the
//! most urgent of all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::clock::Timestamp;
use crate::job::{Concurrency, Name};

/// The gates of all keys that run or wait.
#[derive(Default)]
pub(super) struct Gates {
    gates: HashMap<Box<str>, Gate>,
}

#[derive(Default)]
struct Gate {
    running: BTreeSet<u64>,
    /// By subtype, then by urgency, with the sequence number last.
    parked: BTreeMap<Name, BTreeSet<(Timestamp, u64)>>,
}

impl Gates {
    /// Lets a job through, or parks it.
    pub(super) fn enter(&mut self, key: &Concurrency, sub_type: &Name, urgency: (Timestamp, u64)) -> bool {
        let gate = self.gates.entry(key.key.clone()).or_default();
        if gate.running.len() < key.limit as usize {
            gate.running.insert(urgency.1);
            true
        } else {
            gate.parked.entry(sub_type.clone()).or_default().insert(urgency);
            false
        }
    }

    /// Counts a job as running whatever the limit says: it did when the process started.
    pub(super) fn force(&mut self, key: &Concurrency, seq: u64) {
        self.gates.entry(key.key.clone()).or_default().running.insert(seq);
    }

    /// Notes that a job runs no more. The answer is parked jobs to put back into their queues.
    pub(super) fn leave(&mut self, key: &Concurrency, seq: u64) -> Vec<u64> {
        let Some(gate) = self.gates.get_mut(&key.key) else { return Vec::new() };
        gate.running.remove(&seq);
        self.unpark(&key.key)
    }

    /// Takes the most urgent parked job of each subtype out, to be put back into its queue: there may be room for it.
    pub(super) fn unpark(&mut self, key: &str) -> Vec<u64> {
        let Some(gate) = self.gates.get_mut(key) else { return Vec::new() };
        let next = gate.parked.values_mut().filter_map(BTreeSet::pop_first).map(|(_, seq)| seq).collect();
        gate.parked.retain(|_, parked| !parked.is_empty());
        if gate.running.is_empty() && gate.parked.is_empty() {
            self.gates.remove(key);
        }
        next
    }

    /// Forgets a parked job. False when it was not parked.
    pub(super) fn forget(&mut self, key: &Concurrency, sub_type: &Name, urgency: (Timestamp, u64)) -> bool {
        let parked = self.gates.get_mut(&key.key).and_then(|gate| gate.parked.get_mut(sub_type));
        parked.is_some_and(|parked| parked.remove(&urgency))
    }

    /// The running jobs of a key, if there is no room for another, or if a job is parked behind them.
    pub(super) fn holders(&self, key: &Concurrency, sub_type: &Name, urgency: (Timestamp, u64)) -> Option<Vec<u64>> {
        let gate = self.gates.get(&key.key)?;
        let full = gate.running.len() >= key.limit as usize;
        let parked = gate.parked.get(sub_type).is_some_and(|parked| parked.contains(&urgency));
        (full || parked).then(|| gate.running.iter().copied().collect())
    }

    /// Parked jobs of all keys: they are ready, though in no queue.
    pub(super) fn parked(&self) -> u64 {
        self.gates.values().flat_map(|gate| gate.parked.values()).map(|parked| parked.len() as u64).sum()
    }
}
