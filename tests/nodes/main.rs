//! Several nodes on one database: whichever is asked, it tells what happens on the others; what one leaves behind another takes
//! up; and a database that goes away for a moment loses nothing.
#![cfg(unix)]

#[path = "../scheduler/chance.rs"]
mod chance;
#[path = "../store/cluster.rs"]
mod cluster;
mod commits;
mod days;
mod ears;
mod events;
mod faults;
mod held;
mod house;
mod letters;
mod line;
mod lives;
#[path = "../store/own.rs"]
mod own;
#[cfg(feature = "email")]
#[expect(dead_code, reason = "nobody logs in here")]
#[path = "../event/post_office.rs"]
mod post_office;
mod results;
mod schedulers;
mod sealed;
mod server_side;
mod tls;
mod together;
mod transactions;
mod workers;
