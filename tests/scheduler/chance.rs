//! Chance with a seed that a failing test prints. `FAENA_SEED` throws the same dice again.

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Chance(u64);

impl Chance {
    pub fn thrown() -> Self {
        let id = faena::job::JobId::new();
        let given = std::env::var("FAENA_SEED").ok().and_then(|text| text.parse().ok());
        // The last half of a fresh id is random.
        let seed = given.unwrap_or_else(|| u64::from_le_bytes(std::array::from_fn(|index| id.as_bytes()[8 + index])));
        println!("FAENA_SEED={seed}");
        Self(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}
