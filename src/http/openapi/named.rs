//! The operations on locks and shared states.

use serde_json::json;

use super::operation::{Operation, delete, get, json as in_json, put, reply};
use super::schemas::{created, integer, named, text};
use super::view::{KeptView, LockView, StateView};
use crate::http::locks::LockRequest;
use crate::http::states::StateRequest;

pub(super) fn operations() -> Vec<Operation> {
    let lock = |operation: Operation| operation.tag("locks").part("name", "Name of the lock.");
    let state = |operation: Operation| operation.tag("state").part("name", "Name of the state.");
    vec![
        lock(put("/locks/{name}", "acquireLock", "Acquire a lock, or renew your own"))
            .about(
                "A lock is a sign of life and no proof: its holder may be slow, and its term over. Hand the fencing token \
                 to what you write to, and let it refuse a smaller one. A lock survives a restart of the server, and its \
                 term goes on meanwhile. 409 says who holds it, and until when.",
            )
            .takes(vec![("application/json", named::<LockRequest>(), json!({ "owner": "importer-7", "ttlSeconds": 30 }))])
            .gives(201, in_json("It is yours, newly.", created(named::<LockView<'static>>())))
            .gives(200, in_json("It was yours, and has a new term.", created(named::<LockView<'static>>())))
            .failing(&[409, 429]),
        lock(get("/locks/{name}", "getLock", "Who holds a lock"))
            .about("404 when nobody does.")
            .gives(200, in_json("The lock.", named::<LockView<'static>>())),
        lock(delete("/locks/{name}", "releaseLock", "Release a lock"))
            .about("By its owner or by its fencing token; one of them is required.")
            .query("owner", text(), "As this owner.")
            .query("fencingToken", integer(Some(1), None), "As the holder of this grant.")
            .gives(204, reply("Nobody holds it now."))
            .failing(&[409]),
        state(put("/state/{name}", "putState", "Keep a value"))
            .about("In place of what was there. A value outlives the jobs that left it, until its time is over.")
            .header("If-Match", text(), "The ETag that must be there, or `*` for any.")
            .header("If-None-Match", text(), "`*`: nothing may be there.")
            .takes(vec![(
                "application/json",
                named::<StateRequest<'static>>(),
                json!({ "value": { "lastBlock": 1_204_417 }, "ttlSeconds": 86_400 }),
            )])
            .gives(201, in_json("It is kept.", created(named::<KeptView<'static>>())).header("ETag", text(), "Its revision."))
            .gives(
                200,
                in_json("It is kept in place of another.", created(named::<KeptView<'static>>()))
                    .header("ETag", text(), "Its revision."),
            )
            .failing(&[412, 429]),
        state(get("/state/{name}", "getState", "Read a value"))
            .header("If-None-Match", text(), "The ETag that you know.")
            .gives(200, in_json("The value.", named::<StateView<'static>>()).header("ETag", text(), "Its revision."))
            .gives(304, reply("It is as you know it.").header("ETag", text(), "The same.")),
        state(delete("/state/{name}", "deleteState", "Forget a value"))
            .header("If-Match", text(), "The ETag that must be there.")
            .gives(204, reply("It is forgotten."))
            .failing(&[412]),
    ]
}
