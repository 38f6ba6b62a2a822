//! The operations on keys, and how an operation says which it needs.

use serde_json::json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::operation::{Operation, delete, get, json as in_json, post, reply};
use super::schemas::{created, listed, named};
use super::view::{KeyView, MadeKeyView, PassView};
use crate::http::keys::KeyRequest;

/// What a key is called among the ways to be let in.
pub(super) const SCHEME: &str = "key";

/// How a key is presented.
pub(super) fn scheme() -> SecurityScheme {
    let about = "A key of `POST /keys`. A server without any key answers everybody on its own machine.";
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build())
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/keys", "createKey", "Make a key")
            .tag("keys")
            .about(
                "Its secret is in this answer and nowhere else. From the first key on, nobody is answered without one; so the \
                 first must have the scope `admin`. A key with a `userId` sees and touches that user's jobs and schedules \
                 alone, and what it makes is theirs.",
            )
            .takes(vec![(
                "application/json",
                named::<KeyRequest>(),
                json!({ "scopes": ["jobs:read", "jobs:write"], "userId": "ana", "name": "ana's browser" }),
            )])
            .gives(201, in_json("The key, with its secret.", created(named::<MadeKeyView<'static>>())))
            .failing(&[429]),
        get("/keys", "listKeys", "List keys, revoked ones too, in the order in which they were made")
            .tag("keys")
            .gives(200, in_json("The keys.", listed(named::<KeyView<'static>>()))),
        delete("/keys/{id}", "revokeKey", "Take a key back")
            .tag("keys")
            .about("It opens nothing any more, on no node, and streams that it opened end.")
            .part("id", "The key.")
            .gives(204, reply("It is revoked.")),
        post("/jobs/{id}/events/token", "createEventsToken", "A token to the events of a job, for a browser")
            .tag("events")
            .about(
                "An `EventSource` cannot send a key. The token opens the events of this one job for ten minutes, and no longer \
                 than the key that asked for it.",
            )
            .id()
            .gives(201, in_json("The token.", created(named::<PassView<'static>>()))),
    ]
}
