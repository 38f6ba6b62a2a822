//! Whom this machine may call on behalf of others: what is public, what a list vouches for, and that a name which leads
//! elsewhere the second time gains nothing.

mod addresses;
#[cfg(feature = "http-client")]
mod rebinding;
mod urls;

use faena::egress::{Entry, Permit, Policy, Refused, Target};

/// Entries of a list.
fn entries(list: &[&str]) -> Vec<Entry> {
    list.iter().map(|entry| entry.parse().unwrap_or_else(|error| panic!("{entry}: {error}"))).collect()
}

/// What becomes of a URL before its name is looked up.
fn ask(policy: &Policy, url: &str) -> Result<Permit, Refused> {
    Target::parse(url).and_then(|target| policy.permit(&target))
}
