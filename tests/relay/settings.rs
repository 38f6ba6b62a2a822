//! The place of the settings to which every event goes: at once, or at times.

use faena::app::settings::Outbox;
use faena::clock::Clock;
use faena::event::SubscriptionId;
use faena::event::{Received, Via, verify};
use faena::key::Caller;
use faena::store::outbox::SendingFilter;

use crate::house::{Endpoint, Ground, House};

pub async fn every_event_goes_to_the_webhook_of_the_settings(ground: Ground) {
    let endpoint = Endpoint::start();
    let secret = Outbox::read_secret("tu_secret").unwrap();
    let outbox = Outbox {
        publisher: Some(Via::Webhook),
        url: Some(endpoint.url("/payments").into()),
        secret: Some(secret.clone()),
        ..Outbox::default()
    };
    let house = House::start(faena::app::Settings { outbox, ..ground.settings(&[&endpoint]) }).await;
    house.job(|_| {}).await;
    let got = endpoint.wait(|got| got.len() == 3).await;
    assert_eq!(endpoint.types("/payments"), ["job.queued", "job.started", "job.completed"]);
    let received = Received {
        id: &got[0].headers["webhook-id"],
        timestamp: &got[0].headers["webhook-timestamp"],
        signature: &got[0].headers["webhook-signature"],
        body: &got[0].body,
    };
    assert_eq!(verify([&secret.secret], received, Clock::System.now()), Ok(()));
    house.stop().await;
}

pub async fn at_times_of_its_own_nothing_is_sent_before_somebody_asks(ground: Ground) {
    let endpoint = Endpoint::start();
    let outbox = Outbox {
        publisher: Some(Via::Webhook),
        url: Some(endpoint.url("/take").into()),
        cron: Some("0 0 1 1 *".parse().unwrap()),
        ..Outbox::default()
    };
    let house = House::start(faena::app::Settings { outbox, ..ground.settings(&[&endpoint]) }).await;
    let service = house.faena.service();
    // A subscription beside it is served at once: when that has everything, the other one has nothing.
    let other = house.subscribe(endpoint.url("/other"), &["*"]).await;
    house.job(|_| {}).await;
    house.standing(&other, |standing| standing.course.delivered == 3).await;
    assert_eq!(endpoint.types("/take"), [] as [&str; 0]);
    assert!(service.outbox_figures().await.unwrap().unread >= 3);
    let sent = service.process_outbox().await.unwrap();
    assert_eq!((sent.processed, sent.failed), (3, 0));
    assert_eq!(endpoint.types("/take").len(), 3);
    let page = service.sendings(&Caller::Anybody, SendingFilter::of(SubscriptionId::OUTBOX), 10, 0).await.unwrap();
    assert_eq!(page.total, 3);
    let figures = service.outbox_figures().await.unwrap();
    assert_eq!((figures.unread, figures.pending, figures.dead, figures.delivered), (0, 0, 0, 6));
    assert!(service.clean_outbox(std::time::Duration::ZERO).await.unwrap() > 0);
    house.stop().await;
}

pub async fn a_process_that_sends_nothing_says_so(ground: Ground) {
    let house = House::start(faena::app::Settings { no_jobs: true, ..ground.settings(&[]) }).await;
    assert_eq!(house.faena.service().process_outbox().await.unwrap_err().code(), "conflict");
    house.stop().await;
}
