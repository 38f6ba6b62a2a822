//! Over twenty years, in every zone of the bundle: no tick fires twice, none is lost, times rise.

use faena::clock::Timestamp;
use faena::schedule::{ClockChange, DstPolicy, Fold, Gap, Tick, Timetable, Zone};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::factory::{Dice, at, cron, seed};

/// The line of time over which every zone is looked at.
const FROM: &str = "2020-01-01T00:00:00Z";
const UNTIL: &str = "2040-01-01T00:00:00Z";

/// An expression by chance that names a few times in the dangerous hours of some days.
fn appointment(dice: &mut Dice) -> String {
    let (minute, hour) = (dice.between(0, 59), dice.between(0, 4));
    let day = match dice.between(0, 3) {
        0 => "* * SUN".to_owned(),
        1 => format!("* * {},SAT", dice.between(0, 5)),
        2 => format!("*/{} * *", dice.between(4, 9)),
        _ => format!("1-7 {},{},9-11 *", dice.between(1, 3), dice.between(4, 6)),
    };
    let hours = if dice.one_in(3) { format!("{hour},{}", dice.between(0, 23)) } else { hour.to_string() };
    format!("{minute} {hours} {day}")
}

/// What becomes of every local time, one by one, by the rule as it is written down.
fn expected(
    table: &Timetable,
    clocks: &TimeZone,
    from: Timestamp,
    until: Timestamp,
) -> Vec<(i64, Option<ClockChange>)> {
    // Local times are those of the same expression in UTC; two days more on either side cover every offset.
    let plain = Timetable::new(table.cron.clone(), Zone::utc());
    let two_days = std::time::Duration::from_secs(2 * 86_400);
    let local = plain.ticks(from.minus(two_days)).take_while(|tick| tick.at <= until.plus(two_days));
    let mut found: Vec<(i64, Option<ClockChange>)> = Vec::new();
    for tick in local {
        let civil = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_millisecond(tick.at.as_millis()).unwrap());
        let seconds = tick.at.as_millis() / 1_000;
        let instant = |offset: jiff::tz::Offset| seconds - i64::from(offset.seconds());
        let DstPolicy { gap, fold } = table.dst;
        match clocks.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => found.push((instant(offset), None)),
            AmbiguousOffset::Gap { before, .. } if gap == Gap::Shift => {
                let leap = clocks.preceding(jiff::Timestamp::from_second(instant(before) + 1).unwrap()).next();
                found.push((leap.unwrap().timestamp().as_second(), Some(ClockChange::Gap)));
            }
            AmbiguousOffset::Gap { .. } => {}
            AmbiguousOffset::Fold { before, after } => {
                let (first, second) =
                    ((instant(before), Some(ClockChange::Fold)), (instant(after), Some(ClockChange::Fold)));
                match fold {
                    Fold::First => found.push(first),
                    Fold::Second => found.push(second),
                    Fold::Both => found.extend([first, second]),
                }
            }
        }
    }
    found.sort_unstable_by_key(|(at, change)| (*at, *change != Some(ClockChange::Gap)));
    found.dedup_by_key(|(at, _)| *at);
    found.retain(|(at, _)| (from.as_millis() / 1_000 + 1..=until.as_millis() / 1_000).contains(at));
    found
}

#[test]
fn rule_22_no_appointment_fires_twice_and_none_is_lost() {
    let seed = seed();
    let mut dice = Dice(seed);
    let (from, until) = (at(FROM), at(UNTIL));
    for name in Zone::names() {
        let text = appointment(&mut dice);
        let gap = if dice.one_in(3) { Gap::Skip } else { Gap::Shift };
        let fold = [Fold::First, Fold::First, Fold::Second, Fold::Both][dice.between(0, 3) as usize];
        let zone = Zone::new(&name).unwrap();
        let table = Timetable { dst: DstPolicy { gap, fold }, ..Timetable::new(cron(&text), zone) };
        let clocks = TimeZoneDatabase::bundled().get(&name).unwrap();

        let expected = expected(&table, &clocks, from, until);
        let found = table.ticks(from).take_while(|tick| tick.at <= until);
        let found: Vec<_> = found.map(|tick| (tick.at.as_millis() / 1_000, tick.clock_change)).collect();
        let case = format!("seed {seed}: `{text}` in {name}, gap {gap}, fold {fold}");
        assert!(found.is_sorted_by(|one, next| one.0 < next.0), "{case}: times do not rise");
        if found != expected {
            let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
            panic!("{case}: {} ticks, expected {}; first: {differs:?}", found.len(), expected.len());
        }
        assert_eq!(table.count(from, until), expected.len() as u64, "{case}");
    }
}

/// A rhythm is followed beat by beat around every clock change, and counted in between.
#[test]
fn rule_22_a_rhythm_loses_no_beat_and_gains_none() {
    let (from, until) = (at(FROM), at(UNTIL));
    let margin = std::time::Duration::from_secs(4 * 3_600);
    for name in Zone::names() {
        let table = Timetable::new(cron("*/30 * * * *"), Zone::new(&name).unwrap());
        let clocks = TimeZoneDatabase::bundled().get(&name).unwrap();
        let start = jiff::Timestamp::from_millisecond(from.as_millis()).unwrap();
        let end = until.as_millis();
        let mut made_up_for = 0;
        for change in clocks.following(start).take_while(|change| change.timestamp().as_millisecond() < end) {
            let at = Timestamp::from_millis(change.timestamp().as_millisecond());
            let (before, after) = (at.minus(margin), at.plus(margin));
            let found: Vec<_> = table.ticks(before).take_while(|tick| tick.at <= after).collect();
            assert_eq!(table.count(before, after), found.len() as u64, "{name} at {at}");
            // The end of a leap that is no beat itself is one more, for those that were leapt over.
            let is_beat =
                |tick: &&Tick| tick.local()[14..].starts_with("00:00") || tick.local()[14..].starts_with("30:00");
            let beats: Vec<_> = found.iter().filter(is_beat).collect();
            let steady = beats.windows(2).all(|pair| pair[1].at.millis_since(pair[0].at) == 1_800_000);
            assert!(steady && beats.len() >= 15, "{name} at {at}: {beats:?}");
            let others = found.iter().filter(|tick| !is_beat(tick));
            assert!(others.clone().all(|tick| tick.clock_change == Some(ClockChange::Gap)), "{name} at {at}");
            made_up_for += others.count() as u64;
        }
        let hours = until.millis_since(from) / 3_600_000;
        assert_eq!(table.count(from, until), hours * 2 + made_up_for, "{name}");
    }
}
