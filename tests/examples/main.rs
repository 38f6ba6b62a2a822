//! Every example runs, as whoever tries it would run it: the small ones to their end, with what they print; the
//! applications as servers, driven over HTTP.
#![cfg(all(unix, feature = "http-client"))]

mod embedded;
mod marketplace;
mod program;
mod resync;
mod served;
mod small;
mod techhub;
