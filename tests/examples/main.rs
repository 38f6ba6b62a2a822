//! Every example runs, as whoever tries it would run it: the small ones to their end, with what they print; the
//! applications as servers, driven over HTTP.
#![cfg(all(unix, feature = "http-client"))]

#[cfg(feature = "postgres")]
#[path = "../store/cluster.rs"]
mod cluster;
mod embedded;
mod marketplace;
#[cfg(feature = "postgres")]
mod order_and_job;
mod payouts;
mod program;
mod resync;
mod served;
mod small;
mod techhub;
mod webhooks;
