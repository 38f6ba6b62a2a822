//! Sending events: from what happens to who subscribed, over real connections on loopback; and across a kill -9.

#[cfg(unix)]
#[path = "../crash/chance.rs"]
mod chance;
#[cfg(unix)]
mod crash;
mod house;
#[cfg(unix)]
mod judge;
#[cfg(unix)]
mod scene;
#[cfg(unix)]
mod sender;
mod sending;
mod settings;
#[cfg(unix)]
mod steps;
#[cfg(unix)]
#[path = "../store/veil.rs"]
mod veil;
#[cfg(unix)]
mod witness;
