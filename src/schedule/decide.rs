//! The life of a schedule. Whatever happens to a schedule, this function alone says what it means; engines persist the
//! answer and never choose.

use std::sync::Arc;
use std::time::Duration;

use super::plan::{Overlap, due, job_of, overlap};
use super::{Event, Execution, Firing, Life, OverlapPolicy, Pause, Refusal, Schedule, Spec, Tally, Tick, Transition};
use crate::clock::Timestamp;
use crate::job::{JobId, NewJob, Outcome};
use crate::limits;

/// What `event` makes of `schedule` at the moment `now`.
///
/// # Errors
/// A [`Refusal`] when the event changes nothing, with the reason.
pub fn decide(schedule: &Schedule, event: Event, now: Timestamp) -> Result<Transition, Refusal> {
    let life = &schedule.life;
    match event {
        Event::Enabled | Event::Backfilled { .. } if schedule.fault.is_some() => Err(Refusal::Faulty),
        Event::Due { live } => fired(schedule, live, now),
        Event::RunAsked { payload } => {
            let job = job_for(schedule, None, payload);
            Ok(executing(schedule, vec![job], now, next(schedule)))
        }
        Event::Backfilled { from, until } => backfilled(schedule, from, until, now),
        Event::Edited { spec } => edited(schedule, spec, now),
        Event::Enabled if life.enabled => Err(Refusal::NothingToDo),
        Event::Enabled => Ok(switched(schedule, Life { enabled: true, ..next(schedule) }, now)),
        Event::Disabled if !life.enabled => Err(Refusal::NothingToDo),
        Event::Disabled => Ok(switched(schedule, Life { enabled: false, ..next(schedule) }, now)),
        Event::Paused { until: Some(until) } if until <= now => Err(Refusal::EndsInThePast),
        Event::Paused { until } if life.pause == Some(Pause { until }) => Err(Refusal::NothingToDo),
        Event::Paused { until } => Ok(switched(schedule, Life { pause: Some(Pause { until }), ..next(schedule) }, now)),
        // A pause that has ended by itself left ticks to be decided; they stay so.
        Event::Resumed if !life.is_on_hold(now) => Err(Refusal::NothingToDo),
        Event::Resumed => Ok(switched(schedule, Life { pause: None, ..next(schedule) }, now)),
        Event::ClockSet => replanned(schedule, now),
        Event::Ended { job, outcome, took_ms, error } => {
            let tally = ended(&life.tally, job, outcome, took_ms, error);
            Ok(step(schedule, Life { tally, ..next(schedule) }))
        }
    }
}

/// The life after this one, as yet unchanged but for its revision.
fn next(schedule: &Schedule) -> Life {
    Life { revision: schedule.life.revision.wrapping_add(1), ..schedule.life.clone() }
}

/// The step from this schedule's life to `next`.
fn step(schedule: &Schedule, next: Life) -> Transition {
    Transition {
        schedule: schedule.id,
        expects: schedule.life.revision,
        expects_last_tick: schedule.life.last_tick,
        spec: None,
        next,
        jobs: Vec::new(),
        cancels: Vec::new(),
        firing: Firing::default(),
        by: None,
    }
}

/// A step that a person made: the next tick is worked out anew, and what was due until now is let go.
fn switched(schedule: &Schedule, next: Life, now: Timestamp) -> Transition {
    let next = Life { edition: next.edition.wrapping_add(1), edited_at: now, ..next };
    step(schedule, next.planned(&schedule.spec, now))
}

/// New terms. Ticks that are due but not decided yet stay so, unless the terms say others.
fn edited(schedule: &Schedule, spec: Arc<Spec>, now: Timestamp) -> Result<Transition, Refusal> {
    let before = &*schedule.spec;
    if *before == *spec && schedule.fault.is_none() {
        return Err(Refusal::NothingToDo);
    }
    let ticks_as_before =
        (&before.timetable, before.start_at, before.end_at) == (&spec.timetable, spec.start_at, spec.end_at);
    let life = next(schedule);
    let life = Life { edition: life.edition.wrapping_add(1), edited_at: now, ..life };
    let life = if ticks_as_before { life } else { life.planned(&spec, now) };
    Ok(Transition { spec: Some(spec), ..step(schedule, life) })
}

/// The clock was set back: what was planned while it ran ahead may lie too far off. What fired then does not fire again.
fn replanned(schedule: &Schedule, now: Timestamp) -> Result<Transition, Refusal> {
    let before = &schedule.life;
    if now >= before.planned_at {
        return Err(Refusal::NothingToDo);
    }
    let life = next(schedule).planned(&schedule.spec, now);
    // A tick that was to be decided stays so, unless there is an earlier one now.
    let next_tick = [before.next_tick, life.next_tick].into_iter().flatten().min();
    if next_tick == before.next_tick {
        return Err(Refusal::NothingToDo);
    }
    Ok(step(schedule, Life { next_tick, ..life }))
}

/// The ticks whose time has come, with a job for each that fires.
fn fired(schedule: &Schedule, live: Vec<JobId>, now: Timestamp) -> Result<Transition, Refusal> {
    let due = due(schedule, now).ok_or(Refusal::NotDue)?;
    let decided = overlap(schedule.spec.overlap, live.len());
    let (ticks, overlapped) = match decided {
        Overlap::PassOver => (Vec::new(), due.ticks.len() as u64),
        Overlap::Fire | Overlap::CancelAndFire => (due.ticks, 0),
    };
    let caught_up = if ticks.is_empty() { 0 } else { due.caught_up };
    let jobs =
        ticks.iter().map(|tick| NewJob { id: job_of(schedule.id, tick.at), ..job_for(schedule, Some(tick), None) });
    let jobs = jobs.collect();

    let life = next(schedule);
    let tally = Tally {
        missed: life.tally.missed.saturating_add(due.missed - due.caught_up),
        overlapped: life.tally.overlapped.saturating_add(overlapped),
        ..life.tally
    };
    let next_tick = schedule.spec.next_after(due.last).map(|tick| tick.at);
    let pause = life.pause.filter(|_| schedule.life.is_on_hold(now));
    let life = Life { tally, last_tick: Some(due.last), next_tick, planned_at: now, pause, ..life };
    let cancels = if decided == Overlap::CancelAndFire && !ticks.is_empty() { live } else { Vec::new() };
    let firing = Firing { ticks, missed: due.missed, caught_up, overlapped };
    Ok(Transition { cancels, firing, ..executing(schedule, jobs, now, life) })
}

/// A job for each tick of a window that has passed. Ticks that are still to be decided stay out of it.
fn backfilled(schedule: &Schedule, from: Timestamp, until: Timestamp, now: Timestamp) -> Result<Transition, Refusal> {
    if from > until || until > now {
        return Err(Refusal::NotPast);
    }
    let spec = &*schedule.spec;
    let just_before = |at: Timestamp| Timestamp::from_millis(at.as_millis().saturating_sub(1));
    let after = just_before(spec.start_at.map_or(from, |start| start.max(from)));
    let until = spec.end_at.map_or(until, |end| end.min(until));
    let until = schedule.life.next_tick.map_or(until, |undecided| just_before(undecided).min(until));
    let ticks = spec.timetable.ticks_between(after, until, limits::BACKFILL_MAX)?;
    if ticks.is_empty() {
        return Err(Refusal::NothingToDo);
    }
    let jobs = ticks.iter().map(|tick| job_for(schedule, Some(tick), None)).collect();
    let firing = Firing { ticks, ..Firing::default() };
    Ok(Transition { firing, ..executing(schedule, jobs, now, next(schedule)) })
}

/// The step that accepts jobs.
fn executing(schedule: &Schedule, jobs: Vec<NewJob>, now: Timestamp, life: Life) -> Transition {
    let latest = jobs.last().map(|job| Execution {
        job: job.id,
        at: now,
        scheduled_for: job.options.scheduled_for,
        outcome: None,
        error: None,
    });
    let total = life.tally.total.saturating_add(jobs.len() as u64);
    let tally = Tally { total, last: latest.or(life.tally.last), ..life.tally };
    Transition { jobs, ..step(schedule, Life { tally, ..life }) }
}

/// A job by the terms of the schedule.
///
/// Unless its jobs may overlap they share a concurrency key. So several ticks of one firing follow each other, and so
/// does a job that somebody asked for, or one that came in before its predecessor had really stopped.
fn job_for(schedule: &Schedule, tick: Option<&Tick>, payload: Option<Arc<str>>) -> NewJob {
    let spec = &schedule.spec;
    let payload = payload.unwrap_or_else(|| spec.payload.clone());
    let mut job = NewJob::new(spec.sub_type.clone(), payload.as_bytes().to_vec()).priority(spec.priority);
    job.kind = spec.kind.clone();
    job.user_id = schedule.created_by.clone();
    job.timeout = spec.timeout_ms.map(Duration::from_millis);
    job.retry = spec.retry;
    job.options.schedule_id = Some(schedule.id.to_string().into());
    job.options.scheduled_for = tick.map(|tick| tick.at);
    if spec.singleton || spec.overlap != OverlapPolicy::Allow {
        job = job.concurrency(format!("schedule:{}", schedule.id), 1);
    }
    job
}

/// What a job's ending makes of the sums.
fn ended(tally: &Tally, job: JobId, outcome: Outcome, took_ms: Option<u64>, error: Option<Arc<str>>) -> Tally {
    let mut tally = tally.clone();
    match outcome {
        Outcome::Success => {
            tally.succeeded = tally.succeeded.saturating_add(1);
            tally.took_ms = tally.took_ms.saturating_add(took_ms.unwrap_or(0));
            tally.failures_in_a_row = 0;
        }
        // Somebody wanted it to end: that is neither.
        Outcome::Cancelled | Outcome::Released => {}
        Outcome::Failed | Outcome::Timeout | Outcome::Crashed | Outcome::Lost => {
            tally.failed = tally.failed.saturating_add(1);
            tally.failures_in_a_row = tally.failures_in_a_row.saturating_add(1);
        }
    }
    if let Some(last) = tally.last.as_mut().filter(|last| last.job == job) {
        (last.outcome, last.error) = (Some(outcome), error);
    }
    tally
}
