//! What a sentinel sees, fires and clears, look by look.

use faena::alert::{AlertStatus, Kind, Rule, Subject};
use faena::clock::Clock;
use faena::event::delivery::Off;
use faena::event::{Endpoint, SubscriptionId};
use faena::limits;
use faena::schedule::Event;
use faena::store::alerts::AlertFilter;

use crate::house::{House, name, rule};

const FIRED: (u64, u64) = (1, 0);
const CLEARED: (u64, u64) = (0, 1);
const NOTHING: (u64, u64) = (0, 0);

#[tokio::test]
async fn two_failures_in_a_row_fire_once_and_a_success_clears() {
    let house = House::new();
    let schedule = house.schedule("nightly", "work").await;
    for (ends_well, expected) in [
        (false, NOTHING),
        (true, NOTHING),
        (false, NOTHING),
        (false, FIRED),
        (false, NOTHING),
        (true, CLEARED),
        (true, NOTHING),
    ] {
        house.run("nightly", ends_well).await;
        assert_eq!(house.look().await, expected);
        assert_eq!(house.look().await, NOTHING, "nothing has happened since");
    }
    let all = house.alerts(AlertFilter::default()).await;
    let [alert] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(alert.subject, Subject::Schedule { id: schedule.id, name: "nightly".into() });
    assert_eq!((alert.rule.as_str(), alert.value, alert.status()), ("failures-in-a-row", 2, AlertStatus::Cleared));
    assert_eq!(&*alert.message, "the last 2 executions of schedule `nightly` have failed; 2 in a row are reported");
}

#[tokio::test]
async fn an_execution_that_takes_too_long_fires_while_it_runs() {
    let house = House::new();
    house.rule(rule("slow", Kind::ExecutionLonger, 60)).await;
    house.schedule("nightly", "work").await;
    for _ in 0..2 {
        house.accept("import").await;
    }
    house.happen("nightly", Event::RunAsked { payload: None }).await;
    let (first, of_schedule) = (house.claim("import").await, house.claim("work").await);
    house.pass(30);
    let second = house.claim("import").await;
    house.pass(29);
    assert_eq!(house.look().await, NOTHING);
    house.pass(1);
    assert_eq!(house.look().await, (2, 0), "one of the schedule, one of the subtype");
    house.pass(40);
    assert_eq!(house.look().await, NOTHING, "another one of the same subtype is the same trouble");
    house.end(&first, true).await;
    assert_eq!(house.look().await, NOTHING);
    house.end(&second, false).await;
    assert_eq!(house.look().await, CLEARED);
    house.end(&of_schedule, true).await;
    assert_eq!(house.look().await, CLEARED);
    let jobs: Vec<_> = house.alerts(AlertFilter::default()).await.iter().map(|alert| alert.job.unwrap()).collect();
    assert!(jobs.contains(&first.id) && jobs.contains(&of_schedule.id), "each names the longest");
}

#[tokio::test]
async fn the_clock_is_looked_at_when_a_bound_is_reached_and_only_for_rules_that_need_it() {
    let house = House::new();
    assert_eq!(house.sentinel().look().await.unwrap().next, None, "failures do not come by themselves");
    let next = async || house.sentinel().look().await.unwrap().next.unwrap().millis_since(house.clock.now());
    house.rule(rule("slow", Kind::ExecutionLonger, 60)).await;
    assert_eq!(next().await, limits::ALERT_LOOK_EVERY.as_millis() as u64);
    house.accept("import").await;
    house.claim("import").await;
    house.pass(50);
    house.clock.advance(std::time::Duration::from_millis(1));
    assert_eq!(next().await, 9_999, "then it has run for a minute");
    house.pass(30);
    assert_eq!(next().await, 10_000);
    house.rule(rule("short", Kind::QueueWait, 3)).await;
    assert_eq!(next().await, 3_000, "a short bound is looked at in its own time");
    house.accept("import").await;
    house.pass(2);
    assert_eq!(next().await, 1_000);
}

#[tokio::test]
async fn a_schedule_that_is_not_executed_fires_and_its_next_execution_clears() {
    let house = House::new();
    house.rule(Rule { schedule: Some("nightly".into()), ..rule("missing", Kind::NoExecution, 300) }).await;
    house.schedule("nightly", "work").await;
    house.schedule("other", "work").await;
    house.pass(600 + 299);
    assert_eq!(house.look().await, NOTHING, "late, and not too late");
    house.pass(1);
    assert_eq!(house.look().await, FIRED);
    assert_eq!(house.firing().await, ["an execution of schedule `nightly` is missing for 300 s; 300 s are reported"]);
    house.happen("nightly", Event::Due { live: Vec::new() }).await;
    assert_eq!(house.look().await, CLEARED);
    house.pass(900);
    assert_eq!(house.look().await, FIRED);
    house.happen("nightly", Event::Disabled).await;
    assert_eq!(house.look().await, CLEARED, "nobody waits for it any more");
}

#[tokio::test]
async fn a_queue_fires_by_its_depth_and_by_its_wait() {
    let house = House::new();
    house.rule(rule("deep", Kind::QueueDepth, 2)).await;
    house.rule(Rule { sub_type: Some(name("mail")), ..rule("late", Kind::QueueWait, 60) }).await;
    for sub_type in ["mail", "import"] {
        house.accept(sub_type).await;
    }
    assert_eq!(house.look().await, NOTHING);
    house.accept("import").await;
    assert_eq!(house.look().await, FIRED);
    house.pass(60);
    assert_eq!(house.look().await, FIRED);
    assert_eq!(
        house.firing().await,
        [
            "a job of subType `mail` has been ready for 60 s; 60 s are reported",
            "3 jobs are ready and wait; more than 2 are reported"
        ]
    );
    house.claim("mail").await;
    assert_eq!(house.look().await, (0, 2));
}

#[tokio::test]
async fn each_endpoint_that_is_switched_off_fires_and_clears_for_itself() {
    let house = House::new();
    let (one, other) = (house.subscribe("https://a.example/x?key=1").await, house.subscribe("https://b.example").await);
    let failing = Endpoint { failures_in_a_row: 7, failing_since: Some(house.clock.now()), off: None };
    house.endpoint(one.id, failing).await;
    assert_eq!(house.look().await, NOTHING, "it may come back by itself");
    house.endpoint(one.id, Endpoint { off: Some(Off::Failing), ..failing }).await;
    assert_eq!(house.look().await, FIRED);
    assert_eq!(house.look().await, NOTHING);
    house.endpoint(other.id, Endpoint { failures_in_a_row: 1, off: Some(Off::Gone), ..failing }).await;
    assert_eq!(house.look().await, FIRED, "another one is another alert");
    let mut firing = house.firing().await;
    firing.sort();
    let mut expected = [
        format!(
            "the endpoint of subscription {} (`a.example`) is switched off, because it has taken nothing since \
             1970-01-01T00:00:00.000Z, in 7 tries",
            one.id
        ),
        format!(
            "the endpoint of subscription {} (`b.example`) is switched off, because it answered that it is gone (410)",
            other.id
        ),
    ];
    expected.sort();
    assert_eq!(firing, expected);
    house.endpoint(one.id, Endpoint::default()).await;
    assert_eq!(house.look().await, CLEARED, "it is on again");
    house.store.outbox().unsubscribe(other.id).await.unwrap();
    assert_eq!(house.look().await, CLEARED, "nobody wants it any more");
    house.rule(rule("endpoint-off", Kind::EndpointOff, 5)).await;
    house.endpoint(one.id, Endpoint { failures_in_a_row: 4, off: Some(Off::Gone), ..failing }).await;
    assert_eq!(house.look().await, NOTHING, "below the bound that somebody gave");
}

#[tokio::test]
async fn the_publisher_of_the_settings_is_reported_when_another_one_would_be_switched_off() {
    let house = House::new();
    let since = house.clock.now();
    let failing = Endpoint { failures_in_a_row: limits::WEBHOOK_FAILURES_MIN, failing_since: Some(since), off: None };
    house.endpoint(SubscriptionId::OUTBOX, failing).await;
    house.pass(limits::WEBHOOK_FAILING_MAX.as_secs() - 1);
    assert_eq!(house.look().await, NOTHING);
    house.pass(1);
    assert_eq!(house.look().await, FIRED);
    let message = house.firing().await.remove(0);
    assert!(
        message.starts_with("the endpoint of subscription outbox (`the publisher of the settings`) has taken"),
        "{message}"
    );
    house.endpoint(SubscriptionId::OUTBOX, Endpoint::default()).await;
    assert_eq!(house.look().await, CLEARED);
}

#[tokio::test]
async fn a_rule_that_is_changed_switched_off_or_removed_clears_what_it_fired() {
    let house = House::new();
    let deep = || rule("deep", Kind::QueueDepth, 1);
    for _ in 0..2 {
        house.accept("mail").await;
    }
    house.pass(10);
    house.rule(deep()).await;
    assert_eq!(house.look().await, FIRED);
    house.rule(Rule { enabled: false, ..deep() }).await;
    assert_eq!(house.look().await, CLEARED);
    house.rule(deep()).await;
    assert_eq!(house.look().await, FIRED);
    house.rule(Rule { bound: 2, ..deep() }).await;
    assert_eq!(house.look().await, CLEARED, "by another bound");
    house.rule(deep()).await;
    assert_eq!(house.look().await, FIRED);
    house.rule(rule("deep", Kind::QueueWait, 5)).await;
    assert_eq!(house.look().await, CLEARED, "it watches something else");
    assert_eq!(house.look().await, FIRED, "which is broken as well");
    house.remove_rule("deep").await;
    assert_eq!(house.look().await, CLEARED);
    assert_eq!(house.look().await, NOTHING);
}

#[tokio::test]
async fn two_sentinels_on_one_store_fire_once_and_clear_once() {
    let house = House::new();
    house.schedule("nightly", "work").await;
    for ends_well in [false, true] {
        for _ in 0..2 {
            house.run("nightly", ends_well).await;
        }
        let (one, two) = (house.sentinel(), house.sentinel());
        let (one, two) = tokio::join!(one.look(), two.look());
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.fired + two.fired, u64::from(!ends_well));
        assert_eq!(one.cleared + two.cleared, u64::from(ends_well));
    }
}

#[tokio::test]
async fn a_restart_fires_nothing_again_and_clears_what_got_well_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(faena::clock::Timestamp::from_millis(0));
    let house = House::in_folder(folder.path(), clock.clone());
    for called in ["ill", "healed"] {
        house.schedule(called, "work").await;
        for _ in 0..2 {
            house.run(called, false).await;
        }
    }
    assert_eq!(house.look().await, (2, 0));
    let before = house.alerts(AlertFilter::firing()).await;
    // The sentinel is gone before the other processes are.
    house.run("healed", true).await;
    house.engine.close().await.unwrap();
    drop(house);
    let house = House::in_folder(folder.path(), clock);
    assert_eq!(house.alerts(AlertFilter::firing()).await, before);
    assert_eq!(house.look().await, CLEARED);
    assert_eq!(house.firing().await.len(), 1);
    assert!(house.firing().await[0].contains("`ill`"));
}

#[tokio::test]
async fn what_goes_wrong_is_a_hint_and_what_fires_is_told() {
    let house = House::new();
    let mut alerts = house.hub.alerts();
    let hinted = async || tokio::time::timeout(std::time::Duration::ZERO, house.hub.doubted().notified()).await.is_ok();
    house.schedule("nightly", "work").await;
    house.accept("work").await;
    let alone = house.claim("work").await;
    hinted().await;
    house.end(&alone, false).await;
    assert!(!hinted().await, "no schedule has made it");
    house.run("nightly", false).await;
    assert!(hinted().await);
    house.run("nightly", false).await;
    house.look().await;
    house.run("nightly", true).await;
    house.look().await;
    let (fired, cleared) = (alerts.recv().await.unwrap(), alerts.recv().await.unwrap());
    assert_eq!((fired.status(), cleared.status()), (AlertStatus::Firing, AlertStatus::Cleared));
    assert_eq!(fired.id, cleared.id);
    hinted().await;
    house.rule(rule("r", Kind::QueueDepth, 1)).await;
    assert!(hinted().await, "a new rule");
    house.remove_rule("r").await;
    assert!(hinted().await, "a removed rule");
    house.schedules.remove_schedule(house.schedule("gone", "work").await.id, None, None).await.unwrap();
    assert!(hinted().await, "a removed schedule");
}

#[tokio::test]
async fn a_removed_schedule_clears_its_alerts() {
    let house = House::new();
    let schedule = house.schedule("nightly", "work").await;
    for _ in 0..2 {
        house.run("nightly", false).await;
    }
    assert_eq!(house.look().await, FIRED);
    house.schedules.remove_schedule(schedule.id, None, None).await.unwrap();
    assert_eq!(house.look().await, CLEARED);
}

#[tokio::test]
async fn rule_26_no_more_fire_than_may_be_and_the_rest_is_held_back() {
    let house = House::new();
    for number in 0..limits::ALERTS_FIRING_MAX + 3 {
        house.schedule(&format!("s{number}"), "work").await;
    }
    house.rule(rule("all", Kind::NoExecution, 1)).await;
    house.rule(Rule { schedule: Some("s1".into()), ..rule("one", Kind::NoExecution, 1) }).await;
    house.pass(700);
    let look = async || house.sentinel().look().await.unwrap();
    let most = limits::ALERTS_FIRING_MAX as u64;
    let judged = look().await;
    assert_eq!((judged.fired, judged.held_back), (most, 1));
    let judged = look().await;
    assert_eq!((judged.fired, judged.cleared), (0, 0), "it stays so");
    house.remove_rule("all").await;
    let judged = look().await;
    assert_eq!((judged.fired, judged.cleared), (1, most), "what clears makes room");
}
