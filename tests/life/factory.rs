//! Jobs and events to try things on. Every test makes its own; nothing is shared.

use faena::clock::Timestamp;
use faena::job::{Event, Holder, Job, JobError, Name, NewJob, Refusal, RetryPolicy, Transition, decide};

/// Milliseconds since some epoch; tests count from zero.
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Three retries after exactly 1, 2 and 4 seconds.
pub fn policy() -> RetryPolicy {
    RetryPolicy { max_retries: 3, delay_ms: 1_000, max_delay_ms: 60_000, jitter: 0.0, exponential: true }
}

pub fn new_job() -> NewJob {
    NewJob::new(Name::new("example").unwrap(), "{}").retry(policy())
}

/// A job accepted at the moment 0.
pub fn waiting() -> Job {
    new_job().accept(7, at(0))
}

/// A job claimed at the moment 100.
pub fn running() -> Job {
    claimed_at(waiting(), 100)
}

/// A running job that was asked at the moment 200 to stop.
pub fn asked_to_stop() -> Job {
    after(running(), cancel_asked(), 200)
}

/// A dead letter: it failed for good at the moment 300.
pub fn dead() -> Job {
    after(running(), Event::Failed { epoch: 1, error: error(), retryable: false, retry_after: None }, 300)
}

pub fn claimed_at(job: Job, millis: i64) -> Job {
    after(job, claimed(), millis)
}

/// The job after an event that must apply.
pub fn after(job: Job, event: Event, millis: i64) -> Job {
    let transition = applied(&job, event, millis);
    Job { life: transition.next, ..job }
}

/// The step that an event must bring.
#[track_caller]
pub fn applied(job: &Job, event: Event, millis: i64) -> Transition {
    match decide(job, event.clone(), at(millis)) {
        Ok(transition) => transition,
        Err(refusal) => panic!("{event:?} was refused: {refusal}"),
    }
}

/// The refusal that an event must meet.
#[track_caller]
pub fn refused(job: &Job, event: Event, millis: i64) -> Refusal {
    match decide(job, event.clone(), at(millis)) {
        Ok(transition) => panic!("{event:?} was not refused: {transition:?}"),
        Err(refusal) => refusal,
    }
}

pub fn holder() -> Holder {
    Holder { node: "node-1".into(), machine: "shed".into(), process: 42 }
}

pub fn error() -> JobError {
    JobError::new("error", "the file was empty")
}

pub fn claimed() -> Event {
    Event::Claimed { holder: holder(), lease_until: None }
}

pub fn succeeded(epoch: u32) -> Event {
    Event::Succeeded { epoch, result: None, follow_ups: Vec::new() }
}

pub fn failed(epoch: u32) -> Event {
    Event::Failed { epoch, error: error(), retryable: true, retry_after: None }
}

pub fn progressed(epoch: u32, percent: u8) -> Event {
    Event::Progressed { epoch, percent, message: None }
}

pub fn state_saved(epoch: u32, state: &str) -> Event {
    Event::StateSaved { epoch, state: Some(state.into()) }
}

pub fn released(epoch: u32) -> Event {
    Event::Released { epoch, reason: "shutdown".into() }
}

pub fn cancel_asked() -> Event {
    Event::CancelAsked { by: "ana".into() }
}

pub fn retry_asked() -> Event {
    Event::RetryAsked { by: "ana".into() }
}
