//! What is running, written down before the processor is called, in a small file that outlives the process.
//!
//! A start does not wait for its own fsync: two threads at one fsync a start would cap the queue. But rule 3 wants a
//! job that kills its process to be counted. So each claim is written into its slot of this file; the write
//! reaches the kernel's page cache at once and survives any death of the process, if not a power cut. At start the file
//! is compared with the journal: a claim that only the ledger knows was under way when the process died.
//!
//! A slot is overwritten by the next claim, and all are cleared once a start has recovered: a claim that the journal
//! knows to be over says nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::clock::Timestamp;

/// Bytes of a slot: sequence number, epoch, moment, check.
const SLOT_BYTES: usize = 32;

/// The file.
pub(super) struct Ledger {
    file: File,
}

/// A claim that the ledger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) seq: u64,
    pub(super) epoch: u32,
    pub(super) at: Timestamp,
}

impl Ledger {
    /// Opens the ledger, or makes an empty one, and reads what it knows. A torn slot is no claim.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Noted>)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let noted = bytes.as_chunks::<SLOT_BYTES>().0.iter().filter_map(Noted::from_slot).collect();
        Ok((Self { file }, noted))
    }

    /// Forgets all claims.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// Writes a claim into its slot.
    pub(super) fn note(&self, slot: u32, noted: Noted) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        self.file.write_all_at(&noted.to_slot(), u64::from(slot) * SLOT_BYTES as u64)
    }
}

impl Noted {
    fn to_slot(self) -> [u8; SLOT_BYTES] {
        let mut slot = [0; SLOT_BYTES];
        slot[..8].copy_from_slice(&self.seq.to_le_bytes());
        slot[8..12].copy_from_slice(&self.epoch.to_le_bytes());
        slot[12..20].copy_from_slice(&self.at.as_millis().to_le_bytes());
        slot[20..28].copy_from_slice(&self.check().to_le_bytes());
        slot
    }

    fn from_slot(slot: &[u8; SLOT_BYTES]) -> Option<Self> {
        let word = |from: usize| u64::from_le_bytes(std::array::from_fn(|index| slot[from + index]));
        let noted = Self { seq: word(0), epoch: word(8) as u32, at: Timestamp::from_millis(word(12) as i64) };
        (noted.seq > 0 && noted.check() == word(20)).then_some(noted)
    }

    /// FNV-1a over the fields: enough to tell a torn slot from a whole one.
    fn check(self) -> u64 {
        [self.seq, u64::from(self.epoch), self.at.as_millis() as u64]
            .into_iter()
            .flat_map(u64::to_le_bytes)
            .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
    }
}

/// Which slot of the ledger each running job has.
#[derive(Default)]
pub(super) struct Slots {
    taken: FxHashMap<u64, u32>,
    free: Vec<u32>,
    used: u32,
}

impl Slots {
    /// A slot for a job that starts to run.
    pub(super) fn take(&mut self, seq: u64) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        });
        self.taken.insert(seq, slot);
        slot
    }

    /// The jobs that have slots: those that run.
    pub(super) fn running(&self) -> impl Iterator<Item = u64> {
        self.taken.keys().copied()
    }

    /// Gives back the slot of a job that runs no more.
    pub(super) fn give_back(&mut self, seq: u64) {
        self.free.extend(self.taken.remove(&seq));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_read_back_and_a_torn_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let noted = |seq| Noted { seq, epoch: 3, at: Timestamp::from_millis(-5) };
        {
            let (ledger, known) = Ledger::open(&path).unwrap();
            assert!(known.is_empty());
            ledger.note(0, noted(7)).unwrap();
            ledger.note(2, noted(9)).unwrap();
        }
        assert_eq!(Ledger::open(&path).unwrap().1, [noted(7), noted(9)]);
        let whole = std::fs::read(&path).unwrap();
        Ledger::open(&path).unwrap().0.clear().unwrap();
        assert!(Ledger::open(&path).unwrap().1.is_empty());
        std::fs::write(&path, whole).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8] ^= 1;
        bytes.truncate(80);
        std::fs::write(&path, bytes).unwrap();
        assert!(Ledger::open(&path).unwrap().1.is_empty());
    }
}
