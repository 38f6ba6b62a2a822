//! Randomness from a seed that is printed, so that what happened can be asked to happen again.

use std::hash::{BuildHasher as _, RandomState};

/// A small generator of numbers (SplitMix64).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` up to, but not including, `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.number() % (high - low)
    }
}

/// The seed of this run: `FAENA_CRASH_SEED`, or a new one. It is printed.
pub fn seed() -> u64 {
    let seed = match std::env::var("FAENA_CRASH_SEED") {
        Ok(text) => text.parse().expect("FAENA_CRASH_SEED is a number"),
        Err(_) => RandomState::new().hash_one("seed") >> 1,
    };
    println!("FAENA_CRASH_SEED={seed}");
    seed
}

/// How many rounds: `FAENA_CRASH_ROUNDS`, or ten.
pub fn rounds() -> u32 {
    std::env::var("FAENA_CRASH_ROUNDS").map_or(10, |text| text.parse().expect("FAENA_CRASH_ROUNDS is a number"))
}
