//! What a processor says while it works: progress, saved state, signs of life.

use std::time::Duration;

use faena::job::{Event, Job, Outcome, Refusal, ResultRef, Status, Visibility};

use crate::factory::*;

#[test]
fn the_first_report_makes_started_into_progress() {
    let job = running();
    assert_eq!(job.status(), Status::Started);
    let job = after(job, progressed(1, 0), 150);
    assert_eq!(job.status(), Status::Progress, "even a report of nothing is one");
    let progress = &job.life.progress;
    assert_eq!((progress.percent, progress.first_at(), progress.at()), (0, Some(at(150)), Some(at(150))));
}

#[test]
fn progress_never_falls_within_a_try() {
    let job = after(after(running(), progressed(1, 60), 150), progressed(1, 20), 160);
    let progress = &job.life.progress;
    assert_eq!((progress.percent, progress.first_at(), progress.at()), (60, Some(at(150)), Some(at(160))));
}

#[test]
fn progress_stops_at_a_hundred() {
    assert_eq!(after(running(), progressed(1, 140), 150).life.progress.percent, 100);
}

#[test]
fn a_message_stays_until_another_takes_its_place() {
    let say = |text: &str| Event::Progressed { epoch: 1, percent: 10, message: Some(text.into()) };
    let job = after(after(running(), say("reading"), 150), progressed(1, 20), 160);
    assert_eq!(job.life.progress.message(), Some("reading"));
    let job = after(job, say("writing"), 170);
    assert_eq!(job.life.progress.message(), Some("writing"));
}

#[test]
fn a_report_is_fleeting_and_leaves_the_revision_alone() {
    let job = running();
    let step = applied(&job, progressed(1, 10), 150);
    assert_eq!(step.visibility, Visibility::Fleeting);
    assert_eq!((step.expects, step.next.revision), (job.life.revision, job.life.revision));
}

#[test]
fn a_saved_state_is_durable_and_replaces_the_one_before() {
    let job = after(running(), state_saved(1, "1"), 150);
    let step = applied(&job, state_saved(1, "2"), 160);
    assert_eq!(step.next.saved.as_deref(), Some("2"));
    assert_eq!(step.visibility, Visibility::Durable);
    assert_eq!((step.expects, step.next.revision), (2, 3));
    assert_eq!(applied(&job, Event::StateSaved { epoch: 1, state: None }, 160).next.saved, None);
}

#[test]
fn a_sign_of_life_moves_the_lease_and_nothing_else() {
    let job = after(waiting(), Event::Claimed { holder: holder(), lease_until: Some(at(900)) }, 100);
    let step = applied(&job, Event::Renewed { epoch: 1, lease_until: at(1_700) }, 800);
    assert_eq!(step.visibility, Visibility::Fleeting);
    let renewed = after(job.clone(), Event::Renewed { epoch: 1, lease_until: at(1_700) }, 800);
    assert_eq!(renewed.run().unwrap().lease_until, Some(at(1_700)));
    assert_eq!(renewed.started_at(), job.started_at());
    assert_eq!(renewed.life.revision, job.life.revision);
}

#[test]
fn a_sign_of_life_lengthens_no_lease_of_a_run_that_was_asked_to_stop() {
    let asked = after(leased(new_job().accept(7, at(0))), cancel_asked(), 200);
    assert_eq!(refused(&asked, Event::Renewed { epoch: 1, lease_until: at(1_700) }, 800), Refusal::NothingToDo);
    assert_eq!(asked.run().unwrap().lease_until, Some(at(900)), "and what it has is left to it");
}

#[test]
fn a_sign_of_life_never_shortens_a_lease() {
    let job = after(leased(waiting()), Event::Renewed { epoch: 1, lease_until: at(500) }, 400);
    assert_eq!(job.run().unwrap().lease_until, Some(at(900)));
}

#[test]
fn rule_01_whose_lease_has_run_out_has_nothing_to_say_be_it_taken_back_or_not() {
    let job = leased(waiting());
    let uploaded = Event::Uploaded { epoch: 1, result: ResultRef::Url("data:,".into()) };
    let renewed = Event::Renewed { epoch: 1, lease_until: at(5_000) };
    for report in [renewed, progressed(1, 5), state_saved(1, "1"), uploaded, succeeded(1), failed(1), released(1)] {
        assert_eq!(refused(&job, report.clone(), 900), Refusal::Stale, "{report:?}");
        applied(&job, report, 899);
    }
}

#[test]
fn rule_07_whoever_could_not_speak_has_a_full_new_term() {
    let job = after(leased(waiting()), Event::Resumed { epoch: 1, lease_until: at(90_000) }, 60_000);
    assert_eq!(job.run().unwrap().lease_until, Some(at(90_000)));
    assert_eq!(refused(&running(), Event::Resumed { epoch: 1, lease_until: at(9) }, 5), Refusal::NothingToDo);
}

#[test]
fn a_lease_ends_with_the_time_that_a_try_may_take_and_that_is_a_time_out() {
    let job = leased(new_job().timeout(Duration::from_millis(700)).accept(7, at(0)));
    assert_eq!(job.run().unwrap().lease_until, Some(at(800)), "claimed at 100");
    let job = after(job, Event::Renewed { epoch: 1, lease_until: at(5_000) }, 500);
    assert_eq!(job.run().unwrap().lease_until, Some(at(800)));
    let job = after(job, Event::LeaseLost { epoch: 1 }, 800);
    assert_eq!((job.attempts()[0].outcome, job.life.failures), (Outcome::Timeout, 1));
}

#[test]
fn a_result_that_was_handed_in_is_the_jobs_unless_it_ends_with_another() {
    let url = |text: &str| Some(ResultRef::Url(text.into()));
    let job = after(leased(waiting()), Event::Uploaded { epoch: 1, result: url("data:,1").unwrap() }, 200);
    let job = after(job, Event::Uploaded { epoch: 1, result: url("data:,2").unwrap() }, 300);
    assert_eq!(after(job.clone(), succeeded(1), 400).end().unwrap().result, url("data:,2"));
    let other = Event::Succeeded { epoch: 1, result: url("data:,3"), follow_ups: Vec::new() };
    assert_eq!(after(job.clone(), other, 400).end().unwrap().result, url("data:,3"));
    let again = claimed_at(after(job, failed(1), 400), 9_000);
    assert_eq!(after(again, succeeded(2), 9_100).end().unwrap().result, None, "another try, another result");
}

#[test]
fn steps_that_were_decided_on_one_base_keep_what_the_other_brought() {
    let base = leased(waiting());
    let renewed = applied(&base, Event::Renewed { epoch: 1, lease_until: at(1_700) }, 800);
    let (early, late) = (applied(&base, progressed(1, 60), 810), applied(&base, progressed(1, 40), 820));
    let saved = applied(&base, state_saved(1, "1"), 830);
    let steps = [renewed, early, late, saved];
    for order in [[0, 1, 2, 3], [2, 1, 0, 3], [1, 0, 2, 3]] {
        let mut job = base.clone();
        for step in order {
            job.life = steps[step].clone().onto(&job);
        }
        let progress = &job.life.progress;
        assert_eq!((progress.percent, progress.at()), (60, Some(at(820))), "{order:?}");
        assert_eq!(job.run().unwrap().lease_until, Some(at(1_700)), "{order:?}");
        assert_eq!(job.life.saved.as_deref(), Some("1"), "{order:?}");
    }
}

/// The same job, claimed at the moment 100 under a lease until the moment 900.
fn leased(job: Job) -> Job {
    after(job, Event::Claimed { holder: holder(), lease_until: Some(at(900)) }, 100)
}
