//! Sending events away. One try each: what follows from it is decided by [`event::delivery`](crate::event::delivery), and when
//! the next one is due is known to whoever keeps the deliveries.
//!
//! | file | holds |
//! | --- | --- |
//! | `amqp` | a confirmed message to an exchange of a broker; needs the feature `amqp` |
//! | [`console`] | a line of JSON on the standard output |
//! | `email` | a letter by an SMTP server; needs the feature `email` |
//! | `webhook` | a signed `POST` to an address that a subscriber gave; needs the feature `http-client` |

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::Timestamp;
use crate::event::{Event, Heard, Secret, Via};
use crate::limits;

#[cfg(feature = "amqp")]
pub mod amqp;
pub mod console;
#[cfg(feature = "email")]
pub mod email;
#[cfg(feature = "http-client")]
pub mod webhook;

#[cfg(feature = "amqp")]
pub use amqp::Amqp;
pub use console::Console;
#[cfg(feature = "email")]
pub use email::Smtp;
#[cfg(feature = "http-client")]
pub use webhook::Webhooks;

/// Sends events one way.
pub trait Publisher: Send + Sync + 'static {
    /// One try to deliver an event.
    ///
    /// - It ends in bounded time by itself, and never fails but by its answer: whoever did not take the event is heard with
    ///   [`Heard::Nothing`] and the reason in [`Attempt::said`], without secrets and without the address in it.
    /// - The receiver has the event for good when [`Attempt::heard`] says that it was taken: it was written down, confirmed or
    ///   answered. A try that is dropped half-way may have been taken, so the same event may come again; its id is the same.
    /// - Tries of different events may run at once. Those of one aggregate and receiver come one after the other.
    fn publish<'a>(&'a self, parcel: Parcel<'a>, now: Timestamp) -> BoxFuture<'a, Attempt>;
}

/// An event and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'a> {
    /// What is delivered.
    pub event: &'a Event,
    /// To whom: the URL of a webhook, the address of a mail; empty where the publisher itself knows.
    pub to: &'a str,
    /// What it is signed with, where it is signed: each of them is valid.
    pub secrets: &'a [Secret],
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was heard: [`decide`](fn@crate::event::delivery::decide) says what it means.
    pub heard: Heard,
    /// How long it took.
    pub took: Duration,
    /// The first bytes of the answer as text, or why there is none. At most [`limits::WEBHOOK_ANSWER_KEPT_MAX`] bytes.
    pub said: String,
}

impl Attempt {
    /// A try of which this was heard, with its words made fit to be kept.
    pub fn new(heard: Heard, took: Duration, said: &str) -> Self {
        Self { heard, took, said: shown(said) }
    }
}

/// The ways that this process can send by.
#[derive(Clone, Default)]
pub struct Publishers(BTreeMap<Via, Arc<dyn Publisher>>);

impl fmt::Debug for Publishers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Publishers {
    /// The same, and one more way; a publisher that was there for it is replaced.
    #[must_use]
    pub fn with(mut self, via: Via, publisher: impl Publisher) -> Self {
        self.0.insert(via, Arc::new(publisher));
        self
    }

    /// The publisher of a way, if this process has one.
    pub fn get(&self, via: Via) -> Option<&Arc<dyn Publisher>> {
        self.0.get(&via)
    }
}

/// Text that can be kept and shown anywhere: bounded, and without what speaks to a terminal or what a database refuses
/// (rule 35).
fn shown(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c });
    let mut kept = String::new();
    for c in plain {
        if kept.len() + c.len_utf8() > limits::WEBHOOK_ANSWER_KEPT_MAX {
            break;
        }
        kept.push(c);
    }
    kept
}

/// What to do about a certificate, if that is why a server of the operator's was not spoken to.
#[cfg(any(feature = "amqp", feature = "email"))]
fn distrust(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut refused = causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    let is_of_a_certificate = |cause: &std::io::Error| {
        cause.kind() == std::io::ErrorKind::InvalidData && cause.to_string().contains("certificate")
    };
    refused.any(is_of_a_certificate).then_some(
        "is its certificate for the host of the URL, and signed by an authority that this machine trusts? SSL_CERT_FILE may name \
         a file of authorities in their place",
    )
}
