//! What people do afterwards: another try, a discarded dead letter; and the expiry of what waited too long.

use faena::job::{Event, Outcome, Progress, Refusal, Status};

use crate::factory::*;

#[test]
fn a_retry_begins_the_counts_anew_and_goes_on_with_the_epoch() {
    let job = after(after(running(), progressed(1, 70), 150), state_saved(1, "9"), 160);
    let job = after(job, Event::Failed { epoch: 1, error: error(), retryable: false, retry_after: None }, 300);
    let again = after(job, retry_asked(), 1_000);
    assert_eq!((again.status(), again.run_at()), (Status::Queued, Some(at(1_000))));
    assert_eq!((again.life.attempt, again.life.failures, again.life.crashes), (0, 0, 0));
    assert_eq!((again.life.epoch, again.life.revision), (1, 4));
    assert_eq!(again.life.progress, Progress::default());
    assert_eq!(again.life.saved.as_deref(), Some("9"), "it goes on where it stopped");
    let claimed = claimed_at(again, 1_100);
    assert_eq!((claimed.life.epoch, claimed.life.attempt), (2, 1));
}

#[test]
fn a_retry_moves_the_last_try_among_the_attempts() {
    let again = after(dead(), retry_asked(), 1_000);
    let attempt = again.attempts().last().unwrap();
    assert_eq!((again.attempts().len(), attempt.number), (1, 1));
    assert_eq!((attempt.outcome, attempt.started_at, attempt.ended_at), (Outcome::Failed, at(100), at(300)));
}

#[test]
fn a_cancelled_job_may_be_tried_again() {
    let never_ran = after(after(waiting(), cancel_asked(), 50), retry_asked(), 60);
    assert_eq!((never_ran.status(), never_ran.attempts().len()), (Status::Queued, 0));
    let ran = after(after(asked_to_stop(), Event::Stopped { epoch: 1 }, 300), retry_asked(), 400);
    assert_eq!(ran.attempts().last().unwrap().outcome, Outcome::Cancelled);
}

#[test]
fn a_completed_job_is_not_tried_again() {
    let completed = after(running(), succeeded(1), 300);
    assert_eq!(refused(&completed, retry_asked(), 400), Refusal::AlreadyFinished(Status::Completed));
}

#[test]
fn a_retry_calls_in_a_job_that_waits_for_its_time() {
    let later = after(running(), failed(1), 300);
    let called = after(later.clone(), retry_asked(), 400);
    assert_eq!(called.run_at(), Some(at(400)));
    assert_eq!((called.life.failures, called.attempts().len()), (1, 1), "its count goes on: it never ended");
    assert_eq!(refused(&called, retry_asked(), 500), Refusal::NothingToDo);
}

#[test]
fn a_running_job_is_not_tried_again() {
    assert_eq!(refused(&running(), retry_asked(), 200), Refusal::NotFinished);
}

#[test]
fn rule_01_a_retry_does_not_let_the_old_holder_back_in() {
    let again = claimed_at(after(dead(), retry_asked(), 1_000), 1_100);
    for event in [succeeded(1), failed(1), released(1), progressed(1, 50), state_saved(1, "{}")] {
        assert_eq!(refused(&again, event, 1_200), Refusal::Stale);
    }
}

#[test]
fn a_job_that_waited_past_its_expiry_fails() {
    let job = new_job().expires_at(at(1_000)).accept(1, at(0));
    assert_eq!(refused(&job, Event::Expired, 999), Refusal::NotDue);
    let job = after(job, Event::Expired, 1_000);
    let end = job.end().unwrap();
    assert_eq!((job.status(), end.outcome, end.dead), (Status::Failed, Outcome::Failed, false));
    assert_eq!((&*end.error.as_ref().unwrap().kind, end.started_at), ("expired", None));
}

#[test]
fn an_expired_job_is_not_tried_again() {
    let due = new_job().expires_at(at(1_000)).accept(1, at(0));
    let expired = after(due.clone(), Event::Expired, 1_000);
    assert_eq!(refused(&expired, retry_asked(), 2_000), Refusal::Expired, "it would expire again at once");
    let cancelled = after(due, cancel_asked(), 500);
    assert_eq!(applied(&cancelled, retry_asked(), 999).next.attempt, 0);
    assert_eq!(refused(&cancelled, retry_asked(), 1_000), Refusal::Expired);
}

#[test]
fn a_dead_letter_that_is_discarded_stays_failed() {
    let job = after(dead(), Event::Discarded, 900);
    let end = job.end().unwrap();
    assert_eq!((job.status(), end.dead, end.at), (Status::Failed, false, at(300)));
    assert_eq!(end.error.as_deref(), Some(&error()));
    assert_eq!(refused(&job, Event::Discarded, 950), Refusal::NothingToDo);
    assert_eq!(after(job, retry_asked(), 960).status(), Status::Queued, "somebody may still change their mind");
}

#[test]
fn only_dead_letters_are_discarded() {
    assert_eq!(refused(&waiting(), Event::Discarded, 900), Refusal::NotFinished);
    assert_eq!(refused(&running(), Event::Discarded, 900), Refusal::NotFinished);
    assert_eq!(refused(&after(running(), succeeded(1), 300), Event::Discarded, 900), Refusal::NothingToDo);
}
