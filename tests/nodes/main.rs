//! Several nodes on one database: whichever is asked, it tells what happens on the others; what one leaves behind another takes
//! up; and a database that goes away for a moment loses nothing.
#![cfg(unix)]

#[path = "../store/cluster.rs"]
mod cluster;
mod days;
mod faults;
mod house;
mod line;
mod lives;
mod server_side;
mod together;
mod transactions;
