//! `Events`: every change is told, once, in its order, with it or not at all; what was read stays where it is; and whoever remembers
//! where it was misses nothing.

use std::sync::Arc;

use faena::clock::Timestamp;
use faena::event::{Aggregate, Event as ToTell, EventType, Pattern};
use faena::job::{Event, Job, Outcome, decide};
use faena::schedule::{self, NewSchedule, Spec, Timetable, Zone};
use faena::store::events::{EventFilter, EventPage, Place, START, Told};
use faena::store::schedules::Which;
use faena::store::{Committed, StoreError};
use serde_json::json;

use crate::bed::*;

/// All that can be read after a place, read in small parts.
pub async fn after(bed: &Bed, mut place: Place) -> Vec<Told> {
    let mut all = Vec::new();
    loop {
        let part = bed.store().events().after(place, 3).await.unwrap();
        let Some(last) = part.last() else { return all };
        assert!(part.len() <= 3 && part.is_sorted_by(|a, b| a.place < b.place) && part[0].place > place, "{part:?}");
        place = last.place;
        all.extend(part);
    }
}

pub async fn all(bed: &Bed) -> Vec<Told> {
    after(bed, START).await
}

pub fn types(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| told.event.kind.as_str()).collect()
}

/// What was told of one job.
fn of<'a>(told: &'a [Told], job: &Job) -> Vec<&'a str> {
    let id = job.id.to_string();
    told.iter().filter(|told| *told.event.aggregate.id == *id).map(|told| told.event.kind.as_str()).collect()
}

pub fn payload(told: &Told) -> serde_json::Value {
    serde_json::from_str(&told.event.payload).unwrap()
}

/// An application's own event about a thing of its own.
fn own(of: &str, number: u32) -> ToTell {
    let aggregate = Aggregate { sort: "Payout".into(), id: of.into() };
    ToTell::own(EventType::new("PayoutCalculated").unwrap(), aggregate, &json!({ "number": number }), at(5)).unwrap()
}

pub async fn what_happens_to_a_job_is_told_in_order(bed: Bed) {
    assert_eq!(all(&bed).await, []);
    let accepted = bed.accept(new_job().user("ana"), at(1)).await;
    let first = bed.claim_one(at(2)).await;
    bed.applied(&first, failed(first.life.epoch), at(3)).await;
    let second = bed.claim_one(at(5_000)).await;
    let done = bed.applied(&second, succeeded(second.life.epoch), at(5_001)).await;
    let told = all(&bed).await;
    assert_eq!(types(&told), ["job.queued", "job.started", "job.retrying", "job.started", "job.completed"]);
    let moments: Vec<_> = told.iter().map(|told| told.event.occurred_at).collect();
    assert_eq!(moments, [at(1), at(2), at(3), at(5_000), at(5_001)]);
    for told in &told {
        assert_eq!((&*told.event.aggregate.sort, &*told.event.aggregate.id), ("job", &*accepted.id.to_string()));
        assert_eq!((told.user.as_deref(), told.callback.as_deref()), (Some("ana"), None));
    }
    // What is told is what the domain says of the job as it was.
    let ended = faena::event::tell::of_job(Some(&second), &done, at(5_001));
    assert_eq!(told[4].event, ended[0]);
    assert_eq!(payload(&told[1])["by"], "node:shed/42");
    assert_eq!(bed.store().events().end().await.unwrap(), told[4].place);
    assert_eq!(after(&bed, told[1].place).await, told[2..]);
}

pub async fn what_changes_nothing_tells_nothing(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let job = bed.claim_one(at(1)).await;
    bed.applied(&job, progressed(job.life.epoch, 10), at(2)).await;
    let saved = Event::StateSaved { epoch: job.life.epoch, state: Some("1".into()) };
    let saved = bed.applied(&job, saved, at(3)).await;
    let before = all(&bed).await;
    assert_eq!(types(&before), ["job.queued", "job.started"]);
    let asked = bed.applied(&saved, cancel_asked(), at(4)).await;
    assert!(matches!(bed.step(&job, succeeded(job.life.epoch), at(5)).await, Committed::Stale(_)));
    assert_eq!(all(&bed).await, before);
    let stopped = bed.applied(&asked, Event::Stopped { epoch: job.life.epoch }, at(6)).await;
    let told = all(&bed).await;
    assert_eq!(of(&told, &stopped), ["job.queued", "job.started", "job.cancelled"]);
    let last = payload(told.last().unwrap());
    assert_eq!((&last["by"], &last["reason"]), (&json!("ana"), &json!("cancelled by ana")));
}

pub async fn every_ending_and_every_way_back_is_told(bed: Bed) {
    let dead = bed.ended(new_job(), Outcome::Failed, at(1)).await;
    let again = bed.applied(&dead, retry_asked(), at(2)).await;
    bed.applied(&again, cancel_asked(), at(3)).await;
    let told = all(&bed).await;
    assert_eq!(
        of(&told, &dead),
        ["job.queued", "job.started", "job.failed", "job.dead", "job.queued", "job.cancelled"]
    );
    assert_eq!(payload(&told[4])["by"], "ana", "who asked for it");
    let discarded = bed.ended(new_job(), Outcome::Failed, at(4)).await;
    let before = all(&bed).await;
    bed.applied(&discarded, Event::Discarded, at(5)).await;
    assert_eq!(all(&bed).await, before);
    let released = bed.accept(new_job(), at(6)).await;
    let run = bed.claim_one(at(7)).await;
    bed.applied(&run, self::released(run.life.epoch), at(8)).await;
    let told = all(&bed).await;
    assert_eq!(of(&told, &released), ["job.queued", "job.started", "job.queued"]);
    assert_eq!(payload(told.last().unwrap())["reason"], "shutdown");
}

pub async fn follow_ups_and_those_who_asked_are_told(bed: Bed) {
    let mut asked = new_job();
    asked.by = Some("key:eva".into());
    asked.options.callback_url = Some("https://example.org/done".into());
    bed.accept(asked, at(0)).await;
    let job = bed.claim_one(at(1)).await;
    let mut follow_up = job_of("other");
    follow_up.by = Some("key:ana".into());
    let done = Event::Succeeded { epoch: job.life.epoch, result: None, follow_ups: vec![follow_up] };
    bed.applied(&job, done, at(2)).await;
    let told = all(&bed).await;
    assert_eq!(types(&told), ["job.queued", "job.started", "job.completed", "job.queued"]);
    assert_eq!(
        (payload(&told[0])["by"].clone(), payload(&told[3])["by"].clone()),
        (json!("key:eva"), json!("key:ana"))
    );
    let callbacks: Vec<_> = told.iter().map(|told| told.callback.as_deref()).collect();
    let there = Some("https://example.org/done");
    assert_eq!(callbacks, [there, there, there, None]);
}

pub async fn schedules_and_their_ticks_are_told(bed: Bed) {
    let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    let timetable = Timetable::new("0 * * * *".parse().unwrap(), Zone::new("UTC").unwrap());
    let new = NewSchedule {
        created_by: Some("ana".into()),
        by: Some("key:ana's".into()),
        ..NewSchedule::new(Spec::new("hourly", name("work"), timetable))
    };
    bed.store().add_schedule(new, noon).await.unwrap();
    let one = noon.plus_millis(3_600_000);
    let due = bed.store().due_schedules(one, 10).await.unwrap().remove(0);
    let tick = schedule::decide(&due.schedule, schedule::Event::Due { live: vec![] }, one).unwrap();
    let job = tick.jobs[0].id;
    bed.store().step_schedules(vec![tick.clone()], one).await.unwrap();
    // The same step again is stale, and tells nothing.
    bed.store().step_schedules(vec![tick], one).await.unwrap();
    let job = bed.get(job).await;
    bed.applied(&job, cancel_asked(), one).await;
    let kept = bed.store().schedule(Which::Id(due.schedule.id)).await.unwrap().unwrap();
    let mut off = schedule::decide(&kept, schedule::Event::Disabled, one).unwrap();
    off.by = Some("key:eva's".into());
    bed.store().step_schedules(vec![off], one).await.unwrap();
    let kept = bed.store().schedule(Which::Id(due.schedule.id)).await.unwrap().unwrap();
    let mut asked = schedule::decide(&kept, schedule::Event::RunAsked { payload: None }, one).unwrap();
    asked.by = Some("api".into());
    bed.store().step_schedules(vec![asked], one).await.unwrap();
    bed.store().remove_schedule(due.schedule.id, None, Some("key:leo's".into())).await.unwrap();
    let told = all(&bed).await;
    let told: Vec<_> = told.iter().filter(|told| told.event.kind.as_str() != "job.cancelled").cloned().collect();
    let seen = types(&told);
    assert_eq!(
        seen,
        [
            "schedule.created",
            "schedule.fired",
            "job.queued",
            "schedule.updated",
            "schedule.fired",
            "job.queued",
            "schedule.deleted"
        ],
        "a tick before the job that it made"
    );
    let by = |of: usize| payload(&told[of])["by"].clone();
    assert_eq!([by(0), by(3), by(4), by(6)], ["key:ana's", "key:eva's", "api", "key:leo's"]);
    assert_eq!(by(1), serde_json::Value::Null, "its time had come");
    assert!(told.iter().all(|told| told.user.as_deref() == Some("ana")), "{told:?}");
    assert_eq!(payload(&told[1])["jobs"][0]["jobId"], job.id.to_string());
    assert_eq!(payload(&told[2])["by"], format!("schedule:{}", due.schedule.id));
}

pub async fn an_application_tells_its_own_outside_of_jobs_and_in_their_commits(bed: Bed) {
    bed.store().events().emit(vec![own("a", 1), own("b", 2)]).await.unwrap();
    bed.accept(new_job().user("ana"), at(0)).await;
    let job = bed.claim_one(at(1)).await;
    let mut step = decide(&job, succeeded(job.life.epoch), at(2)).unwrap();
    step.told = vec![own("a", 3).into(), own("a", 4).into()];
    let answers = bed.store().commit(vec![step.clone()], at(2)).await.unwrap();
    assert!(matches!(answers[..], [Committed::Applied { .. }]));
    // What does not apply tells nothing.
    bed.store().commit(vec![step], at(2)).await.unwrap();
    let told = all(&bed).await;
    let payout = "PayoutCalculated";
    assert_eq!(types(&told), [payout, payout, "job.queued", "job.started", "job.completed", payout, payout]);
    let users: Vec<_> = told.iter().map(|told| told.user.as_deref()).collect();
    assert_eq!((users[0], users[5], users[6]), (None, Some("ana"), Some("ana")), "in a job's commit it is that user's");
    assert_eq!(payload(&told[6]), json!({ "number": 4 }));
    let again: Vec<_> = after(&bed, told[4].place).await;
    assert_eq!(again, told[5..]);
}

pub async fn an_event_is_found_by_its_id(bed: Bed) {
    let many: Vec<_> = (0..5).map(|_| new_job()).collect();
    for job in many {
        bed.ended(job, Outcome::Success, at(1)).await;
    }
    bed.store().events().emit(vec![own("a", 1)]).await.unwrap();
    let told = all(&bed).await;
    for told in &told {
        assert_eq!(bed.store().events().place_of(told.event.id.clone()).await.unwrap(), Some(told.place));
    }
    let unknown = own("a", 1).id;
    assert_eq!(bed.store().events().place_of(unknown).await.unwrap(), None);
    let other = faena::event::tell::of_job(None, &new_job().accept(1, at(0)), at(0)).remove(0);
    assert_eq!(bed.store().events().place_of(other.id).await.unwrap(), None);
}

/// A page after page, in one order.
async fn walked(bed: &Bed, filter: &EventFilter, newest_first: bool, limit: usize) -> Vec<Told> {
    let mut page = EventPage { newest_first, after: None, limit };
    let mut found = Vec::new();
    loop {
        let part = bed.store().events().list_events(filter.clone(), page).await.unwrap();
        assert!(part.items.len() <= limit);
        let next = part.next();
        found.extend(part.items);
        match next {
            Some(next) => page.after = Some(next),
            None => return found,
        }
    }
}

pub async fn a_list_names_what_its_filter_says_and_walks_miss_nothing(bed: Bed) {
    let mut jobs: Vec<Arc<Job>> = Vec::new();
    for number in 0..12i64 {
        let user = if number % 3 == 0 { "ana" } else { "eva" };
        let outcome = if number % 2 == 0 { Outcome::Success } else { Outcome::Failed };
        jobs.push(bed.ended(new_job().user(user), outcome, at(number * 100)).await);
        bed.store().events().emit(vec![own(&format!("p{}", number % 2), number as u32)]).await.unwrap();
    }
    let everything = all(&bed).await;
    let pattern = |text: &str| text.parse::<Pattern>().unwrap();
    let filters = [
        EventFilter::default(),
        EventFilter { types: vec![pattern("job.completed"), pattern("job.dead")], ..EventFilter::default() },
        EventFilter { types: vec![pattern("*")], ..EventFilter::default() },
        EventFilter { types: vec![pattern("PayoutCalculated")], ..EventFilter::default() },
        EventFilter { types: vec![pattern("schedule.*")], ..EventFilter::default() },
        EventFilter { sort: Some("job".into()), ..EventFilter::default() },
        EventFilter { sort: Some("Payout".into()), ..EventFilter::default() },
        EventFilter { sort: Some("Payout".into()), id: Some("p1".into()), ..EventFilter::default() },
        EventFilter { id: Some("p1".into()), ..EventFilter::default() },
        EventFilter { sort: Some("job".into()), id: Some(jobs[4].id.to_string().into()), ..EventFilter::default() },
        EventFilter { id: Some(jobs[5].id.to_string().into()), ..EventFilter::default() },
        EventFilter { user: Some("ana".into()), ..EventFilter::default() },
        EventFilter { since: Some(at(300)), until: Some(at(700)), ..EventFilter::default() },
        EventFilter { since: Some(at(10_000_000)), ..EventFilter::default() },
    ];
    for filter in &filters {
        let named: Vec<_> = everything.iter().filter(|told| filter.matches(told)).cloned().collect();
        for limit in [1, 4, 1_000] {
            assert_eq!(walked(&bed, filter, false, limit).await, named, "{filter:?}");
            let mut latest = walked(&bed, filter, true, limit).await;
            latest.reverse();
            assert_eq!(latest, named, "{filter:?}, the latest first");
        }
    }
    assert!(!everything.is_empty());
}

pub async fn events_outlive_their_job_and_a_restart(bed: Bed) {
    let job = bed.ended(new_job(), Outcome::Success, at(1)).await;
    bed.store().prune(prune(at(10)), at(10)).await.unwrap();
    assert!(bed.store().get(job.id).await.unwrap().is_none());
    let told = all(&bed).await;
    assert_eq!(of(&told, &job), ["job.queued", "job.started", "job.completed"]);
    let filter = EventFilter { id: Some(job.id.to_string().into()), ..EventFilter::default() };
    assert_eq!(walked(&bed, &filter, true, 2).await.len(), 3);
    let bed = bed.reopened(at(20));
    assert_eq!(all(&bed).await, told);
    let end = bed.store().events().end().await.unwrap();
    bed.accept(new_job(), at(21)).await;
    let more = after(&bed, end).await;
    assert_eq!(types(&more), ["job.queued"], "numbers go on where they were");
}

pub async fn rule_27_old_events_are_forgotten_in_chunks_and_the_end_stays(bed: Bed) {
    for number in 0..6 {
        bed.accept(new_job(), at(number * 10)).await;
    }
    let told = all(&bed).await;
    let events = || bed.store();
    assert!(events().events().start().await.unwrap() < told[0].place);
    assert_eq!(events().events().forget(at(0), None, 100).await.unwrap(), 0);
    assert_eq!(events().events().forget(at(30), None, 2).await.unwrap(), 2, "no more than asked for");
    assert_eq!(all(&bed).await, told[2..]);
    assert_eq!(
        events().events().forget(at(1_000), Some(told[2].place), 100).await.unwrap(),
        1,
        "not what is not settled"
    );
    assert_eq!(all(&bed).await, told[3..]);
    let start = events().events().start().await.unwrap();
    assert!(told[2].place <= start && start < told[3].place);
    events().events().forget(at(1_000), None, 100).await.unwrap();
    let end = events().events().end().await.unwrap();
    assert_eq!(end, told[5].place);
    let bed = bed.reopened(at(2_000));
    assert_eq!(bed.store().events().end().await.unwrap(), end);
    bed.accept(new_job(), at(2_001)).await;
    assert!(after(&bed, end).await.len() == 1, "a place is never given twice");
}

pub async fn whoever_waits_hears_that_there_is_more(bed: Bed) {
    let mut news = bed.store().events().news();
    bed.accept(new_job(), at(0)).await;
    tokio::time::timeout(std::time::Duration::from_secs(30), news.changed()).await.unwrap().unwrap();
    assert_eq!(all(&bed).await.len(), 1);
}

pub async fn nothing_is_told_after_the_close(bed: Bed) {
    bed.store().close().await.unwrap();
    let refused = bed.store().events().emit(vec![own("a", 1)]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

/// What a crash leaves behind is told when it is found.
pub async fn rule_03_a_crash_is_told(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    bed.claim_one(at(1)).await;
    let bed = bed.after_a_crash(at(5_000));
    let told = all(&bed).await;
    assert_eq!(told.last().map(|told| told.event.kind.as_str()), Some("job.retrying"), "{:?}", types(&told));
    let last = payload(told.last().unwrap());
    assert_eq!(last["outcome"], "crashed");
}

/// A commit of more events than a batch holds is read like any other.
pub async fn a_large_commit_is_told_whole(bed: Bed) {
    let jobs: Vec<_> = (0..5_000).map(|_| new_job().into()).collect();
    bed.store().insert(jobs, faena::store::Group::Whole, at(0)).await.unwrap();
    assert_eq!(bed.store().events().after(START, 10_000).await.unwrap().len().min(1_000), 1_000);
    let mut seen = 0;
    let mut place = START;
    loop {
        let part = bed.store().events().after(place, 1_000).await.unwrap();
        let Some(last) = part.last() else { break };
        place = last.place;
        seen += part.len();
    }
    assert_eq!(seen, 5_000);
}

/// A file of an earlier form gets its log, and goes on from there.
#[test]
fn an_older_file_gets_an_empty_log() {
    run(Engine::Sqlite, |bed| async move {
        bed.accept(new_job(), at(0)).await;
        let store = bed.store();
        store.close().await.unwrap();
        let conn = rusqlite::Connection::open(database(bed.folder())).unwrap();
        conn.execute_batch("DROP TABLE event; DROP TABLE event_of; PRAGMA user_version = 4;").unwrap();
        drop(conn);
        let bed = bed.reopened(at(1));
        assert_eq!(all(&bed).await, []);
        bed.claim_one(at(2)).await;
        // The start waits for the next commit.
        bed.accept(new_job(), at(3)).await;
        assert_eq!(types(&all(&bed).await), ["job.started", "job.queued"]);
    });
}
