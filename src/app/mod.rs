//! Putting it together: settings, the whole in start order and its reverse, and the server in front.

pub mod faena;
pub mod maintenance;
mod opening;
pub mod server;
pub mod settings;
mod worker;

pub use faena::Faena;
pub use maintenance::Maintenance;
pub use server::{App, Signals};
pub use settings::Settings;
pub use worker::Worker;
