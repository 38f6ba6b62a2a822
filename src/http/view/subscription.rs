//! Subscriptions, and what came of the events that went to them.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Shown, ViaWord};
use crate::clock::Timestamp;
use crate::event::sending::LastTry;
use crate::event::{Event, EventId, Sending, SubscriptionId};
use crate::service::outbox::OutboxFigures;
use crate::service::subscriptions::{Standing, Tried};
use crate::watch::Sent;

/// A subscription, without its secrets.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Subscription)]
pub(crate) struct SubscriptionView<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: Shown<SubscriptionId>,
    #[schema(value_type = ViaWord)]
    via: &'static str,
    /// Where events go.
    url: &'a str,
    /// Which types: `job.failed`, `job.*` or `*`.
    events: Vec<&'a str>,
    /// Of whose jobs and schedules; of everybody's when null.
    #[schema(required)]
    user_id: Option<&'a str>,
    #[schema(required)]
    description: Option<&'a str>,
    /// Whether somebody wants it to be served.
    enabled: bool,
    /// `active`, `failing` (its endpoint has taken nothing for a while), `off` (its endpoint said that it is gone, or has taken
    /// nothing for days) or `disabled`.
    #[schema(pattern = "^(active|failing|off|disabled)$")]
    status: &'static str,
    /// Why it is off: `gone` or `failing`.
    #[schema(required)]
    off_because: Option<&'static str>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    failing_since: Option<Shown<Timestamp>>,
    /// Secrets that are valid at the moment; two while one is being replaced.
    #[schema(minimum = 0, maximum = 2)]
    secrets: usize,
    /// Events that wait for another try.
    #[schema(minimum = 0)]
    pending: u64,
    /// Events that were not taken and are remembered, for somebody to replay.
    #[schema(minimum = 0)]
    dead: u64,
    /// Events that were taken, ever.
    #[schema(minimum = 0)]
    delivered: u64,
    /// Tries that failed, ever.
    #[schema(minimum = 0)]
    failed_tries: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Shown<Timestamp>,
}

/// A subscription with a secret that was made or given just now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubscriptionWithSecret)]
pub(crate) struct SecretView<'a> {
    #[serde(flatten)]
    #[schema(inline)]
    subscription: SubscriptionView<'a>,
    /// The secret, shown this once: receivers verify by it (Standard Webhooks).
    secret: String,
}

/// An event on its way, or what came of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView<'a> {
    #[schema(value_type = String)]
    event_id: Shown<&'a EventId>,
    /// `pending`, `delivered` or `dead`.
    #[schema(pattern = "^(pending|delivered|dead)$")]
    state: &'static str,
    #[schema(minimum = 0)]
    attempts: u32,
    /// Not before then.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    next_at: Option<Shown<Timestamp>>,
    /// When the latest try ended.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_at: Option<Shown<Timestamp>>,
    /// What the endpoint answered to it; null when it did not.
    #[schema(required, minimum = 100, maximum = 999)]
    status: Option<u16>,
    #[schema(required, minimum = 0)]
    duration_ms: Option<u64>,
    /// The first bytes of that answer, or why there was none.
    #[schema(required)]
    answer: Option<&'a str>,
    /// The event, as it is sent.
    #[schema(value_type = Object)]
    event: &'a Event,
}

/// What came of an event that was sent to try an endpoint out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SubscriptionTest)]
pub(crate) struct TriedView<'a> {
    #[schema(value_type = String)]
    event_id: Shown<&'a EventId>,
    /// Whether it was taken.
    delivered: bool,
    #[schema(required, minimum = 100, maximum = 999)]
    status: Option<u16>,
    #[schema(minimum = 0)]
    duration_ms: u64,
    /// The first bytes of the answer, or why there was none.
    answer: &'a str,
}

/// How many deliveries are tried anew.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Replayed)]
pub(crate) struct ReplayedView {
    #[schema(minimum = 0)]
    pub(crate) replayed: u64,
}

/// How the outbox stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = OutboxStats)]
pub(crate) struct OutboxView {
    /// Subscriptions that are served, those of the program itself among them.
    #[schema(minimum = 0)]
    subscriptions: u64,
    /// Deliveries that wait for another try.
    #[schema(minimum = 0)]
    pending: u64,
    /// Deliveries that nobody took.
    #[schema(minimum = 0)]
    dead: u64,
    /// Events that were taken, ever.
    #[schema(minimum = 0)]
    delivered: u64,
    /// Tries that failed, ever.
    #[schema(minimum = 0)]
    failed: u64,
    /// Events that some subscription has not looked at yet.
    #[schema(minimum = 0)]
    unread: u64,
    /// Whether `unread` is all of them.
    unread_is_exact: bool,
}

/// What a pass has sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = OutboxProcessed)]
pub(crate) struct ProcessedView {
    /// Events that were taken.
    #[schema(minimum = 0)]
    processed: u64,
    /// Tries that failed; each is made again later.
    #[schema(minimum = 0)]
    failed: u64,
}

impl<'a> SubscriptionView<'a> {
    pub(crate) fn of(standing: &'a Standing, now: Timestamp) -> Self {
        let Standing { terms, course, counts: [pending, _, dead] } = standing;
        let endpoint = course.endpoint;
        let status = match endpoint.off {
            _ if !terms.enabled => "disabled",
            Some(_) => "off",
            None if endpoint.failing_since.is_some() => "failing",
            None => "active",
        };
        Self {
            id: Shown(terms.id),
            via: terms.via.as_str(),
            url: &terms.to,
            events: terms.events.iter().map(|pattern| pattern.as_str()).collect(),
            user_id: terms.user_id.as_deref(),
            description: terms.description.as_deref(),
            enabled: terms.enabled,
            status,
            off_because: endpoint.off.map(|off| off.as_str()),
            failing_since: endpoint.failing_since.map(Shown),
            secrets: terms.valid_secrets(now).len(),
            pending: *pending,
            dead: *dead,
            delivered: course.delivered,
            failed_tries: course.failed,
            created_at: Shown(terms.created_at),
        }
    }
}

impl<'a> SecretView<'a> {
    pub(crate) fn of(standing: &'a Standing, now: Timestamp) -> Self {
        let secret = standing.terms.secrets.first().map(|shared| shared.secret.reveal()).unwrap_or_default();
        Self { subscription: SubscriptionView::of(standing, now), secret }
    }
}

impl<'a> DeliveryView<'a> {
    pub(crate) fn of(sending: &'a Sending) -> Self {
        let last = sending.last.as_ref();
        Self {
            event_id: Shown(&sending.event.id),
            state: sending.state.as_str(),
            attempts: sending.attempts,
            next_at: sending.next_at.map(Shown),
            last_at: last.map(|last| Shown(last.at)),
            status: last.and_then(|last| last.status),
            duration_ms: last.map(|last| last.duration_ms),
            answer: last.map(|last| &*last.said),
            event: &sending.event,
        }
    }
}

impl<'a> TriedView<'a> {
    pub(crate) fn of(tried: &'a Tried) -> Self {
        let LastTry { status, duration_ms, said, .. } = &tried.last;
        Self {
            event_id: Shown(&tried.event),
            delivered: tried.taken,
            status: *status,
            duration_ms: *duration_ms,
            answer: said,
        }
    }
}

impl OutboxView {
    pub(crate) fn of(figures: &OutboxFigures) -> Self {
        let OutboxFigures { subscriptions, pending, dead, delivered, failed, unread, unread_is_exact } = *figures;
        Self { subscriptions, pending, dead, delivered, failed, unread, unread_is_exact }
    }
}

impl ProcessedView {
    pub(crate) fn of(sent: Sent) -> Self {
        Self { processed: sent.processed, failed: sent.failed }
    }
}
