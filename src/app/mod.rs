//! Putting it together: settings, the whole in start order and its reverse, and the server in front.

pub mod faena;
pub mod settings;

pub use faena::Faena;
pub use settings::Settings;
