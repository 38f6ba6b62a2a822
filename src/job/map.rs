//! Maps by job, for everybody who keeps one.

use std::hash::{BuildHasherDefault, Hasher};

use dashmap::DashMap;

use super::JobId;

/// A map that many threads share.
pub type JobMap<V> = DashMap<JobId, V, BuildHasherDefault<IdHasher>>;

/// A UUIDv7 ends in random bits; folding its halves is all the hashing that it needs.
#[derive(Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = self.0.rotate_left(5) ^ u64::from_le_bytes(word);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}
