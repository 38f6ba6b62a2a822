//! Which ticks fire: those that are due, by what a schedule says of those that nobody was there for, and of jobs that
//! are still there. The work is bounded however long nobody was there (rule 23).

use super::{MisfirePolicy, OverlapPolicy, Schedule, ScheduleId, Spec, Tick};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::limits;

/// The ticks that are due at a moment, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Those that fire, in order.
    pub ticks: Vec<Tick>,
    /// How many nobody was there for.
    pub missed: u64,
    /// How many of `ticks` catch up with those.
    pub caught_up: u64,
    /// The latest tick that is decided with them.
    pub last: Timestamp,
}

/// What is due of a schedule; none when nothing is.
///
/// A tick is on time for [`MISFIRE_GRACE`](limits::MISFIRE_GRACE) and fires; later it is missed, and the misfire
/// policy says what becomes of it. Under `fire_once` a tick that is on time stands for the missed ones before it.
pub fn due(schedule: &Schedule, now: Timestamp) -> Option<Due> {
    let spec = &*schedule.spec;
    let next = schedule.life.next_tick?;
    let just_before = Timestamp::from_millis(next.as_millis().saturating_sub(1));
    let after = schedule.life.last_tick.map_or(just_before, |last| last.max(just_before));
    let until = spec.end_at.map_or(now, |end| end.min(now));
    // Whatever its jitter, what lies before this is late.
    let jitter = std::time::Duration::from_secs(spec.jitter_seconds.into());
    let surely_late = now.minus(limits::MISFIRE_GRACE + jitter).min(until).max(after);

    let (mut late, mut on_time) = (Vec::new(), Vec::new());
    for tick in spec.timetable.ticks(surely_late).take_while(|tick| tick.at <= until) {
        let at = fires_at(schedule.id, tick.at, spec.jitter_seconds);
        if at > now {
            break;
        }
        let is_late = now > at.plus(limits::MISFIRE_GRACE);
        if is_late { &mut late } else { &mut on_time }.push(tick);
    }
    let long_past = spec.timetable.count(after, surely_late);
    let last_of_long_past = || spec.timetable.last_in(after, surely_late);
    let missed = long_past + late.len() as u64;
    let last = on_time.last().or(late.last()).copied().or_else(last_of_long_past)?.at;

    let mut ticks = match spec.misfire {
        MisfirePolicy::Skip => Vec::new(),
        MisfirePolicy::FireOnce if !on_time.is_empty() => Vec::new(),
        MisfirePolicy::FireOnce => late.pop().or_else(last_of_long_past).into_iter().collect(),
        MisfirePolicy::FireAll => {
            let bound = spec.catch_up_max.min(limits::CATCH_UP_MAX) as usize;
            let room = bound.saturating_sub(late.len());
            let mut caught = most_recent(spec, after, surely_late, room);
            caught.extend_from_slice(&late[late.len().saturating_sub(bound)..]);
            caught
        }
    };
    let caught_up = ticks.len() as u64;
    ticks.append(&mut on_time);
    Some(Due { ticks, missed, caught_up, last })
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
