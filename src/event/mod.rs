//! Events, pure: what is told of each change, to whom, and what proves who told it. No I/O, no clock, no async.
//!
//! | file | holds |
//! | --- | --- |
//! | [`words`] | the types of events, of this program and of applications |
//! | [`record`] | an event in its shape on the wire, and its id |
//! | [`tell`] | what a step of a job, a schedule or an alert tells |
//! | `payload`, `job_told` | what stands in such an event |
//! | [`batch`], `glance`, `bytes` | the events of a commit as the log keeps them: written, and read |
//! | [`pattern`] | which types a subscriber wants: `job.*` |
//! | [`signing`] | signatures by Standard Webhooks |
//! | [`delivery`](mod@delivery) | what becomes of a delivery, and of an endpoint that fails |
//! | [`subscription`] | who wants to hear of events |
//! | [`sending`] | an event on its way to a subscription |
//! | [`relay`] | what is tried next, and what is written down of it |
//! | [`letters`] | what is told by mail, gathered: a storm is one letter and a count |
//! | [`letter_text`] | what such a letter says |
//!
//! An event is written in the commit of the change that it tells of, by an engine that knows no HTTP. So its JSON stands here
//! and not at an edge; its words are those of the API.

pub mod batch;
mod bytes;
pub mod delivery;
mod glance;
mod job_told;
pub mod letter_text;
pub mod letters;
pub mod pattern;
mod payload;
pub mod record;
pub mod relay;
pub mod sending;
pub mod signing;
pub mod subscription;
pub mod tell;
pub mod words;

pub use batch::{Batch, Entry};
pub use delivery::{Delivery, Endpoint, Heard, Next, Verdict};
pub use pattern::Pattern;
pub use record::{Aggregate, Event, EventId};
pub use relay::{Progress, Relay};
pub use sending::{Sending, SendingState};
pub use signing::{Received, Rejected, Secret, sign, verify};
pub use subscription::{Course, Subscription, SubscriptionId};
pub use words::{EventType, Kind, Via};
