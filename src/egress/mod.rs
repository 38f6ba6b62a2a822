//! What may be reached from here. Whoever may enqueue a job or subscribe to events names addresses that this machine
//! then calls, and must not thereby reach whatever this machine can reach: its neighbours, itself, the metadata service of
//! a cloud.
//!
//! | file | holds |
//! | --- | --- |
//! | [`address`] | which addresses are public, pure |
//! | [`target`] | a URL that is to be called, taken apart by the one parser that also calls it, pure |
//! | [`policy`] | which targets may be called, and how far their names may lead, pure |
//! | `caller` | the HTTP client that keeps to a policy; needs the feature `http-client` |
//! | `pause` | how long somebody who was called asks to be left alone |
//!
//! A name is looked up once for each connection, by the client itself. When *any* of its addresses may not be reached none is;
//! otherwise the connection goes to one of those that were looked at. So a name that leads elsewhere the second time
//! gains nothing.

pub mod address;
#[cfg(feature = "http-client")]
pub mod caller;
#[cfg(feature = "http-client")]
mod pause;
pub mod policy;
pub mod target;

#[cfg(feature = "http-client")]
pub use caller::{Caller, Lookup};
#[cfg(feature = "http-client")]
pub use pause::retry_after;
pub use policy::{Entry, Permit, Policy, Refused};
pub use target::{Host, Target};
