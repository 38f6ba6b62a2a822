//! Events: what each step tells, in which shape, to whom; what proves who told it; what becomes of a delivery.

#[cfg(all(unix, feature = "amqp", feature = "email"))]
#[path = "../cli/authority.rs"]
mod authority;
mod batches;
#[cfg(all(unix, feature = "amqp"))]
mod broker;
#[cfg(all(unix, feature = "amqp"))]
mod brokers;
mod deliveries;
#[cfg(all(unix, feature = "amqp", feature = "email"))]
mod in_tls;
mod jobs;
mod letter_text;
mod letters;
#[cfg(feature = "email")]
mod mails;
mod patterns;
#[cfg(feature = "email")]
mod post_office;
mod relaying;
mod schedules;
#[cfg(feature = "http-client")]
mod sending;
mod shape;
mod signatures;

use faena::clock::Timestamp;
use faena::event::Event;

/// Milliseconds since some epoch.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// The types of events, in order.
fn types(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

/// An event as JSON.
fn json(event: &Event) -> serde_json::Value {
    serde_json::to_value(event).unwrap()
}
