//! A claim: who may take a job, when, and what the claim counts.

use faena::job::{Event, Progress, Refusal, Visibility};

use crate::factory::*;

#[test]
fn rule_03_a_claim_counts_the_attempt_and_raises_the_epoch() {
    let job = waiting();
    let step = applied(&job, claimed(), 100);
    assert_eq!((job.life.attempt, job.life.epoch), (0, 0));
    assert_eq!((step.next.attempt, step.next.epoch, step.next.failures), (1, 1, 0));
    assert_eq!((step.job, step.seq, step.expects, step.next.revision), (job.id, 7, 0, 1));
}

#[test]
fn a_claim_records_who_and_since_when() {
    let step = applied(&waiting(), Event::Claimed { holder: holder(), lease_until: Some(at(900)) }, 100);
    let job = after(waiting(), Event::Claimed { holder: holder(), lease_until: Some(at(900)) }, 100);
    let run = job.run().unwrap();
    assert_eq!((run.started_at, run.lease_until, &run.cancel), (at(100), Some(at(900)), &None));
    assert_eq!(run.holder, holder());
    assert_eq!(job.started_at(), Some(at(100)));
    assert_eq!(step.visibility, Visibility::Early, "a start is shown before the disk has it");
}

#[test]
fn a_claim_starts_progress_anew_and_keeps_the_saved_state() {
    let first = after(after(running(), progressed(1, 80), 200), state_saved(1, r#"{"row":9}"#), 210);
    let again = claimed_at(after(first, released(1), 300), 400);
    assert_eq!(again.life.progress, Progress::default());
    assert_eq!(again.life.saved.as_deref(), Some(r#"{"row":9}"#));
}

#[test]
fn rule_06_a_job_that_waits_for_its_time_is_not_handed_out() {
    let job = new_job().run_at(at(5_000)).accept(1, at(0));
    assert_eq!(refused(&job, claimed(), 4_999), Refusal::NotDue);
    assert_eq!(applied(&job, claimed(), 5_000).next.attempt, 1);
}

#[test]
fn a_time_in_the_past_means_now() {
    assert_eq!(new_job().run_at(at(-5)).accept(1, at(0)).run_at(), Some(at(0)));
}

#[test]
fn an_expired_job_is_not_handed_out() {
    let job = new_job().expires_at(at(1_000)).accept(1, at(0));
    assert_eq!(applied(&job, claimed(), 999).next.epoch, 1);
    assert_eq!(refused(&job, claimed(), 1_000), Refusal::Expired);
}

#[test]
fn a_job_that_has_started_once_no_longer_expires() {
    let job = new_job().expires_at(at(1_000)).accept(1, at(0));
    let job = after(claimed_at(job, 500), released(1), 600);
    assert_eq!(refused(&job, Event::Expired, 2_000), Refusal::NotDue);
    assert_eq!(applied(&job, claimed(), 2_000).next.epoch, 2);
}

#[test]
fn rule_01_a_running_job_is_not_handed_out_twice() {
    assert_eq!(refused(&running(), claimed(), 200), Refusal::Stale);
    assert_eq!(refused(&asked_to_stop(), claimed(), 300), Refusal::Stale);
}
