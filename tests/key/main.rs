//! Keys, pure: what a secret shows, what a key opens, and what a pass says.

mod caller;
mod rate;
mod record;
mod secret;

use faena::clock::Timestamp;
use faena::key::{ApiKey, Digest, NewKey, Scope};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A key with these scopes, of a user or of nobody.
fn key(scopes: &[Scope], user: Option<&str>) -> ApiKey {
    new(scopes, user).made(Digest::of("secret"), at(0))
}

fn new(scopes: &[Scope], user: Option<&str>) -> NewKey {
    NewKey { name: "a".into(), scopes: scopes.to_vec(), user_id: user.map(Into::into), ..NewKey::default() }
}
