//! Timetables and schedules to try things on. Every test makes its own; nothing is shared.

use faena::clock::Timestamp;
use faena::job::Name;
use faena::schedule::{
    Cron, DstPolicy, Event, Fold, Gap, NewSchedule, Refusal, Schedule, Spec, Tick, Timetable, Transition, Zone, decide,
};

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

/// A schedule that was accepted at a moment, with terms that differ from the usual ones.
#[track_caller]
pub fn schedule(expression: &str, name: &str, created: &str, change: impl FnOnce(&mut Spec)) -> Schedule {
    let mut spec = Spec::new("nightly", Name::new("example").unwrap(), timetable(expression, name));
    change(&mut spec);
    assert_eq!(spec.complaints(), [], "{expression}");
    NewSchedule { created_by: Some("ana".into()), ..NewSchedule::new(spec) }.accept(at(created))
}

/// The step that an event must bring.
#[track_caller]
pub fn applied(schedule: &Schedule, event: Event, now: &str) -> Transition {
    let transition = decide(schedule, event.clone(), at(now));
    let transition = transition.unwrap_or_else(|refusal| panic!("{event:?} was refused: {refusal}"));
    assert_eq!(transition.schedule, schedule.id);
    assert_eq!((transition.expects, transition.expects_last_tick), (schedule.life.revision, schedule.life.last_tick));
    assert_eq!(transition.next.revision, schedule.life.revision + 1);
    transition
}

/// The schedule after an event that must apply.
#[track_caller]
pub fn after(schedule: &Schedule, event: Event, now: &str) -> Schedule {
    applied(schedule, event, now).apply(schedule)
}

/// The refusal that an event must meet.
#[track_caller]
pub fn refused(schedule: &Schedule, event: Event, now: &str) -> Refusal {
    match decide(schedule, event.clone(), at(now)) {
        Ok(transition) => panic!("{event:?} was not refused: {transition:?}"),
        Err(refusal) => refusal,
    }
}

/// Its time may have come, and none of its jobs is there.
pub fn due() -> Event {
    Event::Due { live: Vec::new() }
}

/// The times of the ticks that fire, without the date where it is the usual one.
pub fn fired(transition: &Transition) -> Vec<String> {
    let times = transition.firing.ticks.iter().map(|tick| tick.at.to_string());
    times.map(|time| time.trim_end_matches(".000Z").trim_start_matches("2026-11-24T").to_owned()).collect()
}
