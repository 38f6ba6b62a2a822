//! What the jobs of a schedule come to is kept with it.

use faena::job::{self, Holder, JobError, JobId, Outcome};
use faena::schedule::{Event, Life, Schedule};

use crate::factory::{after, applied, at, due, schedule};

/// Fired once; its job.
fn fired() -> (Schedule, JobId) {
    let schedule = schedule("0 * * * *", "UTC", "2026-11-24T09:30:00Z", |_| {});
    let step = applied(&schedule, due(), "2026-11-24T10:00:01Z");
    let job = step.jobs[0].id;
    (step.apply(&schedule), job)
}

fn ended(job: JobId, outcome: Outcome, took_ms: u64, error: Option<&str>) -> Event {
    Event::Ended { job, outcome, took_ms: Some(took_ms), error: error.map(Into::into) }
}

const LATER: &str = "2026-11-24T10:20:00Z";

#[test]
fn an_execution_is_counted_when_it_is_made_and_when_it_ends() {
    let (schedule, job) = fired();
    let last = schedule.life.tally.last.clone().unwrap();
    assert_eq!((last.job, last.at, last.outcome), (job, at("2026-11-24T10:00:01Z"), None));
    assert_eq!(last.scheduled_for, Some(at("2026-11-24T10:00:00Z")));
    assert_eq!((schedule.life.tally.total, schedule.life.tally.average_ms()), (1, None));
    let done = after(&schedule, ended(job, Outcome::Success, 1_500, None), LATER);
    let tally = &done.life.tally;
    assert_eq!((tally.total, tally.succeeded, tally.failed, tally.average_ms()), (1, 1, 0, Some(1_500)));
    assert_eq!(tally.last.as_ref().unwrap().outcome, Some(Outcome::Success));
    assert_eq!(done.life.edition, 0, "no one edited it");
    assert_eq!((done.life.last_tick, done.life.next_tick), (schedule.life.last_tick, schedule.life.next_tick));
}

#[test]
fn failures_in_a_row_are_counted_until_a_success() {
    let (mut schedule, job) = fired();
    for (outcome, in_a_row, failed) in [
        (Outcome::Failed, 1, 1),
        (Outcome::Timeout, 2, 2),
        (Outcome::Crashed, 3, 3),
        (Outcome::Cancelled, 3, 3),
        (Outcome::Lost, 4, 4),
        (Outcome::Success, 0, 4),
        (Outcome::Failed, 1, 5),
    ] {
        schedule = after(&schedule, ended(job, outcome, 10, Some("no")), LATER);
        let tally = &schedule.life.tally;
        assert_eq!((tally.failures_in_a_row, tally.failed), (in_a_row, failed), "{outcome}");
    }
    assert_eq!(schedule.life.tally.last.unwrap().error.as_deref(), Some("no"));
}

#[test]
fn the_average_is_that_of_what_completed() {
    let (mut schedule, job) = fired();
    for (outcome, took) in [(Outcome::Success, 100), (Outcome::Failed, 9_000), (Outcome::Success, 400)] {
        schedule = after(&schedule, ended(job, outcome, took, None), LATER);
    }
    assert_eq!(schedule.life.tally.average_ms(), Some(250));
}

#[test]
fn the_ending_of_an_older_execution_is_not_taken_for_the_latest_one() {
    let (schedule, older) = fired();
    let schedule = after(&schedule, due(), "2026-11-24T11:00:00Z");
    let schedule = after(&schedule, ended(older, Outcome::Failed, 10, Some("old")), LATER);
    let last = schedule.life.tally.last.unwrap();
    assert_ne!(last.job, older);
    assert_eq!((last.outcome, last.error), (None, None));
    assert_eq!(schedule.life.tally.failed, 1);
}

#[test]
fn an_ending_is_read_from_the_job() {
    let (schedule, _) = fired();
    let new = applied(&schedule, Event::RunAsked { payload: None }, LATER).jobs.remove(0);
    let mut new = new.accept(1, at("2026-11-24T10:20:00Z"));
    assert_eq!(Event::ended(&new), None);
    let holder = Holder { node: "n".into(), machine: "m".into(), process: 1 };
    let claim = job::Event::Claimed { holder, lease_until: None };
    new.life = job::decide(&new, claim, at("2026-11-24T10:20:01Z")).unwrap().next;
    let error = JobError::new("error", "the disk was full");
    let fail = job::Event::Failed { epoch: 1, error, retryable: false, retry_after: None };
    new.life = job::decide(&new, fail, at("2026-11-24T10:20:03.500Z")).unwrap().next;
    assert_eq!(Event::ended(&new), Some(ended(new.id, Outcome::Failed, 2_500, Some("the disk was full"))));
}

#[test]
fn a_life_is_stored_whole_and_an_empty_one_is_short() {
    let (schedule, job) = fired();
    let lived = after(&schedule, ended(job, Outcome::Failed, 7, Some("no")), LATER);
    let lived = after(&lived, Event::Paused { until: Some(at("2026-12-01T00:00:00Z")) }, LATER);
    for life in [&schedule.life, &lived.life] {
        let json = serde_json::to_string(life).unwrap();
        assert_eq!(serde_json::from_str::<Life>(&json).unwrap(), *life, "{json}");
    }
}
