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
        // A product carries nothing downwards, and maps look at the low bits: the random ones are brought there.
        let product = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        product ^ (product >> 32)
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn ids_of_one_moment_do_not_meet() {
        let jobs: JobMap<()> = JobMap::default();
        let hashes: HashSet<u64> = (0..5_000).map(|_| jobs.hasher().hash_one(JobId::new()) & 0xFFFF).collect();
        // By chance 4,800 of 65,536 places are taken.
        assert!(hashes.len() > 4_000, "{} places", hashes.len());
    }
}
