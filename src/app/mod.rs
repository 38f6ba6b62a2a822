//! Putting it together: settings, the whole in start order and its reverse, and the server in front.

pub mod edge;
pub mod encryption;
pub mod faena;
pub mod mail;
pub mod maintenance;
mod opening;
mod outgoing;
mod renewing;
pub mod server;
pub mod settings;
mod worker;

pub use edge::Edge;
pub use encryption::Encryption;
pub use faena::Faena;
pub use mail::Mail;
pub use maintenance::Maintenance;
pub use server::{App, Signals};
pub use settings::Settings;
pub use worker::Worker;
