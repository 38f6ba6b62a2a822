//! Nodes that may all send letters: what fails on each of them is told by one, once, and together.
#![cfg(feature = "email")]

use std::sync::Arc;

use faena::app::{Faena, Mail, settings::Settings};
use faena::schedule::{NewSchedule, OverlapPolicy, Spec, Timetable, Zone};
use faena::store::Store;
use faena::upkeep::mail::NAME;
use faena::work::{Context, Failure, Registry};
use tokio::time::timeout;

use crate::house::{Does, House, PATIENCE};
use crate::post_office::{PostOffice, Taken};

/// How many failures a letter tells of.
fn told(letter: &Taken) -> u32 {
    match letter.header("Subject").unwrap() {
        "[faena] nightly failed" => 1,
        subject => {
            let count = subject.strip_prefix("[faena] nightly failed ").and_then(|rest| rest.strip_suffix(" times"));
            count.unwrap_or_else(|| panic!("{subject}")).parse().unwrap()
        }
    }
}

/// Waits until letters have begun: they tell of what happens from then on.
async fn begun(store: &Arc<dyn Store>, node: &Faena) {
    let state = || store.states().state(&NAME.parse().unwrap(), node.service().now());
    let begins = async {
        while state().await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, begins).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_on_two_nodes_is_told_once_and_together() {
    const EACH: u32 = 10;
    let Some(house) = House::new() else { return };
    let office = PostOffice::open().await;
    let mail = Mail { smtp: Some(office.url().as_str().into()), ..Mail::default() };
    let settings = Settings { mail, ..house.settings() };
    let fails = || Registry::new().blocking("task", Does(|_: &Context| Err(Failure::permanent("no luck"))));
    let nodes = [
        Faena::start(settings.clone(), fails()).await.unwrap(),
        Faena::start(settings.clone(), fails()).await.unwrap(),
    ];
    let service = nodes[0].service();
    for rule in service.alert_rules().await.unwrap() {
        service.remove_alert_rule(rule.rule.name.clone(), faena::store::Expected::Something).await.unwrap();
    }
    let timetable = Timetable::new("@yearly".parse().unwrap(), Zone::utc());
    let spec = Spec {
        notify_on_failure: true,
        notification_emails: vec!["dev@example.com".into()],
        overlap: OverlapPolicy::Allow,
        ..Spec::new("nightly", "task".parse().unwrap(), timetable)
    };
    service.create_schedule(NewSchedule::new(spec)).await.unwrap();
    begun(service.store(), &nodes[0]).await;
    for _ in 0..EACH {
        for node in &nodes {
            node.service().run_schedule("nightly", None).await.unwrap();
        }
    }
    let mut count = 1;
    let letters = loop {
        let letters = office.after(count).await;
        if letters.iter().map(told).sum::<u32>() >= 2 * EACH {
            break letters;
        }
        count = letters.len() + 1;
    };
    assert_eq!(letters.iter().map(told).sum::<u32>(), 2 * EACH, "each is told once: {letters:?}");
    // A machine that is busy may have them fail over more than the five seconds of the first letter.
    assert!(letters.len() <= 2, "{letters:?}");
    let [one, other] = nodes;
    one.stop().await.unwrap();
    other.stop().await.unwrap();
    assert_eq!(office.taken().len(), letters.len(), "and no letter came after it");
}
