//! Subscriptions are served: signed, in order, apart from each other, and again when an endpoint was away.

use std::time::Duration;

use faena::clock::Clock;
use faena::event::{Received, SendingState, verify};
use faena::key::{Caller, Digest, NewKey, Scope};
use faena::limits;
use faena::service::subscriptions::{Standing, SubscriptionChange};
use faena::store::outbox::SendingFilter;

use crate::house::{Endpoint, Ground, House};

pub async fn what_happens_to_a_job_is_told_in_order_and_signed(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let made = house.subscribe(endpoint.url("/take"), &["job.*"]).await;
    let job = house.job(|_| {}).await;
    let got = endpoint.wait(|got| got.len() == 3).await;
    assert_eq!(endpoint.types("/take"), ["job.queued", "job.started", "job.completed"]);
    for got in &got {
        assert_eq!(&*got.event.aggregate.id, job.id.to_string());
        let header = |name: &str| got.headers[name].as_str();
        assert_eq!(header("webhook-id"), got.event.id.as_str());
        let received = Received {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
            body: &got.body,
        };
        assert_eq!(verify([&made.terms.secrets[0].secret], received, Clock::System.now()), Ok(()));
    }
    let standing = house.standing(&made, |standing| standing.course.delivered == 3).await;
    assert_eq!((standing.course.failed, standing.counts), (0, [0, 3, 0]));
    house.stop().await;
}

pub async fn only_what_is_wanted_is_told_and_only_from_then_on(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let all = house.subscribe(endpoint.url("/all"), &["*"]).await;
    house.job(|_| {}).await;
    house.standing(&all, |standing| standing.course.delivered == 3).await;
    house.subscribe(endpoint.url("/ends"), &["job.completed", "job.failed"]).await;
    house.job(|_| {}).await;
    endpoint.wait(|got| got.len() == 7).await;
    house.standing(&all, |standing| standing.course.delivered == 6).await;
    assert_eq!(endpoint.types("/ends"), ["job.completed"]);
    house.stop().await;
}

pub async fn an_endpoint_that_does_not_answer_is_in_nobodys_way(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    house.subscribe(endpoint.url("/never"), &["*"]).await;
    let served = house.subscribe(endpoint.url("/take"), &["*"]).await;
    for _ in 0..20 {
        house.job(|_| {}).await;
    }
    house.standing(&served, |standing| standing.course.delivered == 60).await;
    house.stop().await;
}

pub async fn what_was_not_taken_is_tried_again_before_what_follows_it(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let made = house.subscribe(endpoint.url("/status/500"), &["job.*"]).await;
    let job = house.job(|_| {}).await;
    // The course and the counts are two looks.
    let fails = |standing: &Standing| standing.counts[0] == 3 && standing.course.endpoint.failing_since.is_some();
    house.standing(&made, fails).await;
    assert_eq!(endpoint.types("/status/500"), ["job.queued"], "what follows waits");
    let filter = SendingFilter::of(made.terms.id);
    let page = house.faena.service().sendings(&Caller::Anybody, filter.clone(), 10, 0).await.unwrap();
    let last = page.items[2].last.as_ref().unwrap();
    assert_eq!((last.status, &*last.said, page.items[2].attempts), (Some(500), "so it is", 1));
    endpoint.be_kind();
    let sent = house.faena.service().process_outbox().await.unwrap();
    assert_eq!((sent.processed, sent.failed), (3, 0));
    assert_eq!(endpoint.types("/status/500"), ["job.queued", "job.queued", "job.started", "job.completed"]);
    let got = endpoint.got();
    assert_eq!(got[0].event, got[1].event, "the same event, with the same id");
    assert!(got.iter().all(|got| *got.event.aggregate.id == *job.id.to_string()));
    house.stop().await;
}

pub async fn who_is_gone_is_switched_off_and_switched_on_again_by_hand(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let service = house.faena.service();
    let made = house.subscribe(endpoint.url("/status/410"), &["job.completed"]).await;
    house.job(|_| {}).await;
    let standing = house.standing(&made, |standing| standing.course.endpoint.off.is_some()).await;
    assert_eq!(standing.counts, [0, 0, 1]);
    house.job(|_| {}).await;
    endpoint.be_kind();
    let change = SubscriptionChange { enabled: Some(true), ..SubscriptionChange::default() };
    service.change_subscription(&Caller::Anybody, made.terms.id, change).await.unwrap();
    house.standing(&made, |standing| standing.course.delivered == 1).await;
    let dead = SendingFilter { state: Some(SendingState::Dead), ..SendingFilter::of(made.terms.id) };
    assert_eq!(service.replay_dead(&Caller::Anybody, dead).await.unwrap(), 1);
    house.standing(&made, |standing| standing.course.delivered == 2 && standing.counts == [0, 2, 0]).await;
    let got = endpoint.got();
    let id = got[0].event.id.clone();
    assert_eq!(got.iter().filter(|got| got.event.id == id).count(), 2);
    service.replay_one(&Caller::Anybody, made.terms.id, id.clone()).await.unwrap();
    endpoint.wait(|got| got.iter().filter(|got| got.event.id == id).count() == 3).await;
    house.stop().await;
}

pub async fn a_secret_is_replaced_while_both_are_valid(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let made = house.subscribe(endpoint.url("/take"), &["job.queued"]).await;
    let service = house.faena.service();
    let hour = Duration::from_secs(3_600);
    let rotated = service.rotate_secret(&Caller::Anybody, made.terms.id, None, hour).await.unwrap();
    house.job(|_| {}).await;
    let got = endpoint.wait(|got| got.len() == 1).await;
    for secret in [&made.terms.secrets[0].secret, &rotated.terms.secrets[0].secret] {
        let received = Received {
            id: &got[0].headers["webhook-id"],
            timestamp: &got[0].headers["webhook-timestamp"],
            signature: &got[0].headers["webhook-signature"],
            body: &got[0].body,
        };
        assert_eq!(verify([secret], received, Clock::System.now()), Ok(()));
    }
    let refused = service.rotate_secret(&Caller::Anybody, made.terms.id, None, limits::SECRET_OVERLAP_MAX + hour).await;
    assert_eq!(refused.unwrap_err().code(), "invalid_request");
    house.stop().await;
}

pub async fn a_try_says_what_came_of_it(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let service = house.faena.service();
    let bad = house.subscribe(endpoint.url("/status/422"), &["job.*"]).await;
    let tried = service.try_subscription(&Caller::Anybody, bad.terms.id).await.unwrap();
    assert_eq!((tried.taken, tried.last.status, &*tried.last.said), (false, Some(422), "so it is"));
    let good = house.subscribe(endpoint.url("/take"), &["job.*"]).await;
    let tried = service.try_subscription(&Caller::Anybody, good.terms.id).await.unwrap();
    assert!(tried.taken && tried.last.status == Some(204));
    assert_eq!(endpoint.types("/take"), ["subscription.test"]);
    house.stop().await;
}

pub async fn one_user_hears_of_what_is_theirs_and_sees_their_own_subscriptions(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let service = house.faena.service();
    let key = |user: &str| {
        let new = NewKey { scopes: vec![Scope::Events], user_id: Some(user.into()), ..NewKey::default() };
        Caller::Key(std::sync::Arc::new(new.made(Digest::from_bytes([1; 32]), Clock::System.now())))
    };
    let (ana, bo) = (key("ana"), key("bo"));
    let anas = house.subscribe_as(&ana, endpoint.url("/ana"), &["*"]).await;
    let all = house.subscribe(endpoint.url("/all"), &["*"]).await;
    house.job(|job| job.user_id = Some("bo".into())).await;
    house.job(|job| job.user_id = Some("ana".into())).await;
    house.standing(&all, |standing| standing.course.delivered == 6).await;
    house.standing(&anas, |standing| standing.course.delivered == 3).await;
    let heard: Vec<_> = endpoint.got().into_iter().filter(|got| got.path == "/ana").collect();
    assert!(heard.iter().all(|got| got.event.payload.contains("\"ana\"")), "{:?}", heard[0].event);
    assert_eq!(service.subscriptions(&ana).await.unwrap().len(), 1);
    assert_eq!(service.subscriptions(&bo).await.unwrap().len(), 0);
    assert_eq!(service.subscriptions(&Caller::Anybody).await.unwrap().len(), 2);
    for id in [anas.terms.id, all.terms.id, faena::event::SubscriptionId::OUTBOX] {
        assert_eq!(service.subscription(&bo, id).await.unwrap_err().code(), "not_found");
        assert_eq!(service.unsubscribe(&bo, id).await.unwrap_err().code(), "not_found");
        let sendings = service.sendings(&bo, SendingFilter::of(id), 10, 0).await;
        assert_eq!(sendings.unwrap_err().code(), "not_found");
    }
    house.stop().await;
}

pub async fn the_callback_of_a_job_is_told_of_its_end_and_of_nothing_else(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let all = house.subscribe(endpoint.url("/all"), &["*"]).await;
    house.job(|_| {}).await;
    let slow = house.job(|job| job.options.callback_url = Some(endpoint.url("/never").into())).await;
    let job = house.job(|job| job.options.callback_url = Some(endpoint.url("/mine?token=17").into())).await;
    let got = endpoint.wait(|got| got.iter().filter(|got| got.path == "/mine").count() == 1).await;
    let mine: Vec<_> = got.iter().filter(|got| got.path == "/mine").collect();
    assert_eq!(&*mine[0].event.aggregate.id, job.id.to_string());
    assert_eq!(mine[0].event.kind.as_str(), "job.completed");
    assert_ne!(slow.id, job.id);
    house.standing(&all, |standing| standing.course.delivered == 9).await;
    assert_eq!(endpoint.types("/mine").len(), 1);
    for url in ["http://10.0.0.1/", "nonsense"] {
        let mut job = faena::job::NewJob::new(faena::job::Name::new("work").unwrap(), "{}");
        job.options.callback_url = Some(url.into());
        let refused = house.faena.service().enqueue(job).await.unwrap_err();
        assert!(refused.to_string().starts_with("callbackUrl: "), "{refused}");
    }
    house.stop().await;
}

pub async fn an_address_that_is_not_public_is_refused_when_it_is_given(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[])).await;
    let service = house.faena.service();
    for url in [endpoint.url("/take"), "http://169.254.169.254/".into(), "ftp://example.com/".into(), "nonsense".into()]
    {
        let new = faena::service::subscriptions::NewSubscription {
            url: url.clone(),
            events: vec!["*".parse().unwrap()],
            ..Default::default()
        };
        let refused = service.subscribe(&Caller::Anybody, new).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_request", "{url}: {refused}");
        assert!(refused.to_string().starts_with("url: "), "{refused}");
    }
    house.stop().await;
}
