//! Timetables and schedules to try things on. Every test makes its own; nothing is shared.

use faena::clock::Timestamp;
use faena::schedule::{Cron, DstPolicy, Fold, Gap, Tick, Timetable, Zone};

#[track_caller]
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
pub fn cron(text: &str) -> Cron {
    Cron::new(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[track_caller]
pub fn zone(name: &str) -> Zone {
    Zone::new(name).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
pub fn timetable(expression: &str, name: &str) -> Timetable {
    Timetable::new(cron(expression), zone(name))
}

pub fn with(table: Timetable, gap: Gap, fold: Fold) -> Timetable {
    Timetable { dst: DstPolicy { gap, fold }, ..table }
}

/// The ticks after one moment and not after another.
pub fn ticks(table: &Timetable, after: Timestamp, until: Timestamp) -> Vec<Tick> {
    table.ticks(after).take_while(|tick| tick.at <= until).collect()
}

/// The seed of a test that leaves something to chance, printed so that a failure can be repeated with `FAENA_SEED`.
pub fn seed() -> u64 {
    let given = std::env::var("FAENA_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        since.as_nanos() as u64
    });
    println!("FAENA_SEED={seed}");
    seed
}

/// Numbers by chance: SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.word() % (high - low + 1)
    }

    pub fn one_in(&mut self, sides: u64) -> bool {
        self.word().is_multiple_of(sides)
    }
}
