//! Putting a server together: its settings.

pub mod settings;

pub use settings::Settings;
