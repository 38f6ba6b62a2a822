//! Who sends events, made from the settings: the ways that this process can send by, and the subscription that the settings name.

use std::fmt;
use std::sync::Arc;

use super::Settings;
use super::settings::Faults;
use crate::clock::Clock;
use crate::egress::Target;
use crate::event::subscription::SharedSecret;
use crate::event::{self, Via};
use crate::publish::{Console, Publishers};
use crate::schedule::{Cron, Timetable, Zone};
use crate::store::Store;
use crate::upkeep::{Relayer, relay};
use crate::watch::Hub;

/// Where every event goes, besides those who subscribe. Nowhere when no publisher is named.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outbox {
    /// How events are sent.
    pub publisher: Option<Via>,
    /// Where a webhook or a broker is. That of a broker may hold a password.
    pub url: Option<Place>,
    /// The exchange of a broker; `faena.events` when left out.
    pub exchange: Option<String>,
    /// Whether a message has been taken only when a queue was bound for it.
    pub routed_only: bool,
    /// What webhooks are signed with.
    pub secret: Option<SharedSecret>,
    /// When events are sent; at once when left out. Its zone is that of [`Maintenance::timezone`](super::Maintenance::timezone).
    pub cron: Option<Cron>,
    /// Whether this process sends although it runs no jobs. It is no setting of a file: `faena outbox start` is.
    pub is_served: bool,
}

impl Outbox {
    /// A secret as an operator gives it: `whsec_` and base64, or plain words.
    ///
    /// # Errors
    /// A sentence, when it has too few or too many bytes.
    pub fn read_secret(text: &str) -> Result<SharedSecret, String> {
        let secret = if text.starts_with("whsec_") { text.parse() } else { event::Secret::from_words(text) };
        Ok(SharedSecret { secret: secret?, until: None })
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        let url = self.url.as_ref().map(|url| &*url.0);
        match self.publisher {
            None | Some(Via::Console) => {}
            Some(Via::Webhook) => {
                let complaint = match url.map(Target::parse) {
                    None => Some("must name where the webhook is".to_owned()),
                    Some(parsed) => parsed.err().map(|refused| refused.to_string()),
                };
                faults.check(complaint.is_none(), "outbox.url", || complaint.unwrap_or_default());
                faults.check(cfg!(feature = "http-client"), "outbox.publisher", || {
                    "webhooks need a build with the feature http-client".into()
                });
            }
            Some(Via::Amqp) => {
                let complaint = self.broker().err();
                faults.check(complaint.is_none(), "outbox.url", || complaint.unwrap_or_default());
            }
            Some(Via::Email) => faults.check(false, "outbox.publisher", || {
                "must be console, webhook or amqp; for mail there is smtp.url".into()
            }),
        }
    }

    /// The publisher to the broker.
    #[cfg(feature = "amqp")]
    fn broker(&self) -> Result<crate::publish::amqp::Amqp, String> {
        use crate::publish::amqp::{Amqp, EXCHANGE_DEFAULT};
        let url =
            self.url.as_ref().ok_or("must name where the broker is, such as amqp://USER:PASSWORD@HOST:5672/%2f")?;
        let amqp = Amqp::to(&url.0, self.exchange.as_deref().unwrap_or(EXCHANGE_DEFAULT))?;
        Ok(if self.routed_only { amqp.routed_only() } else { amqp })
    }

    #[cfg(not(feature = "amqp"))]
    fn broker(&self) -> Result<(), String> {
        Err("a broker needs a build with the feature amqp".to_owned())
    }
}

/// Where a webhook or a broker is. It may hold a password, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Place(Box<str>);

impl From<String> for Place {
    fn from(url: String) -> Self {
        Self(url.into())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

/// Who sends what the store has to tell.
pub(super) fn relayer(settings: &Settings, store: &Arc<dyn Store>, clock: &Clock, hub: &Hub, node: &str) -> Relayer {
    let outbox = &settings.outbox;
    let own = outbox.publisher.map(|via| {
        let to = match via {
            Via::Webhook | Via::Email => outbox.url.as_ref().map_or("", |url| &url.0),
            Via::Console | Via::Amqp => "",
        };
        Arc::new(relay::outbox(via, to, outbox.secret.clone()))
    });
    let zone = settings.maintenance.timezone.clone().unwrap_or_else(Zone::utc);
    Relayer {
        store: store.clone(),
        clock: clock.clone(),
        publishers: with_broker(publishers(settings), outbox),
        outbox: own,
        times: outbox.cron.clone().map(|cron| Arc::new(Timetable::new(cron, zone))),
        subscribed: hub.subscribed().clone(),
        doubted: hub.doubted().clone(),
        passes: hub.passes().clone(),
        node: node.into(),
    }
}

/// The same, and to the broker of the settings if they name one.
fn with_broker(publishers: Publishers, outbox: &Outbox) -> Publishers {
    #[cfg(feature = "amqp")]
    if outbox.publisher == Some(Via::Amqp)
        && let Ok(broker) = outbox.broker()
    {
        return publishers.with(Via::Amqp, broker);
    }
    #[cfg(not(feature = "amqp"))]
    let _ = outbox;
    publishers
}

/// The ways that this process can send by.
pub(super) fn publishers(settings: &Settings) -> Publishers {
    let publishers = Publishers::default().with(Via::Console, Console::stdout());
    #[cfg(feature = "http-client")]
    let publishers = {
        use crate::egress::Caller;
        use crate::publish::Webhooks;
        publishers.with(Via::Webhook, Webhooks::by(Caller::new(settings.webhook_policy())))
    };
    #[cfg(not(feature = "http-client"))]
    let _ = settings;
    publishers
}
