//! What a processor says while it works: progress, saved state, signs of life.

use faena::job::{Event, Status, Visibility};

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
fn a_sign_of_life_does_not_take_back_a_cancel() {
    let job = after(asked_to_stop(), Event::Renewed { epoch: 1, lease_until: at(1_700) }, 800);
    assert_eq!(&*job.run().unwrap().cancel.as_ref().unwrap().by, "ana");
}
