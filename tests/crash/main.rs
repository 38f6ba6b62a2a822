//! A real server, killed with SIGKILL under load, over and over: what it acknowledged and showed before must be true
//! afterwards. And the single ways in which a process ends, or fails to start.

mod chance;
mod check;
mod control;
mod ends;
mod history;
mod load;
#[cfg(feature = "postgres")]
mod nodes;
mod poison;
mod remote;
mod room;
mod rounds;
mod server;
mod sharing;
mod ticks;
#[path = "../store/veil.rs"]
mod veil;
mod wire;
