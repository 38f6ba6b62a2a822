//! What a store promises of schedules, clause by clause.

use std::sync::Arc;

use faena::clock::Timestamp;
use faena::job::{JobId, Name, Outcome, Status};
use faena::schedule::{
    Event, NewSchedule, OverlapPolicy, Schedule, ScheduleId, Spec, Standing, Timetable, Transition, Zone, decide,
};
use faena::store::Filter;
use faena::store::schedules::{Added, Removed, ScheduleFilter, SchedulePage, ScheduleSort, Stepped, Which};

use crate::bed::*;

pub const MINUTE: i64 = 60_000;

/// One that ticks every minute and makes jobs of the subtype `work`.
pub fn every_minute(called: &str) -> NewSchedule {
    with(called, |_| {})
}

pub fn with(called: &str, change: impl FnOnce(&mut Spec)) -> NewSchedule {
    let timetable = Timetable::new("* * * * *".parse().unwrap(), Zone::utc());
    let mut spec = Spec::new(called, name("work"), timetable);
    change(&mut spec);
    NewSchedule { created_by: Some("ana".into()), ..NewSchedule::new(spec) }
}

impl Bed {
    pub async fn schedule(&self, new: NewSchedule, now: Timestamp) -> Arc<Schedule> {
        match self.store().add_schedule(new, now).await.unwrap() {
            Added::Accepted(schedule) => schedule,
            Added::Taken(holder) => panic!("its name is taken by {holder}"),
        }
    }

    pub async fn found(&self, id: ScheduleId) -> Arc<Schedule> {
        self.store().schedule(id.into()).await.unwrap().expect("the schedule is there")
    }

    /// The step, as it is answered.
    pub async fn stepped(&self, step: Transition, now: Timestamp) -> Stepped {
        let mut answers = self.store().step_schedules(vec![step], now).await.unwrap();
        assert_eq!(answers.len(), 1, "one answer to one step");
        answers.remove(0)
    }

    /// What an event that must apply makes of a schedule: the schedule and its new jobs.
    pub async fn moved(&self, schedule: &Schedule, event: Event, now: Timestamp) -> (Arc<Schedule>, Vec<JobId>) {
        match self.stepped(decide(schedule, event, now).unwrap(), now).await {
            Stepped::Applied { schedule, jobs, .. } => (schedule, jobs.iter().map(|job| job.id).collect()),
            other => panic!("did not apply: {other:?}"),
        }
    }

    /// Decides on the one schedule that is due.
    pub async fn due_step(&self, now: Timestamp) -> Transition {
        let due = self.store().due_schedules(now, 9).await.unwrap();
        assert_eq!(due.len(), 1, "one schedule was due");
        decide(&due[0].schedule, Event::Due { live: due[0].live.clone() }, now).unwrap()
    }

    pub async fn named(&self, filter: ScheduleFilter, sort: ScheduleSort, now: Timestamp) -> Vec<String> {
        let page = SchedulePage { sort, limit: 100, offset: 0 };
        let page = self.store().schedules(filter, page, now).await.unwrap();
        assert_eq!((page.total, page.exact, page.more), (page.items.len() as u64, true, false));
        page.items.iter().map(|schedule| schedule.spec.name.to_string()).collect()
    }
}

fn due() -> Event {
    Event::Due { live: Vec::new() }
}

fn run() -> Event {
    Event::RunAsked { payload: None }
}

pub async fn an_accepted_schedule_is_there_as_it_was_asked_for(bed: Bed) {
    let new = with("nightly", |spec| spec.description = Some("counts the sheep".into()));
    let (id, spec) = (new.id, new.spec.clone());
    let accepted = bed.schedule(new, at(5)).await;
    let bed = bed.reopened(at(6));
    for which in [Which::Id(id), Which::Name("nightly".into()), Which::of("nightly"), Which::of(&id.to_string())] {
        assert_eq!(bed.store().schedule(which).await.unwrap(), Some(accepted.clone()));
    }
    assert_eq!((accepted.id, &*accepted.spec, accepted.created_at), (id, &spec, at(5)));
    assert_eq!((accepted.created_by.as_deref(), accepted.due_at()), (Some("ana"), Some(at(MINUTE))));
    assert_eq!(bed.store().schedule(Which::of("daily")).await.unwrap(), None);
    assert_eq!(bed.store().schedule(ScheduleId::new().into()).await.unwrap(), None);
}

pub async fn rule_13_many_at_once_ask_for_one_name_and_one_gets_it(bed: Bed) {
    let asking = (0..16).map(|_| {
        let store = bed.store();
        tokio::spawn(async move { store.add_schedule(every_minute("one"), at(0)).await.unwrap() })
    });
    let answers = futures_util::future::join_all(asking).await.into_iter().map(Result::unwrap);
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.partition(|answer| matches!(answer, Added::Accepted(_)));
    let [Added::Accepted(schedule)] = &accepted[..] else { panic!("{accepted:?}") };
    assert!(refused.iter().all(|answer| *answer == Added::Taken(schedule.id)));
    assert_eq!(bed.named(ScheduleFilter::default(), ScheduleSort::Name, at(0)).await, ["one"]);
}

pub async fn rule_21_a_firing_moves_on_and_brings_its_jobs_in_one_step(bed: Bed) {
    let schedule = bed.schedule(every_minute("one"), at(0)).await;
    assert!(bed.store().due_schedules(at(MINUTE - 1), 9).await.unwrap().is_empty());
    let step = bed.due_step(at(MINUTE)).await;
    let Stepped::Applied { schedule: after, jobs, cancelled } = bed.stepped(step.clone(), at(MINUTE)).await else {
        panic!("it did not apply")
    };
    assert_eq!((after.life.last_tick, after.due_at()), (Some(at(MINUTE)), Some(at(2 * MINUTE))));
    assert_eq!(after.life.tally.total, 1);
    let [job] = &jobs[..] else { panic!("one job for one tick: {jobs:?}") };
    assert_eq!((job.spec.schedule_id(), job.spec.scheduled_for()), (Some(&*schedule.id.to_string()), Some(at(MINUTE))));
    assert!(cancelled.is_empty());
    let bed = bed.reopened(at(MINUTE));
    assert_eq!(bed.found(schedule.id).await, after);
    assert_eq!(bed.claimed_ids(9, at(MINUTE)).await, [job.id]);
}

pub async fn rule_21_of_two_schedulers_one_fires_a_tick(bed: Bed) {
    bed.schedule(every_minute("one"), at(0)).await;
    let (mine, theirs) = (bed.due_step(at(MINUTE)).await, bed.due_step(at(MINUTE)).await);
    assert_eq!(mine.jobs[0].id, theirs.jobs[0].id, "both make the same job of a tick");
    let (store, other) = (bed.store(), bed.store());
    let (first, second) =
        tokio::join!(store.step_schedules(vec![mine], at(MINUTE)), other.step_schedules(vec![theirs], at(MINUTE)),);
    let applied = |answer: &Stepped| usize::from(matches!(answer, Stepped::Applied { .. }));
    let (first, second) = (first.unwrap().remove(0), second.unwrap().remove(0));
    assert_eq!(applied(&first) + applied(&second), 1, "{first:?} {second:?}");
    assert_eq!(bed.all(Filter::default(), at(MINUTE)).await.len(), 1);
}

pub async fn a_stale_step_changes_nothing_and_shows_how_it_is(bed: Bed) {
    let schedule = bed.schedule(every_minute("one"), at(0)).await;
    let stale = decide(&schedule, run(), at(1)).unwrap();
    let (paused, _) = bed.moved(&schedule, Event::Paused { until: None }, at(2)).await;
    let neighbour = bed.schedule(every_minute("two"), at(2)).await;
    let steps = vec![stale, decide(&neighbour, run(), at(3)).unwrap()];
    let answers = bed.store().step_schedules(steps, at(3)).await.unwrap();
    let [Stepped::Stale(latest), Stepped::Applied { jobs, .. }] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(*latest, paused);
    assert_eq!(bed.found(schedule.id).await, paused);
    let there: Vec<_> = bed.all(Filter::default(), at(3)).await.iter().map(|job| job.id).collect();
    assert_eq!(there, [jobs[0].id], "the stale one brought none");
}

pub async fn steps_that_follow_each_other_apply_together(bed: Bed) {
    let schedule = bed.schedule(every_minute("one"), at(0)).await;
    let first = decide(&schedule, Event::Disabled, at(1)).unwrap();
    let second = decide(&first.apply(&schedule), Event::Paused { until: None }, at(1)).unwrap();
    let answers = bed.store().step_schedules(vec![first, second], at(1)).await.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Stepped::Applied { .. })), "{answers:?}");
    let bed = bed.reopened(at(2));
    let after = bed.found(schedule.id).await;
    assert_eq!((after.life.enabled, after.life.pause.is_some(), after.life.edition), (false, true, 2));
}

pub async fn jobs_that_it_stops_are_asked_in_the_same_step(bed: Bed) {
    let new = with("one", |spec| spec.overlap = OverlapPolicy::CancelRunning);
    let schedule = bed.schedule(new, at(0)).await;
    let (_, jobs) = bed.moved(&schedule, due(), at(MINUTE)).await;
    let running = bed.claim_one(at(MINUTE)).await;
    let step = bed.due_step(at(2 * MINUTE)).await;
    assert_eq!(step.cancels, jobs);
    let Stepped::Applied { cancelled, .. } = bed.stepped(step, at(2 * MINUTE)).await else { panic!("not applied") };
    assert_eq!(cancelled.iter().map(|job| job.id).collect::<Vec<_>>(), jobs);
    let asked = bed.get(running.id).await;
    assert!(asked.run().is_some_and(|run| run.cancel.is_some()), "{asked:?}");

    // One that waits ends at once, and counts as ended with the same commit.
    let step = bed.due_step(at(3 * MINUTE)).await;
    let Stepped::Applied { schedule, cancelled, .. } = bed.stepped(step, at(3 * MINUTE)).await else {
        panic!("not applied")
    };
    let ended: Vec<_> = cancelled.iter().filter(|job| job.status() == Status::Cancelled).collect();
    assert_eq!(ended.len(), 1, "{cancelled:?}");
    assert_eq!(bed.found(schedule.id).await, schedule);
}

pub async fn new_terms_take_a_free_name_and_no_other(bed: Bed) {
    let one = bed.schedule(every_minute("one"), at(0)).await;
    let two = bed.schedule(every_minute("two"), at(0)).await;
    let renamed = |to: &str| Event::Edited { spec: Arc::new(with(to, |_| {}).spec) };
    let step = decide(&one, renamed("two"), at(1)).unwrap();
    match bed.stepped(step, at(1)).await {
        Stepped::Taken(holder) => assert_eq!(holder, two.id),
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.found(one.id).await, one);
    let (three, _) = bed.moved(&one, renamed("three"), at(2)).await;
    let again = bed.schedule(every_minute("one"), at(3)).await;
    let bed = bed.reopened(at(4));
    assert_eq!(bed.store().schedule(Which::of("three")).await.unwrap(), Some(three));
    assert_eq!(bed.store().schedule(Which::of("one")).await.unwrap(), Some(again));
}

pub async fn a_removal_that_was_decided_on_another_revision_changes_nothing(bed: Bed) {
    let seen = bed.schedule(every_minute("one"), at(0)).await;
    let (moved, _) = bed.moved(&seen, run(), at(1)).await;
    assert_ne!(seen.life.revision, moved.life.revision);
    let stale = bed.store().remove_schedule(seen.id, Some(seen.life.revision), None).await.unwrap();
    assert_eq!(stale, Removed::Stale(moved.clone()));
    assert_eq!(bed.store().schedule(seen.id.into()).await.unwrap(), Some(moved.clone()));
    let gone = bed.store().remove_schedule(seen.id, Some(moved.life.revision), None).await.unwrap();
    assert_eq!(gone, Removed::Applied(moved));
    let missing = bed.store().remove_schedule(seen.id, Some(0), None).await.unwrap();
    assert_eq!(missing, Removed::Missing);
}

pub async fn a_removed_schedule_frees_its_name_and_leaves_its_jobs(bed: Bed) {
    let one = bed.schedule(every_minute("one"), at(0)).await;
    let (one, jobs) = bed.moved(&one, run(), at(1)).await;
    assert_eq!(bed.store().remove_schedule(one.id, None, None).await.unwrap(), Removed::Applied(one.clone()));
    assert_eq!(bed.store().remove_schedule(one.id, None, None).await.unwrap(), Removed::Missing);
    assert_eq!(bed.store().next_due_schedule().await.unwrap(), None);
    let step = decide(&one, run(), at(2)).unwrap();
    assert!(matches!(bed.stepped(step, at(2)).await, Stepped::Missing));
    let again = bed.schedule(every_minute("one"), at(3)).await;
    let bed = bed.reopened(at(4));
    assert_eq!(bed.named(ScheduleFilter::default(), ScheduleSort::Name, at(4)).await, ["one"]);
    assert_eq!(bed.store().schedule(Which::of("one")).await.unwrap().map(|found| found.id), Some(again.id));
    assert_eq!(bed.claimed_ids(9, at(4)).await, jobs, "its job is there and may run");
}

pub async fn due_ones_come_longest_due_first_with_their_live_jobs(bed: Bed) {
    let hourly = with("hourly", |spec| spec.timetable.cron = "0 * * * *".parse().unwrap());
    let hourly = bed.schedule(hourly, at(0)).await;
    let one = bed.schedule(every_minute("one"), at(0)).await;
    let (one, jobs) = bed.moved(&one, run(), at(1)).await;
    let hour = at(60 * MINUTE);
    let due = bed.store().due_schedules(hour, 9).await.unwrap();
    let ids: Vec<_> = due.iter().map(|due| due.schedule.id).collect();
    assert_eq!(ids, [one.id, hourly.id]);
    assert_eq!((&due[0].live, &due[1].live), (&jobs, &Vec::new()));
    assert_eq!(bed.store().due_schedules(hour, 1).await.unwrap().len(), 1, "no more than asked for");
    let bed = bed.reopened(at(2));
    let due = bed.store().due_schedules(hour, 9).await.unwrap();
    assert_eq!(due[0].live, jobs);
    let job = bed.claim_one(at(3)).await;
    bed.applied(&job, succeeded(1), at(4)).await;
    let due = bed.store().due_schedules(hour, 9).await.unwrap();
    assert!(due[0].live.is_empty(), "what has ended lives no more");
}

pub async fn the_next_due_follows_every_change(bed: Bed) {
    let store = bed.store();
    assert_eq!(store.next_due_schedule().await.unwrap(), None);
    let one = bed.schedule(every_minute("one"), at(0)).await;
    assert_eq!(store.next_due_schedule().await.unwrap(), Some(at(MINUTE)));
    let (one, _) = bed.moved(&one, Event::Disabled, at(1)).await;
    assert_eq!(store.next_due_schedule().await.unwrap(), None);
    let (one, _) = bed.moved(&one, Event::Enabled, at(MINUTE)).await;
    assert_eq!(store.next_due_schedule().await.unwrap(), Some(at(2 * MINUTE)));
    let (one, _) = bed.moved(&one, Event::Paused { until: Some(at(10 * MINUTE + 1)) }, at(MINUTE)).await;
    assert_eq!(store.next_due_schedule().await.unwrap(), Some(at(11 * MINUTE)));
    bed.store().remove_schedule(one.id, None, None).await.unwrap();
    assert_eq!(store.next_due_schedule().await.unwrap(), None);
}

pub async fn endings_are_summed_once_and_with_the_commit_that_ended(bed: Bed) {
    let schedule = bed.schedule(with("one", |spec| spec.overlap = OverlapPolicy::Allow), at(0)).await;
    let (schedule, _) = bed.moved(&schedule, run(), at(1)).await;
    let job = bed.claim_one(at(10)).await;
    bed.applied(&job, succeeded(1), at(40)).await;
    let sums = bed.found(schedule.id).await.life.tally.clone();
    assert_eq!((sums.total, sums.succeeded, sums.failed, sums.took_ms), (1, 1, 0, 30));
    assert_eq!(sums.last.as_ref().and_then(|last| last.outcome), Some(Outcome::Success));

    let (_, jobs) = bed.moved(&*bed.found(schedule.id).await, run(), at(50)).await;
    let job = bed.claim_one(at(50)).await;
    let failed = bed.applied(&job, failed_for_good(1), at(60)).await;
    // A dead letter that somebody discards has ended before.
    bed.applied(&failed, faena::job::Event::Discarded, at(70)).await;
    let bed = bed.reopened(at(80));
    let sums = bed.found(schedule.id).await.life.tally.clone();
    assert_eq!((sums.total, sums.succeeded, sums.failed, sums.failures_in_a_row), (2, 1, 1, 1));
    let last = sums.last.unwrap();
    assert_eq!((last.job, last.outcome), (jobs[0], Some(Outcome::Failed)));
    assert!(last.error.is_some());
}

pub async fn those_that_a_fast_clock_planned_are_found(bed: Bed) {
    let early = bed.schedule(every_minute("early"), at(0)).await;
    let mut late = Vec::new();
    for called in ["a", "b", "c"] {
        late.push(bed.schedule(every_minute(called), at(10 * MINUTE)).await.id);
    }
    late.sort();
    let ahead = |after, limit| {
        let store = bed.store();
        async move {
            let found = store.schedules_ahead(at(MINUTE), after, limit).await.unwrap();
            found.iter().map(|schedule| schedule.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(ahead(None, 2).await, late[..2]);
    assert_eq!(ahead(Some(late[1]), 2).await, late[2..]);
    let found = bed.found(late[0]).await;
    bed.moved(&found, Event::ClockSet, at(MINUTE)).await;
    assert_eq!(ahead(None, 9).await, late[1..]);
    assert_eq!(bed.store().schedules_ahead(at(10 * MINUTE), None, 9).await.unwrap(), []);
    assert_eq!(bed.found(early.id).await, early);
}

pub async fn a_list_names_what_its_filter_says(bed: Bed) {
    bed.schedule(every_minute("beta"), at(1)).await;
    let hourly = with("Alpha", |spec| {
        spec.timetable.cron = "0 * * * *".parse().unwrap();
        spec.sub_type = Name::new("other").unwrap();
    });
    bed.schedule(NewSchedule { created_by: None, ..hourly }, at(2)).await;
    let off = NewSchedule { enabled: false, ..every_minute("gamma") };
    let off = bed.schedule(off, at(3)).await;
    let held = bed.schedule(every_minute("delta"), at(4)).await;
    bed.moved(&held, Event::Paused { until: Some(at(5 * MINUTE + 1)) }, at(4)).await;

    let all = ScheduleFilter::default;
    for (sort, names) in [
        (ScheduleSort::CreatedDescending, ["delta", "gamma", "Alpha", "beta"]),
        (ScheduleSort::CreatedAscending, ["beta", "Alpha", "gamma", "delta"]),
        (ScheduleSort::Name, ["Alpha", "beta", "delta", "gamma"]),
        (ScheduleSort::NextDue, ["beta", "delta", "Alpha", "gamma"]),
    ] {
        assert_eq!(bed.named(all(), sort, at(5)).await, names, "{sort:?}");
    }
    let text = |text: &str| ScheduleFilter { text: Some(text.into()), ..all() };
    for (filter, now, names) in [
        (ScheduleFilter { standing: vec![Standing::Paused], ..all() }, at(5), vec!["delta"]),
        (ScheduleFilter { standing: vec![Standing::Paused], ..all() }, at(6 * MINUTE), vec![]),
        (
            ScheduleFilter { standing: vec![Standing::Enabled, Standing::Disabled], ..all() },
            at(5),
            vec!["Alpha", "beta", "gamma"],
        ),
        (ScheduleFilter { enabled: Some(false), ..all() }, at(5), vec!["gamma"]),
        (ScheduleFilter { sub_type: Some(name("other")), ..all() }, at(5), vec!["Alpha"]),
        (ScheduleFilter { created_by: Some("ana".into()), ..all() }, at(5), vec!["beta", "delta", "gamma"]),
        (text("ALPH"), at(5), vec!["Alpha"]),
        (text(&off.id.to_string()), at(5), vec!["gamma"]),
        (text("0 * * * *"), at(5), vec!["Alpha"]),
        (text("nothing"), at(5), vec![]),
    ] {
        assert_eq!(bed.named(filter.clone(), ScheduleSort::Name, now).await, names, "{filter:?}");
    }
    let page = SchedulePage { sort: ScheduleSort::Name, limit: 2, offset: 1 };
    let page = bed.store().schedules(all(), page, at(5)).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|schedule| &*schedule.spec.name).collect();
    assert_eq!((names, page.total, page.more), (vec!["beta", "delta"], 4, true));
}

pub async fn executions_are_the_jobs_that_any_schedule_made(bed: Bed) {
    let one = bed.schedule(every_minute("one"), at(0)).await;
    bed.accept(new_job(), at(1)).await;
    let (one, first) = bed.moved(&one, run(), at(2)).await;
    let two = bed.schedule(every_minute("two"), at(3)).await;
    let (_, second) = bed.moved(&two, run(), at(3)).await;
    bed.accept(new_job(), at(4)).await;
    let ids = |filter: Filter| {
        let store = bed.store();
        async move {
            let page = faena::store::Page {
                sort: faena::store::Sort::CreatedAscending,
                limit: 100,
                start: faena::store::query::Start::Offset(0),
            };
            let page = store.list(filter, page, at(5)).await.unwrap();
            assert_eq!((page.total, page.exact), (page.items.len() as u64, true));
            page.items.iter().map(|job| job.id).collect::<Vec<_>>()
        }
    };
    let fired = Filter { fired: true, ..Filter::default() };
    let both = [first[0], second[0]];
    assert_eq!(ids(fired.clone()).await, both, "while they wait");
    for job in bed.claim(9, at(5)).await {
        bed.applied(&job, succeeded(1), at(6)).await;
    }
    assert_eq!(ids(fired.clone()).await, both, "when they have ended");
    let of_one = Filter { schedule_id: Some(one.id.to_string().into()), ..fired.clone() };
    assert_eq!(ids(of_one).await, first);
    assert_eq!(ids(Filter { status: vec![Status::Completed], ..fired.clone() }).await, both);
    assert!(ids(Filter { status: vec![Status::Failed], ..fired }).await.is_empty());
}

pub async fn nothing_is_planned_after_the_close(bed: Bed) {
    let one = bed.schedule(every_minute("one"), at(0)).await;
    bed.store().close().await.unwrap();
    assert!(bed.store().add_schedule(every_minute("two"), at(1)).await.is_err());
    assert!(bed.store().step_schedules(vec![decide(&one, run(), at(1)).unwrap()], at(1)).await.is_err());
    assert!(bed.store().remove_schedule(one.id, None, None).await.is_err());
}
