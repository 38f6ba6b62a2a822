//! Who sends events, made from the settings: the ways that this process can send by, and the subscription that the settings name.

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
    /// Where a webhook is.
    pub url: Option<String>,
    /// What webhooks are signed with.
    pub secret: Option<SharedSecret>,
    /// When events are sent; at once when left out. Its zone is that of [`Maintenance::timezone`].
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
        if self.publisher == Some(Via::Webhook) {
            faults.check(self.url.is_some(), "outbox.url", || "must name where the webhook is".into());
            faults.check(cfg!(feature = "http-client"), "outbox.publisher", || {
                "webhooks need a build with the feature http-client".into()
            });
        }
        if let Some(Err(refused)) = self.url.as_deref().map(Target::parse) {
            faults.check(false, "outbox.url", || refused.to_string());
        }
        faults.check(!matches!(self.publisher, Some(Via::Amqp | Via::Email)), "outbox.publisher", || {
            "must be console or webhook".into()
        });
    }
}

/// Who sends what the store has to tell.
pub(super) fn relayer(settings: &Settings, store: &Arc<dyn Store>, clock: &Clock, hub: &Hub, node: &str) -> Relayer {
    let outbox = &settings.outbox;
    let own = outbox.publisher.map(|via| {
        let to = match via {
            Via::Webhook | Via::Email => outbox.url.as_deref().unwrap_or_default(),
            Via::Console | Via::Amqp => "",
        };
        Arc::new(relay::outbox(via, to, outbox.secret.clone()))
    });
    let zone = settings.maintenance.timezone.clone().unwrap_or_else(Zone::utc);
    Relayer {
        store: store.clone(),
        clock: clock.clone(),
        publishers: publishers(settings),
        outbox: own,
        times: outbox.cron.clone().map(|cron| Arc::new(Timetable::new(cron, zone))),
        subscribed: hub.subscribed().clone(),
        passes: hub.passes().clone(),
        node: node.into(),
    }
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
