//! Which ticks fire: those that are due, by what a schedule says of those that nobody was there for, and of jobs that
//! are still there. The work is bounded however long nobody was there (rule 23).

use std::time::Duration;

use super::{MisfirePolicy, OverlapPolicy, Schedule, ScheduleId, Spec, Tick};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::limits;

/// The ticks that are due at a moment, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Those that fire, in order.
    pub ticks: Vec<Tick>,
    /// How many nobody was there for in time.
    pub missed: u64,
    /// How many of `ticks` catch up with those.
    pub caught_up: u64,
    /// The latest tick that is decided with them.
    pub last: Timestamp,
}

/// What is due of a schedule; none when nothing is.
///
/// A tick is on time for [`MISFIRE_GRACE`](limits::MISFIRE_GRACE) and fires; later it is missed, and the misfire
/// policy says what becomes of it. Under `fire_once`, when any was missed, the latest of all that are due stands for
/// them, be it on time or not.
pub fn due(schedule: &Schedule, now: Timestamp) -> Option<Due> {
    let spec = &*schedule.spec;
    let next = schedule.life.next_tick?;
    let just_before = Timestamp::from_millis(next.as_millis().saturating_sub(1));
    let after = schedule.life.last_tick.map_or(just_before, |last| last.max(just_before));
    let until = spec.end_at.map_or(now, |end| end.min(now));
    // Whatever its jitter, a tick up to here is late; later ones are looked at one by one.
    let on_time_for = limits::MISFIRE_GRACE + Duration::from_secs(spec.jitter_seconds.into());
    let surely_late = now.minus(on_time_for + Duration::from_millis(1)).min(until).max(after);

    let mut recent = looked_at(schedule, surely_late, until, now);
    let late = recent.iter().filter(|(_, is_late)| *is_late).count();
    let missed = spec.timetable.count(after, surely_late) + late as u64;
    let long_past = || Some((spec.timetable.last_in(after, surely_late)?, true));
    let (last, is_late) = recent.last().copied().or_else(long_past)?;

    match spec.misfire {
        MisfirePolicy::FireOnce if missed > 0 => {
            let superseded = (recent.len() - late).saturating_sub(usize::from(!is_late)) as u64;
            let (missed, caught_up) = (missed + superseded, is_late.into());
            return Some(Due { ticks: vec![last], missed, caught_up, last: last.at });
        }
        MisfirePolicy::FireOnce | MisfirePolicy::Skip => recent.retain(|(_, is_late)| !is_late),
        MisfirePolicy::FireAll => {
            let bound = spec.catch_up_max.min(limits::CATCH_UP_MAX) as usize;
            // The oldest ones are beyond the bound, here and in what is long past.
            let mut beyond = late.saturating_sub(bound);
            recent.retain(|(_, is_late)| {
                let goes = *is_late && beyond > 0;
                beyond -= usize::from(goes);
                !goes
            });
            let long_past = most_recent(spec, after, surely_late, bound.saturating_sub(late));
            recent.splice(0..0, long_past.into_iter().map(|tick| (tick, true)));
        }
    }
    let caught_up = recent.iter().filter(|(_, is_late)| *is_late).count() as u64;
    let ticks = recent.into_iter().map(|(tick, _)| tick).collect();
    Some(Due { ticks, missed, caught_up, last: last.at })
}

/// The ticks of a short window whose time has come, each with whether it is late.
///
/// Jitter may make a tick late that comes after one that is on time, and one due that comes after one that is not. Their
/// order stays that of their own times, or the last tick would not divide what is decided from what is not.
fn looked_at(schedule: &Schedule, after: Timestamp, until: Timestamp, now: Timestamp) -> Vec<(Tick, bool)> {
    let ticks = schedule.spec.timetable.ticks(after).take_while(|tick| tick.at <= until);
    let timed = ticks.map(|tick| (tick, fires_at(schedule.id, tick.at, schedule.spec.jitter_seconds)));
    let due = timed.take_while(|(_, at)| *at <= now);
    due.map(|(tick, at)| (tick, now > at.plus(limits::MISFIRE_GRACE))).collect()
}

/// The last ticks of a window, at most so many, in order.
fn most_recent(spec: &Spec, after: Timestamp, until: Timestamp, bound: usize) -> Vec<Tick> {
    let mut ticks = Vec::new();
    let mut until = until;
    while ticks.len() < bound {
        let Some(tick) = spec.timetable.last_in(after, until) else { break };
        until = Timestamp::from_millis(tick.at.as_millis() - 1);
        ticks.push(tick);
    }
    ticks.reverse();
    ticks
}

/// What becomes of ticks while earlier jobs of their schedule have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// They fire.
    Fire,
    /// They fire, and the earlier jobs are asked to stop.
    CancelAndFire,
    /// They are passed over.
    PassOver,
}

/// What becomes of ticks while `live` earlier jobs have not ended.
pub fn overlap(policy: OverlapPolicy, live: usize) -> Overlap {
    match policy {
        _ if live == 0 => Overlap::Fire,
        OverlapPolicy::Skip => Overlap::PassOver,
        OverlapPolicy::CancelRunning => Overlap::CancelAndFire,
        OverlapPolicy::Queue | OverlapPolicy::Allow if live >= limits::OVERLAP_MAX => Overlap::PassOver,
        OverlapPolicy::Queue | OverlapPolicy::Allow => Overlap::Fire,
    }
}

/// When a tick fires: its own time, and a share of the jitter that depends on the schedule and the tick alone.
pub(super) fn fires_at(id: ScheduleId, tick: Timestamp, jitter_seconds: u32) -> Timestamp {
    let jitter_ms = u64::from(jitter_seconds) * 1_000;
    // The high half of the product is a number below `jitter_ms`, each as likely as the other.
    let share = (u128::from(mixed(id, tick, 0)) * u128::from(jitter_ms)) >> 64;
    tick.plus_millis(share as u64)
}

/// The id of a tick's job: a UUIDv7 of the tick's time whose other bits come from the schedule and the tick, so that
/// whoever decides the tick makes the same one.
pub(super) fn job_of(id: ScheduleId, tick: Timestamp) -> JobId {
    let millis = tick.as_millis().max(0).unsigned_abs();
    let random: [u8; 10] = std::array::from_fn(|at| {
        let word = mixed(id, tick, 1 + (at as u64) / 8);
        word.to_be_bytes()[at % 8]
    });
    JobId::from_bytes(*uuid::Builder::from_unix_timestamp_millis(millis, &random).as_uuid().as_bytes())
}

/// A number from a schedule and a tick: the finaliser of SplitMix64 (Steele, Lea, Flood 2014), once for each word.
fn mixed(id: ScheduleId, tick: Timestamp, round: u64) -> u64 {
    let (high, low) = uuid::Uuid::from_bytes(*id.as_bytes()).as_u64_pair();
    [high, low, tick.as_millis() as u64, round].into_iter().fold(0, |state: u64, word| {
        let mut mixed = (state ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}
