//! What follows of a rule, of what was seen, and of the alert that fires already.

use faena::alert::{Alert, AlertStatus, Kind, Rule, Seen, Step, Subject, decide};
use faena::clock::Timestamp;
use faena::job::{Holder, Job, Name, NewJob};
use faena::limits;
use faena::schedule::{NewSchedule, Schedule, Spec, Timetable, Zone};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn rule(kind: Kind, bound: u64) -> Rule {
    Rule::new(name("r"), kind, bound)
}

fn seen(value: u64) -> Seen {
    Seen { subject: Subject::Queue, sub_type: None, job: None, value }
}

fn fired(rule: &Rule) -> Alert {
    match decide(Some(rule), Some(&seen(u64::MAX)), None, at(1)) {
        Some(Step::Fire(alert)) => alert,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_case_has_one_answer() {
    const NOTHING: &str = "nothing";
    let whole = rule(Kind::QueueDepth, 5);
    let off = Rule { enabled: false, ..whole.clone() };
    let turned = rule(Kind::QueueWait, 5);
    let alert = fired(&whole);
    for (what, rule, seen, firing, expected) in [
        ("broken", Some(&whole), Some(seen(6)), None, "fire"),
        ("at its bound", Some(&whole), Some(seen(5)), None, NOTHING),
        ("not looked at", Some(&whole), None, None, NOTHING),
        ("switched off", Some(&off), Some(seen(6)), None, NOTHING),
        ("removed", None, Some(seen(6)), None, NOTHING),
        ("broken, and it fires", Some(&whole), Some(seen(7)), Some(&alert), NOTHING),
        ("whole again", Some(&whole), Some(seen(5)), Some(&alert), "clear"),
        ("nothing to see any more", Some(&whole), None, Some(&alert), "clear"),
        ("switched off while it fires", Some(&off), Some(seen(6)), Some(&alert), "clear"),
        ("removed while it fires", None, Some(seen(6)), Some(&alert), "clear"),
        ("turned into another kind", Some(&turned), Some(seen(6)), Some(&alert), "clear"),
    ] {
        let step = decide(rule, seen.as_ref(), firing, at(9));
        let found = match &step {
            Some(Step::Fire(alert)) => {
                assert_eq!((alert.fired_at, alert.status()), (at(9), AlertStatus::Firing));
                "fire"
            }
            Some(Step::Clear(id)) => {
                assert_eq!(*id, alert.id);
                "clear"
            }
            None => NOTHING,
        };
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn each_kind_is_broken_at_its_own_side_of_the_bound() {
    for kind in Kind::ALL {
        let rule = rule(*kind, 3);
        let broken: Vec<_> = (2..=4).filter(|value| rule.is_broken_by(*value)).collect();
        let expected = if *kind == Kind::QueueDepth { vec![4] } else { vec![3, 4] };
        assert_eq!(broken, expected, "{kind}");
    }
}

#[test]
fn a_rule_out_of_bounds_names_its_field() {
    let day = limits::ALERT_SPAN_MAX.as_secs();
    for (kind, most, field) in [
        (Kind::FailuresInARow, limits::ALERT_FAILURES_MAX, "count"),
        (Kind::ExecutionLonger, day, "seconds"),
        (Kind::NoExecution, day, "seconds"),
        (Kind::QueueDepth, limits::ALERT_JOBS_MAX, "jobs"),
        (Kind::QueueWait, day, "seconds"),
        (Kind::EndpointOff, limits::ALERT_FAILURES_MAX, "count"),
    ] {
        for (bound, faults) in [(0, vec![field]), (1, vec![]), (most, vec![]), (most + 1, vec![field])] {
            let found: Vec<_> = rule(kind, bound).complaints().iter().map(|complaint| complaint.field).collect();
            assert_eq!(found, faults, "{kind} {bound}");
        }
        let of_one = Rule { schedule: Some("nightly".into()), ..rule(kind, 1) };
        let has_schedules = !kind.is_of_queues() && kind != Kind::EndpointOff;
        assert_eq!(of_one.complaints().is_empty(), has_schedules, "{kind}");
        let of_one = Rule { sub_type: Some(name("mail")), ..rule(kind, 1) };
        assert_eq!(of_one.complaints().is_empty(), kind != Kind::EndpointOff, "{kind}");
    }
}

fn schedule(called: &str, sub_type: &str) -> Schedule {
    let timetable = Timetable::new("* * * * *".parse().unwrap(), Zone::utc());
    NewSchedule::new(Spec::new(called, name(sub_type), timetable)).accept(at(0))
}

/// A job that has been running since a moment.
fn running(sub_type: &str, since: i64) -> Job {
    let job = NewJob::new(name(sub_type), "{}").accept(1, at(0));
    let holder = Holder { node: "n".into(), machine: "m".into(), process: 1 };
    let event = faena::job::Event::Claimed { holder, lease_until: None };
    let life = faena::job::decide(&job, event, at(since)).unwrap().next;
    Job { life, ..job }
}

#[test]
fn a_scope_is_by_subtype_and_by_schedule() {
    let (nightly, hourly) = (schedule("nightly", "a"), schedule("hourly", "b"));
    for (sub_type, of, covered) in [
        (None, None, [true, true]),
        (Some("a"), None, [true, false]),
        (None, Some("hourly".to_owned()), [false, true]),
        (None, Some(nightly.id.to_string()), [true, false]),
        (Some("b"), Some("nightly".to_owned()), [false, false]),
    ] {
        let scoped =
            |kind| Rule { sub_type: sub_type.map(name), schedule: of.clone().map(Into::into), ..rule(kind, 1) };
        let failures = scoped(Kind::FailuresInARow);
        let sees = [&nightly, &hourly].map(|schedule| Seen::of_schedule(&failures, schedule, at(9)).is_some());
        assert_eq!(sees, covered, "{sub_type:?} {of:?}");
        let longer = scoped(Kind::ExecutionLonger);
        let sees = [("a", &nightly), ("b", &hourly)]
            .map(|(kind, maker)| Seen::of_job(&longer, &running(kind, 0), Some(maker), at(9)).is_some());
        assert_eq!(sees, covered, "{sub_type:?} {of:?}");
        let alone = Seen::of_job(&longer, &running("a", 0), None, at(9)).is_some();
        assert_eq!(alone, of.is_none() && sub_type != Some("b"), "a job that no schedule made");
    }
}

#[test]
fn what_is_seen_has_its_number_and_its_sentence() {
    let job = running("import", 1_000);
    let longer = rule(Kind::ExecutionLonger, 60);
    let alone = Seen::of_job(&longer, &job, None, at(76_500)).unwrap();
    assert_eq!((alone.value, &alone.subject, alone.job), (75, &Subject::SubType(name("import")), Some(job.id)));
    assert_eq!(
        alone.sentence(&longer),
        "an execution of subType `import` has been running for 75 s; 60 s are reported"
    );
    let made = Seen::of_job(&longer, &job, Some(&schedule("nightly", "import")), at(76_500)).unwrap();
    assert!(made.sentence(&longer).contains("of schedule `nightly` has been"));
    let (depth, wait) = (rule(Kind::QueueDepth, 5), Rule { sub_type: Some(name("a")), ..rule(Kind::QueueWait, 5) });
    let deep = Seen::of_queue(&depth, 7, None, at(9)).unwrap();
    assert_eq!(deep.sentence(&depth), "7 jobs are ready and wait; more than 5 are reported");
    let late = Seen::of_queue(&wait, 7, Some(at(1_000)), at(9_999)).unwrap();
    assert_eq!(late.sentence(&wait), "a job of subType `a` has been ready for 8 s; 5 s are reported");
    assert_eq!(Seen::of_queue(&wait, 0, None, at(9)), None, "nobody waits");
}

#[test]
fn an_endpoint_is_seen_by_its_own_rule_alone_and_stays_the_same_whatever_became_of_it() {
    let subject = |what: &str| Subject::Endpoint { subscription: "s1".into(), name: "hooks".into(), what: what.into() };
    let off = rule(Kind::EndpointOff, 2);
    for kind in Kind::ALL {
        let sees = Seen::of_endpoint(&rule(*kind, 1), subject("is off"), 3).is_some();
        assert_eq!(sees, *kind == Kind::EndpointOff, "{kind}");
    }
    let seen = |failures| Seen::of_endpoint(&off, subject("is off"), failures).unwrap();
    assert_eq!(seen(3).sentence(&off), "the endpoint of subscription s1 (`hooks`) is off");
    assert_eq!((seen(0).value, seen(3).value), (1, 3), "one that is off is off");
    assert_eq!(subject("is off").to_string(), subject("is gone").to_string());
    assert_eq!((subject("").sort(), subject("").subscription()), ("endpoint", Some("s1")));
    assert!(decide(Some(&off), Some(&seen(1)), None, at(9)).is_none(), "below its bound");
    let Some(Step::Fire(alert)) = decide(Some(&off), Some(&seen(2)), None, at(9)) else { panic!("it does not fire") };
    assert_eq!(decide(Some(&off), None, Some(&alert), at(10)), Some(Step::Clear(alert.id)), "it is on again");
}

#[test]
fn a_clock_that_was_set_back_clears_nothing_before_it_has_fired() {
    let alert = Alert { fired_at: at(50), ..fired(&rule(Kind::QueueDepth, 1)) };
    assert_eq!(alert.cleared(at(20)).cleared_at, Some(at(50)));
    assert_eq!(alert.cleared(at(70)).status(), AlertStatus::Cleared);
}
