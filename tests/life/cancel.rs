//! Cancelling: what waits ends at once; what runs is asked, and then ends as cancelled whatever it says.

use faena::job::{Event, Outcome, Refusal, ResultRef, Status, Visibility};

use crate::factory::*;

#[test]
fn a_waiting_job_ends_at_once() {
    for job in [waiting(), new_job().run_at(at(9_000)).accept(1, at(0))] {
        let job = after(job, cancel_asked(), 50);
        let end = job.end().unwrap();
        assert_eq!((job.status(), end.outcome, end.dead), (Status::Cancelled, Outcome::Cancelled, false));
        assert_eq!((end.at, end.started_at, end.holder.clone()), (at(50), None, None));
        let error = end.error.as_ref().unwrap();
        assert_eq!((&*error.kind, &*error.message), ("cancelled", "cancelled by ana before it ran"));
        assert_eq!(job.last_attempt(), None, "it never ran");
    }
}

#[test]
fn a_job_between_two_tries_ends_at_once_and_keeps_its_history() {
    let job = after(after(running(), failed(1), 300), cancel_asked(), 400);
    assert_eq!((job.status(), job.attempts().len(), job.life.failures), (Status::Cancelled, 1, 1));
    assert_eq!(job.last_attempt(), None, "the failed try is among the attempts already");
}

#[test]
fn a_running_job_is_asked_and_the_asking_is_durable() {
    let step = applied(&running(), cancel_asked(), 200);
    assert_eq!((step.visibility, step.expects, step.next.revision), (Visibility::Durable, 1, 2));
    let job = asked_to_stop();
    let cancel = job.run().unwrap().cancel.as_ref().unwrap();
    assert_eq!((cancel.at, &*cancel.by, job.status()), (at(200), "ana", Status::Started));
    assert_eq!(job.life.epoch, 1, "its holder may still say that it stopped");
}

#[test]
fn asking_twice_changes_nothing() {
    assert_eq!(refused(&asked_to_stop(), cancel_asked(), 300), Refusal::NothingToDo);
}

#[test]
fn a_finished_job_cannot_be_cancelled() {
    let completed = after(running(), succeeded(1), 300);
    assert_eq!(refused(&completed, cancel_asked(), 400), Refusal::AlreadyFinished(Status::Completed));
    assert_eq!(refused(&dead(), cancel_asked(), 400), Refusal::AlreadyFinished(Status::Failed));
    let cancelled = after(waiting(), cancel_asked(), 50);
    assert_eq!(refused(&cancelled, cancel_asked(), 400), Refusal::AlreadyFinished(Status::Cancelled));
}

#[test]
fn rule_15_a_run_that_was_asked_to_stop_ends_as_cancelled_whatever_it_says() {
    let result = Some(ResultRef::Url("https://results.example/1".into()));
    let events = [
        Event::Succeeded { epoch: 1, result, follow_ups: vec![new_job()] },
        failed(1),
        Event::Failed { epoch: 1, error: error(), retryable: false, retry_after: None },
        Event::TimedOut { epoch: 1 },
        Event::Stopped { epoch: 1 },
        released(1),
        Event::Crashed { epoch: 1 },
    ];
    for event in events {
        let step = applied(&asked_to_stop(), event.clone(), 300);
        let job = after(asked_to_stop(), event.clone(), 300);
        let end = job.end().unwrap();
        assert_eq!((job.status(), end.outcome, end.dead), (Status::Cancelled, Outcome::Cancelled, false), "{event:?}");
        assert_eq!((end.started_at, end.at), (Some(at(100)), at(300)));
        assert_eq!(&*end.error.as_ref().unwrap().message, "cancelled by ana");
        assert_eq!((end.result.clone(), step.follow_ups.len()), (None, 0), "{event:?}");
        assert_eq!((job.life.failures, job.life.crashes), (0, 0), "a cancel is nobody's failure");
    }
}

#[test]
fn rule_15_a_lost_holder_that_was_asked_to_stop_ends_as_cancelled() {
    let job = after(waiting(), Event::Claimed { holder: holder(), lease_until: Some(at(900)) }, 100);
    let job = after(job, cancel_asked(), 200);
    assert_eq!(after(job, Event::LeaseLost { epoch: 1 }, 900).status(), Status::Cancelled);
}

#[test]
fn stopped_means_nothing_to_a_run_that_nobody_asked() {
    assert_eq!(refused(&running(), Event::Stopped { epoch: 1 }, 300), Refusal::NothingToDo);
}
