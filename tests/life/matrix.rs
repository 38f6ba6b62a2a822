//! Every state against every event, written out by hand: the arrows that exist, and the refusal of all others.

use faena::clock::Timestamp;
use faena::job::{Outcome, Refusal, ResultRef, State, Status, decide, lifecycle};

/// Where an arrow leads, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cell {
    Queued,
    QueuedLater,
    Running,
    AskedToStop,
    Completed,
    Cancelled,
    DeadLetter,
    FailedClosed,
    No(Refusal),
}

use Cell::*;
const STALE: Cell = No(Refusal::Stale);
const EARLY: Cell = No(Refusal::NotDue);
const ENDED: Cell = No(Refusal::AlreadyFinished(Status::Completed));
const FAILED: Cell = No(Refusal::AlreadyFinished(Status::Failed));
const STOPPED: Cell = No(Refusal::AlreadyFinished(Status::Cancelled));
const UNFINISHED: Cell = No(Refusal::NotFinished);
const NOTHING: Cell = No(Refusal::NothingToDo);
const EXPIRED: Cell = No(Refusal::Expired);

const STATES: [&str; 10] = [
    "queued",
    "queued, for later",
    "queued, expired",
    "running",
    "running, last try",
    "running, lease over",
    "running, asked to stop",
    "completed",
    "failed",
    "cancelled",
];

#[rustfmt::skip]
const EXPECTED: [(&str, [Cell; 10]); 19] = [
    ("claimed",               [Running, EARLY, EXPIRED, STALE, STALE, STALE, STALE, ENDED, FAILED, STOPPED]),
    ("lease renewed",         [STALE, STALE, STALE, Running, Running, STALE, NOTHING, STALE, STALE, STALE]),
    ("store opened again",     [STALE, STALE, STALE, Running, Running, Running, AskedToStop, STALE, STALE, STALE]),
    ("progress",              [STALE, STALE, STALE, Running, Running, STALE, AskedToStop, STALE, STALE, STALE]),
    ("state saved",           [STALE, STALE, STALE, Running, Running, STALE, AskedToStop, STALE, STALE, STALE]),
    ("result handed in",       [STALE, STALE, STALE, Running, Running, STALE, AskedToStop, STALE, STALE, STALE]),
    ("succeeded",             [STALE, STALE, STALE, Completed, Completed, STALE, Cancelled, STALE, STALE, STALE]),
    ("failed, may be retried",[STALE, STALE, STALE, QueuedLater, DeadLetter, STALE, Cancelled, STALE, STALE, STALE]),
    ("failed for good",       [STALE, STALE, STALE, DeadLetter, DeadLetter, STALE, Cancelled, STALE, STALE, STALE]),
    ("timed out",             [STALE, STALE, STALE, QueuedLater, DeadLetter, STALE, Cancelled, STALE, STALE, STALE]),
    ("cancel asked",          [Cancelled, Cancelled, Cancelled, AskedToStop, AskedToStop, AskedToStop, NOTHING, ENDED, FAILED, STOPPED]),
    ("stopped",               [STALE, STALE, STALE, NOTHING, NOTHING, STALE, Cancelled, STALE, STALE, STALE]),
    ("released by a drain",   [STALE, STALE, STALE, Queued, Queued, STALE, Cancelled, STALE, STALE, STALE]),
    ("its key is missing",    [STALE, STALE, STALE, QueuedLater, QueuedLater, STALE, Cancelled, STALE, STALE, STALE]),
    ("lease lost",            [STALE, STALE, STALE, EARLY, EARLY, Queued, EARLY, STALE, STALE, STALE]),
    ("process crashed",       [STALE, STALE, STALE, QueuedLater, QueuedLater, QueuedLater, Cancelled, STALE, STALE, STALE]),
    ("expired",               [EARLY, EARLY, FailedClosed, STALE, STALE, STALE, STALE, ENDED, FAILED, STOPPED]),
    ("retry asked",           [NOTHING, Queued, EXPIRED, UNFINISHED, UNFINISHED, UNFINISHED, UNFINISHED, ENDED, Queued, Queued]),
    ("discarded",             [UNFINISHED, UNFINISHED, UNFINISHED, UNFINISHED, UNFINISHED, UNFINISHED, UNFINISHED, NOTHING, FailedClosed, NOTHING]),
];

/// The moment at which the domain's own table asks.
const NOW: Timestamp = Timestamp::from_millis(1_000_000);

#[test]
fn every_pair_of_state_and_event_leads_where_the_table_says() {
    let states = lifecycle::states();
    let events = lifecycle::events();
    assert_eq!(states.iter().map(|(name, _)| *name).collect::<Vec<_>>(), STATES);
    assert_eq!(
        events.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        EXPECTED.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
    for ((event_name, event), (_, row)) in events.iter().zip(&EXPECTED) {
        for ((state_name, job), expected) in states.iter().zip(row) {
            let cell = match decide(job, event.clone(), NOW) {
                Ok(transition) => arrow(&transition.next.state),
                Err(refusal) => No(refusal),
            };
            assert_eq!(cell, *expected, "{event_name} when {state_name}");
        }
    }
}

#[test]
fn rule_01_a_report_under_any_other_epoch_is_stale_in_every_state() {
    use crate::factory::*;
    let reports = |epoch| {
        vec![
            faena::job::Event::Renewed { epoch, lease_until: NOW },
            faena::job::Event::Resumed { epoch, lease_until: NOW },
            faena::job::Event::Uploaded { epoch, result: ResultRef::Url("data:,".into()) },
            progressed(epoch, 50),
            state_saved(epoch, "{}"),
            succeeded(epoch),
            failed(epoch),
            faena::job::Event::TimedOut { epoch },
            faena::job::Event::Stopped { epoch },
            released(epoch),
            faena::job::Event::KeyMissing { epoch, reason: "closed".into() },
            faena::job::Event::LeaseLost { epoch },
            faena::job::Event::Crashed { epoch },
        ]
    };
    for (name, job) in lifecycle::states() {
        for epoch in [0, 2, u32::MAX] {
            for report in reports(epoch) {
                assert_eq!(decide(&job, report.clone(), NOW), Err(Refusal::Stale), "{report:?} when {name}");
            }
        }
    }
}

fn arrow(state: &State) -> Cell {
    match state {
        State::Waiting { run_at } if *run_at > NOW => QueuedLater,
        State::Waiting { .. } => Queued,
        State::Running(run) if run.cancel.is_some() => AskedToStop,
        State::Running(_) => Running,
        State::Finished(end) => match end.outcome {
            Outcome::Success => Completed,
            Outcome::Cancelled => Cancelled,
            _ if end.dead => DeadLetter,
            _ => FailedClosed,
        },
    }
}
