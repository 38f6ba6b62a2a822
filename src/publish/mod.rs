//! Sending events away. One try each: what follows from it is decided by [`event::delivery`](crate::event::delivery), and when
//! the next one is due is known to whoever keeps the deliveries.
//!
//! | file | holds |
//! | --- | --- |
//! | [`webhook`] | a signed `POST` to an address that a subscriber gave |

pub mod webhook;

pub use webhook::{Attempt, Webhooks};
