//! Sending events: from what happens to who subscribed, over real connections on loopback; and across a kill -9.

#[cfg(unix)]
mod crash;
mod house;
mod sending;
mod settings;
