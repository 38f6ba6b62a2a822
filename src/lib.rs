//! faena: background jobs for one binary or for your own application.
#![warn(missing_docs)]

pub mod app;
#[cfg(feature = "http-client")]
pub mod client;
pub mod clock;
pub mod error;
pub mod http;
pub mod job;
pub mod limits;
pub mod processors;
pub mod service;
pub mod store;
pub mod upkeep;
pub mod watch;
pub mod work;
