//! The same for several processes on one database: nodes that are killed, or stopped and woken, a database that is restarted under
//! them, and one without room.

mod asleep;
#[path = "../../store/cluster.rs"]
mod cluster;
#[cfg(target_os = "linux")]
mod full;
mod killed;
mod outage;
#[path = "../../store/own.rs"]
mod own;
mod press;
mod worker;
