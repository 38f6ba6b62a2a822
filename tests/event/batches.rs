//! A commit's events as bytes: what is read is what was told, and what cannot be read is said so.

use faena::event::batch::{BATCH_EVENTS_MAX, Batch, Entry, Unreadable, read};
use faena::event::tell::{Before, job_event, kinds, moment, of_job};
use faena::event::{Aggregate, Event as Told, EventType};
use faena::job::{Emitted, Event, Holder, Job, JobError, Name, NewJob, Priority, ResultRef, decide};
use proptest::prelude::*;
use serde_json::json;

use crate::{at, json};

fn accepted(seq: u64) -> Job {
    let mut job = NewJob::new(Name::new("example").unwrap(), "{}").priority(Priority::High);
    if seq % 2 == 1 {
        job = job.user("ana").tag("monthly").tag("größe");
        job.options.callback_url = Some("https://example.org/done".into());
    }
    job.accept(seq, at(1_700_000_000_000 + seq as i64))
}

fn holder(process: u32) -> Holder {
    Holder { node: "0190d5a3-0000-7000-8000-000000000001".into(), machine: "shed".into(), process }
}

/// The job after each of these, from one to the next.
fn life(job: &Job, events: &[Event]) -> Vec<(Before, Job)> {
    let mut lives = vec![(Before::Nothing, job.clone())];
    for (step, event) in events.iter().enumerate() {
        let before = lives.last().unwrap().1.clone();
        let now = before.created_at.plus_millis(60_000 * (step as u64 + 1));
        let transition = decide(&before, event.clone(), now).unwrap();
        lives.push((Before::of(&before), Job { life: transition.next, ..before }));
    }
    lives
}

fn claimed(process: u32) -> Event {
    Event::Claimed { holder: holder(process), lease_until: None }
}

fn done(url: &str) -> Event {
    Event::Succeeded { epoch: 1, result: Some(ResultRef::Url(url.into())), follow_ups: vec![] }
}

fn failed(retryable: bool) -> Event {
    Event::Failed { epoch: 1, error: JobError::new("error", "no luck"), retryable, retry_after: None }
}

/// Lives of all sorts.
fn lives() -> Vec<(Before, Job)> {
    let cancel = || Event::CancelAsked { by: "key:ana".into() };
    let stories = [
        vec![],
        vec![claimed(7), done("data:,ok")],
        vec![claimed(7), done(&format!("data:,{}", "x".repeat(5_000)))],
        vec![claimed(0), failed(true)],
        vec![claimed(7), failed(false), Event::RetryAsked { by: "key:eva".into() }],
        vec![claimed(7), Event::Released { epoch: 1, reason: "shutdown".into() }],
        vec![cancel()],
        vec![claimed(7), cancel(), Event::Stopped { epoch: 1 }],
        vec![claimed(7), Event::Crashed { epoch: 1 }],
    ];
    (1u64..).zip(stories).flat_map(|(seq, story)| life(&accepted(seq), &story)).collect()
}

fn own(number: u32) -> Told {
    let aggregate = Aggregate { sort: "Payout".into(), id: number.to_string().into() };
    let kind = EventType::new("PayoutCalculated").unwrap();
    Told::own(kind, aggregate, &json!({ "amount": number, "of": "María" }), at(5)).unwrap()
}

#[test]
fn what_is_read_is_what_was_told() {
    let mut batch = Batch::default();
    let mut told = Vec::new();
    for (before, job) in lives() {
        let (kinds, when) = (kinds(before, &job), moment(before, &job));
        batch.add_job(kinds, &job, when, None);
        told.extend(kinds.iter().map(|kind| Entry {
            event: job_event(*kind, &job, when, None),
            user: job.spec.user_id.clone(),
            callback: job.spec.callback_url().map(Into::into),
        }));
        let event = own(7);
        batch.add(&event, Some("ana"));
        told.push(Entry { event, user: Some("ana".into()), callback: None });
    }
    let written = batch.written().unwrap();
    assert_eq!(written.told, told.len());
    assert_eq!(read(&written.events).unwrap(), told);
    assert_eq!(written.seqs, Some(1..=9));
    let moments = || told.iter().map(|entry| entry.event.occurred_at);
    assert_eq!((Some(written.first_at), Some(written.last_at)), (moments().min(), moments().max()));
    assert_eq!(written.others, [own(7).aggregate.digest()]);
}

#[test]
fn who_did_it_and_why_is_told() {
    let found = |story: Vec<Event>, by: Option<&str>| {
        let lives = life(&accepted(2), &story);
        let (before, job) = lives.last().unwrap();
        let kind = kinds(*before, job)[0];
        let event = json(&job_event(kind, job, moment(*before, job), by));
        (event["payload"]["by"].clone(), event["payload"]["reason"].clone())
    };
    let node = json!("node:shed/7");
    let worker = json!("worker:0190d5a3-0000-7000-8000-000000000001");
    let cancel = || Event::CancelAsked { by: "key:ana".into() };
    assert_eq!(found(vec![], Some("key:eva")), (json!("key:eva"), json!(null)));
    assert_eq!(found(vec![], None), (json!(null), json!(null)));
    assert_eq!(found(vec![claimed(7)], None), (node.clone(), json!(null)));
    assert_eq!(found(vec![claimed(0)], None), (worker.clone(), json!(null)));
    assert_eq!(found(vec![claimed(0), failed(true)], None), (worker, json!("no luck")));
    assert_eq!(found(vec![cancel()], None), (json!("key:ana"), json!("cancelled by key:ana before it ran")));
    let stopped = vec![claimed(7), cancel(), Event::Stopped { epoch: 1 }];
    assert_eq!(found(stopped, None), (json!("key:ana"), json!("cancelled by key:ana")));
    let released = vec![claimed(7), Event::Released { epoch: 1, reason: "shutdown".into() }];
    assert_eq!(found(released, None), (node, json!("shutdown")));
    let again = vec![claimed(7), failed(false), Event::RetryAsked { by: "key:eva".into() }];
    assert_eq!(found(again, Some("key:eva")), (json!("key:eva"), json!(null)));
    let mut of_schedule = NewJob::new(Name::new("example").unwrap(), "{}");
    of_schedule.options.schedule_id = Some("0190d5a3-0000-7000-8000-0000000000aa".into());
    let event = of_job(None, &of_schedule.accept(1, at(0)), at(0)).remove(0);
    assert_eq!(json(&event)["payload"]["by"], "schedule:0190d5a3-0000-7000-8000-0000000000aa");
}

#[test]
fn a_job_takes_few_bytes() {
    let mut batch = Batch::default();
    let mut told = 0;
    for seq in (2..202).step_by(2) {
        for (before, job) in life(&accepted(seq), &[claimed(7), done("data:,ok")]) {
            batch.add_job(kinds(before, &job), &job, moment(before, &job), None);
            told += 1;
        }
    }
    let bytes = batch.written().unwrap().events.len();
    assert!(bytes / told <= 60, "{} bytes an event", bytes / told);
}

#[test]
fn a_batch_says_when_it_is_full_and_an_empty_one_is_none() {
    assert_eq!(Batch::default().written(), None);
    let mut batch = Batch::default();
    let job = accepted(2);
    while !batch.is_full() {
        batch.add_job(kinds(Before::Nothing, &job), &job, at(0), None);
    }
    assert_eq!(read(&batch.written().unwrap().events).unwrap().len(), BATCH_EVENTS_MAX);
}

#[test]
fn an_event_of_an_application_comes_through_the_commit_of_its_job() {
    let event = own(3);
    assert_eq!(Told::try_from(Emitted::from(event.clone())), Ok(event));
}

#[test]
fn the_digest_of_an_aggregate_stays_what_it_is() {
    // It stands in databases.
    assert_eq!(Aggregate { sort: "schedule".into(), id: "x".into() }.digest(), 0x2B5A_95C9_8260_D034);
    assert_ne!(own(1).aggregate.digest(), own(2).aggregate.digest());
}

proptest! {
    /// Bytes from elsewhere, and ours with one of them changed or the end missing, are read or refused, and nothing worse.
    #[test]
    fn no_bytes_do_harm(
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        at_byte in any::<prop::sample::Index>(),
        with in any::<u8>(),
    ) {
        let _ = read(&noise);
        let mut batch = Batch::default();
        for (before, job) in lives() {
            batch.add_job(kinds(before, &job), &job, moment(before, &job), None);
        }
        let mut bytes = batch.written().unwrap().events;
        let place = at_byte.index(bytes.len());
        let _ = read(&bytes[..place]);
        bytes[place] = with;
        let _ = read(&bytes);
    }
}

#[test]
fn what_this_release_does_not_know_is_said_to_be_unreadable() {
    assert_eq!(read(&[]), Err(Unreadable));
    assert_eq!(read(&[9, 0, 0]), Err(Unreadable));
    assert_eq!(read(&[1, 0x3F]), Err(Unreadable));
}
