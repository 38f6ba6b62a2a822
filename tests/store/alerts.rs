//! `Alerts`: rules are kept under conditions, an alert fires once and clears once, and what breaks a rule is found.

use std::sync::Arc;

use faena::alert::{Alert, AlertId, AlertStatus, Kind, Rule, Seen, Step, Subject, decide};
use faena::clock::Timestamp;
use faena::event::delivery::Off;
use faena::event::{Course, Endpoint, Progress, SendingState, Subscription, SubscriptionId};
use faena::job::{NewJob, Outcome};
use faena::limits;
use faena::schedule::ScheduleId;
use faena::store::alerts::{AlertFilter, AlertPage, Ask, KeptRule, Queue, RuleKept, RuleRemoved, Stepped};
use faena::store::outbox::{Anew, Relayed, Subscribed};
use faena::store::schedules::Which;
use faena::store::{Expected, StoreError};

use crate::bed::*;
use crate::outbox;
use crate::schedules::{MINUTE, every_minute};

const ALL: AlertPage = AlertPage { limit: usize::MAX, offset: 0 };

fn rule(called: &str) -> Rule {
    Rule::new(name(called), Kind::QueueDepth, 3)
}

/// A reason for an alert about a subtype.
fn seen(of: &str) -> Seen {
    Seen { subject: Subject::SubType(name(of)), sub_type: Some(name(of)), job: None, value: 9 }
}

/// The step that fires an alert of a rule about a subtype.
pub fn fire(called: &str, of: &str, now: i64) -> Step {
    decide(Some(&rule(called)), Some(&seen(of)), None, at(now)).unwrap()
}

async fn step(bed: &Bed, step: Step, now: i64) -> Stepped {
    let mut answers = bed.store().step_alerts(vec![step], at(now)).await.unwrap();
    assert_eq!(answers.len(), 1, "one answer to one step");
    answers.remove(0)
}

async fn applied(bed: &Bed, of: Step, now: i64) -> Arc<Alert> {
    match step(bed, of, now).await {
        Stepped::Applied(alert) => alert,
        other => panic!("did not apply: {other:?}"),
    }
}

async fn made(bed: &Bed, rule: Rule) -> Arc<KeptRule> {
    match bed.store().put_rule(rule, Expected::Nothing).await.unwrap() {
        RuleKept::Made(kept) => kept,
        other => panic!("not made: {other:?}"),
    }
}

async fn names(bed: &Bed) -> Vec<String> {
    bed.store().rules().await.unwrap().iter().map(|kept| kept.rule.name.to_string()).collect()
}

async fn list(bed: &Bed, filter: AlertFilter) -> Vec<Arc<Alert>> {
    bed.store().list_alerts(filter, ALL).await.unwrap().items
}

pub async fn a_new_store_watches_failures_and_forgets_that_when_told(bed: Bed) {
    let rules = bed.store().rules().await.unwrap();
    let known: Vec<_> = rules.iter().map(|kept| (kept.rule.name.as_str(), kept.rule.kind, kept.rule.bound)).collect();
    assert_eq!(known, [("endpoint-off", Kind::EndpointOff, 1), ("failures-in-a-row", Kind::FailuresInARow, 2)]);
    let bed = bed.reopened(at(0));
    assert_eq!(bed.store().rules().await.unwrap(), rules);
    for default in &rules {
        let removed = bed.store().remove_rule(default.rule.name.clone(), Expected::Anything).await.unwrap();
        assert_eq!(removed, RuleRemoved::Done);
    }
    let bed = bed.reopened(at(0));
    assert_eq!(names(&bed).await, [""; 0], "what is removed stays so");
}

pub async fn a_rule_is_kept_as_it_was_given(bed: Bed) {
    let full = Rule { sub_type: Some(name("import")), enabled: false, ..rule("b") };
    let kept = made(&bed, full.clone()).await;
    assert_eq!(kept.rule, full);
    made(&bed, Rule { schedule: Some("nightly".into()), ..Rule::new(name("a"), Kind::NoExecution, 60) }).await;
    let before = bed.store().rules().await.unwrap();
    assert_eq!(names(&bed).await, ["a", "b", "endpoint-off", "failures-in-a-row"], "by name");
    let bed = bed.reopened(at(0));
    assert_eq!(bed.store().rules().await.unwrap(), before);
}

pub async fn an_unmet_expectation_changes_no_rule(bed: Bed) {
    let store = bed.store();
    let put = |bound, expected| store.put_rule(Rule { bound, ..rule("r") }, expected);
    let nothing = [Expected::Something, Expected::Revision(1)];
    for expected in nothing {
        assert_eq!(put(9, expected).await.unwrap(), RuleKept::Unexpected(None));
        assert_eq!(store.remove_rule(name("r"), expected).await.unwrap(), RuleRemoved::Absent);
    }
    let first = made(&bed, rule("r")).await;
    for expected in [Expected::Nothing, Expected::Revision(first.revision + 1)] {
        assert_eq!(put(9, expected).await.unwrap(), RuleKept::Unexpected(Some(first.clone())));
        assert_eq!(store.remove_rule(name("r"), expected).await.unwrap(), RuleRemoved::Unexpected(first.clone()));
    }
    let RuleKept::Replaced(second) = put(4, Expected::Revision(first.revision)).await.unwrap() else { panic!() };
    assert!(second.revision > first.revision && second.rule.bound == 4);
    assert_eq!(store.remove_rule(name("r"), Expected::Revision(second.revision)).await.unwrap(), RuleRemoved::Done);
    let bed = bed.reopened(at(0));
    let third = made(&bed, rule("r")).await;
    assert!(third.revision > second.revision, "a revision never comes back");
}

pub async fn rule_26_there_are_no_more_rules_than_may_be(bed: Bed) {
    for number in Rule::of_a_new_store().len()..limits::ALERT_RULES_MAX {
        made(&bed, rule(&format!("r{number}"))).await;
    }
    let store = bed.store();
    assert_eq!(store.put_rule(rule("more"), Expected::Anything).await.unwrap(), RuleKept::Full);
    assert!(matches!(store.put_rule(rule("r2"), Expected::Anything).await.unwrap(), RuleKept::Replaced(_)));
}

pub async fn an_alert_fires_once_and_clears_once(bed: Bed) {
    let fired = applied(&bed, fire("r", "a", 5), 5).await;
    assert_eq!(
        (fired.status(), fired.fired_at, fired.value, fired.bound, fired.count),
        (AlertStatus::Firing, at(5), 9, 3, 1)
    );
    assert_eq!(bed.store().alert(fired.id).await.unwrap(), Some(fired.clone()));
    assert_eq!(step(&bed, fire("r", "a", 6), 6).await, Stepped::Stale);
    applied(&bed, fire("r", "b", 6), 6).await;
    applied(&bed, fire("other", "a", 7), 7).await;
    let cleared = applied(&bed, Step::Clear(fired.id), 8).await;
    assert_eq!(*cleared, Alert { cleared_at: Some(at(8)), ..Alert::clone(&fired) });
    assert_eq!(bed.store().alert(fired.id).await.unwrap(), Some(cleared));
    for id in [fired.id, AlertId::new()] {
        assert_eq!(step(&bed, Step::Clear(id), 9).await, Stepped::Stale);
    }
    let again = applied(&bed, fire("r", "a", 9), 9).await;
    assert_eq!(again.count, 2, "the second of its rule and subject");
    assert_eq!(list(&bed, AlertFilter::firing()).await.len(), 3);
}

pub async fn rule_13_of_many_evaluators_one_fires_and_one_clears(bed: Bed) {
    let all = |step: fn(AlertId) -> Step, id| {
        let threads = (0..8).map(|_| {
            let (store, step) = (bed.store(), step(id));
            std::thread::spawn(move || block_on(store.step_alerts(vec![step], at(1))).unwrap().remove(0))
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    };
    for step in [(|_| fire("r", "a", 1)) as fn(AlertId) -> Step, Step::Clear] {
        let id = list(&bed, AlertFilter::firing()).await.first().map_or_else(AlertId::new, |alert| alert.id);
        let answers = all(step, id);
        let winners = answers.iter().filter(|answer| matches!(answer, Stepped::Applied(_))).count();
        assert_eq!(winners, 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| **answer == Stepped::Stale).count(), 7);
    }
}

pub async fn steps_of_one_batch_follow_each_other(bed: Bed) {
    let first = applied(&bed, fire("r", "a", 1), 1).await;
    let steps = vec![Step::Clear(first.id), fire("r", "a", 2), fire("r", "a", 2), fire("r", "b", 2)];
    let answers = bed.store().step_alerts(steps, at(2)).await.unwrap();
    let [Stepped::Applied(_), Stepped::Applied(again), Stepped::Stale, Stepped::Applied(_)] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(again.count, 2);
    assert_eq!(bed.store().step_alerts(Vec::new(), at(3)).await.unwrap(), []);
}

pub async fn what_fires_still_fires_after_a_restart(bed: Bed) {
    let fired = applied(&bed, fire("r", "a", 1), 1).await;
    let other = applied(&bed, fire("r", "b", 2), 2).await;
    let cleared = applied(&bed, Step::Clear(other.id), 3).await;
    let bed = bed.reopened(at(4));
    assert_eq!(list(&bed, AlertFilter::default()).await, [cleared.clone(), fired.clone()]);
    assert_eq!(step(&bed, fire("r", "a", 5), 5).await, Stepped::Stale, "it does not fire again");
    assert_eq!(step(&bed, Step::Clear(cleared.id), 5).await, Stepped::Stale);
    assert_eq!(applied(&bed, fire("r", "b", 5), 5).await.count, 2);
    applied(&bed, Step::Clear(fired.id), 6).await;
}

pub async fn a_list_of_alerts_names_what_its_filter_says(bed: Bed) {
    let id = ScheduleId::new();
    let about = Seen { subject: Subject::Schedule { id, name: "nightly".into() }, ..seen("a") };
    let nightly = applied(&bed, decide(Some(&rule("r")), Some(&about), None, at(1)).unwrap(), 1).await;
    let b = applied(&bed, fire("r", "b", 2), 2).await;
    let a = applied(&bed, fire("s", "a", 3), 3).await;
    let b = applied(&bed, Step::Clear(b.id), 4).await;
    let everything = AlertFilter::default;
    for (filter, named) in [
        (everything(), vec![&a, &b, &nightly]),
        (AlertFilter { status: Some(AlertStatus::Firing), ..everything() }, vec![&a, &nightly]),
        (AlertFilter { status: Some(AlertStatus::Cleared), ..everything() }, vec![&b]),
        (AlertFilter { rule: Some(name("r")), ..everything() }, vec![&b, &nightly]),
        (AlertFilter { sub_type: Some(name("a")), ..everything() }, vec![&a, &nightly]),
        (AlertFilter { schedule: Some("nightly".into()), ..everything() }, vec![&nightly]),
        (AlertFilter { schedule: Some(id.to_string().into()), ..everything() }, vec![&nightly]),
        (AlertFilter { schedule: Some(ScheduleId::new().to_string().into()), ..everything() }, vec![]),
    ] {
        let found = list(&bed, filter.clone()).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), named, "{filter:?}");
    }
    for (limit, offset, named, more) in [(1, 0, 1, true), (2, 1, 2, false), (9, 3, 0, false), (0, 0, 0, true)] {
        let page = bed.store().list_alerts(everything(), AlertPage { limit, offset }).await.unwrap();
        assert_eq!((page.items.len(), page.total, page.exact, page.more), (named, 3, true, more));
    }
}

pub async fn rule_26_no_more_fire_than_may_be(bed: Bed) {
    let steps = (0..limits::ALERTS_FIRING_MAX).map(|number| fire("r", &format!("t{number}"), 1)).collect();
    let answers = bed.store().step_alerts(steps, at(1)).await.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Stepped::Applied(_))));
    assert_eq!(step(&bed, fire("r", "more", 2), 2).await, Stepped::Full);
    let first = list(&bed, AlertFilter::firing()).await.remove(0);
    applied(&bed, Step::Clear(first.id), 3).await;
    applied(&bed, fire("r", "more", 4), 4).await;
}

pub async fn rule_27_cleared_alerts_are_forgotten_in_chunks(bed: Bed) {
    for number in 0..6 {
        let fired = applied(&bed, fire("r", "a", number), number).await;
        applied(&bed, Step::Clear(fired.id), 10 * number).await;
    }
    let firing = applied(&bed, fire("r", "a", 6), 6).await;
    assert_eq!(firing.count, 7);
    let prune = async |before, keep, limit| bed.store().prune_alerts(at(before), keep, limit).await.unwrap();
    assert_eq!(prune(0, 9, 9).await, 0);
    assert_eq!([prune(20, 9, 1).await, prune(20, 9, 9).await, prune(20, 9, 9).await], [1, 1, 0], "by their age");
    assert_eq!([prune(0, 3, 9).await, prune(0, 3, 9).await], [1, 0], "by their number");
    let left: Vec<_> = list(&bed, AlertFilter::default()).await.iter().map(|alert| alert.fired_at).collect();
    assert_eq!(left, [at(6), at(5), at(4), at(3)], "what fires is never forgotten");
    let bed = bed.reopened(at(100));
    assert_eq!(list(&bed, AlertFilter::default()).await.len(), 4);
    applied(&bed, Step::Clear(firing.id), 101).await;
}

pub async fn what_runs_for_long_is_found(bed: Bed) {
    let ask = |since, limit| Ask { running_since: Some(at(since)), limit, ..Ask::default() };
    for _ in 0..4 {
        bed.accept(new_job(), at(0)).await;
    }
    let early = bed.claim(2, at(10)).await;
    let late = bed.claim(1, at(20)).await;
    let found = async |ask| -> Vec<_> {
        bed.store().suspects(ask, at(100)).await.unwrap().running.iter().map(|job| job.id).collect()
    };
    assert_eq!(found(ask(9, 9)).await, []);
    assert_eq!(found(ask(10, 9)).await, [early[0].id, early[1].id]);
    assert_eq!(found(ask(20, 9)).await, [early[0].id, early[1].id, late[0].id], "the longest running first");
    assert_eq!(found(ask(20, 1)).await, [early[0].id]);
    bed.applied(&early[0], succeeded(early[0].life.epoch), at(30)).await;
    assert_eq!(found(ask(20, 9)).await, [early[1].id, late[0].id]);
    assert_eq!(found(Ask { limit: 9, ..Ask::default() }).await, [], "nobody asked");
}

pub async fn a_queue_stands_as_it_is(bed: Bed) {
    let of = job_of;
    for (kind, now) in [("a", 5), ("a", 3), ("b", 4)] {
        bed.accept(of(kind), at(now)).await;
    }
    bed.accept(NewJob { run_at: Some(at(50)), ..of("b") }, at(6)).await;
    let queues = vec![None, Some(name("a")), Some(name("b")), Some(name("c"))];
    let look = async |now| {
        let ask = Ask { queues: queues.clone(), limit: 9, ..Ask::default() };
        bed.store().suspects(ask, at(now)).await.unwrap().queues
    };
    let queue = |ready, oldest: Option<i64>| Queue { ready, oldest: oldest.map(at) };
    assert_eq!(look(10).await, [queue(3, Some(3)), queue(2, Some(3)), queue(1, Some(4)), queue(0, None)]);
    assert_eq!(look(50).await[2], queue(2, Some(4)), "its time has come");
    bed.ended(of("b"), Outcome::Cancelled, at(51)).await;
    assert_eq!(look(52).await[0], queue(4, Some(3)));
}

pub async fn schedules_that_fail_or_are_silent_are_found(bed: Bed) {
    let store = bed.store();
    let (failing, silent) = (every_minute("failing"), every_minute("silent"));
    for new in [failing, silent, every_minute("well")] {
        store.add_schedule(new, at(0)).await.unwrap();
    }
    let ask = |failing, silent_ms| Ask { failing, silent_ms, limit: 9, ..Ask::default() };
    let found = async |ask, now: Timestamp| {
        let suspects = store.suspects(ask, now).await.unwrap();
        let names = |all: Vec<Arc<faena::schedule::Schedule>>| -> Vec<_> {
            all.iter().map(|schedule| schedule.spec.name.to_string()).collect()
        };
        (names(suspects.failing), names(suspects.silent))
    };
    let nobody = Vec::<String>::new();
    for round in 1..=3_u32 {
        let schedule = store.schedule(Which::of("failing")).await.unwrap().unwrap();
        let now = at(i64::from(round));
        let asked = faena::schedule::Event::RunAsked { payload: None };
        let run = faena::schedule::decide(&schedule, asked, now).unwrap();
        store.step_schedules(vec![run], now).await.unwrap();
        let job = bed.claim_one(now).await;
        bed.applied(&job, failed_for_good(job.life.epoch), now).await;
        assert_eq!(found(ask(Some(round), None), now).await.0, ["failing"]);
        assert_eq!(found(ask(Some(round + 1), None), now).await.0, nobody);
    }
    assert_eq!(found(ask(None, Some(1)), at(MINUTE)).await, (nobody.clone(), nobody.clone()), "due, and not late yet");
    let late = found(ask(None, Some(1_000)), at(MINUTE + 1_000)).await.1;
    assert_eq!(late, ["failing", "silent", "well"], "nobody has fired them");
    let bed = bed.reopened(at(MINUTE));
    let kept = bed.store().suspects(ask(Some(3), None), at(MINUTE)).await.unwrap().failing;
    assert_eq!(kept.len(), 1, "and after a restart");
}

pub async fn endpoints_that_are_off_are_found(bed: Bed) {
    let store = bed.store();
    let found = async |bed: &Bed| {
        let ask = Ask { endpoints: true, limit: 9, ..Ask::default() };
        let mut found = bed.store().suspects(ask, at(9)).await.unwrap().endpoints;
        found.sort_by_key(|suspect| (suspect.endpoint.failures_in_a_row, suspect.name.clone()));
        found.into_iter().map(|suspect| (suspect.name.to_string(), suspect.endpoint)).collect::<Vec<_>>()
    };
    let make = async |called: Option<&str>, endpoint: Endpoint, enabled: bool| {
        let to = "https://me:secret@hooks.example:8443/x?key=1".into();
        let description = called.map(Into::into);
        let made = Subscription { to, description, enabled, ..outbox::subscription(5) };
        let Subscribed::Added(made) = store.subscribe(made, 0).await.unwrap() else { panic!("full") };
        let course = Course { cursor: 1, endpoint, revision: 1, ..Course::default() };
        let progress = Progress { expected: 0, course, sendings: vec![outbox::sending(1, SendingState::Pending)] };
        assert_eq!(store.relay(made.id, progress).await.unwrap(), Relayed::Applied);
        made
    };
    let endpoint = |failures_in_a_row, off| Endpoint { failures_in_a_row, failing_since: Some(at(1)), off };
    assert_eq!(found(&bed).await, []);
    make(Some("failing"), endpoint(5, None), true).await;
    make(Some("nobody wants it"), endpoint(6, Some(Off::Gone)), false).await;
    let gone = make(None, endpoint(1, Some(Off::Gone)), true).await;
    let away = make(Some("accounts"), endpoint(7, Some(Off::Failing)), true).await;
    let expected = [("hooks.example:8443", 1, Off::Gone), ("accounts", 7, Off::Failing)];
    let expected = expected.map(|(name, failures, off)| (name.to_owned(), endpoint(failures, Some(off))));
    assert_eq!(found(&bed).await, expected);
    let bed = bed.reopened(at(10));
    assert_eq!(found(&bed).await, expected, "after a restart");
    let nobody = bed.store().suspects(Ask { limit: 9, ..Ask::default() }, at(10)).await.unwrap().endpoints;
    assert_eq!(nobody, [], "nobody asked");
    let again = Subscription { revision: gone.revision + 1, ..Subscription::clone(&gone) };
    bed.store().resubscribe(again, Anew::Yes, at(11)).await.unwrap();
    bed.store().unsubscribe(away.id).await.unwrap();
    assert_eq!(found(&bed).await, [], "one is on again, the other is gone");
    let course = Course { endpoint: endpoint(3, None), revision: 1, ..Course::default() };
    let progress = Progress { expected: 0, course, sendings: Vec::new() };
    bed.store().relay(SubscriptionId::OUTBOX, progress).await.unwrap();
    assert_eq!(found(&bed).await, [("the publisher of the settings".to_owned(), endpoint(3, None))]);
}

pub async fn no_alert_is_kept_after_the_close(bed: Bed) {
    let store = bed.store();
    store.close().await.unwrap();
    let refused = store.step_alerts(vec![fire("r", "a", 1)], at(1)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let refused = store.put_rule(rule("r"), Expected::Anything).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}
