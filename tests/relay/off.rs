//! An endpoint that is switched off fires an alert, which goes to whoever subscribed to alerts, and clears when it is on again.

use faena::clock::Clock;
use faena::event::{Course, Endpoint as Conduct, Progress};
use faena::key::Caller;
use faena::limits;
use faena::service::subscriptions::SubscriptionChange;
use faena::store::outbox::Relayed;
use serde_json::{Value, json};

use crate::house::{Endpoint, Got, Ground, House};

/// What an endpoint hears of alerts until it has heard that many.
async fn alerts(endpoint: &Endpoint, count: usize) -> Vec<(String, Value)> {
    let is_alert = |got: &Got| got.event.kind.to_string().starts_with("alert.");
    let got = endpoint.wait(|got| got.iter().filter(|got| is_alert(got)).count() == count).await;
    let told = got.into_iter().filter(is_alert);
    told.map(|got| (got.event.kind.to_string(), serde_json::from_str(&got.event.payload).unwrap())).collect()
}

pub async fn one_that_is_gone_fires_an_alert_that_clears_when_it_is_switched_on_again(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    house.subscribe(endpoint.url("/take"), &["alert.*"]).await;
    let gone = house.subscribe(endpoint.url("/status/410"), &["job.completed"]).await;
    house.job(|_| {}).await;
    let (kind, alert) = alerts(&endpoint, 1).await.remove(0);
    let id = gone.terms.id.to_string();
    assert_eq!((kind.as_str(), &alert["rule"]), ("alert.fired", &json!("endpoint-off")), "the rule of a new store");
    assert_eq!((&alert["subject"], &alert["subscriptionId"]), (&json!("endpoint"), &json!(id)));
    endpoint.be_kind();
    let change = SubscriptionChange { enabled: Some(true), ..SubscriptionChange::default() };
    house.faena.service().change_subscription(&Caller::Anybody, gone.terms.id, change).await.unwrap();
    let (kind, alert) = alerts(&endpoint, 2).await.remove(1);
    assert_eq!((kind.as_str(), &alert["subscriptionId"]), ("alert.cleared", &json!(id)));
    house.stop().await;
}

pub async fn one_that_has_taken_nothing_for_days_fires_an_alert_at_its_next_failure(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let failing = house.subscribe(endpoint.url("/status/500"), &["job.completed"]).await;
    house.subscribe(endpoint.url("/take"), &["alert.*"]).await;
    // As if it had failed for so long, but for the last failure.
    let since = Clock::System.now().minus(limits::WEBHOOK_FAILING_MAX);
    let outbox = house.faena.service().store().outbox();
    loop {
        let course = outbox.course(failing.terms.id).await.unwrap().unwrap();
        let endpoint =
            Conduct { failures_in_a_row: limits::WEBHOOK_FAILURES_MIN - 1, failing_since: Some(since), off: None };
        let expected = course.revision;
        let course = Course { endpoint, revision: expected + 1, ..course };
        let progress = Progress { expected, course, sendings: Vec::new() };
        if outbox.relay(failing.terms.id, progress).await.unwrap() == Relayed::Applied {
            break;
        }
    }
    // Whoever serves it begins anew from that, at the latest when it is made to look.
    house.faena.service().hub().subscribed().notify_one();
    house.job(|_| {}).await;
    let (kind, alert) = alerts(&endpoint, 1).await.remove(0);
    assert_eq!((kind.as_str(), &alert["subscriptionId"]), ("alert.fired", &json!(failing.terms.id.to_string())));
    let message = alert["message"].as_str().unwrap();
    assert!(message.contains(&format!("because it has taken nothing since {since}, in ")), "{message}");
    house.stop().await;
}
