//! The lifecycle as a table: every state against every event, asked of [`decide`](fn@super::decide) itself.
//! `docs/lifecycle.md` carries what this prints, and a test fails when it no longer does.

use std::fmt::Write;
use std::sync::Arc;

use super::{Event, Holder, Job, JobError, Name, NewJob, Outcome, ResultRef, RetryPolicy, State, decide};
use crate::clock::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const EARLIER: Timestamp = Timestamp::from_millis(900_000);
const LATER: Timestamp = Timestamp::from_millis(2_000_000);

/// The table, in Markdown. A cell names the state after the event, or why the event is refused.
pub fn table() -> String {
    let states = states();
    let mut text = String::from("| event |");
    for (name, _) in &states {
        let _ = write!(text, " {name} |");
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(states.len()));
    text.push('\n');
    for (name, event) in events() {
        let _ = write!(text, "| {name} |");
        for (_, job) in &states {
            let cell = match decide(job, event.clone(), NOW) {
                Ok(transition) => format!("**{}**", describe(job, &transition.next.state)),
                Err(refusal) => format!("_{refusal}_"),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

/// One job in every state that the rules tell apart.
pub fn states() -> Vec<(&'static str, Job)> {
    let name = |text| Name::new(text).unwrap_or_else(|_| unreachable!("a literal name"));
    let new = |retries| {
        let policy = RetryPolicy { max_retries: retries, jitter: 0.0, ..RetryPolicy::default() };
        NewJob::new(name("example"), "{}").retry(policy)
    };
    let after = |mut job: Job, events: Vec<Event>| {
        for event in events {
            if let Ok(transition) = decide(&job, event, EARLIER) {
                job.life = transition.next;
            }
        }
        job
    };
    let holder = || Holder { node: "node".into(), machine: "machine".into(), process: 1 };
    let until = |lease_until| Event::Claimed { holder: holder(), lease_until: Some(lease_until) };
    let claimed = || until(LATER);
    let asked = || Event::CancelAsked { by: "ana".into() };
    let succeeded = Event::Succeeded { epoch: 1, result: None, follow_ups: Vec::new() };
    let failed = Event::Failed { epoch: 1, error: JobError::new("error", "no"), retryable: false, retry_after: None };
    vec![
        ("queued", new(3).accept(1, EARLIER)),
        ("queued, for later", new(3).run_at(LATER).accept(1, EARLIER)),
        ("queued, expired", new(3).expires_at(EARLIER).accept(1, EARLIER)),
        ("running", after(new(3).accept(1, EARLIER), vec![claimed()])),
        ("running, last try", after(new(0).accept(1, EARLIER), vec![claimed()])),
        ("running, lease over", after(new(3).accept(1, EARLIER), vec![until(NOW)])),
        ("running, asked to stop", after(new(3).accept(1, EARLIER), vec![claimed(), asked()])),
        ("completed", after(new(3).accept(1, EARLIER), vec![claimed(), succeeded])),
        ("failed", after(new(3).accept(1, EARLIER), vec![claimed(), failed])),
        ("cancelled", after(new(3).accept(1, EARLIER), vec![asked()])),
    ]
}

/// One event of every kind, as the holder of the first claim would send it.
pub fn events() -> Vec<(&'static str, Event)> {
    let holder = Holder { node: "node".into(), machine: "machine".into(), process: 1 };
    let error = || JobError::new("error", "no");
    vec![
        ("claimed", Event::Claimed { holder, lease_until: None }),
        ("lease renewed", Event::Renewed { epoch: 1, lease_until: LATER }),
        ("store opened again", Event::Resumed { epoch: 1, lease_until: LATER }),
        ("progress", Event::Progressed { epoch: 1, percent: 50, message: None }),
        ("state saved", Event::StateSaved { epoch: 1, state: Some("{}".into()) }),
        ("result handed in", Event::Uploaded { epoch: 1, result: ResultRef::Url("data:,".into()) }),
        ("succeeded", Event::Succeeded { epoch: 1, result: None, follow_ups: Vec::new() }),
        ("failed, may be retried", Event::Failed { epoch: 1, error: error(), retryable: true, retry_after: None }),
        ("failed for good", Event::Failed { epoch: 1, error: error(), retryable: false, retry_after: None }),
        ("timed out", Event::TimedOut { epoch: 1 }),
        ("cancel asked", Event::CancelAsked { by: Arc::from("ana") }),
        ("stopped", Event::Stopped { epoch: 1 }),
        ("released by a drain", Event::Released { epoch: 1, reason: Arc::from("shutdown") }),
        ("its key is missing", Event::KeyMissing { epoch: 1, reason: Arc::from("its payload is encrypted") }),
        ("lease lost", Event::LeaseLost { epoch: 1 }),
        ("process crashed", Event::Crashed { epoch: 1 }),
        ("expired", Event::Expired),
        ("retry asked", Event::RetryAsked { by: Arc::from("ana") }),
        ("discarded", Event::Discarded),
    ]
}

fn describe(before: &Job, after: &State) -> String {
    match after {
        State::Waiting { run_at } if *run_at > NOW => "queued, after a pause".to_owned(),
        State::Waiting { .. } => "queued".to_owned(),
        State::Running(run) if run.cancel.is_some() => "running, asked to stop".to_owned(),
        State::Running(_) => "running".to_owned(),
        State::Finished(end) => match end.outcome {
            Outcome::Success => "completed".to_owned(),
            Outcome::Cancelled => "cancelled".to_owned(),
            _ if end.dead => "failed, dead letter".to_owned(),
            _ if before.is_finished() => "failed, dead letter closed".to_owned(),
            _ => "failed".to_owned(),
        },
    }
}
