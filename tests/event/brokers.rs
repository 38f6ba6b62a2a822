//! Messages to a real RabbitMQ: what its readers get, and what comes of what the broker does, a restart included.

use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::event::{Aggregate, Event, EventType, Heard};
use faena::publish::{Amqp, Attempt, Parcel, Publisher};
use lapin::options::ExchangeDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties, ExchangeKind};
use serde_json::json;

use crate::broker::{Own, Reader, next, shared};

fn event(kind: &str, number: u32) -> Event {
    let aggregate = Aggregate { sort: "Order".into(), id: "17".into() };
    let payload = json!({ "number": number, "to": "año" });
    Event::own(EventType::new(kind).unwrap(), aggregate, &payload, Timestamp::from_millis(1_764_000_000_123)).unwrap()
}

async fn publish(amqp: &Amqp, event: &Event) -> Attempt {
    amqp.publish(Parcel { event, to: "", secrets: &[] }, Clock::System.now()).await
}

/// An exchange that no other test knows.
fn exchange() -> String {
    format!("test.{}", faena::job::JobId::new())
}

/// A sender to an exchange that is there.
async fn sender(url: &str, exchange: &str) -> Amqp {
    let amqp = Amqp::to(url, exchange).unwrap();
    let first = publish(&amqp, &event("nobody.listens", 0)).await;
    assert_eq!((first.heard, first.said.as_str()), (Heard::Taken, "no queue is bound for it"));
    amqp
}

#[tokio::test]
async fn a_reader_gets_what_it_asked_for_whole_and_in_order() {
    let Some(url) = shared() else { return };
    let exchange = exchange();
    let amqp = sender(url, &exchange).await;
    let reader = Reader::bound(url, &exchange, "order.*", &[]).await;
    let mut consumer = reader.consumer().await;
    let events = [event("order.paid", 1), event("order.sent", 2), event("order.paid", 3)];
    for wanted in &events {
        let attempt = publish(&amqp, wanted).await;
        assert_eq!((attempt.heard, attempt.said.as_str()), (Heard::Taken, ""));
        publish(&amqp, &event("payout.made", 9)).await;
    }
    for wanted in &events {
        let message = next(&mut consumer).await;
        assert_eq!(serde_json::from_slice::<Event>(&message.data).unwrap(), *wanted);
        assert_eq!(message.routing_key.as_str(), wanted.kind.as_str());
        assert_eq!(message.exchange.as_str(), exchange);
        let properties = &message.properties;
        let text = |property: &Option<lapin::types::ShortString>| property.as_ref().unwrap().as_str().to_owned();
        assert_eq!(text(properties.message_id()), wanted.id.as_str());
        assert_eq!(text(properties.kind()), wanted.kind.as_str());
        assert_eq!(text(properties.content_type()), "application/json");
        assert_eq!(*properties.delivery_mode(), Some(2), "it must outlive the broker's process");
        assert_eq!(*properties.timestamp(), Some(1_764_000_000));
    }
}

#[tokio::test]
async fn what_no_queue_is_bound_for_counts_as_the_operator_says() {
    let Some(url) = shared() else { return };
    let exchange = exchange();
    let amqp = sender(url, &exchange).await.routed_only();
    let attempt = publish(&amqp, &event("order.paid", 1)).await;
    assert!(attempt.heard == Heard::Nothing && attempt.said.contains("no queue is bound"), "{attempt:?}");
    let reader = Reader::bound(url, &exchange, "#", &[]).await;
    assert_eq!(publish(&amqp, &event("order.paid", 2)).await.heard, Heard::Taken);
    assert_eq!(next(&mut reader.consumer().await).await.routing_key.as_str(), "order.paid");
}

#[tokio::test]
async fn what_a_full_queue_refuses_was_not_taken() {
    let Some(url) = shared() else { return };
    let exchange = exchange();
    let amqp = sender(url, &exchange).await;
    let full =
        [("x-max-length", AMQPValue::LongInt(1)), ("x-overflow", AMQPValue::LongString("reject-publish".into()))];
    let reader = Reader::bound(url, &exchange, "#", &full).await;
    assert_eq!(publish(&amqp, &event("order.paid", 1)).await.heard, Heard::Taken);
    let attempt = publish(&amqp, &event("order.paid", 2)).await;
    assert!(attempt.heard == Heard::Nothing && attempt.said == "the broker has refused it", "{attempt:?}");
    next(&mut reader.consumer().await).await;
}

#[tokio::test]
async fn tries_at_once_are_each_told_their_own_answer() {
    let Some(url) = shared() else { return };
    let exchange = exchange();
    let amqp = Amqp::to(url, &exchange).unwrap();
    let events: Vec<Event> = (0..100).map(|number| event("order.paid", number)).collect();
    let attempts = futures_util::future::join_all(events.iter().map(|event| publish(&amqp, event))).await;
    assert!(attempts.iter().all(|attempt| attempt.heard == Heard::Taken), "{attempts:?}");
    let amqp = amqp.routed_only();
    let reader = Reader::bound(url, &exchange, "order.paid", &[]).await;
    let mixed: Vec<Event> = (0..100).map(|n| event(if n % 3 == 0 { "order.lost" } else { "order.paid" }, n)).collect();
    let attempts = futures_util::future::join_all(mixed.iter().map(|event| publish(&amqp, event))).await;
    let mut consumer = reader.consumer().await;
    for (event, attempt) in mixed.iter().zip(&attempts) {
        let routed = event.kind.as_str() == "order.paid";
        assert_eq!(attempt.heard == Heard::Taken, routed, "{event:?}: {attempt:?}");
        if routed {
            assert_eq!(next(&mut consumer).await.data, serde_json::to_vec(event).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stops_or_dies_loses_nothing_that_it_confirmed() {
    let Some(mut broker) = Own::start() else { return };
    let exchange = exchange();
    let amqp = sender(&broker.url, &exchange).await;
    let queue = format!("{exchange}.#");
    drop(Reader::bound(&broker.url, &exchange, "#", &[]).await);
    let events: Vec<Event> = (0..4).map(|number| event("order.paid", number)).collect();
    assert_eq!(publish(&amqp, &events[0]).await.heard, Heard::Taken);
    for (end, [missed, taken]) in [("stop", [1, 1]), ("kill", [2, 3])] {
        broker = tokio::task::spawn_blocking(move || {
            broker.tell(end);
            broker
        })
        .await
        .unwrap();
        let attempt = publish(&amqp, &events[missed]).await;
        assert_eq!(attempt.heard, Heard::Nothing, "after `{end}`: {attempt:?}");
        broker = tokio::task::spawn_blocking(move || {
            broker.tell("start");
            broker
        })
        .await
        .unwrap();
        // The same sender finds it again, and the same event has the same id.
        for again in &events[missed..=taken] {
            let attempt = publish(&amqp, again).await;
            assert_eq!(attempt.heard, Heard::Taken, "after `{end}` and a start: {attempt:?}");
        }
    }
    let reader = Reader::at(&broker.url, &queue).await;
    let mut consumer = reader.consumer().await;
    for event in &events {
        let message = next(&mut consumer).await;
        assert_eq!(message.properties.message_id().as_ref().unwrap().as_str(), event.id.as_str());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_program_sends_its_events_to_the_exchange_of_its_settings() {
    use faena::app::settings::{Outbox, Settings, StoreChoice};
    use faena::event::Via;

    let Some(url) = shared() else { return };
    let exchange = exchange();
    drop(sender(url, &exchange).await);
    let reader = Reader::bound(url, &exchange, "job.*", &[]).await;
    let mut consumer = reader.consumer().await;
    let outbox = Outbox {
        publisher: Some(Via::Amqp),
        url: Some(url.to_owned().into()),
        exchange: Some(exchange),
        ..Outbox::default()
    };
    let settings =
        Settings { store: StoreChoice::Memory, outbox, threads: 1, grace: Duration::ZERO, ..Settings::default() };
    let registry = faena::processors::bundled(&faena::processors::Settings::default());
    let faena = faena::app::Faena::start(settings, registry).await.unwrap();
    let name = faena::job::Name::new("noop").unwrap();
    let job = faena.service().enqueue(faena::job::NewJob::new(name, "{}")).await.unwrap().id;
    for kind in ["job.queued", "job.started", "job.completed"] {
        let message = next(&mut consumer).await;
        let event: Event = serde_json::from_slice(&message.data).unwrap();
        assert_eq!((event.kind.as_str(), &*event.aggregate.id), (kind, job.to_string().as_str()));
        assert_eq!(message.routing_key.as_str(), kind);
    }
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_does_not_answer_is_told_from_who_refuses_and_no_password_is_told() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let silent = format!("amqp://faena:hidden@{}/%2f", listener.local_addr().unwrap());
    let slow = Amqp::to(&silent, "test").unwrap().within(Duration::from_millis(200));
    let attempt = publish(&slow, &event("order.paid", 1)).await;
    assert!(attempt.heard == Heard::Nothing && attempt.said == "the broker took too long", "{attempt:?}");

    drop(listener);
    let attempt = publish(&slow, &event("order.paid", 1)).await;
    assert!(attempt.heard == Heard::Nothing && attempt.said.starts_with("the broker cannot be reached"), "{attempt:?}");
    assert!(!attempt.said.contains("hidden"), "{attempt:?}");

    let Some(url) = shared() else { return };
    let wrong = url.replacen("faena:faena@", "faena:hidden@", 1);
    let attempt = publish(&Amqp::to(&wrong, "test").unwrap(), &event("order.paid", 1)).await;
    assert!(attempt.heard == Heard::Nothing && attempt.said.starts_with("the broker cannot be reached"), "{attempt:?}");
    assert!(!attempt.said.contains("hidden"), "{attempt:?}");
}

#[tokio::test]
async fn an_exchange_of_another_sort_is_said_to_be_one() {
    let Some(url) = shared() else { return };
    let exchange = exchange();
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let none = FieldTable::default();
    channel.exchange_declare(exchange.as_str().into(), ExchangeKind::Fanout, options, none).await.unwrap();
    let amqp = Amqp::to(url, &exchange).unwrap();
    let attempt = publish(&amqp, &event("order.paid", 1)).await;
    assert!(attempt.heard == Heard::Nothing && attempt.said.contains("PRECONDITION"), "{attempt:?}");
    channel.exchange_delete(exchange.as_str().into(), Default::default()).await.unwrap();
    assert_eq!(publish(&amqp, &event("order.paid", 1)).await.heard, Heard::Taken);
}

#[test]
fn what_is_no_broker_is_refused_before_anybody_calls() {
    for (url, exchange, why) in [
        ("http://faena:hidden@127.0.0.1", "events", "amqp://"),
        ("faena:hidden", "events", "amqp://"),
        ("amqp://faena:hidden@127.0.0.1", "", "exchange"),
        ("amqp://faena:hidden@127.0.0.1", &"x".repeat(256), "255"),
    ] {
        let refused = Amqp::to(url, exchange).err().unwrap();
        assert!(refused.contains(why) && !refused.contains("hidden"), "{refused}");
    }
}
