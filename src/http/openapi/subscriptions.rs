//! The operations on subscriptions, their deliveries, and the outbox.

use serde_json::json;

use super::operation::{Operation, delete, get, json as in_json, patch, post, reply};
use super::schemas::{created, integer, listed, named, time, word};
use super::view::{
    CleanupView, DeliveryView, OutboxView, ProcessedView, ReplayedView, SecretView, SubscriptionView, TriedView,
};
use crate::event::SendingState;
use crate::http::deliveries::ReplayRequest;
use crate::http::outbox::OutboxCleanupRequest;
use crate::http::subscriptions::{RotationRequest, SubscriptionChangeRequest, SubscriptionRequest};
use crate::limits;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = subscriptions();
    all.extend(deliveries());
    all.extend(outbox());
    all
}

fn one(operation: Operation) -> Operation {
    operation.tag("subscriptions").part("id", "The subscription.")
}

fn subscriptions() -> Vec<Operation> {
    vec![
        post("/subscriptions", "createSubscription", "Subscribe to events")
            .tag("subscriptions")
            .about(
                "What happens from now on is sent to the address, at least once, and in order for each job, schedule or other \
                 thing that it is about. Each delivery is signed by Standard Webhooks; a receiver that hears the same \
                 `webhook-id` twice has the same event. A receiver has 20 seconds for an answer 2xx. Any other is tried again \
                 for three days; 410 switches the subscription off, and so do five days without a success. Addresses that are \
                 not public are refused unless `webhook_allow` names them.",
            )
            .takes(vec![(
                "application/json",
                named::<SubscriptionRequest>(),
                json!({ "url": "https://hooks.example.com/jobs", "events": ["job.completed", "alert.*"] }),
            )])
            .gives(201, in_json("It is made; the secret is shown this once.", created(named::<SecretView<'static>>())).location())
            .failing(&[429]),
        get("/subscriptions", "listSubscriptions", "List subscriptions, in the order in which they were made")
            .tag("subscriptions")
            .gives(200, in_json("All of them.", listed(named::<SubscriptionView<'static>>()))),
        one(get("/subscriptions/{id}", "getSubscription", "Look at a subscription"))
            .gives(200, in_json("The subscription.", named::<SubscriptionView<'static>>())),
        one(patch("/subscriptions/{id}", "changeSubscription", "Change a subscription"))
            .takes(vec![("application/json", named::<SubscriptionChangeRequest>(), json!({ "enabled": true }))])
            .gives(200, in_json("It is changed.", created(named::<SubscriptionView<'static>>())))
            .failing(&[409]),
        one(delete("/subscriptions/{id}", "removeSubscription", "Remove a subscription"))
            .about("Nothing more is sent, and what was on its way is forgotten.")
            .gives(204, reply("It is removed.")),
        one(post("/subscriptions/{id}/secret", "rotateSubscriptionSecret", "Replace a secret"))
            .about("For a while deliveries are signed with both, so that the receiver can follow without a gap.")
            .may_take(named::<RotationRequest>(), json!({ "overlapSeconds": 3_600 }))
            .gives(200, in_json("The new secret, shown this once.", created(named::<SecretView<'static>>())))
            .failing(&[409]),
        one(post("/subscriptions/{id}/test", "testSubscription", "Send an event of the type `subscription.test`"))
            .about("At once, and once. It is no part of the log.")
            .gives(200, in_json("What came of it.", created(named::<TriedView<'static>>())))
            .failing(&[409]),
    ]
}

fn deliveries() -> Vec<Operation> {
    let states: Vec<_> = SendingState::ALL.iter().map(|state| state.as_str()).collect();
    vec![
        one(get("/subscriptions/{id}/deliveries", "listDeliveries", "List deliveries, the latest event first"))
            .about(
                "Those that are pending, the latest hundred that were taken, and the latest thousand that nobody took. `outbox` \
                 and `callbacks` name what the settings and the `callbackUrl` of jobs ask for.",
            )
            .query("state", word(&states), "Only these.")
            .query("since", time(), "Of events that happened then or later.")
            .query("until", time(), "Of events that happened before.")
            .query("limit", integer(Some(1), Some(limits::PAGE_MAX)), "How many at most; 20 when left out.")
            .query("offset", integer(Some(0), Some(limits::OFFSET_MAX)), "After how many.")
            .gives(200, in_json("A page.", listed(named::<DeliveryView<'static>>()))),
        one(post("/subscriptions/{id}/deliveries/replay", "replayDeliveries", "Try dead deliveries anew"))
            .may_take(named::<ReplayRequest>(), json!({ "since": "2026-11-01T00:00:00.000Z" }))
            .gives(200, in_json("How many.", created(named::<ReplayedView>()))),
        one(post("/subscriptions/{id}/deliveries/{eventId}/replay", "replayDelivery", "Try a delivery anew"))
            .part("eventId", "The event.")
            .about("Whatever came of it, unless it is on its way anyway.")
            .gives(200, in_json("It is tried anew.", created(named::<ReplayedView>())))
            .failing(&[409]),
    ]
}

fn outbox() -> Vec<Operation> {
    vec![
        get("/outbox/stats", "getOutboxStats", "How much waits to be sent")
            .tag("subscriptions")
            .gives(200, in_json("The figures.", created(named::<OutboxView>()))),
        post("/outbox/process", "processOutbox", "Have everything sent now that is to be sent")
            .tag("subscriptions")
            .about("Deliveries that wait for another try are tried, too. The answer waits for it, for half a minute at most.")
            .gives(200, in_json("What was sent.", created(named::<ProcessedView>())))
            .failing(&[409]),
        post("/outbox/cleanup", "cleanOutbox", "Forget deliveries that ended long ago")
            .tag("subscriptions")
            .may_take(named::<OutboxCleanupRequest>(), json!({ "days": 30 }))
            .gives(200, in_json("How many.", created(named::<CleanupView>()))),
    ]
}
