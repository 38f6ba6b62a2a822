//! The life of a job. Whatever happens to a job, this function alone says what it means; engines persist the
//! answer and never choose.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Attempt, CancelAsked, End, Event, Holder, Job, JobError, Life, Outcome, Progress, Refusal, ResultRef, Run, State,
    Transition, UNREADABLE, Visibility,
};
use crate::clock::Timestamp;
use crate::limits;

/// What `event` makes of `job` at the moment `now`.
///
/// # Errors
/// A [`Refusal`] when the event changes nothing, with the reason.
pub fn decide(job: &Job, event: Event, now: Timestamp) -> Result<Transition, Refusal> {
    match event {
        Event::Claimed { holder, lease_until } => claimed(job, holder, lease_until, now),
        Event::Renewed { epoch, lease_until } => renewed(job, held(job, epoch, now)?, lease_until),
        Event::Resumed { epoch, lease_until } => {
            let run = granted(job, epoch)?;
            run.lease_until.ok_or(Refusal::NothingToDo)?;
            Ok(on_lease(job, run, lease_until))
        }
        Event::Progressed { epoch, percent, message } => {
            held(job, epoch, now)?;
            let progress = job.life.progress.report(percent, message, now);
            Ok(step(job, Life { progress, ..job.life.clone() }).fleeting())
        }
        Event::StateSaved { epoch, state } => {
            held(job, epoch, now)?;
            Ok(step(job, Life { saved: state, ..next(job) }))
        }
        Event::Uploaded { epoch, result } => {
            let run = Run { uploaded: Some(result), ..held(job, epoch, now)?.clone() };
            Ok(step(job, Life { state: State::Running(Arc::new(run)), ..next(job) }))
        }
        Event::Succeeded { epoch, result, follow_ups } => {
            succeeded(job, held(job, epoch, now)?, result, follow_ups, now)
        }
        Event::Failed { epoch, error, retryable, retry_after } => {
            let run = held(job, epoch, now)?;
            let asked = retry_after.map(|span| span.min(limits::RETRY_DELAY_MAX));
            let pause = job.spec.retry.pause(job.id, job.life.failures.saturating_add(1));
            let again = retryable.then(|| now.plus(asked.map_or(pause, |asked| asked.max(pause))));
            failed(job, run, Outcome::Failed, error, again, now)
        }
        Event::TimedOut { epoch } => timed_out(job, held(job, epoch, now)?, now),
        Event::CancelAsked { by } => cancel_asked(job, by, now),
        Event::Stopped { epoch } => match held(job, epoch, now)? {
            run if run.cancel.is_some() => Ok(stopped(job, run, now)),
            _ => Err(Refusal::NothingToDo),
        },
        Event::Released { epoch, reason } => {
            let run = held(job, epoch, now)?;
            Ok(given_back(job, run, Outcome::Released, JobError::new("released", &*reason), now, now))
        }
        Event::KeyMissing { epoch, reason } => {
            let run = held(job, epoch, now)?;
            let again = now.plus(pause_without_key(job));
            Ok(given_back(job, run, Outcome::Released, JobError::new(UNREADABLE, &*reason), again, now))
        }
        Event::LeaseLost { epoch } => lease_lost(job, granted(job, epoch)?, now),
        Event::Crashed { epoch } => crashed(job, granted(job, epoch)?, now),
        Event::Expired => expired(job, now),
        Event::RetryAsked { by } => Ok(Transition { by: Some(by), ..retry_asked(job, now)? }),
        Event::Discarded => match &job.life.state {
            State::Finished(end) if end.dead => {
                let end = End { dead: false, ..(**end).clone() };
                Ok(step(job, Life { state: State::Finished(Arc::new(end)), ..next(job) }))
            }
            State::Finished(_) => Err(Refusal::NothingToDo),
            _ => Err(Refusal::NotFinished),
        },
    }
}

/// The run that the claim `epoch` granted, or why there is none any more.
fn granted(job: &Job, epoch: u32) -> Result<&Run, Refusal> {
    match &job.life.state {
        State::Running(run) if job.life.epoch == epoch => Ok(run),
        _ => Err(Refusal::Stale),
    }
}

/// The same for whoever works on it: once its lease has run out it has nothing to say, be the job given to another one
/// already or not (rule 1).
fn held(job: &Job, epoch: u32, now: Timestamp) -> Result<&Run, Refusal> {
    let run = granted(job, epoch)?;
    if run.lease_until.is_none_or(|until| until > now) { Ok(run) } else { Err(Refusal::Stale) }
}

/// The life after this one, as yet unchanged but for its revision.
fn next(job: &Job) -> Life {
    Life { revision: job.life.revision.wrapping_add(1), ..job.life.clone() }
}

/// The step from this job's life to `next`.
fn step(job: &Job, next: Life) -> Transition {
    Transition {
        job: job.id,
        seq: job.seq,
        expects: job.life.revision,
        next,
        follow_ups: Vec::new(),
        by: None,
        told: Vec::new(),
        visibility: Visibility::Durable,
        silent: false,
    }
}

impl Transition {
    fn fleeting(self) -> Self {
        Self { visibility: Visibility::Fleeting, ..self }
    }
}

fn claimed(job: &Job, holder: Holder, lease_until: Option<Timestamp>, now: Timestamp) -> Result<Transition, Refusal> {
    match job.life.state {
        State::Waiting { run_at } if run_at > now => Err(Refusal::NotDue),
        State::Waiting { .. } if has_expired(job, now) => Err(Refusal::Expired),
        State::Waiting { .. } => {
            let lease_until = lease_until.map(|until| in_time(job, now, until));
            let run = Run { started_at: now, holder, lease_until, cancel: None, uploaded: None };
            let life = Life {
                state: State::Running(Arc::new(run)),
                epoch: job.life.epoch.wrapping_add(1),
                attempt: job.life.failures.saturating_add(1),
                progress: Progress::default(),
                ..next(job)
            };
            Ok(Transition { visibility: Visibility::Early, ..step(job, life) })
        }
        State::Running(_) => Err(Refusal::Stale),
        State::Finished(_) => Err(Refusal::AlreadyFinished(job.status())),
    }
}

/// When the try that began at `started_at` has taken longer than it may.
fn deadline(job: &Job, started_at: Timestamp) -> Option<Timestamp> {
    job.spec.timeout_ms.map(|allowed| started_at.plus_millis(allowed))
}

/// A lease ends with the time that its try may take: nobody else would end the try of a worker that lives.
fn in_time(job: &Job, started_at: Timestamp, lease_until: Timestamp) -> Timestamp {
    deadline(job, started_at).map_or(lease_until, |deadline| deadline.min(lease_until))
}

/// A sign of life. It never shortens a lease, and lengthens none once the try was asked to stop: so the job ends in
/// bounded time even if its worker lives on and does not listen.
fn renewed(job: &Job, run: &Run, lease_until: Timestamp) -> Result<Transition, Refusal> {
    if run.cancel.is_some() {
        return Err(Refusal::NothingToDo);
    }
    let until = in_time(job, run.started_at, lease_until);
    Ok(on_lease(job, run, run.lease_until.map_or(until, |had| had.max(until))))
}

fn on_lease(job: &Job, run: &Run, lease_until: Timestamp) -> Transition {
    let run = Run { lease_until: Some(lease_until), ..run.clone() };
    let step = step(job, Life { state: State::Running(Arc::new(run)), ..job.life.clone() }).fleeting();
    Transition { silent: true, ..step }
}

/// The lease ran out: because the worker fell silent, or because it was not renewed beyond the time that the try may take.
fn lease_lost(job: &Job, run: &Run, now: Timestamp) -> Result<Transition, Refusal> {
    let Some(until) = run.lease_until.filter(|until| *until <= now) else { return Err(Refusal::NotDue) };
    if deadline(job, run.started_at).is_some_and(|deadline| deadline <= until) {
        return timed_out(job, run, now);
    }
    let error = JobError::new("lost", "the worker gave no sign of life until its lease ran out");
    Ok(given_back(job, run, Outcome::Lost, error, now, now))
}

/// A job that has been tried once is past its expiry: it did start in time.
fn has_expired(job: &Job, now: Timestamp) -> bool {
    job.life.epoch == 0 && job.spec.expires_at().is_some_and(|at| at <= now)
}

fn succeeded(
    job: &Job,
    run: &Run,
    result: Option<ResultRef>,
    follow_ups: Vec<super::NewJob>,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    if run.cancel.is_some() {
        return Ok(stopped(job, run, now));
    }
    let result = result.or_else(|| run.uploaded.clone());
    let end = End { result, ..end(Some(run), Outcome::Success, now) };
    let progress = job.life.progress.complete();
    let life = Life { state: State::Finished(Arc::new(end)), progress, saved: None, ..next(job) };
    Ok(Transition { follow_ups, ..step(job, life) })
}

/// A failure that uses up a retry; `again` is the moment of the next try, if one makes sense.
fn failed(
    job: &Job,
    run: &Run,
    outcome: Outcome,
    error: JobError,
    again: Option<Timestamp>,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    if run.cancel.is_some() {
        return Ok(stopped(job, run, now));
    }
    let failures = job.life.failures.saturating_add(1);
    let again = again.filter(|_| failures <= job.spec.retry.max_retries);
    let mut transition = match again {
        Some(run_at) => given_back(job, run, outcome, error, run_at, now),
        None => dead(job, run, outcome, error, now),
    };
    transition.next.failures = failures;
    Ok(transition)
}

fn timed_out(job: &Job, run: &Run, now: Timestamp) -> Result<Transition, Refusal> {
    let allowed = job.spec.timeout_ms.unwrap_or_else(|| now.millis_since(run.started_at));
    let error = JobError::new("timeout", format!("took longer than the {} s it was allowed", allowed as f64 / 1e3));
    let again = now.plus(job.spec.retry.pause(job.id, job.life.failures.saturating_add(1)));
    failed(job, run, Outcome::Timeout, error, Some(again), now)
}

/// The process died under the job. It is tried again a few times, then quarantined among the dead letters.
fn crashed(job: &Job, run: &Run, now: Timestamp) -> Result<Transition, Refusal> {
    if run.cancel.is_some() {
        return Ok(stopped(job, run, now));
    }
    let crashes = job.life.crashes.saturating_add(1);
    let error =
        JobError::new("crashed", format!("its process died while it ran (crash {crashes} of {})", limits::CRASHES_MAX));
    let mut transition = if crashes < limits::CRASHES_MAX {
        given_back(job, run, Outcome::Crashed, error, now.plus(limits::CRASH_DELAY), now)
    } else {
        dead(job, run, Outcome::Crashed, error, now)
    };
    transition.next.crashes = crashes;
    Ok(transition)
}

fn cancel_asked(job: &Job, by: Arc<str>, now: Timestamp) -> Result<Transition, Refusal> {
    match &job.life.state {
        State::Waiting { .. } => {
            let error = JobError::new("cancelled", format!("cancelled by {by} before it ran"));
            let end = End { error: Some(Arc::new(error)), by: Some(by), ..end(None, Outcome::Cancelled, now) };
            Ok(step(job, Life { state: State::Finished(Arc::new(end)), ..next(job) }))
        }
        State::Running(run) if run.cancel.is_some() => Err(Refusal::NothingToDo),
        State::Running(run) => {
            let run = Run { cancel: Some(CancelAsked { at: now, by }), ..(**run).clone() };
            Ok(step(job, Life { state: State::Running(Arc::new(run)), ..next(job) }))
        }
        State::Finished(_) => Err(Refusal::AlreadyFinished(job.status())),
    }
}

fn expired(job: &Job, now: Timestamp) -> Result<Transition, Refusal> {
    match &job.life.state {
        State::Waiting { .. } if has_expired(job, now) => {
            let error = JobError::new("expired", "it was not started before its expiresAt");
            let end = End { error: Some(Arc::new(error)), ..end(None, Outcome::Failed, now) };
            Ok(step(job, Life { state: State::Finished(Arc::new(end)), ..next(job) }))
        }
        State::Waiting { .. } => Err(Refusal::NotDue),
        State::Running(_) => Err(Refusal::Stale),
        State::Finished(_) => Err(Refusal::AlreadyFinished(job.status())),
    }
}

/// A person wants another try: of a job that failed or was cancelled, or at once of one that waits for its time.
/// The retries begin anew; the attempts and the fencing token go on. One that expired would only expire again.
fn retry_asked(job: &Job, now: Timestamp) -> Result<Transition, Refusal> {
    if has_expired(job, now) {
        return Err(Refusal::Expired);
    }
    let again = |attempts| Life {
        state: State::Waiting { run_at: now },
        attempt: 0,
        failures: 0,
        crashes: 0,
        progress: Progress::default(),
        attempts,
        ..next(job)
    };
    match &job.life.state {
        State::Waiting { run_at } if *run_at > now => {
            Ok(step(job, Life { state: State::Waiting { run_at: now }, ..next(job) }))
        }
        State::Waiting { .. } => Err(Refusal::NothingToDo),
        State::Running(_) => Err(Refusal::NotFinished),
        State::Finished(end) if end.outcome == Outcome::Success => Err(Refusal::AlreadyFinished(job.status())),
        State::Finished(_) => Ok(step(job, again(remembering(job, job.last_attempt())))),
    }
}

/// The end of a try that was asked to stop.
fn stopped(job: &Job, run: &Run, now: Timestamp) -> Transition {
    let by = run.cancel.as_ref().map(|cancel| cancel.by.clone());
    let error = JobError::new("cancelled", format!("cancelled by {}", by.as_deref().unwrap_or("nobody")));
    let end = End { error: Some(Arc::new(error)), by, ..end(Some(run), Outcome::Cancelled, now) };
    step(job, Life { state: State::Finished(Arc::new(end)), ..next(job) })
}

/// The end of a job that nobody will try again by itself.
fn dead(job: &Job, run: &Run, outcome: Outcome, error: JobError, now: Timestamp) -> Transition {
    let end = End { dead: true, error: Some(Arc::new(error)), ..end(Some(run), outcome, now) };
    step(job, Life { state: State::Finished(Arc::new(end)), ..next(job) })
}

/// The end of a try, not of the job: it waits again until `run_at`. One that was asked to stop ends instead.
fn given_back(
    job: &Job,
    run: &Run,
    outcome: Outcome,
    error: JobError,
    run_at: Timestamp,
    now: Timestamp,
) -> Transition {
    if run.cancel.is_some() {
        return stopped(job, run, now);
    }
    let attempt = Attempt {
        number: job.life.attempt,
        epoch: job.life.epoch,
        started_at: run.started_at,
        ended_at: now,
        outcome,
        holder: run.holder.clone(),
        error: Some(Arc::new(error)),
    };
    let life = Life { state: State::Waiting { run_at }, attempts: remembering(job, Some(attempt)), ..next(job) };
    step(job, life)
}

/// How long a job whose key is missing waits: the longer, the more often in a row it was.
fn pause_without_key(job: &Job) -> Duration {
    let is_missing = |attempt: &&Attempt| {
        attempt.outcome == Outcome::Released && attempt.error.as_ref().is_some_and(|error| *error.kind == *UNREADABLE)
    };
    let before = job.attempts().iter().rev().take_while(is_missing).count();
    let doubled = 1_u32.checked_shl(u32::try_from(before).unwrap_or(u32::MAX)).unwrap_or(u32::MAX);
    limits::KEY_MISSING_PAUSE.saturating_mul(doubled).min(limits::KEY_MISSING_PAUSE_MAX)
}

fn end(run: Option<&Run>, outcome: Outcome, now: Timestamp) -> End {
    End {
        at: now,
        started_at: run.map(|run| run.started_at),
        outcome,
        dead: false,
        holder: run.map(|run| run.holder.clone()),
        by: None,
        result: None,
        error: None,
    }
}

/// The attempts of a job and one more, the oldest forgotten first (rule 26).
fn remembering(job: &Job, attempt: Option<Attempt>) -> Option<Arc<Vec<Attempt>>> {
    let Some(attempt) = attempt else { return job.life.attempts.clone() };
    let kept = job.attempts();
    let forgotten = (kept.len() + 1).saturating_sub(limits::ATTEMPTS_KEPT_MAX);
    Some(Arc::new(kept[forgotten..].iter().cloned().chain([attempt]).collect()))
}

impl Job {
    /// The try that the job ended with, if it ran at all. It is part of the ending and not among
    /// [`attempts`](Job::attempts).
    pub fn last_attempt(&self) -> Option<Attempt> {
        let end = self.end()?;
        Some(Attempt {
            number: self.life.attempt,
            epoch: self.life.epoch,
            started_at: end.started_at?,
            ended_at: end.at,
            outcome: end.outcome,
            holder: end.holder.clone()?,
            error: end.error.clone(),
        })
    }
}
